"""Descriptions of faults in a hand-written file."""

from __future__ import annotations


def kind_of(value: object) -> str:
    """The type of a TOML value, in words."""
    if isinstance(value, bool):
        return "true or false"
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (int, "a whole number"),
        (float, "a fraction"),
        (str, "a string"),
        (tuple, "a list of strings"),
        (list, "a list"),
        (dict, "a table"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), "a date or time")
