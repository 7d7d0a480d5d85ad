"""What nothing uses is not kept: names of the package, and declared dependencies."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.test_boring_python import PACKAGE, imported, parsed, sources

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
ROWS = "options/rows.py"  # every row of the table is used as one of all
PARTS = (
    "arguments_",
    "run_",
)  # of commands that share a module: hardentui.cli.commands.command_part


def top_names(source: str) -> Iterator[str]:
    """The functions, classes and constants of a module, but for its checks, which are found by
    their type."""
    for node in parsed(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not any(
                ast.unparse(decorator).startswith("Check(") for decorator in node.decorator_list
            ):
                yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def unused(modules: Mapping[str, str]) -> list[str]:
    """`module: name` of each name that stands in no module but where it is defined."""
    words = Counter(word for source in modules.values() for word in re.findall(r"\w+", source))
    return [
        f"{module}: {name}"
        for module, source in modules.items()
        for name in top_names(source)
        if words[name] == 1
        and not name.startswith("__")
        and not (module.startswith("cli/") and name.startswith(PARTS))
    ]


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ({"a": "def f(): pass"}, ["a: f"]),
        ({"a": "def f(): pass", "b": "from a import f"}, []),
        ({"a": "LIMIT = 3"}, ["a: LIMIT"]),
        ({"a": "LIMIT: int = 3\nprint(LIMIT)"}, []),
        ({"a": "class C: pass"}, ["a: C"]),
    ],
)
def test_an_unused_name_is_seen(
    modules: dict[str, str],
    expected: list[str],
) -> None:
    assert unused(modules) == expected


def test_every_name_of_the_package_is_used_in_it() -> None:
    modules = {
        str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8")
        for path in PACKAGE.rglob("*.py")
    }
    assert [name for name in unused(modules) if not name.startswith(ROWS)] == []


def not_imported(
    requirements: Iterable[str],
    roots: Iterable[str],
) -> list[str]:
    """The distributions of these requirements of which no module is imported."""
    names = {_plain(re.split(r"[\s<>=!~;\[]", requirement)[0]) for requirement in requirements}
    provided = packages_distributions()
    used = {_plain(distribution) for root in roots for distribution in provided.get(root, ())}
    return sorted(names - used)


def _plain(distribution: str) -> str:
    return distribution.lower().replace("_", "-")


def test_a_dependency_that_nothing_imports_is_seen() -> None:
    assert not_imported(["msgspec>=0.20,<1", "podman>=5.4"], ["msgspec"]) == ["podman"]


def test_each_declared_dependency_is_imported() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    requirements = project["dependencies"]
    roots = {module.split(".")[0] for _, tree in sources() for module in imported(tree)}
    assert not_imported(requirements, roots) == []
