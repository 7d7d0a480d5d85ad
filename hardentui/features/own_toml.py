"""Writing our own TOML files (settings, waivers): the one place that does.

A new text is read again before it replaces the old file, and must say what was meant: an error in
writing never becomes a file that the next command refuses.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.errors import InputError
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible


def tables_text(name: str, tables: Iterable[Mapping[str, Any]]) -> str:
    """An array of tables, each below a `[[name]]` of its own, so that another can follow.

    tomli_w writes short tables inline instead: `name = [{…}]`, to which nothing can be added.
    """
    import tomli_w  # only for those who write

    return "\n".join(
        f"[[{name}]]\n{tomli_w.dumps(table, multiline_strings=False)}" for table in tables
    )


def write_toml(
    path: str,
    text: str,
    *,
    means: Mapping[str, Any],
    before: str,
    mode: int = 0o644,
) -> None:
    """Write a file of ours, once its text was read again; the previous one is kept as a backup.

    Args:
        means: what the text must say.
        before: the text that the new one was made from; empty for none.

    Raises:
        InputError: the text says something else; nothing was written.
        WriteError: it cannot be written, or was changed meanwhile.
    """
    try:
        said: Mapping[str, Any] | None = read_toml(text)
    except TomlFault:
        said = None
    if said != means:
        raise InputError(
            f"{visible(path)} was left as it is: the new text would not say what was meant.",
            "Edit the file by hand.",
        )
    directory, name = os.path.split(os.path.abspath(path))
    write_bundle(
        directory,
        [TextFile(name, text, mode)],
        follow_symlink=True,
        create=True,
        seen={name: before},
    )
