"""The targets of requests: paths and queries out of names that may be anything."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hardentui.errors import NotFound
from hardentui.visible import visible

_PLAIN = re.compile(r"[A-Za-z0-9_.-]*")


def segment(text: str) -> str:
    """One part of a path, made of a name or an id.

    Raises:
        NotFound: a part that a server would take for a step in the path; no object is called so.
    """
    if text in ("", ".", ".."):
        raise NotFound(f"There is nothing called {visible(text)!r}.")
    return _quoted(text)


def target(path: str, query: Mapping[str, str] | None) -> str:
    """Path and query as they are sent; the query is sorted, so that equal requests are equal texts."""
    asked = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted((query or {}).items()))
    return f"{path}?{asked}" if asked else path


def _quoted(text: str) -> str:
    """As a part of an address; ids and plain words, which a check asks for, need no urllib for that."""
    if _PLAIN.fullmatch(text):
        return text
    from urllib.parse import quote

    return quote(text, safe="", errors="surrogatepass")
