"""A spec as a Kubernetes pod, for `podman kube play` and for a cluster. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotExpress
from hardentui.model.file_names import safe_file_name
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options.items import Item, parse_argument, spec_of
from hardentui.options.ports import is_address
from hardentui.writers.context import UnitContext
from hardentui.writers.kube.container import (
    OF_CONTAINER,
    WRITTEN_AFTERWARDS,
    Handlers,
    PodPart,
    finish,
    write_mounts,
)
from hardentui.writers.kube.names import dns_label, is_dns_label, is_key, is_label_value
from hardentui.writers.left_behind import left_behind
from hardentui.writers.run_script import networks_and_volumes
from hardentui.writers.supporting import part_word, pod_notes, pod_parts
from hardentui.writers.yaml_text import yaml_text

_OWN_LABEL = "app.kubernetes.io/name"
_WITHOUT_RIGHTS = {"automountServiceAccountToken": False, "enableServiceLinks": False}
"""Containers of Podman have no service account of a cluster and no service variables."""
_ORDER = (
    *(
        "name",
        "image",
        "imagePullPolicy",
        "command",
        "args",
        "workingDir",
        "tty",
        "stdin",
        "env",
        "ports",
    ),
    *(
        "resources",
        "startupProbe",
        "livenessProbe",
        "readinessProbe",
        "volumeMounts",
        "securityContext",
    ),
)


class KubeFile(Struct, frozen=True):
    """The file, and what is not carried over, one sentence each."""

    name: str
    text: str
    notes: tuple[str, ...]


def kube_file(
    spec: Spec,
    context: UnitContext,
    comments: Sequence[str] = (),
    *,
    image_user: str = "",
) -> KubeFile:
    """The container, or its whole pod, as a pod, with a service for published ports.

    Args:
        comments: what was changed or waived; written at the top, with everything that a pod cannot
            express.
        image_user: the user of the image, which applies if the spec has none.

    Raises:
        CannotExpress: it has a root directory instead of an image, or a value that YAML cannot
            represent.
    """
    stem = context.unit_name or safe_file_name(spec[POD] or spec[NAME])
    name = dns_label(spec[POD] or spec[NAME] or stem)
    members = [(context.created, _part(spec, image_user))]
    members += [(member.context.created, _part(member.spec, "")) for member in context.members]
    members.sort(
        key=lambda member: (
            not member[1].first,
            member[0] if member[1].first else "",
        )
    )
    parts = [_of_pod(spec, context), *(part for _, part in members)]
    pod = _pod(
        name if spec[POD] else dns_label(name, "-pod"),
        name,
        parts,
    )
    published = {(port.container, port.protocol) for part in parts for port in part.spec[PUBLISH]}
    documents = [pod, *_service(name, pod, published)]
    file_name = f"{stem}.kube.yaml"
    notes = [note for part in parts for note in part.notes]
    notes += [
        *left_behind(spec),
        *(note for m in context.members for note in left_behind(m.spec)),
    ]
    notes += pod_notes(context.pod) if spec[POD] and context.pod else ()
    notes = list(dict.fromkeys(notes))
    broken, refused = broken_rules(pod), refused_by_clusters(pod)
    notes += [f"a cluster refuses it: {sentence}" for sentence in refused]
    flags = list(dict.fromkeys(flag for part in parts for flag in part.flags))
    about = [
        *comments,
        *(f"Note: {note}" for note in notes if note not in comments),
        *(f'Not admitted by Pod Security "restricted": {rule}' for rule in broken),
    ]
    if not broken:
        about.append('Admitted by Pod Security "restricted".')
    about.append("Run it with:")
    specs = (spec, *(member.spec for member in context.members))
    commands = [line for each in specs for line in networks_and_volumes(each, context)]
    commands = [
        *dict.fromkeys(commands),
        shlex.join(("podman", "kube", "play", *flags, file_name)),
    ]
    return KubeFile(
        file_name,
        yaml_text(documents, about, commands),
        tuple(notes),
    )


def _part(spec: Spec, image_user: str) -> PodPart:
    """One container; its settings for the pod are collected separately."""
    if spec[ROOTFS] or not spec[IMAGE]:
        raise CannotExpress("A pod needs an image, but this container runs from a root directory.")
    part = PodPart(
        name=dns_label(spec[NAME]),
        spec=spec,
    )
    _write(part, {**OF_CONTAINER, **OF_POD})
    finish(part, image_user)
    if part.first:
        _as_init_container(part)
        return part
    part.pod.setdefault("restartPolicy", "Never")
    part.pod.setdefault(
        "terminationGracePeriodSeconds",
        max(0, spec[STOP_TIMEOUT]),
    )
    return part


def _as_init_container(part: PodPart) -> None:
    """What an init container cannot have: it ends before the others start."""
    part.pod.pop("restartPolicy", None)
    part.pod.pop("terminationGracePeriodSeconds", None)
    if probes := part.container.keys() & {"startupProbe", "livenessProbe", "readinessProbe"}:
        for probe in probes:
            del part.container[probe]
        part.notes.append(
            f"the health check of {part.name} is not carried over: an init container has none"
        )


def _of_pod(spec: Spec, context: UnitContext) -> PodPart:
    """Settings of the container's Podman pod; nothing if there is none."""
    items: list[Item] = []
    notes = []
    for option in (
        pod_parts(context.pod, context.default_network) if spec[POD] and context.pod else ()
    ):
        arguments = parse_argument(option.flag, option.value or "true")
        items += arguments
        if not arguments:
            notes.append(
                f"{part_word(option)} of the pod is not carried over: Kubernetes has no such option"
            )
    part = PodPart(
        name="",
        spec=spec_of(items),
        notes=notes,
    )
    _write(part, {**OF_POD, MOUNTS: write_mounts})
    return part


