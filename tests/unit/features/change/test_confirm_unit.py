"""What takes back an unconfirmed change after a reboot."""

import time
from pathlib import Path

import pytest

from hardentui.errors import ChangeFailed
from hardentui.features.change import cut_off
from hardentui.features.change.confirm_timer import install, remove, unit_name, unit_text
from hardentui.features.change.cut_off import cut_off_changes
from hardentui.features.change.journal import Journal
from hardentui.features.change.systemctl import Systemctl
from hardentui.host.podman.generator import verify
from hardentui.model.journal import EntryState
from hardentui.model.known import Unread
from hardentui.systemd.unit_text import split_command, unit_settings
from tests.conftest import cannot_run
from tests.support.journal import ENTRY, entry

IDENTITY = ENTRY


def test_the_unit_runs_the_same_command_with_what_it_needs_to_find_the_journal(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "100% of it"))
    command = ["/opt/my python", "-m", "hardentui", "undo", IDENTITY, "--expired"]
    settings = list(unit_settings(unit_text(IDENTITY, command)))
    (start,) = (value for _, key, value in settings if key == "ExecStart")
    assert split_command(start) == tuple(command)
    variables = [split_command(value)[0] for _, key, value in settings if key == "Environment"]
    assert f"XDG_STATE_HOME={tmp_path}/100%% of it" in variables
    assert ("Install", "WantedBy") in {(section, key) for section, key, _ in settings}


@pytest.fixture
def user_units(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The directory of the units of an ordinary user, whose systemctl does nothing."""
    monkeypatch.setattr(
        "hardentui.features.change.confirm_timer.os.geteuid",
        lambda: 4711,
    )
    monkeypatch.setattr(
        "hardentui.features.change.confirm_timer.account.environment",
        lambda: {"XDG_CONFIG_HOME": str(tmp_path)},
    )
    for name in ("enable", "disable", "reload"):
        monkeypatch.setattr(Systemctl, name, lambda *_: None)
    return tmp_path / "systemd" / "user"


def test_it_is_enabled_for_the_user_and_removed_again(user_units: Path) -> None:
    install(IDENTITY, ["/usr/bin/true"])
    (unit,) = user_units.iterdir()
    assert unit.name == unit_name(IDENTITY)
    assert "WantedBy=default.target" in unit.read_text()
    remove(IDENTITY)
    assert list(user_units.iterdir()) == []
    remove(IDENTITY)


def test_one_that_cannot_be_enabled_leaves_nothing(
    user_units: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise ChangeFailed("systemctl enable failed.")

    monkeypatch.setattr(Systemctl, "enable", refuse)
    with pytest.raises(ChangeFailed):
        install(IDENTITY, ["/usr/bin/true"])
    assert list(user_units.iterdir()) == []


@pytest.mark.parametrize(
    ("age", "started"),
    [(60.0, True), (5.0, False)],
)
def test_the_next_start_takes_back_what_is_overdue(
    age: float,
    started: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Journal().write(
        entry(
            by="anna",
            state=EntryState.WAITING,
            confirm_by=time.time() - age,
        )
    )
    asked: list[list[str]] = []
    monkeypatch.setattr(
        cut_off,
        "start_detached",
        lambda words: asked.append(list(words)),
    )
    told = list(cut_off_changes())
    if started:
        assert told == [
            f"nobody confirmed a change of web in time: it is rolled back now ({IDENTITY})"
        ]
        assert asked[0][-4:] == ["undo", IDENTITY, "--expired", "--yes"]
    else:
        assert (told, asked) == ([], [])


def test_systemd_accepts_the_unit() -> None:
    complaints = verify(
        {unit_name(IDENTITY): unit_text(IDENTITY, ["/bin/true", IDENTITY])}, user=False
    )
    if isinstance(complaints, Unread):
        cannot_run(f"systemd-analyze cannot be asked: {complaints.reason}")
    assert complaints == ()
