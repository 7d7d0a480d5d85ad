"""Readers of mounts: bind mounts, volumes, images, tmpfs."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from hardentui.model.spec import UNKNOWABLE, Reading, UnsavedVolume
from hardentui.options.codecs.mounts import parse_mount, parse_volume
from hardentui.options.inspect.common import oci_mount
from hardentui.options.inspect.view import View
from hardentui.options.values import Mount

_SPECIAL_SOURCES = frozenset({"devpts", "ramfs"})
_FORGOTTEN = ("z", "Z", "U")
_HEX = frozenset("0123456789abcdef")


def is_anonymous_name(name: str) -> bool:
    """Whether a volume's name was made up by Podman: 64 hexadecimal digits."""
    return len(name) == 64 and _HEX.issuperset(name)


def anonymous_volumes(inspect: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Destination -> name of the anonymous volumes that a container mounts.

    Args:
        volumes: name -> inspect document of volumes.
    """
    names = {}
    for mount in inspect.get("Mounts") or ():
        if not isinstance(mount, Mapping) or mount.get("Type") != "volume":
            continue
        name = str(mount.get("Name") or "")
        if is_anonymous_name(name) or (volumes.get(name) or {}).get("Anonymous"):
            names[str(mount.get("Destination") or "")] = name
    return names


# --- the command line's mounts -----------------------------------------------------------------


def commanded_mounts(view: View) -> dict[str, Mount]:
    """Destination -> mount as the command line says it; empty without a command line."""
    if view.command is None:
        return {}
    mounts = {}
    for argument in view.command.all("--volume"):
        mount = parse_volume(argument)
        mounts[mount.destination] = mount
    for argument in view.command.all("--mount"):
        mount = parse_mount(argument)
        mounts[mount.destination] = mount
    return mounts


# --- inspect's mounts --------------------------------------------------------------------------


def _options(entry: Mapping[str, Any], kind: str) -> set[str]:
    """Options in the spelling of --volume, without Podman's defaults."""
    options = {str(option) for option in entry.get("Options") or ()} - {"rbind", "rw"}
    if kind == "volume":
        options -= {"nosuid", "nodev"}
    options.update(mode for mode in str(entry.get("Mode") or "").split(",") if mode)
    if entry.get("RW") is False:
        options.add("ro")
    propagation = str(entry.get("Propagation") or "")
    if propagation not in ("", "rprivate") and not (propagation == "private" and "bind" in options):
        options.add(propagation)
    if "copy-symlink" in options:
        options = (options - {"copy-symlink"}) | {"no-dereference"}
    return options


def _overlay(view: View, entry: Mapping[str, Any], destination: str, given: Mount | None) -> Mount | None:
    """A mount `source:destination:O` shows as a bind mount of a directory of Podman's own."""
    options = [str(option) for option in entry.get("Options") or ()]
    lower = next((o[len("lowerdir=") :] for o in options if o.startswith("lowerdir=")), "")
    own = f"/{view.id}/userdata/"
    kept = {o for o in options if o.startswith(("upperdir=", "workdir=")) and own not in o}
    if not lower or own in lower:
        return None
    kept |= {"O", *_forgotten(given)}
    if given is not None and given.type == "volume" and given.source:
        return Mount("volume", given.source, destination, tuple(sorted(kept)))
    return Mount("bind", lower, destination, tuple(sorted(kept)))


def _forgotten(given: Mount | None) -> set[str]:
    """Options of the command line that inspect no longer shows of a started container."""
    options = given.options if given is not None else ()
    return {option for option in options if option in _FORGOTTEN or option.startswith("idmap")}


def _one_mount(view: View, entry: Mapping[str, Any], given: Mount | None) -> Mount | None:
    kind, destination = str(entry.get("Type") or "bind"), str(entry.get("Destination") or "")
    source, subpath = str(entry.get("Source") or ""), str(entry.get("SubPath") or "")
    if kind == "bind" and "/userdata/overlay/" in source:
        return _overlay(view, entry, destination, given)
    if kind == "bind" and source in _SPECIAL_SOURCES:
        return Mount(source, "", destination, tuple(sorted(_options(entry, kind))))
    options = _options(entry, kind)
    if kind == "image":
        read_write = ("rw",) if entry.get("RW") else ()
        return Mount(kind, source, destination, tuple(sorted((options - {"ro"}) | set(read_write))), subpath)
    if kind == "volume":
        name = str(entry.get("Name") or "")
        anonymous = is_anonymous_name(name) or bool((view.sources.volumes.get(name) or {}).get("Anonymous"))
        source = "" if anonymous else name
    if view.started:
        options |= _forgotten(given)
    return Mount(kind, source, destination, tuple(sorted(options)), subpath)


def _remark_forgotten(view: View, mounts: list[Mount]) -> None:
    """What cannot be known of a started container that was made through the API."""
    if view.command is not None:
        return
    bound = [mount.destination for mount in mounts if mount.type == "bind"]
    if view.started and bound:
        view.remarks.append(
            "--volume: relabelling (z, Z), U and idmap of bind mounts cannot be read: " + ", ".join(bound)
        )
    if not view.started:
        view.remarks.append(
            "--volume: overlay mounts (:O) of host directories cannot be read before the start"
        )


def read_mounts(view: View) -> Reading:
    given = commanded_mounts(view)
    inherited = view.image_config.get("Volumes") or {}
    from_others = bool(view.host.get("VolumesFrom"))
    entries = view.inspect.get("Mounts") or ()
    images = {entry.get("Destination") for entry in entries if entry.get("Type") == "image"}
    mounts: list[Mount] = []
    for entry in entries:
        destination = entry.get("Destination")
        if destination in images and entry.get("Type") != "image":
            continue
        mount = _one_mount(view, entry, given.get(str(destination)))
        if mount is None:
            continue
        if from_others and (destination not in given if view.command else mount.source == ""):
            continue  # --volumes-from brings it
        if _is_of_pod(view, str(destination), given, inherited):
            continue
        if mount.type == "volume" and mount.source == "":
            from_image = destination in inherited and destination not in given
            view.unsaved.append(UnsavedVolume(mount.destination, from_image))
            if from_image:
                continue
        mounts.append(mount)
    mounts = _globs(given, mounts)
    mounts += _overlays_before_start(view, given, mounts)
    _remark_forgotten(view, mounts)
    return view.shown(tuple(sorted(mounts, key=lambda m: m.destination))) if mounts else None


def _is_of_pod(
    view: View, destination: str, given: Mapping[str, Mount], inherited: Mapping[str, Any]
) -> bool:
    """Whether the pod brings this mount; Podman refuses it when the container asks for it once more."""
    if not view.in_pod or destination in given:
        return False
    known = view.command is not None and destination not in inherited
    return known or destination in view.sources.pod_mounts


def _globs(given: dict[str, Mount], mounts: list[Mount]) -> list[Mount]:
    """Put the pattern back in place of its matches."""
    for pattern in (mount for mount in given.values() if mount.type == "glob"):
        below = pattern.destination.rstrip("/") + "/"
        mounts = [
            mount
            for mount in mounts
            if not (mount.destination.startswith(below) and fnmatchcase(mount.source, pattern.source))
        ]
        mounts.append(Mount("glob", pattern.source, pattern.destination, tuple(sorted(pattern.options))))
    return mounts


def _overlays_before_start(view: View, given: dict[str, Mount], mounts: list[Mount]) -> list[Mount]:
    """Overlay mounts of host directories, which inspect shows only once the container has run."""
    shown = {mount.destination for mount in mounts}
    missing = []
    for mount in given.values():
        if "O" in mount.options and mount.type == "bind" and mount.destination not in shown:
            if mount.source.startswith("/"):
                missing.append(
                    Mount("bind", mount.source, mount.destination, tuple(sorted(set(mount.options) - {"rw"})))
                )
            else:
                view.remarks.append(
                    f"--volume: the overlay mount at {mount.destination} has a relative source: unknown"
                )
    return missing


# --- tmpfs, image volumes ----------------------------------------------------------------------


def _tmpfs_options(text: str) -> str:
    options = [o for o in text.split(",") if o and o not in ("rw", "rprivate")]
    for default, opposite in (("nosuid", "suid"), ("nodev", "dev"), ("tmpcopyup", "notmpcopyup")):
        if default in options:
            options.remove(default)
        elif opposite not in options:
            options.append(opposite)
    if any(
        option.startswith("uid=") for option in options
    ):  # what Podman makes of U; it takes no uid= itself
        options = ["U", *(option for option in options if not option.startswith(("uid=", "gid=")))]
    return ",".join(sorted(options))


def read_tmpfs(view: View) -> Reading:
    tmpfs = view.host.get("Tmpfs")
    if not tmpfs:
        return None
    entries = []
    for destination in sorted(tmpfs):
        options = _tmpfs_options(str(tmpfs[destination]))
        entries.append(f"{destination}:{options}" if options else destination)
    return view.shown(tuple(entries))


def read_image_volume(view: View) -> Reading:
    if view.command is not None:
        given = view.command.last("--image-volume")
        return view.commanded(given) if given else None
    if view.image is None:
        return UNKNOWABLE
    asked = view.image_config.get("Volumes") or {}
    if not asked:
        return None
    mounted = {entry.get("Destination") for entry in view.inspect.get("Mounts") or ()}
    mounted.update(view.host.get("Tmpfs") or ())
    return None if mounted.issuperset(asked) else UNKNOWABLE


def read_read_only_tmpfs(view: View) -> Reading:
    if not view.host.get("ReadonlyRootfs"):
        return None
    if view.command is not None:
        return view.commanded(False) if view.command.switched("--read-only-tmpfs") is False else None
    device = oci_mount(view, "/dev")
    if device is None:
        return UNKNOWABLE
    return view.from_oci(False) if "ro" in (device.get("options") or ()) else None


def read_rootfs(view: View) -> Reading:
    path = str(view.inspect.get("Rootfs") or "")
    if not path:
        return None
    given = view.command.image if view.command is not None and view.command.switched("--rootfs") else ""
    suffix = given.rpartition(":")[2] if ":" in given else ""
    if view.command is None:
        view.remarks.append("--rootfs: whether it is an overlay (:O) or id-mapped (:idmap) cannot be read")
    return view.shown(f"{path}:{suffix}" if suffix == "O" or suffix.startswith("idmap") else path)
