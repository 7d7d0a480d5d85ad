"""The last copied text, in our own file: not every terminal supports the clipboard."""

from __future__ import annotations

from pathlib import Path

from hardentui.errors import WriteError
from hardentui.state.own_files import state_directory, write_own


def keep_copy(text: str, directory: Path | None = None) -> Path:
    """Write `text` into last-copy.txt, readable by its owner only; returns the file.

    Raises:
        WriteError: the directory cannot be created or written.
    """
    path = (Path(state_directory()) if directory is None else directory) / "last-copy.txt"
    try:
        write_own(str(path), text)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}.") from error
    return path
