"""No screen names an option of the command line: a user of the terminal UI has keys for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

import hardentui
from hardentui.options import BY_NAME, FLAGS_WITHOUT_ROW
from tests.architecture.test_boring_python import sources

_ROOT = Path(hardentui.__file__).parent
_NOT_SHOWN = ("cli", "lib", "writers")
"""The command line itself; what imports nothing of ours; the texts of files."""
_OF_THE_COMMAND_LINE = {
    "do.py": "a next step, which the terminal UI says in keys",
    "errors.py": "no engine was found: the screen for that shows the connections",
    "account.py": "why the program did not start",
    "engine/probe.py": "a Docker that was found is read by another call",
    "features/apply/applying.py": "facts are not changed by apply",
    "features/at_rest/heads.py": "the head of what `fix` prints",
    "features/at_rest/report_text.py": "what `check` prints",
    "features/change/confirm_timer.py": "a unit of systemd",
    "features/change/data_told.py": "only offered on request of the command line",
    "features/fix/compose_draft.py": "there is no compose target on a screen",
    "features/fleet/looking.py": "an error before the first screen",
    "features/opening/behalf.py": "an error before the first screen",
    "features/planning.py": "what `plan` prints",
    "features/reports/as_oscal.py": "an error of `check`",
    "features/reports/saved_report.py": "an error of `check`",
    "features/reports/text_blocks.py": "what `check` prints",
    "features/reports/text_fleet.py": "what `check` prints",
    "features/reports/text_overview.py": "what `check` prints",
    "features/training/lab.py": "a lab teaches the commands",
    "features/training/lab_images.py": "a lab teaches the commands",
    "features/trial/harmless.py": "`given_by` of a lack, which a card on a screen leaves out",
    "features/trial/page.py": "what `trial` prints",
    "features/trial/proposing.py": "`advice`, which a card on a screen leaves out",
    "features/trial/twin_mounts.py": "`given_by` of a lack, which a card on a screen leaves out",
    "features/vendors/telling.py": "what `check` prints of a vendor's release",
    "options/argv.py": "options of podman",
    "harden/plan.py": "the hint of a decision, which the walk leaves out",
}
"""Modules whose sentences with options no screen shows, each with the reason."""
_PROGRAMS = ("podman ", "journalctl ", "key-bar")
"""Words that show an option to be another program's."""


def _own_options() -> frozenset[str]:
    source = "".join(path.read_text() for path in (_ROOT / "cli").rglob("*.py"))
    of_podman = {*BY_NAME, *(f"--{name}" for name in BY_NAME), *(f.flag for f in FLAGS_WITHOUT_ROW)}
    return frozenset(re.findall(r'"(--[a-z][a-z-]+)"', source)) - of_podman


def _is_flag(node: ast.AST) -> bool:
    """Whether it is a `Flag`, which a screen leaves out."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Flag"


def _sentences(tree: ast.Module) -> Iterator[str]:
    """The texts of a module, without docstrings and flags."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    flags = {id(part) for node in ast.walk(tree) if _is_flag(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings | flags:
                yield text


def _naming(tree: ast.Module, own: frozenset[str]) -> list[str]:
    return [
        text
        for text in _sentences(tree)
        if any(option in own for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
        and " " in text
        and not any(word in text for word in _PROGRAMS)
    ]


def test_no_module_that_a_screen_shows_names_an_option_of_the_command_line() -> None:
    own = _own_options()
    assert {"--grant", "--soak", "--keep-data"} <= own
    naming = {
        module: texts
        for module, tree in sources()
        if PurePath(module).parts[0] not in _NOT_SHOWN and (texts := _naming(tree, own))
    }
    assert {name: texts for name, texts in naming.items() if name not in _OF_THE_COMMAND_LINE} == {}
    assert sorted(_OF_THE_COMMAND_LINE) == sorted(naming), "what no longer does leaves the list"


def test_no_screen_names_a_key_of_the_command_line() -> None:
    """Ctrl-C ends what runs on a command line; on a screen it quits."""
    naming = {
        module
        for module, tree in sources()
        if PurePath(module).parts[0] not in (*_NOT_SHOWN, "tui")
        and any("ctrl-c" in text.lower() for text in _sentences(tree))
    }
    assert naming == set()
