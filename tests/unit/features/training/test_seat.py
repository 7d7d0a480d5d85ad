"""What a learner's sandbox sees of the trainer's host."""

import sys
from pathlib import Path

import pytest

import hardentui
from hardentui.features.training import seat


def test_the_folder_from_which_python_was_started_is_not_in_a_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m hardentui` puts it on sys.path; it may be the trainer's home."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    shared = seat._shared()
    assert not [place for place in shared if str(tmp_path).startswith(place)]
    ours = str(Path(seat.__file__).parents[3])
    assert any(ours == place or ours.startswith(f"{place}/") for place in shared)


def test_a_program_that_other_accounts_cannot_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "hardentui"
    package.mkdir(0o755)
    (package / "__init__.py").touch(0o644)
    tmp_path.chmod(0o755)
    monkeypatch.setattr(hardentui, "__file__", str(package / "__init__.py"))
    assert seat._closed_to_others() == ""
    (package / "__init__.py").chmod(0o600)
    assert seat._closed_to_others() == str(package)
    tmp_path.chmod(0o700)
    assert seat._closed_to_others() == str(tmp_path)
