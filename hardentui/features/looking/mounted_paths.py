"""Host paths mounted in a container, and the sockets reachable through them.

The kernel's mount table of the container is traced back to host paths; inspect shows who requested
each mount. Without a table (not running, no permission), declared and inherited mounts count.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.features.looking.host_side import HostSide
from hardentui.features.looking.socket_mounts import sockets_behind
from hardentui.host.process.mountinfo import MountTable
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Known, Unread
from hardentui.model.mount import KernelMount, Listener, MountedPath, MountOrigin, ReachableSocket
from hardentui.options import MOUNTS, POD, ROOTFS, VOLUMES_FROM
from hardentui.reading.containers import ask, image_config, section
from hardentui.reading.mounts import at_or_above, normal, paths_of_volume


def _passed_on_at_start(facts: ContainerFacts) -> str:
    """Why it is not known what it reaches past its mounts; empty if no files were passed to it."""
    words = [str(word) for word in section(facts.inspect, "Config").get("CreateCommand") or ()]
    passed = any(word.partition("=")[0] in ("--preserve-fds", "--preserve-fd") for word in words)
    return "which files were open at its start (--preserve-fds) is not read" if passed else ""


_OF_PODMAN = r"/overlay-containers/[0-9a-f]{64}/(userdata|rootfs)(/|$)"
_OF_HOST = ("bind", "volume")
_EVERYWHERE = ("/proc/", "/sys/", "/dev/")
_MASK = r"/\.empty-(directory|file)$"
"""What crun covers a path with; otherwise it takes /dev/null or a tmpfs."""
_BY_PODMAN = frozenset({"/", "/proc", "/sys", "/dev", "/run/podman-init"})
"""What Podman mounts into every container; separate checks judge devices and masked paths."""
_CATATONIT = "/catatonit"
_DELETED = "//deleted"
_DEFAULTS = ("rw", "rbind", "rprivate", "bind", "private")
_PASSED_ON = ("shared", "rshared")
"""Propagation, which the mount table shows only from inside the namespace."""


class _Asked(Struct, frozen=True):
    """One mount according to inspect and the spec."""

    destination: str
    type: str
    source: str
    options: tuple[str, ...]
    origin: MountOrigin
    giver: str = ""
    paths: tuple[str, ...] = ()  # on the host, as far as the documents show them
    own: tuple[str, ...] = ()  # directories with the volume's own data
    plain: bool = False  # a volume that holds only its own data
    layered: bool = False  # an overlay whose writes stay with the container
    # an overlay; `upper` is where writes go, unless that is Podman's own directory
    overlay: bool = False
    upper: str = ""


class MountsAndSockets(Struct, frozen=True):
    """Three facts of a container: see `ContainerFacts`."""

    mounted: tuple[MountedPath, ...] = ()
    hidden_mounts: str = ""
    sockets: Known[tuple[ReachableSocket, ...]] = ()


def mounts_and_sockets(
    facts: ContainerFacts,
    host: HostSide,
    giver: Callable[[str], Known[Mapping[str, Any]]],
) -> MountsAndSockets:
    """The mounted host paths, and the sockets in them. `giver`: the inspect document of a container
    that `--volumes-from` names.
    """
    given, hidden = _given(facts, giver) if facts.spec[VOLUMES_FROM] else ((), "")
    asked = {mount.destination: mount for mount in (*given, *_asked(facts))}
    sockets = _in_volumes(asked.values(), host) if facts.engine.local else ()
    table = ask(facts, lambda kernel: kernel.mounts)
    if isinstance(table, tuple):
        mounted = tuple(_in_force(table, asked, _stranger(facts)))
        hidden = _passed_on_at_start(facts)
    elif asked or hidden:
        mounted = tuple(
            _declared(
                asked.values(),
                facts,
                host if facts.engine.local else None,
            )
        )
    else:
        return MountsAndSockets()
    if mounted and not facts.engine.local:
        return MountsAndSockets(
            mounted,
            hidden,
            Unread(facts.engine.unseen),
        )
    mounted = tuple(_with_other_names(mount, host) for mount in mounted)
    return MountsAndSockets(
        mounted,
        hidden,
        (*sockets_behind(mounted, host), *sockets),
    )


def _in_volumes(
    asked: Iterable[_Asked],
    host: HostSide,
) -> tuple[ReachableSocket, ...]:
    """Sockets that a program of the host has made in a volume, which shows nothing else of the
    host."""
    volumes = tuple(
        MountedPath(
            mount.destination,
            mount.own,
            "volume",
            mount.source,
        )
        for mount in asked
        if mount.type == "volume" and mount.plain and mount.own
    )
    if not volumes:
        return ()
    return tuple(
        socket for socket in sockets_behind(volumes, host) if isinstance(socket.listener, Listener)
    )


def _with_other_names(mount: MountedPath, host: HostSide) -> MountedPath:
    """A file is what it is under each of its names, also one in a directory."""
    names = host.names_of(mount.paths[0]) if mount.type in _OF_HOST else ()
    return replace(mount, paths=(*mount.paths, *names)) if names else mount


def _asked(facts: ContainerFacts) -> Iterator[_Asked]:
    entries = [entry for entry in facts.inspect.get("Mounts") or () if isinstance(entry, Mapping)]
    declared = {mount.destination: mount for mount in facts.spec[MOUNTS]}
    for entry in entries:
        destination = str(entry.get("Destination") or "")
        if not destination.startswith("/"):
            continue
        if entry.get("Type") not in _OF_HOST:
            declared.pop(destination, None)
            yield _Asked(
                destination,
                "image",
                "",
                (),
                MountOrigin.DECLARED,
            )
            continue
        mount = declared.pop(destination, None)
        pattern = next(
            (m for m in declared.values() if m.type == "glob" and _is_below(destination, m)), None
        )
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
        yield _traced(
            facts,
            _Asked(
                destination,
                kind,
                source,
                options,
                origin,
                giver,
            ),
            entry,
        )
    for mount in declared.values():
        if mount.type in ("bind", "volume"):
            yield _traced(
                facts,
                _Asked(
                    mount.destination, mount.type, mount.source, mount.options, MountOrigin.DECLARED
                ),
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
    facts: ContainerFacts,
    giver: Callable[[str], Known[Mapping[str, Any]]],
) -> tuple[tuple[_Asked, ...], str]:
    """Mounts from other containers, which inspect does not show, and why some are unknown."""
    given: list[_Asked] = []
    hidden = ""
    for reference in facts.spec[VOLUMES_FROM]:
        name, _, mode = reference.partition(":")
        document = giver(name)
        if isinstance(document, Unread):
            hidden = (
                f"the mounts of container {name}, which it shares, are unknown: {document.reason}"
            )
            continue
        read_only = ("ro",) if "ro" in mode.split(",") else ()
        for entry in document.get("Mounts") or ():
            destination = str(entry.get("Destination") or "") if isinstance(entry, Mapping) else ""
            if destination.startswith("/") and entry.get("Type") in _OF_HOST:
                kind = str(entry["Type"])
                source = str(entry.get("Name" if kind == "volume" else "Source") or "")
                options = tuple(sorted({*_options(entry), *read_only}))
                asked = _Asked(
                    destination,
                    kind,
                    source,
                    options,
                    MountOrigin.CONTAINER,
                    name,
                )
                given.append(_traced(facts, asked, entry))
    return tuple(given), hidden


def _stranger(facts: ContainerFacts) -> tuple[MountOrigin, str]:
    """The origin of a mount that no known option requested."""
    givers = facts.spec[VOLUMES_FROM]
    if givers:
        return MountOrigin.CONTAINER, " or ".join(giver.partition(":")[0] for giver in givers)
    return MountOrigin.ENGINE, ""


def _is_below(destination: str, pattern: Any) -> bool:
    return destination.startswith(pattern.destination.rstrip("/") + "/")


def _options(entry: Mapping[str, Any]) -> tuple[str, ...]:
    words = [
        str(word)
        for word in (
            *(entry.get("Options") or ()),
            entry.get("Propagation") or "",
        )
        if word
    ]
    words = [word for word in words if word not in _DEFAULTS]
    return tuple(sorted({*words, "ro"} if entry.get("RW") is False else {*words}))


def _giver(
    facts: ContainerFacts,
    destination: str,
) -> tuple[MountOrigin, str]:
    """The origin of a mount that is not one of the container's own."""
    pod = facts.pod or {}
    name = str(pod.get("Name") or facts.spec[POD] or "")
    if any(
        mount.get("Destination") == destination
        for mount in pod.get("mounts") or ()
        if isinstance(mount, Mapping)
    ):
        return MountOrigin.POD, name
    image = image_config(facts)
    if destination in (image.get("Volumes") or ()):
        return MountOrigin.IMAGE, ""
    if facts.inspect.get("Pod"):
        return MountOrigin.POD, name
    return _stranger(facts)


