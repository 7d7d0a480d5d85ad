"""What may load what: the import-linter contracts see neither late imports nor those for types
alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.architecture.test_boring_python import sources


def modules_loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


def loaded_by(module: str) -> set[str]:
    return {name.split(".")[0] for name in modules_loaded_by(module)}


@pytest.mark.parametrize(
    "module", ["hardentui.features.workbench", "hardentui.checks", "hardentui.cli"]
)
def test_the_use_cases_load_no_screen_and_no_client_library(module: str) -> None:
    assert not {"textual", "rich", "podman", "requests", "jsonschema"} & loaded_by(module)


def test_a_place_that_only_looks_waits_for_no_client_library() -> None:
    places = ("walk", "images", "networks", "findings", "trust", "container", "pages")
    screens = ", ".join(f"hardentui.tui.screens.{place}" for place in places)
    loaded = loaded_by(f"hardentui.features.workbench, hardentui.tui.app, {screens}")
    assert not {"podman", "requests", "cyclonedx", "jsonschema"} & loaded


def test_the_package_itself_loads_nothing() -> None:
    assert "dataclasses" not in loaded_by("hardentui")


def test_the_first_screen_loads_nothing_that_judges() -> None:
    loaded = modules_loaded_by("hardentui.features.first_look, hardentui.tui.app")
    assert "hardentui.tui.screens.home" in loaded
    later = (
        "hardentui.checks",
        "hardentui.harden.attack",
        "hardentui.model.host",
        "hardentui.tui.screens.walk",
        "hardentui.features.checklists.loading",
        "hardentui.features.workbench",
        "tomllib",
    )
    assert not loaded & set(later)


def _imports(tree: ast.AST, known: set[str]) -> Iterator[str]:
    """The own modules that one names, also for types alone and inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_modules_import_each_other_not_even_for_types_or_late() -> None:
    trees = {_dotted(path): tree for path, tree in sources()}
    graph = {module: set(_imports(tree, {*trees})) & trees.keys() for module, tree in trees.items()}
    assert len(graph) > 400
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def _dotted(path: str) -> str:
    return ".".join(("hardentui", *Path(path).with_suffix("").parts)).removesuffix(".__init__")


MOST_MODULES = 158
"""Of ours, for one check of one container, the packages and the seam of the simulated host
included."""
ONE_CHECK = ("check", "shop-web", "--check", "writable-rootfs", "--demo")


def test_one_check_of_one_container_loads_no_other_check_and_little_else(tmp_path: Path) -> None:
    code = f"""
import sys
from hardentui.cli.run import run
run({ONE_CHECK!r})
print("LOADED", *sys.modules)
"""
    place = {
        name: str(tmp_path) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **place},
    )
    assert "Writable root filesystem" in done.stdout
    loaded = {
        name for name in done.stdout.rpartition("LOADED")[2].split() if name.startswith("hardentui")
    }
    checks = {
        name for name in loaded if name.startswith("hardentui.checks.step") and name.count(".") == 3
    }
    assert checks == {"hardentui.checks.step05_security_contexts.root_filesystem"}
    assert len(loaded) <= MOST_MODULES
