"""A module is as long as one idea needs, and no longer than a person reads in one go."""

from __future__ import annotations

import ast
from pathlib import Path

import hardentui
from tests.architecture.test_boring_python import nodes

HARD_LIMIT = 600
LONGEST_FUNCTION = 60


def test_no_module_outgrows_its_room() -> None:
    root = Path(hardentui.__file__).parent
    long = {
        str(path.relative_to(root)): lines
        for path in root.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > HARD_LIMIT and path.name != "__init__.py"
    }
    assert not long


def test_every_directory_is_a_package() -> None:
    root = Path(hardentui.__file__).parent
    directories = {path.parent for path in root.rglob("*.py")}
    assert not [str(directory) for directory in directories if not (directory / "__init__.py").exists()]


def test_no_function_is_longer_than_a_screen() -> None:
    """Its docstring aside: that of a check is a page of the documentation."""
    long = {
        f"{module} {node.name}"
        for module, node in (*nodes(ast.FunctionDef), *nodes(ast.AsyncFunctionDef))
        if (node.end_lineno or 0) - node.lineno - (ast.get_docstring(node) or "").count("\n")
        >= LONGEST_FUNCTION
    }
    assert not long
