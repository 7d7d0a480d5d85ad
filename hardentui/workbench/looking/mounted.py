"""What of the host is mounted in a container, and the sockets it reaches through that.

The kernel's mount table of the container is traced back to paths of the host; inspect tells who asked for
each mount. Without a table (not running, no permission) what is declared and inherited counts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.host.process.mountinfo import MountTable
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.known import Known, Unreadable
from hardentui.model.mounts import KernelMount, MountedPath, MountOrigin
from hardentui.options import MOUNTS, POD, ROOTFS, VOLUMES_FROM
from hardentui.reading.containers import section
from hardentui.reading.mounts import at_or_above, normal, paths_of_volume
from hardentui.workbench.looking.host_side import HostSide, sockets_behind

_FAR = Unreadable("the engine is on another machine; run HardenTUI there to ask its kernel")
_OF_PODMAN = re.compile(r"/overlay-containers/[0-9a-f]{64}/(userdata|rootfs)(/|$)")
_OF_HOST = ("bind", "volume")
_EVERYWHERE = ("/proc/", "/sys/", "/dev/")
_BY_PODMAN = frozenset({"/", "/proc", "/sys", "/dev", "/run/podman-init"})
"""What Podman mounts there into every container; checks of their own judge devices and hidden paths."""
_DELETED = "//deleted"
_DEFAULTS = ("rw", "rbind", "rprivate", "bind", "private")
_PASSED_ON = ("shared", "rshared")
"""Propagation, which the table of mounts shows only from the inside."""


class _Asked(Struct, frozen=True):
    """One mount as inspect and the spec know it.

    Attributes:
        paths: on the host, as far as they can be told from documents.
        own: folders that are the volume's own data.
        plain: a volume that has nothing but its own data.
        layered: an overlay whose writes stay with the container.
        overlay: an overlay, wherever its writes go; `upper` is where, unless that is Podman's own folder.
    """

    destination: str
    type: str
    source: str
    options: tuple[str, ...]
    origin: MountOrigin
    giver: str = ""
    paths: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    plain: bool = False
    layered: bool = False
    overlay: bool = False
    upper: str = ""


def with_mounts(
    facts: ContainerFacts, host: HostSide, giver: Callable[[str], Known[Mapping[str, Any]]]
) -> ContainerFacts:
    """Adds what of the host is mounted, and the sockets behind it.

    Args:
        giver: the inspect document of a container that `--volumes-from` names.
    """
    given, hidden = _given(facts, giver) if facts.spec[VOLUMES_FROM] else ((), "")
    asked = {one.destination: one for one in (*given, *_asked(facts))}
    table = facts.kernel.mounts if isinstance(facts.kernel, Kernel) else facts.kernel
    if isinstance(table, tuple):
        mounted, hidden = tuple(_in_force(table, asked, _stranger(facts))), ""
    elif asked or hidden:
        mounted = tuple(_declared(asked.values(), facts, host if facts.engine.local else None))
    else:
        return facts
    if not mounted:
        return replace(facts, hidden_mounts=hidden) if hidden else facts
    sockets = sockets_behind(mounted, host) if facts.engine.local else _FAR
    return replace(facts, mounted=mounted, hidden_mounts=hidden, sockets=sockets)


# --- what was asked for, and by whom ------------------------------------------------------------------


def _asked(facts: ContainerFacts) -> Iterator[_Asked]:
    entries = [one for one in facts.inspect.get("Mounts") or () if isinstance(one, Mapping)]
    declared = {mount.destination: mount for mount in facts.spec[MOUNTS]}
    for entry in entries:
        destination = str(entry.get("Destination") or "")
        if not destination.startswith("/"):
            continue
        if entry.get("Type") not in _OF_HOST:
            declared.pop(destination, None)
            yield _Asked(destination, "image", "", (), MountOrigin.DECLARED)
            continue
        mount = declared.pop(destination, None)
        pattern = next((m for m in declared.values() if m.type == "glob" and _is_below(destination, m)), None)
        kind, source = str(entry.get("Type")), str(entry.get("Source") or "")
        origin, giver = MountOrigin.DECLARED, ""
        if mount is not None:
            kind, source, options = mount.type, mount.source, mount.options
        elif pattern is not None:
            options = pattern.options
        else:
            origin, giver = _giver(facts, destination)
            options = _options(entry)
            source = str(entry.get("Name") or "") if kind == "volume" else source
        yield _traced(facts, _Asked(destination, kind, source, options, origin, giver), entry)
    for mount in declared.values():
        if mount.type in ("bind", "volume"):
            yield _traced(
                facts,
                _Asked(mount.destination, mount.type, mount.source, mount.options, MountOrigin.DECLARED),
                {"Source": mount.source} if mount.type == "bind" else {},
            )
    if facts.spec[ROOTFS]:
        path, _, mode = facts.spec[ROOTFS].partition(":")
        read_only = ("ro",) if section(facts.inspect, "HostConfig").get("ReadonlyRootfs") else ()
        yield _Asked(
            *("/", "rootfs", path, read_only, MountOrigin.DECLARED),
            paths=(normal(path),),
            layered=mode.partition(",")[0] == "O",
            overlay=mode.partition(",")[0] == "O",
        )


def _given(
    facts: ContainerFacts, giver: Callable[[str], Known[Mapping[str, Any]]]
) -> tuple[tuple[_Asked, ...], str]:
    """What other containers bring along, which inspect does not show; and why some of it is not known."""
    found: list[_Asked] = []
    hidden = ""
    for reference in facts.spec[VOLUMES_FROM]:
        name, _, mode = reference.partition(":")
        document = giver(name)
        if isinstance(document, Unreadable):
            hidden = f"the container {name}, whose mounts it takes, does not tell them: {document.reason}"
            continue
        read_only = ("ro",) if "ro" in mode.split(",") else ()
        for entry in document.get("Mounts") or ():
            destination = str(entry.get("Destination") or "") if isinstance(entry, Mapping) else ""
            if destination.startswith("/") and entry.get("Type") in _OF_HOST:
                kind = str(entry["Type"])
                source = str(entry.get("Name" if kind == "volume" else "Source") or "")
                options = tuple(sorted({*_options(entry), *read_only}))
                one = _Asked(destination, kind, source, options, MountOrigin.CONTAINER, name)
                found.append(_traced(facts, one, entry))
    return tuple(found), hidden


def _stranger(facts: ContainerFacts) -> tuple[MountOrigin, str]:
    """Who brings what nobody is known to have asked for."""
    givers = facts.spec[VOLUMES_FROM]
    if givers:
        return MountOrigin.CONTAINER, " or ".join(one.partition(":")[0] for one in givers)
    return MountOrigin.ENGINE, ""


def _is_below(destination: str, pattern: Any) -> bool:
    return destination.startswith(pattern.destination.rstrip("/") + "/")


def _options(entry: Mapping[str, Any]) -> tuple[str, ...]:
    words = [str(word) for word in (*(entry.get("Options") or ()), entry.get("Propagation") or "") if word]
    words = [word for word in words if word not in _DEFAULTS]
    return tuple(sorted({*words, "ro"} if entry.get("RW") is False else {*words}))


def _giver(facts: ContainerFacts, destination: str) -> tuple[MountOrigin, str]:
    """Who brings a mount that is none of the container's own."""
    pod = facts.pod or {}
    name = str(pod.get("Name") or facts.spec[POD] or "")
    if any(
        one.get("Destination") == destination for one in pod.get("mounts") or () if isinstance(one, Mapping)
    ):
        return MountOrigin.POD, name
    image = facts.image.config if not isinstance(facts.image, Unreadable) else {}
    if destination in (image.get("Volumes") or ()):
        return MountOrigin.IMAGE, ""
    if facts.inspect.get("Pod"):
        return MountOrigin.POD, name
    return _stranger(facts)


