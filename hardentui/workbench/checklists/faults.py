"""Words for what is wrong in a file that somebody wrote by hand."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest of `words`, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def kind_of(value: object) -> str:
    """What a value of a TOML document is, in words."""
    if isinstance(value, bool):
        return "true or false"
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (int, "a whole number"),
        (float, "a fraction"),
        (str, "a text"),
        (tuple, "a list of texts"),
        (list, "a list"),
        (dict, "a table"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), "a date or time")
