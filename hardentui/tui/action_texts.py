"""Actions in sentences: what the keys do, named where a text speaks of them."""

from __future__ import annotations

import re
from functools import cache

from hardentui.do import Do, Verb, said
from hardentui.errors import HardenError
from hardentui.model.finding import Verdict
from hardentui.tui.action import Action
from hardentui.tui.actions import all_actions


@cache
def _told() -> dict[str, str]:
    return {action.id: action.display or _first_of(action) for action in all_actions()}


def _first_of(action: Action) -> str:
    """The first of its keys, as users read it; without one, how to find it."""
    first = action.key.split(",")[0]
    signs = {
        "slash": "/",
        "question_mark": "?",
        "": f": {action.label}",
    }
    return signs.get(
        first,
        first.upper() if re.fullmatch(r"f\d+", first) else first,
    )


def key_of(action: Action) -> str:
    """Its first key, as users read it; empty without one."""
    return (action.display or _first_of(action)) if action.key else ""


def with_keys(text: str) -> str:
    """The text with the keys of its actions (`{walk.trial}`); raises KeyError for an action that is
    none."""
    keys = _told()
    return re.sub(
        r"\{([\w.]+)\}",
        lambda placeholder: keys[placeholder[1]],
        text,
    )


_WAYS: dict[Verb, str] = {
    Verb.CHECK: "{walk.recheck} in the walk",
    Verb.CONFIRM: "{journal.keep} in the journal ({app.journal})",
    Verb.DOCTOR: "{app.doctor}",
    Verb.ENFORCE: "{walk.harden} in the walk",
    Verb.EXPLAIN: "{walk.explain} on the finding",
    Verb.FORGET: "{journal.forget} in the journal ({app.journal})",
    Verb.HOST_IMPORT: "{host.take_in} on the host page ({app.host})",
    Verb.IMAGE_INSIDE: "{images.look} in the walk or on the images page ({app.images})",
    Verb.IMAGE_SCAN: "{images.scan} on the images page ({app.images})",
    Verb.IMAGE_UPDATES: "{images.updates} on the images page ({app.images})",
    Verb.JOURNAL_SHOW: "the journal ({app.journal})",
    Verb.LABS: "{app.training}",
    Verb.LEARN: "{walk.harden} in the walk",
    Verb.QUADLET: "{walk.write} in the walk",
    Verb.QUADLET_AS_IS: "{walk.write} in the walk",
    Verb.RUN_SCRIPT: "{walk.write} in the walk",
    Verb.SETTINGS: "{app.settings}",
    Verb.UNDO: "{journal.undo} in the journal ({app.journal})",
}
"""How a next step is done here; what is missing is said as a command."""


def in_keys(do: Do) -> str:
    """A next step as the keys that do it."""
    way = _WAYS.get(do.verb)
    return with_keys(way) if way is not None else str(do)


def hint_of(error: HardenError) -> str:
    return said(error.advice, in_keys)


def told(error: HardenError) -> str:
    """An error in one paragraph."""
    return f"{error.title} {hint_of(error)}".strip()


def reason_of(verdict: Verdict) -> str:
    """Why, and what would help; empty if there is nothing to say."""
    then = f" ({in_keys(verdict.do)})" if verdict.do is not None else ""
    return f"{verdict.reason}{then}"
