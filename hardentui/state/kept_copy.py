"""The last text that was copied, in a file of our own: not every terminal passes a copy on."""

from __future__ import annotations

import os
from pathlib import Path

from hardentui.errors import WriteError
from hardentui.state.own_files import state_folder


def keep_copy(text: str, folder: Path | None = None) -> Path:
    """Write `text` into last-copy.txt, readable by its owner only; returns the file.

    Raises:
        WriteError: the folder cannot be made or written.
    """
    folder = Path(state_folder()) if folder is None else folder
    path, draft = folder / "last-copy.txt", folder / f".last-copy.{os.getpid()}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}.") from error
    return path
