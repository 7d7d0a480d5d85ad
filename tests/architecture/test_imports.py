"""What may load what, at run time: the import-linter contracts cannot see deferred imports."""

from __future__ import annotations

import subprocess
import sys

import pytest


def modules_loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def loaded_by(module: str) -> set[str]:
    return {name.split(".")[0] for name in modules_loaded_by(module)}


@pytest.mark.parametrize("module", ["hardentui.features.workbench", "hardentui.checks", "hardentui.cli"])
def test_the_use_cases_load_no_screen_and_no_client_library(module: str) -> None:
    assert not {"textual", "rich", "podman", "requests", "jsonschema"} & loaded_by(module)


def test_a_place_that_only_looks_waits_for_no_client_library() -> None:
    places = ("walk", "write", "images", "networks", "host", "trust", "monitor", "logs", "waivers")
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
