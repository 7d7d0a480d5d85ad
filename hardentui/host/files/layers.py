"""Files of a container that does not run, out of the layers of its file system. Nothing is mounted."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from typing import Any

from hardentui.host.files.reader import Files, reason
from hardentui.model.known import Known, Unreadable

_LIMIT = 1 << 20


def uid_of_name(files: Files, inspect: Mapping[str, Any], name: str) -> Known[int]:
    """The uid that /etc/passwd of a container gives to a user's name.

    Args:
        inspect: its inspect document, which names the layers (GraphDriver, of the overlay driver).
    """
    content = _content(files, inspect, ("etc", "passwd"))
    if isinstance(content, Unreadable):
        return content
    for line in content.splitlines():
        fields = line.split(":")
        if len(fields) > 3 and fields[0] == name and fields[2].isdecimal():
            return int(fields[2])
    return Unreadable(f"/etc/passwd of the image does not name {name}")


def _content(files: Files, inspect: Mapping[str, Any], parts: tuple[str, ...]) -> Known[str]:
    driver = inspect.get("GraphDriver")
    data = driver.get("Data") if isinstance(driver, Mapping) else None
    if not isinstance(data, Mapping):
        return Unreadable("Podman does not report where its layers are")
    layers = [data.get("UpperDir"), *str(data.get("LowerDir") or "").split(":")]
    for layer in layers:
        if not isinstance(layer, str) or not layer.startswith("/"):
            continue
        content = _in_layer(files, layer, parts)
        if content is not None:
            return content
    return Unreadable(f"no layer contains /{'/'.join(parts)}")


def _in_layer(files: Files, layer: str, parts: tuple[str, ...]) -> Known[str] | None:
    """None where the layer does not have it. Links are not followed: they would lead into the host."""
    path = layer
    try:
        for part in parts:
            path = f"{path}/{part}"
            mode = files.stat(path, follow=False).mode
            if stat.S_ISLNK(mode):
                return Unreadable(f"/{'/'.join(parts)} is a link in an image layer")
        if not stat.S_ISREG(mode):
            return Unreadable(f"/{'/'.join(parts)} is no file")
        return files.read_text(path, _LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Unreadable(f"{path}: {reason(error)}")