def _write(part: PodPart, handlers: Handlers) -> None:
    for option in TABLE:
        if option not in part.spec or option in WRITTEN_AFTERWARDS:
            continue
        if option in handlers:
            handlers[option](part, part.spec[option])
        else:
            part.lose(option, part.spec[option])


def _pod(
    name: str,
    label: str,
    parts: Sequence[PodPart],
) -> dict[str, Any]:
    """The document. If containers differ in a setting that a pod has once, the first one counts."""
    first, *others = parts
    metadata: dict[str, Any] = {
        "name": name,
        "labels": {_OWN_LABEL: label},
        "annotations": {},
    }
    fields: dict[str, Any] = {}
    security: dict[str, Any] = {}
    for part in others:
        _say_what_is_shared(part, others)
    for part in parts:
        for own, merged in (
            (part.labels, metadata["labels"]),
            (part.annotations, metadata["annotations"]),
            (part.pod, fields),
            (part.pod_security, security),
        ):
            _merge(part, own, merged)
    init = [_container(part, first) for part in others if part.first]
    containers = [_container(part, first) for part in others if not part.first]
    if ports := first.container.get("ports"):
        holder = (containers or init)[0]
        holder["ports"] = [*holder.get("ports", ()), *ports]
    metadata = {key: value for key, value in metadata.items() if value}
    spec: dict[str, Any] = {
        "restartPolicy": fields.pop("restartPolicy", "Never"),
        **fields,
        **_WITHOUT_RIGHTS,
        **({"securityContext": security} if security else {}),
        **({"initContainers": [_in_order(container) for container in init]} if init else {}),
        "containers": [_in_order(container) for container in containers],
    }
    if volumes := [volume for part in parts for volume in part.volumes]:
        spec["volumes"] = volumes
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _container(part: PodPart, of_pod: PodPart) -> dict[str, Any]:
    """One container, with the volumes that the pod mounts into each."""
    mounts = part.container.get("volumeMounts", [])
    taken = {mount["mountPath"] for mount in mounts}
    mounts = mounts + [
        m for m in of_pod.container.get("volumeMounts", ()) if m["mountPath"] not in taken
    ]
    return {
        "name": part.name,
        **part.container,
        "volumeMounts": mounts,
        "securityContext": part.security,
    }


def _say_what_is_shared(
    part: PodPart,
    others: Sequence[PodPart],
) -> None:
    """Settings of one container that a pod has only for all of its containers."""
    shared = {key for key in part.annotations if not key.endswith(f"/{part.name}")}
    same_kind = [other for other in others if other.first is part.first]
    lacking = [key for key in shared if any(key not in other.annotations for other in same_kind)]
    lacking += [
        key for key in part.pod_security if any(key not in other.pod_security for other in others)
    ]
    for key in sorted(lacking):
        part.notes.append(f"{key} of {part.name} applies to every container of the pod")


