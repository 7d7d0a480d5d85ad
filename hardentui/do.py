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
    ENFORCE = "harden {NAME} --soak 0"
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
    RUN_SCRIPT = "fix {NAME} --to run"
    SAVE_FACTS = "check --save {FILE}"
    SETTINGS = "config show"
    TRIAL_FILES = "trial {NAME} -o DIR"
    UNDO = "undo {ID}"


class Do(Struct, frozen=True, tag=True):
    """Do something."""

    verb: Verb
    name: str = ""  # of what, as a word of a command line; empty = the user knows

    def __str__(self) -> str:
        before, _, rest = self.verb.value.partition("{")
        placeholder, _, after = rest.partition("}")
        return f"hardentui {before}{self.name or placeholder}{after}"


class Flag(Struct, frozen=True, tag=True):
    """What only a command line has: the option that does what the words before it say, or Ctrl-C. A
    screen has keys, and leaves it out."""

    option: str


Sentence: TypeAlias = str | tuple[str | Do | Flag, ...]
"""Text, or parts of it with next steps and options in between."""


def joined(*sentences: Sentence) -> Sentence:
    """One sentence after the other, as one."""
    parts: list[str | Do | Flag] = []
    for sentence in sentences:
        parts += [sentence] if isinstance(sentence, str) else sentence
    return tuple(parts)


def said(
    sentence: Sentence,
    say: Callable[[Do], str] = str,
    *,
    with_flags: bool = False,
) -> str:
    """A sentence as text.

    Args:
        say: how a next step is said.
        with_flags: for a command line, which names its options.
    """
    if isinstance(sentence, str):
        return sentence
    texts = []
    for part in sentence:
        if isinstance(part, Do):
            texts.append(say(part))
        elif isinstance(part, str):
            texts.append(part)
        elif with_flags:
            texts.append(f" ({part.option})")
    return "".join(texts)
