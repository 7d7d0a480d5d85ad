"""What a cluster refuses, and which rules of its restricted profile are broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hardentui.options import *

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
