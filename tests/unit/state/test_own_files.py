"""Files of our own: kept whole or not at all, and never where another account could lead us
elsewhere."""

import os
import pwd
import secrets
import stat
from pathlib import Path

import pytest

from hardentui.account import environment
from hardentui.host.commands import run_program
from hardentui.remembered import Remembered, read_remembered, remember, remembered_file
from hardentui.state import (
    cache_directory,
    config_directory,
    keep_document,
    read_document,
    state_directory,
    write_own,
)

USER = 65534


def test_a_kept_document_is_read_as_it_was(tmp_path: Path) -> None:
    path = str(tmp_path / "engines" / "one.json")
    keep_document(path, {"name": "ä", "numbers": [1, 2]})
    assert read_document(path) == {"name": "ä", "numbers": [1, 2]}
    assert os.stat(tmp_path / "engines").st_mode & 0o777 == 0o700


def test_where_it_cannot_be_written_the_former_one_stays_and_no_draft_is_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = str(tmp_path / "one.json")
    keep_document(path, {"kept": 1})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    keep_document(path, {"kept": 2})
    assert read_document(path) == {"kept": 1}
    assert os.listdir(tmp_path) == ["one.json"]


def test_an_open_umask_opens_nothing(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        keep_document(str(tmp_path / "engines" / "one.json"), {})
    finally:
        os.umask(old)
    modes = [
        stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("engines", "engines/one.json")
    ]
    assert modes == [0o700, 0o600]


def test_a_link_that_waits_at_the_drafts_name_leads_nowhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("keep")
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setattr(
        secrets,
        "token_hex",
        lambda *_: "guessed",
    )
    for name in (".guessed.new", f"one.json.{os.getpid()}.new"):
        (own / name).symlink_to(outside)
    keep_document(str(own / "one.json"), {"a": 1})
    assert outside.read_text() == "keep"


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "one.json")
    with pytest.raises(OSError, match="another account"):
        read_document(str(tmp_path / "one.json"))


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="only root can give files to another user",
)
class TestAsRootWithTheHomeOfSomebodyElse:
    """`sudo -E`: the directories that the environment names are a user's, who can change them at
    any time."""

    @pytest.fixture
    def home(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Path:
        home = tmp_path / "anna"
        (home / ".cache").mkdir(parents=True)
        for path in (home, home / ".cache"):
            os.chown(path, USER, USER)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
        monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
        monkeypatch.delenv("XDG_CONFIG_HOME")
        return home

    def test_our_directories_are_below_the_home_of_root(
        self,
        home: Path,
    ) -> None:
        root = pwd.getpwuid(0).pw_dir
        assert cache_directory() == f"{root}/.cache/hardentui"
        assert state_directory() == f"{root}/.local/state/hardentui"
        assert config_directory() == f"{root}/.config/hardentui"

    def test_nothing_is_written_into_the_directory_of_the_user(
        self,
        home: Path,
    ) -> None:
        (home / ".cache" / "hardentui").symlink_to("/etc")
        keep_document(str(home / ".cache" / "one.json"), {})
        with pytest.raises(OSError, match="link of another account"):
            write_own(
                str(home / ".cache" / "hardentui" / "below" / "one.json"),
                "x",
            )
        assert sorted(path.name for path in home.rglob("*")) == [".cache", "hardentui"]

    def test_what_the_user_put_there_is_not_believed(
        self,
        tmp_path: Path,
    ) -> None:
        path = tmp_path / "one.json"
        path.write_text("{}")
        os.chown(path, USER, USER)
        with pytest.raises(OSError, match="another account"):
            read_document(str(path))

    def test_programs_of_the_user_are_not_run(
        self,
        home: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("PATH", f"{home}/bin:relative:/usr/bin")
        given = environment()
        assert given["PATH"] == "/usr/bin:/usr/sbin:/sbin"
        assert given["HOME"] == pwd.getpwuid(0).pw_dir
        assert "XDG_CACHE_HOME" not in given
        (home / "bin").mkdir()
        (home / "bin" / "systemctl").write_text("#!/bin/sh\necho taken over\n")
        (home / "bin" / "systemctl").chmod(0o755)
        assert run_program(["systemctl", "--version"], 5) != "taken over\n"


LAST = Remembered(
    theme="nord", directory="/srv/units", filter="web", engine="rootful", container="db", step=4
)


@pytest.fixture(autouse=True)
def _own_directory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_what_was_kept_comes_back_and_only_its_owner_reads_it() -> None:
    assert read_remembered() == Remembered()
    remember(LAST)
    assert read_remembered() == LAST
    assert os.stat(remembered_file()).st_mode & 0o777 == 0o600
    assert os.listdir(os.path.dirname(remembered_file())) == ["screens.json"]


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
    assert read_remembered() == Remembered()


def test_a_link_and_a_file_of_another_account_are_not_read(tmp_path: Path) -> None:
    remember(LAST)
    path = Path(remembered_file())
    elsewhere = tmp_path / "theirs.json"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert read_remembered() == Remembered()
    path.unlink()
    elsewhere.rename(path)
    assert read_remembered() == LAST
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        assert read_remembered() == Remembered()
