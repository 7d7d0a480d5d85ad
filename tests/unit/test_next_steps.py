"""Sentences with next steps: a command line names its options, a screen its keys."""

from __future__ import annotations

import io
import re
from pathlib import Path

import hardentui
from hardentui.cli.terminal import Terminal
from hardentui.do import Do, Flag, Verb, joined, said
from hardentui.features.apply.soak import no_soak
from hardentui.tui.action_texts import hint_of, in_keys

_ROOT = Path(hardentui.__file__).parent


def _sources(*folders: str) -> str:
    return "".join(path.read_text() for name in folders for path in (_ROOT / name).rglob("*.py"))


def test_an_option_is_named_on_the_command_line_alone() -> None:
    error = no_soak("there is no log")
    told = io.StringIO()
    Terminal(io.StringIO(), told).error(error)
    assert "Without a soak (--soak) the profile is enforced at once." in told.getvalue()
    assert hint_of(error) == error.hint == "Without a soak the profile is enforced at once."


def test_an_option_that_a_sentence_names_is_one_of_the_command_line() -> None:
    named = re.findall(r'Flag\("([^"]+)"\)', _sources("features", "engine", "harden", "checks"))
    options = {word for flag in named for word in flag.split() if word.startswith("-")}
    declared = set(re.findall(r'"(--?[a-z][a-z-]*)"', _sources("cli")))
    assert {"--soak", "--to", "--any-tag", "-o"} <= options <= declared


def test_sentences_are_joined_with_their_next_steps() -> None:
    sentence = joined("a. ", ("b", Flag("--c")), ("; ", Do(Verb.UNDO, "d")))
    assert said(sentence, with_flags=True) == "a. b (--c); hardentui undo d"
    assert said(sentence, in_keys).startswith("a. b; ")
    assert "hardentui" not in said(sentence, in_keys)