def _traced(
    facts: ContainerFacts,
    asked: _Asked,
    entry: Mapping[str, Any],
) -> _Asked:
    """With the host paths that documents show."""
    source = str(entry.get("Source") or "")
    overlay = next(
        (str(o)[9:] for o in entry.get("Options") or () if str(o).startswith("lowerdir=")), ""
    )
    upper = next(
        (word[9:] for word in asked.options if word.startswith("upperdir=")),
        "",
    )
    if overlay and "/userdata/overlay/" in source:
        return replace(
            asked,
            paths=_paths(facts, overlay.split(":")),
            layered=not upper,
            overlay=True,
            upper=upper,
        )
    if asked.type == "volume":
        volume = facts.volumes.get(str(entry.get("Name") or asked.source))
        options = section(volume.inspect, "Options") if volume else {}
        path, written = paths_of_volume(options)
        point = str(volume.inspect.get("Mountpoint") or "") if volume else ""
        return replace(
            asked,
            paths=_paths(facts, (path,)),
            own=tuple(path for path in {source, point} if path),
            plain=not options.get("device") and not options.get("type"),
            layered="O" in asked.options,
            overlay="O" in asked.options or written != path,
            upper=written if written != path else upper,
        )
    overlaid = "O" in asked.options
    return replace(
        asked,
        paths=_paths(facts, (source,)),
        layered=overlaid and not upper,
        overlay=overlaid,
        upper=upper,
    )


