"""Mounts as volumes of a pod."""

from __future__ import annotations

from typing import Any

from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, READ_ONLY, READ_ONLY_TMPFS, Mount
from hardentui.options.codecs.plain import size_of
from hardentui.writers.kube.names import dns_label, is_claim_name
from hardentui.writers.kube.part import PodPart

_OF_PODMAN = ("/run", "/tmp", "/var/tmp")  # noqa: S108 - what --read-only keeps writable
_PROPAGATION = {
    "rslave": "HostToContainer",
    "slave": "HostToContainer",
    "rshared": "Bidirectional",
    "shared": "Bidirectional",
}
_SAID_BY_KIND = frozenset({"rw", "ro", "rbind", "rprivate", "private", *_PROPAGATION})
_ALWAYS_IN_MEMORY = frozenset({"rw", "nosuid", "nodev"})


def write_mounts(part: PodPart, mounts: tuple[Mount, ...]) -> None:
    """Bind mounts, named volumes and images; unsupported options of a mount are noted."""
    for mount in mounts:
        source = _source(part, mount)
        if source is None:
            part.lose(MOUNTS, (mount,))
            continue
        if ":" in mount.destination:
            part.lose(MOUNTS, (mount,), "Kubernetes does not accept a colon in a mount path")
            continue
        fields: dict[str, Any] = {"readOnly": True} if mount.read_only else {}
        for option in mount.options:
            if option in _PROPAGATION:
                fields["mountPropagation"] = _PROPAGATION[option]
            elif option not in _SAID_BY_KIND:
                part.notes.append(_lost(f"mount at {mount.destination}", option))
        if mount.subpath:
            fields["subPath"] = mount.subpath
        _add(part, mount.destination, source, fields)


def _lost(mount: str, option: str) -> str:
    return f"the {mount} loses its option {option}: Kubernetes has no field for it"


def _source(part: PodPart, mount: Mount) -> dict[str, Any] | None:
    if mount.type == "bind" and mount.source.startswith("/"):
        return {"hostPath": {"path": mount.source}}
    if mount.type == "image":
        return {"image": {"reference": mount.source, "pullPolicy": "IfNotPresent"}}
    if mount.type != "volume":
        return None
    if not mount.source:
        part.notes.append(f"the volume at {mount.destination} has no name: it starts empty")
        return {"emptyDir": {}}
    claim = f"the volume {mount.source} becomes a claim: Podman mounts its volume of that name"
    named = "" if is_claim_name(mount.source) else " (Kubernetes does not accept this name)"
    part.notes.append(f"{claim}; a cluster needs a PersistentVolumeClaim of that name{named}")
    return {"persistentVolumeClaim": {"claimName": mount.source}}


def write_tmpfs(part: PodPart, entries: tuple[str, ...]) -> None:
    """tmpfs mounts."""
    for entry in entries:
        path, _, options = entry.partition(":")
        directory: dict[str, Any] = {"medium": "Memory"}
        fields: dict[str, Any] = {}
        for option in (option for option in options.split(",") if option):
            name, _, value = option.partition("=")
            if name == "size" and _is_size(value):
                directory["sizeLimit"] = str(size_of(value))
                part.notes.append(f"the size limit of {path} works in a cluster; podman kube play ignores it")
            elif option == "ro":
                fields["readOnly"] = True
            elif option not in _ALWAYS_IN_MEMORY:
                part.notes.append(
                    f"the tmpfs at {path} loses its option {option}: Kubernetes has no field for it"
                )
        _add(part, path, {"emptyDir": directory}, fields)


def _is_size(text: str) -> bool:
    try:
        return size_of(text) > 0
    except ValueError:
        return False


def write_own_tmpfs(part: PodPart) -> None:
    """The tmpfs mounts that Podman adds under a read-only root, for a pod."""
    spec: Spec = part.spec
    if not spec[READ_ONLY] or not spec[READ_ONLY_TMPFS]:
        return
    taken = {mount["mountPath"] for mount in part.container.get("volumeMounts", ())}
    for path in _OF_PODMAN:
        if path not in taken:
            _add(part, path, {"emptyDir": {"medium": "Memory"}}, {})


def _add(part: PodPart, path: str, source: dict[str, Any], fields: dict[str, Any]) -> None:
    name = _free_name(part, path)
    part.volumes.append({"name": name, **source})
    part.container.setdefault("volumeMounts", []).append({"name": name, "mountPath": path, **fields})


def _free_name(part: PodPart, path: str) -> str:
    """Named after its container: Podman creates a volume of that name for an emptyDir on disk."""
    taken = {volume["name"] for volume in part.volumes}
    base = dns_label(f"{part.name}-{path}")
    names = (base, *(dns_label(f"{part.name}-{path}", f"-{n}") for n in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)
