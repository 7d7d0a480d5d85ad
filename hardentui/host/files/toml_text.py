"""TOML of Podman's configuration files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hardentui.toml_document import read_toml


@lru_cache(maxsize=8)
def parsed(text: str) -> Mapping[str, Any]:
    """The document in a text, cached by text, so callers must not change it.

    The files that come with Podman are six hundred lines of comments, which are blanked before parsing, and
    every engine reads them.

    Raises:
        TomlFault: it is not valid TOML; names the line.
    """
    if '"""' not in text and "'''" not in text:  # else a line that looks like a comment may be in a string
        text = "\n".join(["" if line.lstrip().startswith("#") else line for line in text.split("\n")])
    return read_toml(text)