def _paths(
    facts: ContainerFacts,
    typed: Iterable[str],
) -> tuple[str, ...]:
    return tuple(normal(facts.links.get(path, path)) for path in typed if path.startswith("/"))


def _declared(
    asked: Iterable[_Asked],
    facts: ContainerFacts,
    host: HostSide | None,
) -> Iterator[MountedPath]:
    """Without the kernel's table: what the next start would mount."""
    for mount in asked:
        paths = mount.paths or _on_device(mount, facts, host)
        if paths:
            yield _next_start(replace(mount, paths=(*paths, *_comes_along(mount, host))))


def _comes_along(
    asked: _Asked,
    host: HostSide | None,
) -> tuple[str, ...]:
    """Other places of the host that are mounted below a directory: a bind mount takes them along."""
    if (
        host is None
        or asked.type != "bind"
        or {"bind", "bind-nonrecursive=true"} & {*asked.options}
    ):
        return ()
    table = host.engine_table()
    return (
        table.mounted_below(asked.paths[0]) if isinstance(table, MountTable) and asked.paths else ()
    )


def _next_start(asked: _Asked) -> MountedPath:
    paths, beneath = (
        ((normal(asked.upper),), asked.paths) if asked.upper.startswith("/") else (asked.paths, ())
    )
    return MountedPath(
        *(
            asked.destination,
            paths,
            asked.type,
            asked.source,
            asked.options,
            asked.origin,
            asked.giver,
        ),
        layered=asked.layered,
        beneath=beneath,
    )


def _on_device(
    asked: _Asked,
    facts: ContainerFacts,
    host: HostSide | None,
) -> tuple[str, ...]:
    """Where the host has mounted the file system of a volume that uses a block device."""
    volume = facts.volumes.get(asked.source) if asked.type == "volume" and not asked.plain else None
    device = str(section(volume.inspect, "Options").get("device") or "") if volume else ""
    if host is None or not device.startswith("/dev/"):
        return ()
    table = host.engine_table()
    point = table.device_at(device) if isinstance(table, MountTable) else ""
    return (point,) if point and point not in asked.own else ()


def _in_force(
    table: tuple[KernelMount, ...],
    asked: Mapping[str, _Asked],
    stranger: tuple[MountOrigin, str],
) -> Iterator[MountedPath]:
    latest = {row.point: row for row in table}
    traced = any(row.paths for row in table)
    missing = {
        mount.destination: mount for mount in asked.values() if mount.destination not in latest
    }
    kept: dict[str, MountedPath] = {}
    below: dict[str, list[MountedPath]] = {}
    for row in table:
        if latest[row.point] is not row:
            continue  # another mount covers it
        nearest = _nearest(row.point, asked)
        if nearest is None and missing and (moved := _moved(row, missing)):
            del missing[moved.destination]
            nearest = replace(moved, destination=row.point)
        if nearest is None and traced and row.disk and not row.paths:
            row = replace(row, paths=(row.disk,))  # mounted after the start, by nobody's option
        judged = _judged(row, nearest, stranger)
        if judged is None:
            continue
        above = _continued(judged, kept)
        if above is None:
            kept[row.point] = judged
        elif not judged.read_only:
            below.setdefault(above.destination, []).append(judged)
    for point, shown in kept.items():
        yield replace(shown, below=tuple(below.get(point, ())))
    for mount in missing.values():
        if mount.paths:
            yield _next_start(mount)


