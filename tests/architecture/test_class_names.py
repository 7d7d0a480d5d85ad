"""A class name is used once in a package: one word, one meaning."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable

import pytest

from tests.architecture.test_boring_python import sources


def used_twice(trees: Iterable[tuple[str, ast.Module]]) -> dict[str, list[str]]:
    """Class name -> the files that define it, for names with more than one definition in one
    package."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, tree in trees:
        for name in class_names(tree):
            places[path.partition("/")[0] if "/" in path else "", name].append(path)
    return {name: found_in for (_, name), found_in in places.items() if len(found_in) > 1}


def class_names(tree: ast.Module) -> Iterable[str]:
    return (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


@pytest.mark.parametrize(
    ("modules", "names"),
    [
        (
            {"a.py": "class Line: pass", "b.py": "class Line: pass"},
            ["Line"],
        ),
        (
            {"a.py": "class _Reader: pass", "b.py": "class _Reader: pass"},
            ["_Reader"],
        ),
        (
            {"a.py": "class Line:\n    class Moved: pass", "b.py": "class Moved: pass"},
            ["Moved"],
        ),
        (
            {"a.py": "class Line: pass", "b.py": "class Word: pass"},
            [],
        ),
        (
            {"a/a.py": "class Line: pass", "b/b.py": "class Line: pass"},
            [],
        ),
    ],
)
def test_a_name_that_is_used_twice_is_found(
    modules: dict[str, str],
    names: list[str],
) -> None:
    assert list(used_twice((path, ast.parse(source)) for path, source in modules.items())) == names


def test_no_class_name_is_used_twice() -> None:
    assert used_twice(sources()) == {}