def _traced(facts: ContainerFacts, one: _Asked, entry: Mapping[str, Any]) -> _Asked:
    """With the paths of the host that documents tell."""
    source = str(entry.get("Source") or "")
    overlay = next((str(o)[9:] for o in entry.get("Options") or () if str(o).startswith("lowerdir=")), "")
    upper = next((word[9:] for word in one.options if word.startswith("upperdir=")), "")
    if overlay and "/userdata/overlay/" in source:
        return replace(
            one, paths=_paths(facts, overlay.split(":")), layered=not upper, overlay=True, upper=upper
        )
    if one.type == "volume":
        volume = facts.volumes.get(str(entry.get("Name") or one.source))
        options = section(volume.inspect, "Options") if volume else {}
        path, written = paths_of_volume(options)
        point = str(volume.inspect.get("Mountpoint") or "") if volume else ""
        return replace(
            one,
            paths=_paths(facts, (path,)),
            own=tuple(path for path in {source, point} if path),
            plain=not options.get("device") and not options.get("type"),
            layered="O" in one.options,
            overlay="O" in one.options or written != path,
            upper=written if written != path else upper,
        )
    overlaid = "O" in one.options
    return replace(
        one, paths=_paths(facts, (source,)), layered=overlaid and not upper, overlay=overlaid, upper=upper
    )


def _paths(facts: ContainerFacts, typed: Iterable[str]) -> tuple[str, ...]:
    return tuple(normal(facts.links.get(path, path)) for path in typed if path.startswith("/"))


def _declared(asked: Iterable[_Asked], facts: ContainerFacts, host: HostSide | None) -> Iterator[MountedPath]:
    """Without the kernel's table: what the next start mounts."""
    for one in asked:
        paths = one.paths or _on_device(one, facts, host)
        if paths:
            yield _next_start(replace(one, paths=paths))