def _moved(
    row: KernelMount,
    missing: Mapping[str, _Asked],
) -> _Asked | None:
    """What was requested for a path that a symbolic link of the image redirects: /var/run, /lib."""
    for mount in missing.values():
        if any(path in mount.paths or path in mount.own for path in row.paths):
            return mount
    return None


def _nearest(point: str, asked: Mapping[str, _Asked]) -> _Asked | None:
    """What was requested there or above; the root only for what is mounted as the root."""
    nearest = asked.get(point)
    if nearest is None and asked:
        above = [place for place in asked if place != "/" and point.startswith(place + "/")]
        nearest = asked[max(above, key=len)] if above else None
    return nearest


def _judged(
    row: KernelMount,
    asked: _Asked | None,
    stranger: tuple[MountOrigin, str],
) -> MountedPath | None:
    """The row as a mount of the host; None for the container's own."""
    if asked is None:
        if (
            not row.paths
            or row.point in _BY_PODMAN
            or _is_of_runtime(row)
            or _is_program_of_infra(row)
        ):
            return None
        return _row(
            row,
            row.paths,
            _Asked(
                row.point,
                "other",
                row.source,
                (),
                *stranger,
            ),
        )
    if asked.type == "image":
        return None
    own = [path for path in row.paths if any(at_or_above(place, path) for place in asked.own)]
    paths = tuple(path for path in row.paths if path not in own)
    if row.point != asked.destination:
        return _row(row, paths, asked) if paths else None
    if asked.overlay:
        return _overlay(row, asked)
    if asked.plain and (own or not row.paths):
        return None
    if row.root.endswith(_DELETED):  # removed or recreated on the host since
        paths = asked.paths or (row.root.removesuffix(_DELETED),)
    return _row(row, paths or asked.paths, asked) if paths or asked.paths else None


def _is_program_of_infra(row: KernelMount) -> bool:
    """The program of a pod's infra container, where that has no image."""
    return row.point == _CATATONIT and all(path.endswith(_CATATONIT) for path in row.paths)


def _is_of_runtime(row: KernelMount) -> bool:
    """What the runtime itself mounts below /proc, /sys and /dev: devices, masks, cgroups, shared
    memory."""
    return row.point.startswith(_EVERYWHERE) and any(
        path.startswith(_EVERYWHERE) or re.search(f"{_OF_PODMAN}|{_MASK}", path)
        for path in row.paths
    )


def _overlay(row: KernelMount, asked: _Asked) -> MountedPath | None:
    """An overlay shows the directories below it; writes go to the upper one."""
    lower = tuple(path for path in row.lower if not re.search(_OF_PODMAN, path)) or asked.paths
    own = (
        not row.upper
        or re.search(_OF_PODMAN, row.upper)
        or any(at_or_above(o, row.upper) for o in asked.own)
    )
    if own:
        return replace(_row(row, lower, asked), layered=True) if lower else None
    return replace(
        _row(row, (row.upper,), asked),
        beneath=tuple(map(normal, lower)),
    )


def _row(
    row: KernelMount,
    paths: tuple[str, ...],
    asked: _Asked,
) -> MountedPath:
    below = row.point != asked.destination
    source = row.source if below else asked.source
    options = (
        *row.options.split(","),
        *(word for word in asked.options if word in _PASSED_ON),
    )
    return MountedPath(
        *(
            row.point,
            tuple(map(normal, paths)),
            asked.type,
            source,
            options,
            asked.origin,
            asked.giver,
        ),
        in_force=True,
        kind=row.kind,
    )


def _continued(
    mount: MountedPath,
    kept: Mapping[str, MountedPath],
) -> MountedPath | None:
    """The mount above it that already shows it, and is not less writable than it is.

    A mount of the host from elsewhere (`mount --bind /etc /srv/web/conf`) is more than that.
    """
    point = mount.destination
    while point != "/":
        point = posixpath.dirname(point)
        above = kept.get(point)
        if above is None:
            continue
        rest = posixpath.relpath(mount.destination, point)
        same = any(posixpath.join(path, rest) in mount.paths for path in above.paths)
        nothing_else = all(
            any(at_or_above(top, path) for top in above.paths) for path in mount.paths
        )
        continues = same and nothing_else and (mount.read_only or not above.read_only)
        return above if continues else None
    return None
