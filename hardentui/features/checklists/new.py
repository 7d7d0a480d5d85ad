"""A new checklist, from a template that explains itself."""

from __future__ import annotations

import os
import re

from hardentui.errors import InputError
from hardentui.features.checklists.loading import directory_of_ours
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.visible import visible

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_checklist(path: str) -> str:
    """Write a checklist, never replacing an existing file; returns its path.

    Raises:
        InputError: the path is not a valid checklist name, or exists.
        WriteError: it cannot be written.
    """
    directory, name = os.path.split(os.path.abspath(path))
    identity = name.removesuffix(".toml")
    if not name.endswith(".toml") or not _ID.fullmatch(identity):
        raise InputError(
            f"{visible(name, 60)!r} cannot be the name of a checklist.",
            "Use lower-case letters, digits and dashes: site.toml",
        )
    if os.path.lexists(path):
        raise InputError(f"{visible(name)} already exists and is not replaced.")
    with open(
        os.path.join(
            directory_of_ours(),
            "templates",
            "own.toml",
        ),
        encoding="utf-8",
    ) as file:
        text = file.read().replace("{id}", identity)
    write_bundle(
        directory,
        [TextFile(name, text)],
        overwrite=False,
        follow_symlink=True,
    )
    return path
