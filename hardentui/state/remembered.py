"""What the terminal UI remembers from one session to the next: never needed, never believed blindly."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

import msgspec
from msgspec import Struct

from hardentui.account import is_confined
from hardentui.state.own_files import read_own, state_folder, write_own

VERSION = 1
_LONGEST = 4096


class Remembered(Struct, frozen=True):
    """The state in which the last session ended. Empty = unknown.

    Attributes:
        version: of this record; one of another version is not read.
        theme: the one that was on.
        folder: where files were written last.
        filter, column, reverse: what the list of containers showed, and how it was sorted.
        engine, container, step: where the last walk was.
    """

    version: int = VERSION
    theme: str = ""
    folder: str = ""
    filter: str = ""
    column: str = "score"
    reverse: bool = False
    engine: str = ""
    container: str = ""
    step: int = 0


def remembered_file() -> str:
    """The file of this user, which may not be there."""
    return os.path.join(state_folder(), "screens.json")


def read_remembered(environ: Mapping[str, str]) -> Remembered:
    """What is remembered; empty if it cannot be read, is of another version or belongs to another account.

    A session that is confined to a folder (in a browser) remembers nothing.
    """
    if is_confined(environ):
        return Remembered()
    try:
        remembered = msgspec.json.decode(read_own(remembered_file()), type=Remembered)
    except (OSError, ValueError, msgspec.MsgspecError):
        return Remembered()
    texts = (remembered.theme, remembered.folder, remembered.filter, remembered.container, remembered.engine)
    usable = remembered.version == VERSION and all(len(text) <= _LONGEST for text in texts)
    return remembered if usable else Remembered()


def remember(remembered: Remembered, environ: Mapping[str, str]) -> None:
    """Save it for the next session; if that fails, the next one starts fresh."""
    if is_confined(environ):
        return
    with suppress(OSError):
        write_own(remembered_file(), msgspec.json.encode(remembered))
