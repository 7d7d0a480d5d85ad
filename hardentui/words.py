"""Small pieces of English sentences."""

from __future__ import annotations

from collections.abc import Iterable


def plural(count: int, singular: str, many: str = "") -> str:
    """`1 file`, `3 files`; `many` where an s is not enough: `2 processes`."""
    return f"{count} {singular if count == 1 else many or singular + 's'}"


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest of `words`, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
