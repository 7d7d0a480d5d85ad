"""A module is as long as one idea needs, and no longer than a person reads in one go."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from tokenize import COMMENT, generate_tokens

import hardentui
from tests.architecture.test_boring_python import nodes

HARD_LIMIT = 600
NODES_OF_A_FUNCTION = 700
NODES_A_LINE = 8.0
CHARACTERS_A_LINE = 34
"""Median of the lines that hold code: harlequin and Textual have 27 to 30."""


def test_no_module_outgrows_its_room() -> None:
    root = Path(hardentui.__file__).parent
    long = {
        str(path.relative_to(root)): lines
        for path in root.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > HARD_LIMIT
    }
    assert not long


def _code_lines() -> Iterator[tuple[int, list[int]]]:
    """Of each module: the nodes of its tree, and the width of each line of code."""
    for path in Path(hardentui.__file__).parent.rglob("*.py"):
        text = path.read_text()
        tree = ast.parse(text)
        prose = {
            number
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        lines = [
            line.strip() for number, line in enumerate(text.splitlines(), 1) if number not in prose
        ]
        widths = [len(line) for line in lines if line and not line.startswith("#")]
        yield sum(1 for _ in ast.walk(tree)), widths


def test_a_line_holds_one_thought() -> None:
    """What counts is what a reader holds in mind, not how many lines or files it fills."""
    modules = list(_code_lines())
    widths = [width for _, of_module in modules for width in of_module]
    nodes_a_line = sum(count for count, _ in modules) / len(widths)
    assert nodes_a_line <= NODES_A_LINE
    assert statistics.median(widths) <= CHARACTERS_A_LINE


def test_every_directory_is_a_package() -> None:
    root = Path(hardentui.__file__).parent
    directories = {path.parent for path in root.rglob("*.py")}
    assert not [
        str(directory) for directory in directories if not (directory / "__init__.py").exists()
    ]


def test_no_function_holds_more_than_a_reader_does() -> None:
    """Counted in nodes of the tree, so that closing up lines does not help."""
    large = {
        f"{module} {node.name}"
        for module, node in (*nodes(ast.FunctionDef), *nodes(ast.AsyncFunctionDef))
        if sum(1 for part in node.body for _ in ast.walk(part)) > NODES_OF_A_FUNCTION
    }
    assert not large


def test_no_comment_stands_for_a_module() -> None:
    """A comment belongs to what stands below it: one with nothing below it is a heading, and what it
    heads, in a module or a class, is an idea of its own."""
    headings = []
    for path in sorted(Path(hardentui.__file__).parent.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        for token in generate_tokens(StringIO(text).readline):
            line, column = token.start
            beside_code = token.line[:column].strip()
            if "fmt:" in token.string or token.type != COMMENT or beside_code:
                continue
            if not lines[line].strip():
                headings.append(f"{path.name}:{line}: {token.string}")
    assert headings == []
