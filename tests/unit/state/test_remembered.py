"""What is remembered: kept whole or not at all, read only when it is ours and of this version."""

import os
from pathlib import Path

import pytest

from hardentui.account import ONLY_BELOW
from hardentui.state.remembered import Remembered, read_remembered, remember, remembered_file

LAST = Remembered(
    theme="nord", directory="/srv/units", filter="web", engine="rootful", container="db", step=4
)


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_what_was_kept_comes_back_and_only_its_owner_reads_it() -> None:
    assert read_remembered({}) == Remembered()
    remember(LAST, {})
    assert read_remembered({}) == LAST
    assert os.stat(remembered_file()).st_mode & 0o777 == 0o600
    assert os.listdir(os.path.dirname(remembered_file())) == ["screens.json"]


def test_the_directory_is_read_under_the_name_that_older_files_give_it() -> None:
    remember(LAST, {})
    kept = Path(remembered_file()).read_text()
    assert '"folder":"/srv/units"' in kept
    assert "directory" not in kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        '{"version": 2, "theme": "nord"}',
        '{"version": 1, "theme": 7}',
        '{"version": 1, "step": "four"}',
        '{"version": 1, "filter": "' + "x" * 5000 + '"}',
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_what_cannot_be_read_is_as_if_it_were_not_there(text: str) -> None:
    path = Path(remembered_file())
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("latin-1"))
    assert read_remembered({}) == Remembered()


def test_a_confined_session_neither_reads_nor_keeps_anything(tmp_path: Path) -> None:
    remember(LAST, {})
    confined = {ONLY_BELOW: str(tmp_path)}
    assert read_remembered(confined) == Remembered()
    remember(Remembered(theme="dracula"), confined)
    assert read_remembered({}) == LAST


def test_a_link_and_a_file_of_another_account_are_not_read(tmp_path: Path) -> None:
    remember(LAST, {})
    path = Path(remembered_file())
    elsewhere = tmp_path / "theirs.json"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert read_remembered({}) == Remembered()
    path.unlink()
    elsewhere.rename(path)
    assert read_remembered({}) == LAST
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        assert read_remembered({}) == Remembered()


def test_where_nothing_can_be_kept_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    remember(LAST, {})
    assert read_remembered({}) == Remembered()
