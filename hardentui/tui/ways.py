"""Commands in our sentences, said as the keys of this program.

Reasons and hints are made for the command line too, and name the command that helps. Where a key does the
same, a screen names the key. Commands that are meant to be copied do not pass through here.
"""

from __future__ import annotations

import re
from functools import cache

from hardentui.errors import HardenError
from hardentui.tui.vocabulary import all_actions

# Commands in our sentences, said as the keys of this program.
#
# Reasons and hints are made for the command line too, and name the command that helps. Where a key does the
# same, a screen names the key. Commands that are meant to be copied do not pass through here.

_ID = r" (?:ID|\d{8}-\d{6}-\w+)"


_NAME = r"(?: (?:NAME|IMAGE))?"


WAYS: tuple[tuple[str, str], ...] = (
    (rf"hardentui images{_NAME} --inside", "{images.look} in the walk or on the images page ({app.images})"),
    (rf"hardentui images{_NAME} --scan", "{images.scan} on the images page ({app.images})"),
    (r"hardentui images --import FILE", "{images.take_in} on the images page ({app.images})"),
    (r"hardentui images --updates", "{images.updates} on the images page ({app.images})"),
    (r"hardentui check host --import FILE", "{host.take_in} on the host page ({app.host})"),
    (rf"hardentui trial{_NAME} --learn", "a trial ({walk.trial} in the walk) that learns ({trial.learn})"),
    (rf"hardentui trial{_NAME}", "{walk.trial} in the walk"),
    (rf"hardentui plan{_NAME}", "{walk.plan} in the walk"),
    (rf"hardentui apply{_NAME}", "{walk.apply} in the walk"),
    (rf"hardentui fix{_NAME} --(?:as-is|to (?:quadlet|unit|run))", "{walk.write} in the walk"),
    (r"hardentui check NAME", "{walk.recheck} in the walk"),
    (r"hardentui explain ID", "{walk.explain} on the finding"),
    (r"hardentui explain ([a-z]+-[a-z-]+)", r"{walk.explain} on the finding \1"),
    (rf"hardentui harden{_NAME}", "{walk.harden} in the walk"),
    (r"hardentui doctor", "{app.doctor}"),
    (r"hardentui check --save FILE", "{export.facts} in the report dialog ({app.export})"),
    (r"hardentui config show", "{app.settings}"),
    (rf"hardentui undo{_ID}", "{journal.undo} in the journal ({app.journal})"),
    (rf"hardentui confirm{_ID}", "{journal.keep} in the journal ({app.journal})"),
    (rf"hardentui journal forget{_ID}", "{journal.forget} in the journal ({app.journal})"),
    (rf"hardentui journal show{_ID}", "the journal ({app.journal})"),
    (r"hardentui trust sign", "{trust.sign} on the trust page ({app.trust})"),
    (r"hardentui train start \S+", "{lab.restart} in the lab ({app.training})"),
    (r"hardentui train", "{app.training}"),
)


"""Command -> the keys that do the same; `{walk.trial}` is the key of that action. The first match counts."""


@cache
def _keys() -> dict[str, str]:
    return {action.id: action.display or _first_of(action.key) for action in all_actions()}


def _first_of(keys: str) -> str:
    """The first of an action's keys, as users read it."""
    first = keys.split(",")[0]
    signs = {"slash": "/", "question_mark": "?", "at": "@"}
    return signs.get(first, first.upper() if re.fullmatch(r"f\d+", first) else first)


def with_keys(text: str) -> str:
    """The text with the keys of its actions; raises KeyError for an action that is none."""
    keys = _keys()
    return re.sub(r"\{([\w.]+)\}", lambda placeholder: keys[placeholder[1]], text)


@cache
def _spoken() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(rf"`?{command}\b`?"), with_keys(way)) for command, way in WAYS)


def in_keys(sentence: str) -> str:
    """One of our sentences, with keys in place of the commands that they stand for."""
    if "hardentui " in sentence:
        for command, way in _spoken():
            sentence = command.sub(way, sentence)
    return sentence


def hint_of(error: HardenError) -> str:
    return in_keys(error.hint)


def told(error: HardenError) -> str:
    """An error in one paragraph."""
    return in_keys(f"{error.title} {error.hint}".strip())
