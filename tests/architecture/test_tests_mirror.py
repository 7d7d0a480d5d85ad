"""tests/unit mirrors the package: who knows where a thing is, knows where its tests are."""

from __future__ import annotations

from pathlib import Path

import hardentui

PACKAGE = Path(hardentui.__file__).parent
UNIT = Path(__file__).parents[1] / "unit"


def test_each_directory_of_unit_tests_is_a_directory_of_the_package() -> None:
    directories = {path.parent.relative_to(UNIT) for path in UNIT.rglob("test_*.py")}
    assert [str(directory) for directory in sorted(directories) if not (PACKAGE / directory).is_dir()] == []


def test_a_unit_test_beside_the_directories_is_of_a_module_beside_them() -> None:
    names = {path.stem.removeprefix("test_") for path in UNIT.glob("test_*.py")}
    assert sorted(name for name in names if not (PACKAGE / f"{name}.py").is_file()) == []
