"""TOML of Podman's configuration files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=8)
def parsed(text: str) -> Mapping[str, Any]:
    """The document in a text; the same one for the same text, so that nobody may change it.

    The files that come with Podman are six hundred lines of comments, which are emptied before they are
    parsed, and one engine after the other reads them.

    Raises:
        tomllib.TOMLDecodeError: it is no TOML; says in which line.
        RecursionError: it is nested too deeply.
    """
    if '"""' not in text and "'''" not in text:  # else a line that looks like a comment may be none
        text = "\n".join(["" if line.lstrip().startswith("#") else line for line in text.split("\n")])
    return tomllib.loads(text)
