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
from hardentui.model.mount import HostMount, KernelMount, Listener, MountOrigin, ReachableSocket
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
    """One mount according to inspect and the spec; its paths are empty as far as no document shows
    them."""

    mount: HostMount
    own: tuple[str, ...] = ()  # directories with the volume's own data
    plain: bool = False  # a volume that holds only its own data
    # an overlay; `upper` is where writes go, unless that is Podman's own directory
    overlay: bool = False
    upper: str = ""


class MountsAndSockets(Struct, frozen=True):
    """Three facts of a container: see `ContainerFacts`."""

    mounted: tuple[HostMount, ...] = ()
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
    asked = {each.mount.destination: each for each in (*given, *_asked(facts))}
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
        replace(each.mount, paths=each.own)
        for each in asked
        if each.mount.type == "volume" and each.plain and each.own
    )
    if not volumes:
        return ()
    return tuple(
        socket for socket in sockets_behind(volumes, host) if isinstance(socket.listener, Listener)
    )


def _with_other_names(mount: HostMount, host: HostSide) -> HostMount:
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
            yield _Asked(HostMount(destination, (), "image"))
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
            HostMount(
                destination,
                (),
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
                HostMount(
                    mount.destination,
                    (),
                    mount.type,
                    mount.source,
                    mount.options,
                ),
                {"Source": mount.source} if mount.type == "bind" else {},
            )
    if facts.spec[ROOTFS]:
        path, _, mode = facts.spec[ROOTFS].partition(":")
        read_only = ("ro",) if section(facts.inspect, "HostConfig").get("ReadonlyRootfs") else ()
        overlay = mode.partition(",")[0] == "O"
        mounted = HostMount(
            "/",
            (normal(path),),
            "rootfs",
            path,
            read_only,
            layered=overlay,
        )
        yield _Asked(mounted, overlay=overlay)


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
                mount = HostMount(
                    destination,
                    (),
                    kind,
                    source,
                    options,
                    MountOrigin.CONTAINER,
                    name,
                )
                given.append(_traced(facts, mount, entry))
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
    mount: HostMount,
    entry: Mapping[str, Any],
) -> _Asked:
    """With the host paths that documents show."""
    source = str(entry.get("Source") or "")
    lower = next(
        (str(o)[9:] for o in entry.get("Options") or () if str(o).startswith("lowerdir=")), ""
    )
    upper = next(
        (word[9:] for word in mount.options if word.startswith("upperdir=")),
        "",
    )
    overlaid = "O" in mount.options
    if lower and "/userdata/overlay/" in source:
        return _Asked(
            replace(mount, paths=_paths(facts, lower.split(":")), layered=not upper),
            overlay=True,
            upper=upper,
        )
    if mount.type == "volume":
        volume = facts.volumes.get(str(entry.get("Name") or mount.source))
        options = section(volume.inspect, "Options") if volume else {}
        path, written = paths_of_volume(options)
        point = str(volume.inspect.get("Mountpoint") or "") if volume else ""
        return _Asked(
            replace(mount, paths=_paths(facts, (path,)), layered=overlaid),
            own=tuple(path for path in {source, point} if path),
            plain=not options.get("device") and not options.get("type"),
            overlay=overlaid or written != path,
            upper=written if written != path else upper,
        )
    return _Asked(
        replace(mount, paths=_paths(facts, (source,)), layered=overlaid and not upper),
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
) -> Iterator[HostMount]:
    """Without the kernel's table: what the next start would mount."""
    for each in asked:
        paths = each.mount.paths or _on_device(each, facts, host)
        if paths:
            yield _next_start(each, (*paths, *_comes_along(each.mount, host)))


def _comes_along(
    mount: HostMount,
    host: HostSide | None,
) -> tuple[str, ...]:
    """Other places of the host that are mounted below a directory: a bind mount takes them along."""
    if (
        host is None
        or mount.type != "bind"
        or {"bind", "bind-nonrecursive=true"} & {*mount.options}
    ):
        return ()
    table = host.engine_table()
    return (
        table.mounted_below(mount.paths[0]) if isinstance(table, MountTable) and mount.paths else ()
    )


def _next_start(asked: _Asked, paths: tuple[str, ...]) -> HostMount:
    if asked.upper.startswith("/"):
        return replace(asked.mount, paths=(normal(asked.upper),), beneath=paths)
    return replace(asked.mount, paths=paths)


def _on_device(
    asked: _Asked,
    facts: ContainerFacts,
    host: HostSide | None,
) -> tuple[str, ...]:
    """Where the host has mounted the file system of a volume that uses a block device."""
    mount = asked.mount
    volume = facts.volumes.get(mount.source) if mount.type == "volume" and not asked.plain else None
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
) -> Iterator[HostMount]:
    latest = {row.point: row for row in table}
    traced = any(row.paths for row in table)
    missing = {point: each for point, each in asked.items() if point not in latest}
    kept: dict[str, HostMount] = {}
    below: dict[str, list[HostMount]] = {}
    for row in table:
        if latest[row.point] is not row:
            continue  # another mount covers it
        nearest = _nearest(row.point, asked)
        if nearest is None and missing and (moved := _moved(row, missing)):
            del missing[moved.mount.destination]
            nearest = replace(moved, mount=replace(moved.mount, destination=row.point))
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
    for each in missing.values():
        if each.mount.paths:
            yield _next_start(each, each.mount.paths)


def _moved(
    row: KernelMount,
    missing: Mapping[str, _Asked],
) -> _Asked | None:
    """What was requested for a path that a symbolic link of the image redirects: /var/run, /lib."""
    for each in missing.values():
        if any(path in each.mount.paths or path in each.own for path in row.paths):
            return each
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
) -> HostMount | None:
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
            HostMount(
                row.point,
                (),
                "other",
                row.source,
                (),
                *stranger,
            ),
        )
    mount = asked.mount
    if mount.type == "image":
        return None
    own = [path for path in row.paths if any(at_or_above(place, path) for place in asked.own)]
    paths = tuple(path for path in row.paths if path not in own)
    if row.point != mount.destination:
        return _row(row, paths, mount) if paths else None
    if asked.overlay:
        return _overlay(row, asked)
    if asked.plain and (own or not row.paths):
        return None
    if row.root.endswith(_DELETED):  # removed or recreated on the host since
        paths = mount.paths or (row.root.removesuffix(_DELETED),)
    return _row(row, paths or mount.paths, mount) if paths or mount.paths else None


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


def _overlay(row: KernelMount, asked: _Asked) -> HostMount | None:
    """An overlay shows the directories below it; writes go to the upper one."""
    lower = tuple(path for path in row.lower if not re.search(_OF_PODMAN, path))
    lower = lower or asked.mount.paths
    own = (
        not row.upper
        or re.search(_OF_PODMAN, row.upper)
        or any(at_or_above(o, row.upper) for o in asked.own)
    )
    if own:
        return replace(_row(row, lower, asked.mount), layered=True) if lower else None
    return replace(
        _row(row, (row.upper,), asked.mount),
        beneath=tuple(map(normal, lower)),
    )


def _row(
    row: KernelMount,
    paths: tuple[str, ...],
    mount: HostMount,
) -> HostMount:
    below = row.point != mount.destination
    return replace(
        mount,
        destination=row.point,
        paths=tuple(map(normal, paths)),
        source=row.source if below else mount.source,
        options=(
            *row.options.split(","),
            *(word for word in mount.options if word in _PASSED_ON),
        ),
        layered=False,
        in_force=True,
        kind=row.kind,
    )


def _continued(
    mount: HostMount,
    kept: Mapping[str, HostMount],
) -> HostMount | None:
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
