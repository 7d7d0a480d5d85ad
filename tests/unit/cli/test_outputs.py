"""Whether a result can be written is known before the work starts; where it cannot after all, it is
kept."""

from pathlib import Path

import pytest

from hardentui.errors import WriteError
from hardentui.features.fix.saving import save_result
from hardentui.model.draft import DraftFile
from tests.unit.cli.conftest import Run

COMMANDS = (
    ("trial", "db", "--safe"),
    ("fix", "db", "--safe", "--to", "quadlet"),
    ("fix", "db", "shop-web", "--all", "--to", "quadlet"),
    ("images", "--sbom"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_directory_that_takes_no_files_is_refused_first(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    def work(*arguments: object, **more: object) -> None:
        raise AssertionError("the work has begun")

    monkeypatch.setattr("hardentui.cli.session.workbench", work)
    (tmp_path / "file").touch()
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        answer = run(*words, "--demo", "-o", str(directory))
        assert answer.code == WriteError.exit_code, answer
        assert str(directory.parent) in answer.err


def test_a_result_that_cannot_be_written_is_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "gone").touch()  # it was a directory when the work began
    files = [DraftFile("plan.toml", "kept\n", masked="kept\n")]
    with pytest.raises(WriteError, match="is not a directory") as error:
        save_result(files, str(tmp_path / "gone"), "web")
    (kept,) = (tmp_path / "state" / "hardentui" / "results").iterdir()
    assert f"The result is kept in {kept}." in error.value.hint
    assert kept.name.startswith("web-")
    assert (kept / "plan.toml").read_text() == "kept\n"
