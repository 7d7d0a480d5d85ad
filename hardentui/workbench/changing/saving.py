"""Writing the files of drafts to a folder."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence

from hardentui.files import write_bundle
from hardentui.model.draft import DraftFile, TextFile
from hardentui.model.written import WriteState, WrittenFile


def save(files: Sequence[DraftFile], folder: str, *, create: bool = False) -> tuple[WrittenFile, ...]:
    """Write the files atomically; previous files are kept as backups. Units of the pod and
    of its other members that are already in the folder are left alone.

    Args:
        create: create the folder if it is missing.

    Raises:
        WriteError: nothing was written.
    """
    written: list[WrittenFile] = []
    for below in dict.fromkeys(_below(file) for file in files):
        where = posixpath.join(folder, below) if below else folder
        here = [file for file in files if _below(file) == below]
        kept = {
            name
            for name in (file.name for file in here if file.of_pod)
            if os.path.lexists(os.path.join(where, name))
        }
        new = [file for file in here if file.name not in kept]
        written += write_bundle(where, new, create=create or bool(below))
        written += [WrittenFile(os.path.join(where, name), WriteState.KEPT) for name in sorted(kept)]
    return tuple(written)


def save_texts(files: Sequence[TextFile], folder: str) -> tuple[WrittenFile, ...]:
    """Write files to a folder, which is created if missing; all of them or none.

    Raises:
        WriteError: nothing was written.
    """
    return tuple(write_bundle(folder, files, create=True))


def _below(file: DraftFile) -> str:
    """Folder of a drop-in below the chosen folder; empty for every other file."""
    name = posixpath.basename(file.folder)
    return name if name.endswith(".d") else ""
