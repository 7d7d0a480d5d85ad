"""A check by its id."""

from __future__ import annotations

from hardentui.checks import all_checks, check_by_id
from hardentui.errors import UsageError
from hardentui.model.check import AnyCheck
from hardentui.visible import visible


def find_check(check_id: str) -> AnyCheck:
    """A check by its id.

    Raises:
        UsageError: there is none; names the nearest.
    """
    check = check_by_id(check_id)
    if check is None:
        from difflib import get_close_matches  # a check needs none of it, and it takes 4 ms

        ids = [known.id for known in all_checks()]
        close = get_close_matches(check_id, ids, 3, 0.5)
        hint = f"Did you mean {' or '.join(close)}?" if close else "All of them: hardentui explain --list"
        raise UsageError(f"There is no check called {visible(check_id, 60)}.", hint)
    return check
