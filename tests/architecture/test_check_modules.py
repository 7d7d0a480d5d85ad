"""A check says once what it is: what its place says already is not repeated in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import hardentui.checks
from hardentui.model.check import TITLE_LENGTH
from tests.architecture.test_boring_python import nodes, sources

SAID_BY_THE_PLACE = {"id", "step", "doc"}
NAMES_NO_CONDITION = ("It ", "Its ", "Nobody ", "Nothing ", "Somebody ")
SAY_NOTHING = {"one", "found", "it", "thing", "tmp"}


def described() -> Iterator[tuple[str, ast.Module, dict[str, ast.expr]]]:
    """(module, its tree, the keywords of its `CHECK = Check(...)`) of every check."""
    for module, tree in sources():
        if module.startswith("checks/step") and not module.endswith("__init__.py"):
            last = tree.body[-1]
            assert isinstance(last, ast.Assign), module
            assert isinstance(last.value, ast.Call), module
            assert ast.unparse(last).startswith("CHECK = Check("), module
            yield module, tree, {str(keyword.arg): keyword.value for keyword in last.value.keywords}


def test_it_reads_from_the_docstring_down_to_the_check() -> None:
    modules = list(described())
    assert len(modules) == len(hardentui.checks.all_checks()) > 100
    assert [module for module, tree, _ in modules if not ast.get_docstring(tree)] == []


def test_what_the_place_says_is_not_said_again() -> None:
    for module, _, keywords in described():
        assert not SAID_BY_THE_PLACE & keywords.keys(), f"directory, name and docstring of {module} say it"
        kind = ast.unparse(keywords.get("kind", ast.Constant("")))
        assert kind != "Kind.CONTAINER", f"that is the default in {module}"


def test_it_takes_parameters_where_it_has_some() -> None:
    for module, tree, keywords in described():
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        (evaluate,) = (function for function in functions if function.name == "evaluate")
        wanted = ["facts", "parameters"] if "parameters" in keywords else ["facts"]
        assert [argument.arg for argument in evaluate.args.args] == wanted, module


def test_its_title_is_short_and_names_the_bad_condition() -> None:
    """A title stands in lists and on narrow screens, beside the name of what it is about."""
    for check in hardentui.checks.all_checks():
        assert len(check.title) <= TITLE_LENGTH, check.id
        assert not check.title.startswith(NAMES_NO_CONDITION), f"{check.id}: name the thing"
        for text in (check.title, check.summary):
            assert text[0].isupper(), check.id
            assert not text.endswith("."), check.id


def test_names_say_what_they_hold() -> None:
    names = [(module, node.id) for module, node in nodes(ast.Name)]
    names += [(module, node.arg) for module, node in nodes(ast.arg)]
    looked_at = [(module, name) for module, name in names if module.startswith(("checks/step", "reading/"))]
    assert [(module, name) for module, name in looked_at if name in SAY_NOTHING] == []
