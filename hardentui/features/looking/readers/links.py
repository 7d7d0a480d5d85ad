"""Symbolic links in the host's paths that a container mounts."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.host.files import Files
from hardentui.model.facts import (
    VolumeFacts,
)

_MOST_LINKS = 40  # as many as the kernel follows


def links_of(
    files: Files,
    document: Mapping[str, Any],
    volumes: Mapping[str, VolumeFacts],
) -> dict[str, str]:
    """Host path of a mount -> its target, for the mounts of a container that go through links.

    A path that cannot be read (no permission, not recorded) is left out; the typed one is used.
    """
    links = {}
    for path in _host_paths(document, volumes):
        try:
            real = real_path(files, path)
        except OSError:
            continue
        if real != posixpath.normpath(path):
            links[path] = real
    return links


def real_path(files: Files, path: str) -> str:
    """The path without symbolic links.

    Raises:
        OSError: part of it cannot be read, or its links form a loop.
    """
    left = [part for part in path.split("/") if part][::-1]
    real, links = "/", 0
    while left:
        part = left.pop()
        if part in (".", ".."):
            real = posixpath.dirname(real) if part == ".." else real
            continue
        here = posixpath.join(real, part)
        if not stat.S_ISLNK(files.stat(here, follow=False).mode):
            real = here
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError("too many links")
        target = files.read_link(here)
        real = "/" if target.startswith("/") else real
        left += [part for part in target.split("/") if part][::-1]
    return real


def _host_paths(
    document: Mapping[str, Any],
    volumes: Mapping[str, VolumeFacts],
) -> Iterable[str]:
    for mount in document.get("Mounts") or ():
        source = (
            mount.get("Source")
            if isinstance(mount, Mapping) and mount.get("Type") == "bind"
            else None
        )
        if isinstance(source, str) and source.startswith("/"):
            yield source
    for volume in volumes.values():
        device = (volume.inspect.get("Options") or {}).get("device")
        if isinstance(device, str) and device.startswith("/"):
            yield device
