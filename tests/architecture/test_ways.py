"""Next steps in sentences are values, said as commands or as keys; no sentence is taken apart."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import PurePath

import pytest

from hardentui.cli.parser import make_parser, parse
from hardentui.do import Do, Verb
from hardentui.errors import HardenError
from hardentui.model.finding import unknown
from hardentui.tui.action_texts import in_keys, reason_of, told
from tests.architecture.test_boring_python import sources

_COMMANDS = (
    next(action for action in make_parser()._actions if action.dest == "command").choices or ()
)
_MENTION = re.compile(rf"\bhardentui (?:{'|'.join(_COMMANDS)})\b")
_ELSEWHERE = ("cli", "reports", "writers", "serving.py")
"""Rooms whose sentences no screen shows."""
_ALLOWED = {
    "hardentui config checklist": "checklists are written and tested in a shell",
    "hardentui check --format json": "for scripts; the screen names its own way first",
    "hardentui check --check": "a page in a browser has no keys of ours",
    "hardentui train class": "a trainer makes a class in a shell",
    "hardentui train run": "what the learner is taught to type; the lab shows it before the field",
    "hardentui train check": "the lab leaves it out",
    "hardentui fix NAME --plan FILE": "in a plan's file",
    "Written by": "in a file",
    "names them), for example:": "in a plan's file",
    "sign with `hardentui trust sign`": "one of several programs",
    "`hardentui plan NAME` predicts": "of the score, on the command line",
    "hardentui undo ID": "in the journal's data",
}
"""What stays as it is -> why."""


@cache
def _sentences() -> dict[str, str]:
    return dict(_each_sentence())


def _each_sentence() -> Iterator[tuple[str, str]]:
    """Every string in which a command is named, with what it says in place of values: `ID`."""
    for module, tree in sources():
        room = PurePath(module)
        if room.parts[0] in _ELSEWHERE or room.name in (
            "do.py",
            "entry_text.py",
            "cut_off.py",
            "confirm_timer.py",
        ):
            continue
        skipped = _docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                skipped |= {id(part) for part in ast.walk(node) if part is not node}
                parts = (
                    part.value if isinstance(part, ast.Constant) else "ID" for part in node.values
                )
                text = "".join(map(str, parts))
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in skipped
            ):
                text = node.value
            else:
                continue
            if _MENTION.search(text):
                yield f"{room}:{node.lineno}", text


def _docstrings(tree: ast.AST) -> set[int]:
    """Also those below an attribute. A check's are pages to read, with commands to copy."""
    lines = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {id(line) for line in lines if isinstance(line, ast.Constant)}


def test_a_next_step_in_a_sentence_is_a_value() -> None:
    """A command in a string is one that no key does."""
    left = {
        where: text
        for where, text in _sentences().items()
        if not any(allowed in text for allowed in _ALLOWED)
    }
    assert left == {}
    assert [
        each for each in _ALLOWED if not any(each in text for text in _sentences().values())
    ] == []


@pytest.mark.parametrize("verb", Verb)
def test_a_next_step_is_a_command_and_names_keys_that_exist(
    verb: Verb,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = shlex.split(str(Do(verb)))
    try:
        parse([{"SHELL": "bash", "options": "options"}.get(word, word) for word in words[1:]])
    except SystemExit:
        raise AssertionError(capsys.readouterr().err) from None
    assert "{" not in in_keys(Do(verb))


def test_a_sentence_is_said_as_a_command_and_as_keys() -> None:
    error = HardenError(
        "It failed.",
        (
            "Try again with: ",
            Do(Verb.UNDO, "20260102-115500-0001"),
            ".",
        ),
    )
    assert error.hint == "Try again with: hardentui undo 20260102-115500-0001."
    assert told(error) == "It failed. Try again with: u in the journal (J)."
    verdict = unknown("it was not read", do=Do(Verb.CHECK_SLOWLY))
    assert reason_of(verdict) == verdict.because == "it was not read (hardentui check host --deep)"
