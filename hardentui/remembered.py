"""What is remembered from one start to the next, and the last copied text."""

from __future__ import annotations

import os
from contextlib import suppress

import msgspec
from msgspec import Struct

from hardentui.errors import WriteError
from hardentui.state import read_own, state_directory, write_own


def keep_copy(
    text: str,
    directory: str | os.PathLike[str] | None = None,
) -> str:
    """Write `text` into last-copy.txt, readable by its owner only; returns the file.

    Raises:
        WriteError: the directory cannot be created or written.
    """
    path = os.path.join(
        state_directory() if directory is None else directory,
        "last-copy.txt",
    )
    try:
        write_own(path, text)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}.") from error
    return path


VERSION = 1


_LONGEST = 4096


class Remembered(Struct, frozen=True, rename={"directory": "folder"}):
    """The state in which the last session ended. Empty = unknown."""

    version: int = VERSION  # of this record; one of another version is not read
    theme: str = ""  # the active one
    directory: str = ""  # where files were written last
    # filter, column, reverse: filter and sort order of the container list
    filter: str = ""
    target: str = ""  # what the filter was for: files, or an engine that was named
    column: str = "score"
    reverse: bool = False
    # engine, container, step: where the last walk was
    engine: str = ""
    container: str = ""
    step: int = 0


def remembered_file() -> str:
    """This user's file, which may not exist."""
    return os.path.join(state_directory(), "screens.json")


def read_remembered() -> Remembered:
    """The saved state; empty if it cannot be read, is of another version or belongs to another
    account."""
    try:
        remembered = msgspec.json.decode(read_own(remembered_file()), type=Remembered)
    except (OSError, ValueError, msgspec.MsgspecError):
        return Remembered()
    texts = (
        remembered.theme,
        remembered.directory,
        remembered.filter,
        remembered.target,
        remembered.container,
        remembered.engine,
    )
    usable = remembered.version == VERSION and all(len(text) <= _LONGEST for text in texts)
    return remembered if usable else Remembered()


def remember(remembered: Remembered) -> None:
    """Save it for the next session; if that fails, the next one starts fresh."""
    with suppress(OSError):
        write_own(remembered_file(), msgspec.json.encode(remembered))
