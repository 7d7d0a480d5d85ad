"""A next step of the user as a value: the command line writes it as a command, the terminal UI as
keys.

Where a sentence names a next step, it holds it: `("First: ", Do(Verb.UNDO, entry.id))`. Whoever
shows the sentence says the step in its own way.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class Verb(StrEnum):
    """What can be done, as the command line says it; a name takes the place of `{NAME}`."""

    CHECK = "check {NAME}"
    CHECK_SLOWLY = "check host --deep"
    CONFIRM = "confirm {ID}"
    DOCTOR = "doctor"
    EXPLAIN = "explain {ID}"
    EXPLAIN_LIST = "explain --list"
    FORGET = "journal forget {ID}"
    HOST_IMPORT = "check host --import {FILE}"
    IMAGE_INSIDE = "images {NAME} --inside"
    IMAGE_SCAN = "images {NAME} --scan"
    IMAGE_UPDATES = "images --updates"
    JOURNAL_SHOW = "journal show {ID}"
    LABS = "train"
    LEARN = "trial {NAME} --learn"
    PLAN_FILE = "plan {NAME} -o FILE"
    QUADLET = "fix {NAME} --to quadlet"
    QUADLET_AS_IS = "fix {NAME} --as-is"
    SAVE_FACTS = "check --save {FILE}"
    SETTINGS = "config show"
    TRIAL_FILES = "trial {NAME} -o DIR"
    UNDO = "undo {ID}"


class Do(Struct, frozen=True):
    """Do something."""

    verb: Verb
    name: str = ""  # of what, as a word of a command line; empty = the user knows

    def __str__(self) -> str:
        before, _, rest = self.verb.value.partition("{")
        placeholder, _, after = rest.partition("}")
        return f"hardentui {before}{self.name or placeholder}{after}"


Sentence: TypeAlias = str | tuple[str | Do, ...]
"""Text, or parts of it with next steps in between."""


def said(sentence: Sentence, say: Callable[[Do], str] = str) -> str:
    """A sentence as text. `say`: how a next step is said."""
    if isinstance(sentence, str):
        return sentence
    return "".join(say(part) if isinstance(part, Do) else part for part in sentence)
