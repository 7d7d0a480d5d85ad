"""A result that is written to a file instead of the terminal."""

from __future__ import annotations

import os


def save_text(
    path: str,
    text: str,
    *,
    backup: bool,
) -> None:
    """Write one file atomically; with `backup` the previous file is kept beside it.

    Raises:
        WriteError: the previous file is untouched.
    """
    from hardentui.files import write_bundle
    from hardentui.model.draft import TextFile

    directory, name = os.path.split(os.path.abspath(path))
    # backups of a nightly report must not pile up
    file = TextFile(name, text, of_root=True)
    write_bundle(
        directory,
        [file],
        follow_symlink=True,
        keep_backup=backup,
    )
