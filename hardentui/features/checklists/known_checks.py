"""A check by its ID."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.checks import CHECKS, RETIRED, check_by_id
from hardentui.do import Do, Verb
from hardentui.errors import UsageError
from hardentui.features.checklists.loading import load
from hardentui.model.check import Check
from hardentui.visible import visible


def know_checks(ids: Iterable[str], checklist: str) -> None:
    """Raises UsageError for an ID that neither HardenTUI nor the checklist has, and what `load`
    raises."""
    ids = tuple(ids)
    own = load(checklist).own if ids and checklist else ()
    for check_id in ids:
        find_check(check_id, own)


def find_check(
    check_id: str,
    own: Iterable[Check] = (),
    others: Iterable[str] = (),
) -> Check:
    """A check by its id.

    Args:
        own: those declared by a checklist.
        others: what else could have been meant, for the hint.

    Raises:
        UsageError: there is no such check; the hint names similar ones.
    """
    own = tuple(own)
    check = check_by_id(check_id) or next((known for known in own if known.id == check_id), None)
    if check_id in RETIRED:
        raise UsageError(
            f"The check {check_id} is gone.",
            f"Look at {RETIRED[check_id]} instead.",
        )
    if check is None:
        from difflib import get_close_matches  # rarely needed, and it takes 4 ms

        ids = [*CHECKS, *(known.id for known in own), *others]
        close = get_close_matches(check_id.lower(), ids, 3, 0.5)
        hint = (
            (f"Did you mean {' or '.join(close)}?",)
            if close
            else ("All of them: ", Do(Verb.EXPLAIN_LIST))
        )
        raise UsageError(f"There is no check called {visible(check_id, 60)}.", hint)
    return check
