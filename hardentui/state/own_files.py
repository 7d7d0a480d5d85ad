"""Folders of our own, and the JSON documents that are kept there.

Paths are plain texts here: importing pathlib for them would take a thirtieth of the time of a check.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Folder: TypeAlias = "Callable[[], str | os.PathLike[str]]"
"""Finds a folder when it is needed, which may not be there yet."""


def cache_folder() -> str:
    """Our own folder for what can be made again."""
    return _xdg("XDG_CACHE_HOME", "~/.cache")


def config_folder() -> str:
    """Our own folder for what the user has set."""
    return _xdg("XDG_CONFIG_HOME", "~/.config")


def state_folder() -> str:
    """Our own folder for what outlives a session and must not be lost."""
    return _xdg("XDG_STATE_HOME", "~/.local/state")


def _xdg(variable: str, otherwise: str) -> str:
    """By the XDG base directory specification; platformdirs would take 11 ms of each start."""
    given = os.environ.get(variable, "")
    return os.path.join(given if given.startswith("/") else os.path.expanduser(otherwise), "hardentui")


def read_document(path: str) -> Any:
    """The parsed JSON of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON.
    """
    with open(path, "rb") as file:
        return json.loads(file.read())


def keep_document(path: str, document: Mapping[str, Any]) -> None:
    """Write a file that can be made again; when it cannot be written, the next session makes it again."""
    draft = f"{path}.{os.getpid()}.new"
    with suppress(OSError):
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with open(draft, "w", encoding="utf-8") as file:
                json.dump(document, file)
            os.replace(draft, path)
        finally:
            os.unlink(draft)  # where it is still there: the disk is full, for example
