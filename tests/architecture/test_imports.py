"""What may load what, at run time: the import-linter contracts cannot see deferred imports."""

from __future__ import annotations

import subprocess
import sys

import pytest


def loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", ["hardentui.workbench.workbench", "hardentui.checks", "hardentui.cli"])
def test_the_use_cases_load_no_screen_and_no_client_library(module: str) -> None:
    assert not {"textual", "rich", "podman", "requests", "jsonschema"} & loaded_by(module)


def test_the_package_itself_loads_nothing() -> None:
    assert "dataclasses" not in loaded_by("hardentui")
