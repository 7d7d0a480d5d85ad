"""No sentence of ours sends users of the terminal UI to the command line for what a key does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePath

from hardentui.cli.parser import make_parser
from hardentui.tui.ways import WAYS, in_keys, with_keys
from tests.architecture.test_boring_python import sources

_COMMANDS = next(action for action in make_parser()._actions if action.dest == "command").choices or ()
_MENTION = re.compile(rf"\bhardentui (?:{'|'.join(_COMMANDS)})\b")
_ELSEWHERE = ("cli", "reports", "writers", "serving.py")
"""Rooms whose sentences no screen shows."""
_ALLOWED = {
    "hardentui check host --deep": "no key reads package managers: it takes seconds to minutes",
    "hardentui explain --list": "no screen lists every check",
    "hardentui config checklist": "checklists are written and tested in a shell",
    "hardentui check --facts": "a command to copy, for another machine",
    "hardentui check --format json": "for scripts; the screen names its own way first",
    "hardentui train run": "what the learner is taught to type; the lab shows it before the field",
    "hardentui train check": "the lab leaves it out",
    "hardentui fix NAME --plan FILE": "in a plan's file",
    "Written by": "in a file",
    "hardentui config show` shows": "in a settings file",
    "    undo: hardentui": "text mode",
}
"""What stays as it is -> why."""


@cache
def _sentences() -> dict[str, str]:
    return dict(_each_sentence())


def _each_sentence() -> Iterator[tuple[str, str]]:
    """Every string in which a command is named, with what it says in place of values: `ID`."""
    for module, tree in sources():
        room = PurePath(module)
        if room.parts[0] in _ELSEWHERE or room.name in ("ways.py", "journal_text.py"):
            continue
        skipped = set() if room.parts[0] == "checks" else _docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                skipped |= {id(part) for part in ast.walk(node) if part is not node}
                parts = (part.value if isinstance(part, ast.Constant) else "ID" for part in node.values)
                text = "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
                text = node.value
            else:
                continue
            if _MENTION.search(text):
                yield f"{room}:{node.lineno}", text


def _docstrings(tree: ast.AST) -> set[int]:
    """Also those below an attribute. A check's are shown, so they are not left out there."""
    lines = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {id(line) for line in lines if isinstance(line, ast.Constant)}


def test_a_sentence_names_the_key_that_does_it() -> None:
    left = {
        where: in_keys(text)
        for where, text in _sentences().items()
        if _MENTION.search(in_keys(text)) and not any(allowed in text for allowed in _ALLOWED)
    }
    assert left == {}


def test_each_way_is_needed_and_names_keys_that_exist() -> None:
    assert len(_sentences()) > 30
    for command, way in WAYS:
        assert "{" not in with_keys(way)
        assert any(re.search(command, text) for text in _sentences().values()), command


def test_a_sentence_reads_well_with_keys() -> None:
    assert in_keys("never scanned; use hardentui images --scan") == (
        "never scanned; use n on the images page (I)"
    )
    assert in_keys("Try again with: hardentui undo 20260102-115500-0001") == (
        "Try again with: u in the journal (J)"
    )
    assert (
        in_keys("See: hardentui explain steering-annotations.")
        == "See: e on the finding steering-annotations."
    )
    assert in_keys("a name such as hardentui stays") == "a name such as hardentui stays"
