"""A variable is named after what it holds: a container, a mount, a finding."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.test_boring_python import PACKAGE, parsed

ROOT = PACKAGE.parent
DIRECTORIES = ("hardentui", "tests", "tools", "benchmarks")
SAY_NOTHING = {"one", "found", "ones"}


def vague_names(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) of every variable, argument and loop variable whose name says nothing."""
    if not re.search(rf"\b({'|'.join(SAY_NOTHING)})\b", source):
        return  # to take a text apart takes long
    for node in ast.walk(parsed(source)):
        if (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and node.id in SAY_NOTHING
        ):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg) and node.arg in SAY_NOTHING:
            yield node.lineno, node.arg


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("for one in containers: pass", ["one"]),
        ("names = [one.name for one in containers]", ["one"]),
        ("found = []", ["found"]),
        ("def key(one): pass", ["one"]),
        (
            "order = sorted(mounts, key=lambda one: one.path)",
            ["one"],
        ),
        ("for container in containers: pass", []),
    ],
)
def test_a_vague_name_is_seen(source: str, names: list[str]) -> None:
    assert [name for _, name in vague_names(source)] == names


def test_no_variable_is_called_one_or_found() -> None:
    assert all((ROOT / directory).is_dir() for directory in DIRECTORIES)
    vague = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for directory in DIRECTORIES
        for path in sorted((ROOT / directory).rglob("*.py"))
        for line, name in vague_names(path.read_text(encoding="utf-8"))
    ]
    assert vague == []


def test_no_loop_of_a_template_names_nothing() -> None:
    templates = sorted(PACKAGE.rglob("*.j2"))
    assert templates
    loops = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in templates
        for name in re.findall(r"\{%-? for (\w+)", path.read_text(encoding="utf-8"))
    ]
    assert [loop for loop in loops if loop.rpartition(" ")[2] in SAY_NOTHING] == []
