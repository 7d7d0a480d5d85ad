"""Writing the files of drafts to a directory."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from datetime import datetime

from hardentui.errors import WriteError
from hardentui.files import write_bundle
from hardentui.model.draft import DraftFile, TextFile
from hardentui.model.written import WriteState, WrittenFile
from hardentui.state.own_files import state_directory
from hardentui.visible import visible
from hardentui.writers.context import safe_file_name


def save(files: Sequence[DraftFile], directory: str, *, create: bool = False) -> tuple[WrittenFile, ...]:
    """Write the files atomically; previous files are kept as backups. Units of the pod and
    of its other members that are already in the directory are left alone.

    Args:
        create: create the directory if it is missing.

    Raises:
        WriteError: nothing was written.
    """
    written: list[WrittenFile] = []
    for below in dict.fromkeys(_below(file) for file in files):
        where = posixpath.join(directory, below) if below else directory
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


def save_result(files: Sequence[DraftFile], directory: str, name: str) -> tuple[WrittenFile, ...]:
    """The same for the result of long work: where it cannot be written, it is kept in our state directory.

    Args:
        name: of the subject.

    Raises:
        WriteError: it is kept there; says where.
    """
    try:
        return save(files, directory, create=True)
    except WriteError as error:
        kept = os.path.join(
            state_directory(), "results", safe_file_name(f"{name}-{datetime.now():%Y%m%d-%H%M%S}")
        )
        try:
            save(files, kept, create=True)
        except WriteError:
            raise error from None
        title = error.title.replace("; nothing was changed", "")
        raise WriteError(title, f"The result is kept in {visible(kept)}. {error.hint}".strip()) from error


def save_texts(files: Sequence[TextFile], directory: str) -> tuple[WrittenFile, ...]:
    """Write files to a directory, which is created if missing; all of them or none.

    Raises:
        WriteError: nothing was written.
    """
    return tuple(write_bundle(directory, files, create=True))


def _below(file: DraftFile) -> str:
    """Directory of a drop-in below the chosen directory; empty for every other file."""
    name = posixpath.basename(file.directory)
    return name if name.endswith(".d") else ""
