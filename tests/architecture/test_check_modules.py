"""A check says once what it is: what its place says already is not repeated in it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import hardentui.checks
from hardentui.model.check import TITLE_LENGTH, AnyCheck

DIRECTORY = Path(hardentui.checks.__file__).parent
MODULES = sorted(path for path in DIRECTORY.glob("step*/*.py") if path.name != "__init__.py")
SAID_BY_THE_PLACE = {"id", "step", "doc"}

every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)


def _described(path: Path) -> tuple[ast.Module, dict[str, ast.expr]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (call,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CHECK"
    )
    assert isinstance(call, ast.Call)
    return tree, {str(keyword.arg): keyword.value for keyword in call.keywords}


def test_there_are_checks_to_look_at() -> None:
    assert len(MODULES) == len(hardentui.checks.all_checks()) > 100


@every_module
def test_what_the_place_says_is_not_said_again(path: Path) -> None:
    _, keywords = _described(path)
    assert not SAID_BY_THE_PLACE & keywords.keys(), "the module's directory, name and docstring say it"
    assert ast.unparse(keywords.get("kind", ast.Constant(""))) != "Kind.CONTAINER", "that is the default"


@every_module
def test_it_takes_parameters_where_it_has_some(path: Path) -> None:
    tree, keywords = _described(path)
    (evaluate,) = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "evaluate"
    )
    wanted = ["facts", "parameters"] if "parameters" in keywords else ["facts"]
    assert [argument.arg for argument in evaluate.args.args] == wanted


@every_module
def test_it_reads_from_the_docstring_down_to_the_check(path: Path) -> None:
    tree, _ = _described(path)
    assert ast.get_docstring(tree)
    assert ast.unparse(tree.body[-1]).startswith("CHECK = Check(")


@pytest.mark.parametrize("check", hardentui.checks.all_checks(), ids=lambda check: check.id)
def test_its_title_is_short_and_names_the_bad_condition(check: AnyCheck) -> None:
    """A title stands in lists and on narrow screens, beside the name of what it is about."""
    assert len(check.title) <= TITLE_LENGTH
    assert not check.title.startswith(("It ", "Its ", "Nobody ", "Nothing ", "Somebody ")), "name the thing"
    for text in (check.title, check.summary):
        assert text[0].isupper()
        assert not text.endswith(".")


SAY_NOTHING = {"one", "found", "it", "thing", "tmp"}
READING = DIRECTORY.parent / "reading"


@pytest.mark.parametrize("path", [*MODULES, *sorted(READING.glob("*.py"))], ids=lambda path: path.stem)
def test_names_say_what_they_hold(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assert not SAY_NOTHING & names
