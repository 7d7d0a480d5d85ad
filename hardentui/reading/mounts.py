"""Host paths behind the mounts of a container."""

from __future__ import annotations

import posixpath
from functools import lru_cache

from msgspec import Struct

from hardentui.model.facts import ContainerFacts
from hardentui.options import MOUNTS
from hardentui.options.values import Mount
from hardentui.reading.containers import section


class HostMount(Struct, frozen=True):
    """A mount and the path of the host that it shows, normalised; behind symbolic links where known."""

    mount: Mount
    path: str


@lru_cache(maxsize=4096)
def normal(path: str) -> str:
    """The path without `..`, double slashes and the old name of /run."""
    clean = posixpath.normpath(path)
    clean = "/" + clean.lstrip("/")
    if clean == "/var/run" or clean.startswith("/var/run/"):
        return clean.removeprefix("/var")
    return "/run/lock" if clean == "/var/lock" else clean


def at_or_above(path: str, other: str) -> bool:
    """`path` is `other` or contains it."""
    return path == "/" or other == path or other.startswith(path + "/")


def host_mounts(facts: ContainerFacts) -> tuple[HostMount, ...]:
    """Bind mounts, and volumes whose options say that they are a directory of the host."""
    found = []
    for mount in facts.spec[MOUNTS]:
        if mount.type in ("bind", "glob") and mount.source.startswith("/"):
            found.append(HostMount(mount, normal(facts.links.get(mount.source, mount.source))))
        elif mount.type == "volume":
            path = _behind_volume(facts, mount.source)
            if path:
                found.append(HostMount(mount, normal(facts.links.get(path, path))))
    return tuple(found)


def _behind_volume(facts: ContainerFacts, name: str) -> str:
    volume = facts.volumes.get(name)
    options = section(volume.inspect, "Options") if volume else {}
    device = str(options.get("device") or "")
    kinds = str(options.get("o") or "").split(",")
    return device if device.startswith("/") and ("bind" in kinds or "rbind" in kinds) else ""


def shown(mounts: tuple[Mount, ...] | list[Mount]) -> str:
    """Mounts as `source:destination:options`, for `declared`."""
    return ", ".join(
        ":".join(part for part in (mount.source, mount.destination, ",".join(mount.options)) if part)
        for mount in mounts
    )
