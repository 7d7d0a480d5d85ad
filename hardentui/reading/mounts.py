"""What a container has mounted from the host, wherever the mount comes from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec.structs import replace

from hardentui.model.facts import ContainerFacts, NotRunning
from hardentui.model.mount import HostMount, KernelMount, MountOrigin
from hardentui.model.spec import Mount
from hardentui.options import MOUNTS, ROOTFS, VOLUMES_FROM
from hardentui.reading.containers import ask_or, section
from hardentui.reading.user_namespaces import own_user_namespace

_MOST_WORDS = 64
_NO_PATH = r"[\s;&|()'\"`<>]+"
"""What separates the paths in a script."""

_OF_KERNEL = ("/proc", "/sys")
_KINDS = ("proc", "sysfs")
_KINDS_BELOW = ("binfmt_misc", "configfs", "debugfs", "efivarfs", "tracefs")
"""Root of another user namespace cannot use those of the host: their files belong to root of the
host."""


@lru_cache(maxsize=512)
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


def parents(path: str) -> list[str]:
    """Every directory above a path, the nearest first, up to the root."""
    above = []
    while path not in ("/", ""):
        path = posixpath.dirname(path)
        above.append(path)
    return above


def is_place_of_secrets(destination: str) -> bool:
    """Whether what is mounted there is a secret by convention: the Compose specification mounts the
    file of a secret below /run/secrets."""
    return at_or_above("/run/secrets", normal(destination))


def shown_from_host(facts: ContainerFacts) -> dict[str, str]:
    """Where each bind mount, and each volume that is really a directory of the host, is -> its host
    path."""
    places = {}
    for mount in facts.spec[MOUNTS]:
        volume = facts.volumes.get(mount.source) if mount.type == "volume" else None
        source = paths_of_volume(volume.inspect.get("Options"))[0] if volume else mount.source
        if source.startswith("/"):
            places[normal(mount.destination)] = posixpath.normpath(source)
    return places


def mounted_words(facts: ContainerFacts) -> Iterator[str]:
    """The host paths of what a container's command names in the mounts of the host; not all of them
    exist.

    A relative name counts in its working directory, and in each directory of a mount that the
    command names.
    """
    places = shown_from_host(facts)
    command = (
        str(facts.inspect.get("Path") or ""),
        *map(str, facts.inspect.get("Args") or ()),
    )
    words = tuple(dict.fromkeys(word for text in command for word in re.split(_NO_PATH, text)))[
        :_MOST_WORDS
    ]
    if not places or not words:
        return
    named = [word for word in words if any(at_or_above(place, normal(word)) for place in places)]
    directories = (
        str(section(facts.inspect, "Config").get("WorkingDir") or "/"),
        *named,
    )
    for path in dict.fromkeys(
        normal(posixpath.join(at, word)) for at in directories for word in words
    ):
        above = [place for place in places if at_or_above(place, path)]
        if above:
            nearest = max(above, key=len)
            yield posixpath.normpath(places[nearest] + "/" + path.removeprefix(nearest).lstrip("/"))


def host_mounts(facts: ContainerFacts) -> tuple[HostMount, ...]:
    """The host paths that the container sees: through bind mounts, volumes, overlays, its --rootfs,
    and mounts from other containers, the pod and the engine.

    For facts of a plan: the mounts of the planned spec; inherited mounts stay.
    """
    mounts = facts.spec[MOUNTS]
    if not mounts and not facts.mounted:
        return ()
    planned = isinstance(facts.kernel, NotRunning) and facts.kernel.state == "planned"
    seen = {mounted.destination: mounted for mounted in facts.mounted}
    of_spec = []
    for mount in mounts:
        mounted = seen.pop(mount.destination, None)
        if mounted is not None and mounted.source == mount.source:
            of_spec.append(_declared(mount, mounted, planned))
            if planned and mount.read_only and not mounted.read_only:
                of_spec += mounted.below
        elif mount.type == "glob" and (matches := _matches(mount, seen)):
            of_spec += [_declared(mount, seen.pop(match), planned) for match in matches]
        elif path := _typed_path(facts, mount):
            upper = upper_directory(mount)
            paths, beneath = ((normal(upper),), (path,)) if upper else ((path,), ())
            of_spec.append(
                replace(
                    not_mounted(mount, paths),
                    layered=is_layered(mount),
                    beneath=beneath,
                )
            )
    stay = (
        [mounted for mounted in seen.values() if _stays(facts, mounted)]
        if planned
        else seen.values()
    )
    return (*of_spec, *stay) if seen else tuple(of_spec)


def not_mounted(mount: Mount, paths: tuple[str, ...]) -> HostMount:
    """A mount of the spec that no table and no document shows, and the host paths that it names."""
    return HostMount(
        mount.destination,
        paths,
        mount.type,
        mount.source,
        mount.options,
        declared=mount,
    )


def bare_kernel_mounts(facts: ContainerFacts) -> tuple[KernelMount, ...]:
    """A /proc or /sys at another place, where no mask covers anything, and what belongs below them.

    The host may have mounted it there: for a chroot, or as a volume of type proc. The host's own
    /proc and /sys (`--volume /proc:/host/proc`) are host mounts. So is its own /sys where a mount
    of the engine's storage shows it once more. With subset=pid, proc(5), there is nothing but
    processes.
    """
    seen = ask_or(facts, lambda kernel: kernel.mounts, None)
    rows = tuple(_kernel_volumes(facts)) if seen is None else seen
    kinds = _KINDS if own_user_namespace(facts) else (*_KINDS, *_KINDS_BELOW)
    bare = tuple(row for row in rows if row.kind in kinds and _is_bare(row))
    if not bare:
        return ()
    own = {row.device for row in rows if row.point in _OF_KERNEL}
    of_host = tuple(f"{row.point}/" for row in rows if row.paths and row.point != "/")
    return tuple(row for row in bare if row.device not in own or not row.point.startswith(of_host))


def _kernel_volumes(facts: ContainerFacts) -> Iterator[KernelMount]:
    """The volumes of a type such as proc that the next start would mount."""
    for mount in facts.spec[MOUNTS]:
        volume = facts.volumes.get(mount.source) if mount.type == "volume" else None
        options = volume.inspect.get("Options") if volume else None
        if volume and isinstance(options, Mapping):
            words = ",".join((str(options.get("o") or "rw"), *mount.options))
            path = str(volume.inspect.get("Mountpoint") or volume.name)
            yield KernelMount(
                mount.destination,
                str(options.get("type")),
                words,
                paths=(path,),
            )


def _is_bare(row: KernelMount) -> bool:
    if row.point in _OF_KERNEL or "subset=pid" in row.options.split(","):
        return False
    if not row.paths:
        return row.root == "/"
    if any(at_or_above(place, path) for place in _OF_KERNEL for path in row.paths):
        return False
    return not row.root.split("/")[1].isdigit()  # a process


def upper_directory(mount: Mount) -> str:
    """The directory that takes the writes of an overlay (`:O,upperdir=…`); empty if Podman manages
    it."""
    return next(
        (word[9:] for word in mount.options if word.startswith("upperdir=")),
        "",
    )


def is_layered(mount: Mount) -> bool:
    """Whether writes through it stay with the container."""
    return "O" in mount.options and not upper_directory(mount)


def _matches(
    pattern: Mount,
    seen: Mapping[str, HostMount],
) -> list[str]:
    """Destinations of the mounts that match a pattern."""
    directory = pattern.destination.rstrip("/") + "/"
    return [
        destination
        for destination, mounted in seen.items()
        if destination.startswith(directory) and fnmatchcase(mounted.source, pattern.source)
    ]


def _declared(
    mount: Mount,
    mounted: HostMount,
    planned: bool,
) -> HostMount:
    if mounted.in_force and not planned:
        return replace(mounted, declared=mount)
    return replace(
        mounted,
        options=mount.options,
        layered=is_layered(mount),
        in_force=False,
        declared=mount,
    )


def _stays(facts: ContainerFacts, mounted: HostMount) -> bool:
    """Whether a mount that is not in the spec stays with the planned spec."""
    spec = facts.spec
    if mounted.origin is MountOrigin.CONTAINER:
        return bool(spec[VOLUMES_FROM])
    if mounted.type == "rootfs":
        return bool(spec[ROOTFS])
    if mounted.origin is MountOrigin.DECLARED:  # brought by another entry of the spec
        return any(at_or_above(mount.destination, mounted.destination) for mount in spec[MOUNTS])
    return True


def _typed_path(facts: ContainerFacts, mount: Mount) -> str:
    """The host path that a mount of the spec names; empty if it names none."""
    if mount.type in ("bind", "glob"):
        # a relative one is from where its command was typed
        path = mount.source if mount.source.startswith("/") else facts.links.get(mount.source, "")
    else:
        path = _behind_volume(facts, mount.source) if mount.type == "volume" else ""
    return normal(facts.links.get(path, path)) if path else ""


def _behind_volume(facts: ContainerFacts, name: str) -> str:
    volume = facts.volumes.get(name)
    options = volume.inspect.get("Options") if volume else None
    return paths_of_volume(options)[0] if options else ""


def paths_of_volume(options: object) -> tuple[str, str]:
    """The host path named in a volume's driver options, and where its writes go: (shown, written).

    A bind names a directory, an overlay its lower directory; a device or network share has no host
    path.
    """
    get = options.get if isinstance(options, dict) else dict[str, object]().get
    device, kind = str(get("device") or ""), str(get("type") or "")
    words = str(get("o") or "").split(",")
    if kind == "overlay":
        given = dict(word.partition("=")[::2] for word in words)
        return given.get("lowerdir", "").split(":")[0], given.get("upperdir", "")
    binds = not {"bind", "rbind"}.isdisjoint(words) or kind == "bind"
    return (device, device) if binds and device.startswith("/") else ("", "")


def came_from(mount: HostMount) -> str:
    """The origin of a mount that the container does not declare, as text; empty for its own mounts."""
    if mount.declared:
        return ""
    if mount.origin is MountOrigin.CONTAINER:
        return f"comes from the container {mount.giver} (--volumes-from)"
    if mount.origin is MountOrigin.POD:
        return f"comes from the pod {mount.giver}".rstrip()
    if mount.origin is MountOrigin.IMAGE:
        return "comes from a volume of the image"
    if mount.type == "rootfs":
        return "is the root filesystem (--rootfs)"
    if mount.origin is MountOrigin.ENGINE:
        return (
            "comes from the engine: containers.conf, a device, a hook, or a mount passed on later"
        )
    return "is mounted below another mount"


def shown(mounts: tuple[Mount, ...] | list[Mount]) -> str:
    return ", ".join(
        ":".join(
            part
            for part in (
                mount.source,
                mount.destination,
                ",".join(mount.options),
            )
            if part
        )
        for mount in mounts
    )
