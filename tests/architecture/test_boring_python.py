"""The program is loaded by Python's own import system, and all of it comes from its sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import hardentui

Node = TypeVar("Node", bound=ast.AST)
PACKAGE = Path(hardentui.__file__).parent
RUNS_TEXT = {"exec", "eval", "compile"}
OWN_IMPORTS = {"marshal", "imp", "importlib.machinery", "importlib.abc", "pickle", "shelve"}
STARTS_THE_PROCESS = "__main__.py"


@cache
def parsed(source: str) -> ast.Module:
    """The syntax tree of a module; that of the whole package takes seconds."""
    return ast.parse(source)


@cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    """(module, syntax tree) of the whole package."""
    return tuple(
        (
            str(path.relative_to(PACKAGE)),
            parsed(path.read_text(encoding="utf-8")),
        )
        for path in sorted(PACKAGE.rglob("*.py"))
    )


@cache
def nodes(kind: type[Node]) -> tuple[tuple[str, Node], ...]:
    """(module, node) of every node of a kind in the whole package, gone through once."""
    return tuple(
        (module, node)
        for module, tree in sources()
        for node in _walked(tree)
        if isinstance(node, kind)
    )


@cache
def _walked(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in _walked(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_no_text_is_run_as_code() -> None:
    offences = [
        f"{name}:{node.lineno}"
        for name, node in nodes(ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id in RUNS_TEXT
    ]
    assert offences == []


def test_no_module_loads_code_in_its_own_way_or_takes_a_private_module() -> None:
    offences = [
        f"{name}: {module}"
        for name, tree in sources()
        for module in imported(tree)
        if module in OWN_IMPORTS or (module.startswith("_") and module != "__future__")
    ]
    assert offences == []


def test_no_object_is_known_by_its_address() -> None:
    """CPython gives the address of an object that is gone to a new one."""
    by_address = [
        f"{name}:{node.lineno}"
        for name, node in nodes(ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id == "id"
    ]
    assert by_address == []


def test_the_search_for_garbage_is_set_in_one_place() -> None:
    """And in the processes that judge one host after another."""
    assert [name for name, tree in sources() if "gc" in set(imported(tree))] == [
        STARTS_THE_PROCESS,
        "features/fleet/judging.py",
    ]
