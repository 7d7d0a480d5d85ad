"""Fields that the API server of a cluster refuses although `podman kube play` accepts them.

Source: the validation of pods in Kubernetes (pkg/apis/core/validation). Only cases that a Podman container
can cause and that no writer notes itself: host names, ids, and fields that require others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253
_LARGEST_ID = 2**31 - 1
_MOST_NAMESERVERS = 3


def refused_by_clusters(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """One sentence each, with the option that causes it; none for a pod that a cluster accepts."""
    spec = pod["spec"]
    sentences = [*_of_pod(spec)]
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        sentences += [f"{container['name']}: {sentence}" for sentence in _of_container(container, spec)]
    return tuple(dict.fromkeys(sentences))


def _of_pod(spec: Mapping[str, Any]) -> Iterator[str]:
    for alias in spec.get("hostAliases", ()):
        for name in alias["hostnames"]:
            if not _is_name(name):
                yield f"{name} is not a host name that hostAliases accepts (--add-host)"
    if len(spec.get("dnsConfig", {}).get("nameservers", ())) > _MOST_NAMESERVERS:
        yield f"it has more than {_MOST_NAMESERVERS} name servers (--dns)"
    for group in spec.get("securityContext", {}).get("supplementalGroups", ()):
        if group > _LARGEST_ID:
            yield f"the group {group} is above {_LARGEST_ID} (--group-add)"


def _of_container(container: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[str]:
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
            yield f"the mount at {mount['mountPath']} propagates mounts to the host, which needs --privileged"


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and bool(_SUBDOMAIN.fullmatch(text))
