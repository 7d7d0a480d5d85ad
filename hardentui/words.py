"""Small words of English that depend on a number."""

from __future__ import annotations


def plural(count: int, singular: str, many: str = "") -> str:
    """`1 file`, `3 files`; `many` where an s is not enough: `2 processes`."""
    return f"{count} {singular if count == 1 else many or singular + 's'}"