def _merge(
    part: PodPart,
    own: dict[str, Any],
    merged: dict[str, Any],
) -> None:
    for key, value in own.items():
        if merged.setdefault(key, value) != value and key != _OWN_LABEL:
            part.notes.append(
                f"{key} of {part.name} differs from the value of the pod and is not carried over"
            )


def _in_order(container: dict[str, Any]) -> dict[str, Any]:
    keys = sorted(
        container,
        key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER),
    )
    return {key: container[key] for key in keys if container[key]}


def _service(
    name: str,
    pod: dict[str, Any],
    published: set[tuple[int, str]],
) -> list[dict[str, Any]]:
    """A Kubernetes service for the published ports; podman kube play ignores it."""
    if not published:
        return []
    ports = [
        {
            "name": f"{protocol}-{port}",
            "port": port,
            "targetPort": port,
            "protocol": protocol.upper(),
        }
        for port, protocol in sorted(published)
    ]
    selector = {_OWN_LABEL: pod["metadata"]["labels"][_OWN_LABEL]}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": selector, "ports": ports},
        }
    ]


_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253
_LARGEST_ID = 2**31 - 1
_MOST_NAMESERVERS = 3


def refused_by_clusters(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """One sentence each, with the option that causes it; none for a pod that a cluster accepts."""
    spec = pod["spec"]
    sentences = [*_pod_refused(spec)]
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        sentences += [
            f"{container['name']}: {sentence}" for sentence in _container_refused(container, spec)
        ]
    return tuple(dict.fromkeys(sentences))


def _pod_refused(spec: Mapping[str, Any]) -> Iterator[str]:
    for alias in spec.get("hostAliases", ()):
        for name in alias["hostnames"]:
            if not (len(name) <= _LONGEST_NAME and bool(_SUBDOMAIN.fullmatch(name))):
                yield f"{name} is not a host name that hostAliases accepts (--add-host)"
    if len(spec.get("dnsConfig", {}).get("nameservers", ())) > _MOST_NAMESERVERS:
        yield f"it has more than {_MOST_NAMESERVERS} name servers (--dns)"
    for group in spec.get("securityContext", {}).get("supplementalGroups", ()):
        if group > _LARGEST_ID:
            yield f"the group {group} is above {_LARGEST_ID} (--group-add)"


def _container_refused(
    container: Mapping[str, Any],
    spec: Mapping[str, Any],
) -> Iterator[str]:
    security = container.get("securityContext", {})
    for field in ("runAsUser", "runAsGroup"):
        if security.get(field, 0) > _LARGEST_ID:
            yield f"{field} {security[field]} is above {_LARGEST_ID} (--user)"
    if security.get("privileged") and security.get("allowPrivilegeEscalation") is False:
        yield "it is privileged and has no-new-privileges, which a cluster rejects together"
    if security.get("procMount") == "Unmasked" and spec.get("hostUsers") is not False:
        yield "procMount Unmasked needs a user namespace of its own (--unmask with --userns=auto)"
    for mount in container.get("volumeMounts", ()):
        if mount.get("mountPropagation") == "Bidirectional" and not security.get("privileged"):
            yield (
                f"the mount at {mount['mountPath']} propagates mounts to the host, which needs "
                "--privileged"
            )


_VOLUMES = frozenset(
    "configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret".split()
)
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SAFE_SYSCTLS = frozenset(
    "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start "
    "net.ipv4.tcp_syncookies net.ipv4.ping_group_range net.ipv4.ip_local_reserved_ports "
    "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl "
    "net.ipv4.tcp_keepalive_probes net.ipv4.tcp_rmem net.ipv4.tcp_wmem".split()
)
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def broken_rules(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """Why a namespace with `enforce: restricted` rejects a pod (the whole document)."""
    spec = pod["spec"]
    rules = [*_pod_restricted(pod)]
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        rules += [f"{container['name']}: {rule}" for rule in _of_container(container)]
    return tuple(rules)


def _pod_restricted(pod: Mapping[str, Any]) -> Iterator[str]:
    spec = pod["spec"]
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"{field} must be unset"
    for volume in spec.get("volumes", ()):
        kind = next(key for key in volume if key != "name")
        if kind not in _VOLUMES:
            yield f"volume {volume['name']} must not be a {kind}"
    for sysctl in spec.get("securityContext", {}).get("sysctls", ()):
        if sysctl["name"] not in _SAFE_SYSCTLS:
            yield f"sysctl {sysctl['name']} is not in the safe set"
    for name, value in pod["metadata"].get("annotations", {}).items():
        if name.startswith(_APPARMOR) and value == "unconfined":
            yield "AppArmor must not be unconfined"


def _of_container(container: Mapping[str, Any]) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("privileged"):
        yield "must not be privileged"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation must be false (--security-opt no-new-privileges)"
    if security.get("runAsNonRoot") is not True or security.get("runAsUser") == 0:
        yield "must run as a non-root user, given by number (--user)"
    capabilities = security.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()):
        yield "must drop all capabilities (--cap-drop all)"
    if set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
        yield "may add only NET_BIND_SERVICE"
    if security.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "must have a seccomp profile"
    if security.get("procMount", "Default") != "Default":
        yield "procMount must be Default"
    selinux = security.get("seLinuxOptions", {})
    if selinux.get("type", "") not in _SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "SELinux type, user or role is not allowed"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "must not use a host port"


_UPDATES = "io.containers.autoupdate"
_ULIMITS = "io.podman.annotations.ulimit"
_POD_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_RESTART = {"always": "Always", "unless-stopped": "Always", "on-failure": "OnFailure"}


def _said(_: PodPart, __: Any) -> None:
    """The name of the pod and of its container."""


def _labels(part: PodPart, pairs: tuple[str, ...]) -> None:
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name == _UPDATES:
            part.annotations[name] = value
        elif is_key(name) and is_label_value(value):
            part.labels[name] = value
        else:
            part.lose(
                LABELS,
                (pair,),
                "Kubernetes does not accept the label",
            )


def _annotations(part: PodPart, pairs: tuple[str, ...]) -> None:
    for pair in pairs:
        name, _, value = pair.partition("=")
        if is_key(name):
            part.annotations[name] = value
        else:
            part.lose(
                ANNOTATIONS,
                (pair,),
                "Kubernetes does not accept the name",
            )


def _restart(part: PodPart, policy: str) -> None:
    name, _, tries = policy.partition(":")
    part.pod["restartPolicy"] = _RESTART.get(name, "Never")
    if tries:
        part.notes.append(f"--restart={policy}: Kubernetes has no retry limit")


def _stop_timeout(part: PodPart, seconds: int) -> None:
    part.pod["terminationGracePeriodSeconds"] = max(0, seconds)


def _hostname(part: PodPart, name: str) -> None:
    if is_dns_label(name):
        part.pod["hostname"] = name
    else:
        part.lose(
            HOSTNAME,
            name,
            "Kubernetes does not accept the name",
        )


def _group_add(part: PodPart, groups: tuple[str, ...]) -> None:
    for group in groups:
        if group.isdecimal():
            part.pod_security.setdefault("supplementalGroups", []).append(int(group))
        else:
            part.lose(
                GROUP_ADD,
                (group,),
                "Kubernetes accepts numeric IDs only",
            )


def _sysctl(part: PodPart, pairs: tuple[str, ...]) -> None:
    part.pod_security["sysctls"] = [
        {"name": name, "value": value} for name, _, value in (pair.partition("=") for pair in pairs)
    ]


def _ulimit(part: PodPart, limits: tuple[str, ...]) -> None:
    if "host" in limits:
        part.lose(ULIMIT, limits)
        return
    part.annotations[_ULIMITS] = ",".join(limits)
    part.notes.append("--ulimit is written as an annotation that only Podman reads")


def _apparmor(part: PodPart, profile: str) -> None:
    unconfined = profile == "unconfined"
    part.annotations[_POD_APPARMOR + part.name] = profile if unconfined else f"localhost/{profile}"
    part.security["appArmorProfile"] = (
        {"type": "Unconfined"} if unconfined else {"type": "Localhost", "localhostProfile": profile}
    )


def _pid(part: PodPart, mode: str) -> None:
    if mode == "host":
        part.pod["hostPID"] = True
    else:
        part.lose(PID, mode)


def _ipc(part: PodPart, mode: str) -> None:
    if mode == "host":
        part.pod["hostIPC"] = True
    elif mode != "private":
        part.lose(IPC, mode)
    else:
        part.notes.append("--ipc=private: the containers of the pod share one IPC namespace")


def _userns(part: PodPart, mode: str) -> None:
    if mode == "host":
        return
    part.flags.append(f"--userns={mode}")
    if mode.partition(":")[0] in ("auto", "nomap"):
        part.pod["hostUsers"] = False
    else:
        part.notes.append(
            f"--userns={mode} is passed to podman kube play; a cluster only knows hostUsers: false"
        )


def _id_map(option: Option[tuple[str, ...]]) -> Any:
    def write(part: PodPart, lines: tuple[str, ...]) -> None:
        part.pod["hostUsers"] = False
        part.flags.append("--userns=auto")
        part.lose(
            option,
            lines,
            "the user namespace gets a mapping of the engine's choice",
        )

    return write


def _network(part: PodPart, values: tuple[str, ...]) -> None:
    if values == ("host",):
        part.pod["hostNetwork"] = True
        return
    for value in values:
        if value.startswith(("container:", "ns:")):
            part.lose(
                NETWORK,
                (value,),
                "only containers of the same pod share a network",
            )
        else:
            part.flags.append(f"--network={value}")
    part.notes.append(
        "networks are passed to podman kube play; in a cluster, separate pods with a NetworkPolicy"
    )


def _publish(part: PodPart, ports: tuple[Port, ...]) -> None:
    for port in ports:
        _open(part, port.container, port.protocol)
        part.flags.append(f"--publish={port.argument()}")


def _expose(part: PodPart, ports: tuple[str, ...]) -> None:
    for text in ports:
        number, _, protocol = text.partition("/")
        if number.isdecimal():
            _open(part, int(number), protocol or "tcp")
        else:
            part.lose(
                EXPOSE,
                (text,),
                "Kubernetes has no port ranges",
            )


def _open(
    part: PodPart,
    number: int,
    protocol: str,
) -> None:
    opened = part.container.setdefault("ports", [])
    port = {"containerPort": number, "protocol": protocol.upper()}
    if port not in opened:
        opened.append(port)


def _dns(part: PodPart, servers: tuple[str, ...]) -> None:
    if "none" in servers:
        part.lose(DNS, servers)
        return
    part.pod["dnsPolicy"] = "None"
    part.pod.setdefault("dnsConfig", {})["nameservers"] = list(servers)


def _dns_search(part: PodPart, domains: tuple[str, ...]) -> None:
    part.pod.setdefault("dnsConfig", {})["searches"] = list(domains)


def _dns_option(part: PodPart, options: tuple[str, ...]) -> None:
    written = []
    for option in options:
        name, colon, value = option.partition(":")
        written.append({"name": name, "value": value} if colon else {"name": name})
    part.pod.setdefault("dnsConfig", {})["options"] = written


def _add_host(part: PodPart, hosts: tuple[str, ...]) -> None:
    aliases = part.pod.setdefault("hostAliases", [])
    for host in hosts:
        names, _, address = host.partition(":")
        if is_address(address):
            aliases.append(
                {
                    "ip": address.strip("[]"),
                    "hostnames": names.split(";"),
                }
            )
        else:
            part.lose(
                ADD_HOST,
                (host,),
                "Kubernetes accepts IP addresses only",
            )
    if not aliases:
        del part.pod["hostAliases"]


def _as_flags(option: Option[Any]) -> Any:
    """Set by a flag of `podman kube play`; a cluster configures it elsewhere."""

    def write(part: PodPart, value: Any) -> None:
        part.flags.extend(option.to_words(value))

    return write


OF_POD: Handlers = {
    NAME: _said,
    POD: _said,
    LABELS: _labels,
    ANNOTATIONS: _annotations,
    RESTART: _restart,
    STOP_TIMEOUT: _stop_timeout,
    HOSTNAME: _hostname,
    GROUP_ADD: _group_add,
    SYSCTL: _sysctl,
    ULIMIT: _ulimit,
    APPARMOR: _apparmor,
    PID: _pid,
    IPC: _ipc,
    USERNS: _userns,
    UIDMAP: _id_map(UIDMAP),
    GIDMAP: _id_map(GIDMAP),
    NETWORK: _network,
    PUBLISH: _publish,
    EXPOSE: _expose,
    DNS: _dns,
    DNS_SEARCH: _dns_search,
    DNS_OPTION: _dns_option,
    ADD_HOST: _add_host,
    **{
        option: _as_flags(option)
        for option in (
            *(LOG_DRIVER, LOG_OPT, AUTHFILE, CERT_DIR, TLS_VERIFY),
            *(NO_HOSTS, NO_HOSTNAME, IP, MAC_ADDRESS),
        )
    },
}
"""Option -> its writer."""
