"""Files of a stopped container, from the layers of its file system. Nothing is mounted."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from hardentui.host.files import Files, FileStat, reason
from hardentui.model.known import Known, Unread

_LIMIT = 1 << 20
_MODULES = tuple(".py .pyc .js .mjs .cjs .ts .rb .pl .pm .php .lua .sh .so .jar .class".split())


def uid_of_name(
    files: Files,
    inspect: Mapping[str, Any],
    name: str,
) -> Known[int]:
    """The uid of a user name in a container's /etc/passwd. `inspect`: its inspect document, which
    names the layers (GraphDriver of the overlay driver).
    """
    content = _content(files, inspect, ("etc", "passwd"))
    if isinstance(content, Unread):
        return content
    for line in content.splitlines():
        fields = line.split(":")
        if len(fields) > 3 and fields[0] == name and fields[2].isdecimal():
            return int(fields[2])
    return Unread(f"/etc/passwd of the image does not name {name}")


def _content(
    files: Files,
    inspect: Mapping[str, Any],
    parts: tuple[str, ...],
) -> Known[str]:
    own, of_image = _layers(inspect)
    if not own and not of_image:
        return Unread("Podman does not report where its layers are")
    for layer in (*own, *of_image):
        content = _in_layer(files, layer, parts)
        if content is not None:
            return content
    return Unread(f"no layer contains /{'/'.join(parts)}")


def _layers(inspect: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The container's writable layer, then those of its image, topmost first."""
    driver = inspect.get("GraphDriver") or {}
    data: Mapping[str, str] = driver.get("Data") or {}

    def paths(key: str) -> tuple[str, ...]:
        return tuple(path for path in str(data.get(key) or "").split(":") if path.startswith("/"))

    return paths("UpperDir"), paths("LowerDir")


class ImageFiles(Struct, frozen=True):
    """The image's files in a directory, including those that a higher layer replaces."""

    bytes: int | None  # their size; None if it is unknown, or there are too many
    code: str = ""  # path in the container of a program or module among them; empty if none was met


def files_of_image(
    files: Files,
    inspect: Mapping[str, Any],
    directory: str,
    most: int,
) -> ImageFiles:
    """The image's files in a directory.

    Args:
        most: how many files and directories to inspect.
    """
    _, of_image = _layers(inspect)
    total, code = 0, ""
    waiting = [
        (f"{layer}{directory}", directory)
        for layer in of_image
        if _without_links(files, layer, directory)
    ]
    if not of_image:
        return ImageFiles(None)
    while waiting:
        path, inside = waiting.pop()
        try:
            for name in files.list_dir(path):
                most -= 1
                if most < 0:
                    return ImageFiles(None, code)
                seen = files.stat(f"{path}/{name}", follow=False)
                if stat.S_ISDIR(seen.mode):
                    waiting.append((f"{path}/{name}", f"{inside.rstrip('/')}/{name}"))
                elif stat.S_ISREG(seen.mode):
                    total += seen.size
                    if not code and seen.size and _is_code(name, seen.mode):
                        code = f"{inside.rstrip('/')}/{name}"
        except OSError:
            return ImageFiles(None, code)
    return ImageFiles(total, code)


def _is_code(name: str, mode: int) -> bool:
    """A module by its name; a program by its mode, which copied data (`logo.png`) may have too."""
    return name.endswith(_MODULES) or ".so." in name or ("." not in name and bool(mode & 0o111))


def directory_of_image(
    files: Files,
    inspect: Mapping[str, Any],
    directory: str,
) -> FileStat | None:
    """A directory in the image, else in the container's writable layer; None if there is none."""
    own, of_image = _layers(inspect)
    layer = next(
        (layer for layer in (*of_image, *own) if _without_links(files, layer, directory)), None
    )
    try:
        return None if layer is None else files.stat(f"{layer}{directory}", follow=False)
    except OSError:
        return None


def _without_links(
    files: Files,
    layer: str,
    directory: str,
) -> bool:
    """The layer has the directory, and its path contains no link."""
    path = layer
    try:
        for part in directory.strip("/").split("/"):
            path = f"{path}/{part}"
            if not stat.S_ISDIR(files.stat(path, follow=False).mode):
                return False
    except OSError:
        return False
    return True


def _in_layer(
    files: Files,
    layer: str,
    parts: tuple[str, ...],
) -> Known[str] | None:
    """None if the layer does not have it. Links are not followed: they would lead into the host."""
    path = layer
    try:
        for part in parts:
            path = f"{path}/{part}"
            mode = files.stat(path, follow=False).mode
            if stat.S_ISLNK(mode):
                return Unread(f"/{'/'.join(parts)} is a link in an image layer")
        if not stat.S_ISREG(mode):
            return Unread(f"/{'/'.join(parts)} is not a regular file")
        return files.read_text(path, _LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Unread(f"{path}: {reason(error)}")