def _next_start(one: _Asked) -> MountedPath:
    paths, beneath = ((normal(one.upper),), one.paths) if one.upper.startswith("/") else (one.paths, ())
    return MountedPath(
        *(one.destination, paths, one.type, one.source, one.options, one.origin, one.giver),
        layered=one.layered,
        beneath=beneath,
    )


def _on_device(one: _Asked, facts: ContainerFacts, host: HostSide | None) -> tuple[str, ...]:
    """Where the host has the file system mounted that a volume takes from a block device."""
    volume = facts.volumes.get(one.source) if one.type == "volume" and not one.plain else None
    device = str(section(volume.inspect, "Options").get("device") or "") if volume else ""
    if host is None or not device.startswith("/dev/"):
        return ()
    table = host.engine_table()
    point = table.device_at(device) if isinstance(table, MountTable) else ""
    return (point,) if point and point not in one.own else ()


# --- what is in force ---------------------------------------------------------------------------------


def _in_force(
    table: tuple[KernelMount, ...], asked: Mapping[str, _Asked], stranger: tuple[MountOrigin, str]
) -> Iterator[MountedPath]:
    latest = {row.point: row for row in table}
    missing = {one.destination: one for one in asked.values() if one.destination not in latest}
    kept: dict[str, MountedPath] = {}
    for row in table:
        if latest[row.point] is not row:
            continue  # another mount covers it
        one = _nearest(row.point, asked)
        if one is None and missing and (moved := _moved(row, missing)):
            del missing[moved.destination]
            one = replace(moved, destination=row.point)
        found = _judged(row, one, stranger)
        if found is not None and not _continues(found, kept):
            kept[row.point] = found
            yield found
    for one in missing.values():
        if one.paths:
            yield _next_start(one)


def _moved(row: KernelMount, missing: Mapping[str, _Asked]) -> _Asked | None:
    """What was asked for at a path that a symbolic link of the image leads elsewhere: /var/run, /lib."""
    for one in missing.values():
        if any(path in one.paths or path in one.own for path in row.paths):
            return one
    return None


def _nearest(point: str, asked: Mapping[str, _Asked]) -> _Asked | None:
    """What was asked for there or above; the root only for what is mounted as the root."""
    found = asked.get(point)
    if found is None and asked:
        above = [place for place in asked if place != "/" and point.startswith(place + "/")]
        found = asked[max(above, key=len)] if above else None
    return found


def _judged(row: KernelMount, one: _Asked | None, stranger: tuple[MountOrigin, str]) -> MountedPath | None:
    """The row as a mount of the host's; None for what is the container's own."""
    if one is None:
        if not row.paths or row.point in _BY_PODMAN or row.point.startswith(_EVERYWHERE):
            return None
        return _row(row, row.paths, _Asked(row.point, "other", row.source, (), *stranger))
    if one.type == "image":
        return None
    own = [path for path in row.paths if any(at_or_above(place, path) for place in one.own)]
    paths = tuple(path for path in row.paths if path not in own)
    if row.point != one.destination:
        return _row(row, paths, one) if paths else None
    if one.overlay:
        return _overlay(row, one)
    if one.plain and (own or not row.paths):
        return None
    if row.root.endswith(_DELETED):  # removed or made anew on the host since
        paths = one.paths or (row.root.removesuffix(_DELETED),)
    return _row(row, paths or one.paths, one) if paths or one.paths else None


def _overlay(row: KernelMount, one: _Asked) -> MountedPath | None:
    """An overlay shows the folders below it; what is written goes to the one above."""
    lower = tuple(path for path in row.lower if not _OF_PODMAN.search(path)) or one.paths
    own = not row.upper or _OF_PODMAN.search(row.upper) or any(at_or_above(o, row.upper) for o in one.own)
    if own:
        return replace(_row(row, lower, one), layered=True) if lower else None
    return replace(_row(row, (row.upper,), one), beneath=tuple(map(normal, lower)))


def _row(row: KernelMount, paths: tuple[str, ...], one: _Asked) -> MountedPath:
    below = row.point != one.destination
    source = row.source if below else one.source
    options = (*row.options.split(","), *(word for word in one.options if word in _PASSED_ON))
    return MountedPath(
        *(row.point, tuple(map(normal, paths)), one.type, source, options, one.origin, one.giver),
        in_force=True,
        kind=row.kind,
    )


def _continues(found: MountedPath, kept: Mapping[str, MountedPath]) -> bool:
    """It only goes on with what a mount above it shows already, and may be written no more than that."""
    point = found.destination
    while point != "/":
        point = posixpath.dirname(point)
        above = kept.get(point)
        if above is None:
            continue
        rest = posixpath.relpath(found.destination, point)
        same = any(posixpath.join(path, rest) in found.paths for path in above.paths)
        return same and (found.read_only or not above.read_only)
    return False
