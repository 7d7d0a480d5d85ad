"""What the API server of a cluster demands of pods and services, written from Kubernetes' own
validation (pkg/apis/core/validation): names, ports, quantities, ids, references. It shares nothing
with the writer."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTPE]i?|m|k)?")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")
_IDS = range(2**31)
_PORTS = range(1, 65536)


def refusals(document: Any) -> tuple[str, ...]:
    """Why the API server would refuse a pod or a service; none for one that it takes."""
    about = [*_metadata(document["metadata"])]
    about += _of_pod(document["spec"]) if document["kind"] == "Pod" else _of_service(document)
    return tuple(about)


def _metadata(metadata: Any) -> Iterator[str]:
    if not _SUBDOMAIN.fullmatch(metadata["name"]):
        yield f"name {metadata['name']!r}"
    for kind in ("labels", "annotations"):
        for key, value in metadata.get(kind, {}).items():
            prefix, slash, name = key.rpartition("/")
            if not _QUALIFIED.fullmatch(name) or (
                slash and not _SUBDOMAIN.fullmatch(prefix.lower())
            ):
                yield f"{kind} {key!r}"
            if not isinstance(value, str) or (
                kind == "labels" and not _LABEL_VALUE.fullmatch(value)
            ):
                yield f"{kind} {key!r}: {value!r}"


def _of_service(document: Any) -> Iterator[str]:
    if not _SERVICE.fullmatch(document["metadata"]["name"]):
        yield f"service {document['metadata']['name']!r}"
    ports = document["spec"]["ports"]
    yield from _twice(
        "service port",
        ((port["port"], port["protocol"]) for port in ports),
    )
    yield from _twice("service port", (port["name"] for port in ports))
    for port in ports:
        if port["port"] not in _PORTS or not _LABEL.fullmatch(port["name"]):
            yield f"service port {port}"


def _of_pod(spec: Any) -> Iterator[str]:
    if "hostname" in spec and not _LABEL.fullmatch(spec["hostname"]):
        yield f"hostname {spec['hostname']!r}"
    for alias in spec.get("hostAliases", ()):
        if not _is_address(alias["ip"]) or not all(map(_SUBDOMAIN.fullmatch, alias["hostnames"])):
            yield f"hostAliases {alias}"
    servers = spec.get("dnsConfig", {}).get("nameservers", ())
    if len(servers) > 3 or not all(map(_is_address, servers)):
        yield f"nameservers {servers}"
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        yield "terminationGracePeriodSeconds"
    security = spec.get("securityContext", {})
    for sysctl in security.get("sysctls", ()):
        if not _SYSCTL.fullmatch(sysctl["name"]) or not isinstance(sysctl["value"], str):
            yield f"sysctl {sysctl}"
    if any(group not in _IDS for group in security.get("supplementalGroups", ())):
        yield "supplementalGroups"
    volumes = spec.get("volumes", ())
    yield from _twice("volume", (volume["name"] for volume in volumes))
    for volume in volumes:
        yield from _of_volume(volume)
    yield from _twice(
        "container",
        (container["name"] for container in spec["containers"]),
    )
    for container in spec["containers"]:
        yield from _of_container(
            container,
            spec,
            {volume["name"] for volume in volumes},
        )


def _of_volume(volume: Any) -> Iterator[str]:
    claim = volume.get("persistentVolumeClaim", {}).get("claimName", "a")
    size = (volume.get("emptyDir") or {}).get("sizeLimit", "1")
    path = volume.get("hostPath", {}).get("path", "/")
    if not _LABEL.fullmatch(volume["name"]) or len(volume) != 2:
        yield f"volume {volume}"
    if not _SUBDOMAIN.fullmatch(claim):
        yield f"claim {claim!r}"
    if not _QUANTITY.fullmatch(str(size)) or ".." in path.split("/"):
        yield f"volume {volume}"


def _of_container(
    container: Any,
    spec: Any,
    volumes: set[str],
) -> Iterator[str]:
    if not _LABEL.fullmatch(container["name"]) or not container.get("image"):
        yield f"container {container['name']!r}"
    for variable in container.get("env", ()):
        if not _VARIABLE.fullmatch(variable["name"]) or not isinstance(variable["value"], str):
            yield f"env {variable}"
    ports = container.get("ports", ())
    yield from _twice(
        "port",
        ((port["containerPort"], port["protocol"]) for port in ports),
    )
    if any(port["containerPort"] not in _PORTS for port in ports):
        yield f"ports {ports}"
    mounts = container.get("volumeMounts", ())
    security = container.get("securityContext", {})
    yield from _twice("mountPath", (mount["mountPath"] for mount in mounts))
    for mount in mounts:
        path = mount.get("subPath", "")
        if mount["name"] not in volumes or ":" in mount["mountPath"] or ".." in path.split("/"):
            yield f"mount {mount}"
        if mount.get("mountPropagation") == "Bidirectional" and not security.get("privileged"):
            yield f"mountPropagation {mount}"
    for kind in ("limits", "requests"):
        for name, value in container.get("resources", {}).get(kind, {}).items():
            if not _QUANTITY.fullmatch(str(value)):
                yield f"{kind} {name}: {value!r}"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        yield from _of_probe(probe, container.get(probe))
    yield from _of_security(security, spec)


def _of_probe(name: str, probe: Any) -> Iterator[str]:
    if probe is None:
        return
    if not probe["exec"]["command"]:
        yield f"{name} without a command"
    for field in ("periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold"):
        if not isinstance(probe.get(field, 1), int) or probe.get(field, 1) < 1:
            yield f"{name} {field}: {probe[field]!r}"


def _of_security(security: Any, spec: Any) -> Iterator[str]:
    for field in ("runAsUser", "runAsGroup"):
        if security.get(field, 0) not in _IDS:
            yield f"{field} {security[field]}"
    if security.get("privileged") and security.get("allowPrivilegeEscalation") is False:
        yield "allowPrivilegeEscalation false beside privileged"
    if security.get("procMount") == "Unmasked" and spec.get("hostUsers") is not False:
        yield "procMount Unmasked"
    profile = security.get("seccompProfile", {})
    path = profile.get("localhostProfile", "a")
    if (profile.get("type") == "Localhost") != ("localhostProfile" in profile) or path.startswith(
        "/"
    ):
        yield f"seccompProfile {profile}"


def _twice(what: str, keys: Iterable[Any]) -> Iterator[str]:
    seen = set()
    for key in keys:
        if key in seen:
            yield f"{what} twice: {key}"
        seen.add(key)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
