"""The targets of requests: paths and queries from arbitrary names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hardentui.errors import NotFound
from hardentui.visible import visible

_PLAIN = re.compile(r"[A-Za-z0-9_.-]*")


def segment(text: str) -> str:
    """One part of a path, from a name or an id.

    Raises:
        NotFound: a part with a special meaning in paths; no object has such a name.
    """
    if text in ("", ".", ".."):
        raise NotFound(f"There is nothing called {visible(text)!r}.")
    return _quoted(text)


def target(path: str, query: Mapping[str, str] | None) -> str:
    """Path and query as sent; the query is sorted, so that equal requests are equal strings."""
    asked = "&".join(
        f"{_quoted(name)}={_quoted(value)}" for name, value in sorted((query or {}).items())
    )
    return f"{path}?{asked}" if asked else path


def _quoted(text: str) -> str:
    """Quoted for a URL; ids and plain words, the usual case, need no urllib for that."""
    if _PLAIN.fullmatch(text):
        return text
    from urllib.parse import quote

    return quote(text, safe="", errors="surrogatepass")
