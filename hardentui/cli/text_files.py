"""A result that goes to a file instead of the terminal."""

from __future__ import annotations

import os

from hardentui.files import write_bundle
from hardentui.model.draft import TextFile


def save_text(path: str, text: str, *, backup: bool, mode: int = 0o644, create: bool = False) -> None:
    """Write one file as a whole or not at all; with `backup` what was there is kept beside it.

    Raises:
        WriteError: what was there is untouched.
    """
    folder, name = os.path.split(os.path.abspath(path))
    # a report that is made every night must not pile up
    write_bundle(folder, [TextFile(name, text, mode)], follow_symlink=True, keep_backup=backup, create=create)
