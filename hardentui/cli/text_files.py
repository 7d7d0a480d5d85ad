"""A result that is written to a file instead of the terminal."""

from __future__ import annotations

import os

from hardentui.files import write_bundle
from hardentui.model.draft import TextFile


def save_text(path: str, text: str, *, backup: bool, mode: int = 0o644, create: bool = False) -> None:
    """Write one file atomically; with `backup` the previous file is kept beside it.

    Raises:
        WriteError: the previous file is untouched.
    """
    directory, name = os.path.split(os.path.abspath(path))
    # backups of a nightly report must not pile up
    write_bundle(
        directory,
        [TextFile(name, text, mode, of_root=True)],
        follow_symlink=True,
        keep_backup=backup,
        create=create,
    )
