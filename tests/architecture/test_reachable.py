"""Every command, verb and option has its place in the terminal UI, or a reason why it has none."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from hardentui.cli.parser import make_parser
from hardentui.tui.ways import with_keys
from tools.terminal_ui import COMMON, PLACES, PROGRAM, Place, options_of

_SHARED = {option for options in COMMON for option in options.split()}


def _declared() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command and verb with the parser that has its options."""
    top = make_parser()
    yield "hardentui", top
    for name, command in _commands(top).items():
        verbs = _commands(command)
        words = [word for action in _words(command) for word in action.choices or () if word]
        if name == "completion":
            words = []  # the shells
        if name in ("journal", "train") or not (verbs or words):
            yield name, command
        yield from ((f"{name} {verb}", parser) for verb, parser in verbs.items())
        yield from ((f"{name} {word}", command) for word in words)


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    subparsers = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(subparsers[0].choices) if subparsers else {}


def _words(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
            yield action


def _options(parser: argparse.ArgumentParser) -> set[str]:
    return {
        max(action.option_strings, key=len) for action in parser._actions if action.option_strings
    } - _SHARED


def test_every_command_and_verb_has_a_row_and_no_row_is_left_over() -> None:
    assert sorted(name for name, _ in _declared()) == sorted(place.command for place in (PROGRAM, *PLACES))


@pytest.mark.parametrize("place", [PROGRAM, *PLACES], ids=lambda place: place.command)
def test_every_option_is_there_too_or_says_why_not(place: Place) -> None:
    parser = dict(_declared())[place.command]
    command = place.command.partition(" ")[0]
    same = [other for other in PLACES if other.command.partition(" ")[0] == command and other is not place]
    own = options_of([place])
    shared_with_verbs = options_of(same) if " " in place.command else set()
    assert _options(parser) <= own | shared_with_verbs
    assert own <= _options(parser), "an option that is gone"


def test_every_place_names_keys_that_exist() -> None:
    for place in PLACES:
        assert "{" not in with_keys(place.where)
        assert place.nowhere or "`" in place.where
