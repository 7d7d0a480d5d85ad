"""Parsing and formatting of mounts in `--volume`, `--mount` and `--tmpfs` syntax."""

from __future__ import annotations

from hardentui.model.open_value import is_open
from hardentui.model.spec import Codec, Mount
from hardentui.options.codecs import as_csv_field, entries, split_csv

_PROPAGATIONS = frozenset(
    "shared slave private rshared rslave rprivate unbindable runbindable".split()
)


_TO_MOUNT = {
    "z": "relabel=shared",
    "Z": "relabel=private",
    "U": "U=true",
    "ro": "ro=true",
    "rw": "rw=true",
    "bind": "bind-nonrecursive=true",
}


_FROM_MOUNT = {
    "relabel=shared": "z",
    "relabel=private": "Z",
    "readonly": "ro",
    "chown": "U",
    "bind-nonrecursive": "bind",
}


_SOURCE_NAMES = frozenset({"source", "src", "from"})


_DESTINATION_NAMES = frozenset({"destination", "dest", "dst", "target"})


_SUBPATH_NAMES = frozenset({"subpath", "volume-subpath", "image-subpath"})


def needs_mount_flag(mount: Mount) -> bool:
    """Whether only `--mount` can express it."""
    if mount.type not in ("bind", "volume") or mount.subpath:
        return True
    if any(option.startswith("volume-opt=") for option in mount.options):
        return True
    if not mount.source:
        return bool(mount.options)
    return ":" in mount.source or ":" in mount.destination


def volume_text(mount: Mount) -> str:
    """`source:destination:options`, for `--volume`."""
    parts = [mount.source, mount.destination] if mount.source else [mount.destination]
    return ":".join(parts + ([",".join(mount.options)] if mount.options else []))


def mount_text(mount: Mount) -> str:
    """`type=…,source=…,destination=…,…`, for `--mount`."""
    words = [f"type={mount.type}"]
    if mount.source:
        words.append(f"source={mount.source}")
    words.append(f"destination={mount.destination}")
    if mount.subpath:
        words.append(f"subpath={mount.subpath}")
    for option in mount.options:
        words.append(
            f"bind-propagation={option}"
            if option in _PROPAGATIONS
            else _TO_MOUNT.get(option, option)
        )
    return ",".join(as_csv_field(word) for word in words)


def mount_flag(mount: Mount) -> tuple[str, str]:
    """The flag for this mount, and its argument."""
    return (
        ("--mount", mount_text(mount))
        if needs_mount_flag(mount)
        else ("--volume", volume_text(mount))
    )


def parse_volume(argument: str) -> Mount:
    parts = argument.split(":")
    if len(parts) == 1:
        return Mount("volume", "", _path(parts[0]))
    options = split_csv(":".join(parts[2:])) if len(parts) > 2 else ()
    kind = "bind" if parts[0].startswith(("/", ".", "~")) else "volume"
    return Mount(
        kind,
        parts[0],
        _path(parts[1]),
        tuple(sorted(options)),
    )


def parse_mount(argument: str) -> Mount:
    """Parse an argument of `--mount`; options are returned in `--volume` spelling."""
    kind, source, destination, subpath = "bind", "", "", ""
    options: list[str] = []
    for word in split_csv(argument):
        name, equals, value = word.partition("=")
        if name == "type":
            kind = value
        elif name in _SOURCE_NAMES:
            source = value
        elif name in _DESTINATION_NAMES:
            destination = value
        elif name in _SUBPATH_NAMES:
            subpath = value
        elif name == "bind-propagation":
            options.append(value)
        elif equals and value in ("true", "false"):
            if value == "true":
                options.append(_FROM_MOUNT.get(name, name))
        else:
            options.append(_FROM_MOUNT.get(word, word))
    return Mount(
        kind,
        source,
        _path(destination),
        tuple(sorted(options)),
        subpath,
    )


def _path(text: str) -> str:
    return text.rstrip("/") or "/"


def _canonical_mount(mount: Mount) -> str:
    return mount_text(mount.with_options(drop=("rw", "rbind", "rprivate")))


def _canonical_tmpfs(text: str) -> str:
    path, _, options = text.partition(":")
    return f"{_path(path)}:{','.join(sorted(set(options.split(',')) - {'', 'rw'}))}"


def _tmpfs_of_mount(argument: str) -> str:
    """`type=tmpfs,destination=/x,ro` in `--tmpfs` syntax."""
    mount = parse_mount(argument)
    options = ",".join(option.removeprefix("tmpfs-") for option in mount.options)
    return f"{mount.destination}:{options}" if options else mount.destination


def _if_type(argument: str, *, tmpfs: bool) -> tuple[str, ...]:
    """The argument of `--mount` if it belongs to this one of its two rows: neither, if its type is
    open."""
    kind = parse_mount(argument).type
    if is_open(kind) or any(is_open(word[:1]) for word in split_csv(argument)):
        return ()
    return (argument,) if (kind == "tmpfs") is tmpfs else ()


MOUNTS_OF_VOLUME: Codec[tuple[Mount, ...]] = entries(
    parse_volume,
    text=lambda mount: mount_flag(mount)[1],
    identity=lambda text: parse_volume(text).destination,
    canonical=_canonical_mount,
    flag_of=lambda mount: mount_flag(mount)[0],
)
"""One argument per mount, of `--volume` or, if that cannot express it, of `--mount`."""


MOUNTS_OF_MOUNT: Codec[tuple[Mount, ...]] = entries(
    parse_mount,
    text=mount_text,
    split=lambda argument: _if_type(argument, tmpfs=False),
    identity=lambda text: parse_mount(text).destination,
    canonical=_canonical_mount,
)


TMPFS_MOUNTS: Codec[tuple[str, ...]] = entries(
    str, identity=lambda text: _path(text.partition(":")[0]), canonical=_canonical_tmpfs
)


TMPFS_OF_MOUNT: Codec[tuple[str, ...]] = entries(
    _tmpfs_of_mount,
    split=lambda argument: _if_type(argument, tmpfs=True),
    identity=lambda text: parse_mount(text).destination,
    canonical=_canonical_tmpfs,
)
