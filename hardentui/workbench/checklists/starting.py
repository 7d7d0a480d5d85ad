"""A new checklist with its tests, from a template that explains itself."""

from __future__ import annotations

import os
import re

from hardentui.errors import InputError
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.visible import visible
from hardentui.workbench.checklists.fixtures import ENDING
from hardentui.workbench.checklists.loading import directory_of_ours

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_checklist(path: str) -> tuple[str, ...]:
    """Write a checklist and its tests, never replacing existing files; returns their paths.

    Raises:
        InputError: the path is not a valid checklist name.
        WriteError: the file exists, or it cannot be written.
    """
    directory, name = os.path.split(os.path.abspath(path))
    identity = name.removesuffix(".toml")
    if not name.endswith(".toml") or not _ID.fullmatch(identity):
        raise InputError(
            f"{visible(name, 60)!r} cannot be the name of a checklist.",
            "Use lower-case letters, digits and dashes: site.toml",
        )
    for ending in (".toml", ENDING):
        if os.path.lexists(os.path.join(directory, f"{identity}{ending}")):
            raise InputError(f"{visible(identity)}{ending} already exists and is not replaced.")
    files = [
        TextFile(f"{identity}{ending}", _template(ending).replace("{id}", identity))
        for ending in (".toml", ENDING)
    ]
    write_bundle(directory, files, overwrite=False, follow_symlink=True)
    return tuple(os.path.join(os.path.dirname(path), file.name) for file in files)


def _template(ending: str) -> str:
    with open(os.path.join(directory_of_ours(), "templates", f"own{ending}"), encoding="utf-8") as file:
        return file.read()
