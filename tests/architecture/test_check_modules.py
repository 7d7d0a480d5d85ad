"""A check says once what it is: what its place says already is not repeated in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import hardentui.checks
from hardentui.model.check import TITLE_LENGTH
from tests.architecture.test_boring_python import nodes, sources

SAID_BY_THE_PLACE = {"id", "step", "doc", "kind"}
NAMES_NO_CONDITION = ("It ", "Its ", "Nobody ", "Nothing ", "Somebody ")
SAY_NOTHING = {"one", "found", "it", "thing", "tmp"}


def described() -> Iterator[tuple[str, ast.FunctionDef, dict[str, ast.expr]]]:
    """(module, function, the keywords of its `@Check(...)`) of every check."""
    for module, tree in sources():
        for node in tree.body if module.startswith("checks/step") else ():
            for record in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if isinstance(record, ast.Call) and ast.unparse(record.func) == "Check":
                    assert isinstance(node, ast.FunctionDef)
                    yield (
                        module,
                        node,
                        {str(keyword.arg): keyword.value for keyword in record.keywords},
                    )


def test_each_module_holds_the_checks_that_are_listed() -> None:
    """And nothing public besides: a helper is private."""
    listed = {check.evaluate.__name__ for check in hardentui.checks.all_checks()}
    assert [check.id for check in hardentui.checks.all_checks()] == list(hardentui.checks.CHECKS)
    assert {function.name for _, function, _ in described()} == listed


def test_what_the_place_says_is_not_said_again() -> None:
    for module, _, keywords in described():
        assert not SAID_BY_THE_PLACE & keywords.keys(), f"the place in {module} says it"


def test_it_takes_parameters_where_it_has_some() -> None:
    for module, evaluate, keywords in described():
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
    looked_at = [
        (module, name) for module, name in names if module.startswith(("checks/step", "reading/"))
    ]
    assert [(module, name) for module, name in looked_at if name in SAY_NOTHING] == []
