"""The downtime that the steps of an apply tell beforehand: what was seen, and where."""

from pathlib import Path

import pytest

from hardentui.checks.prelude import container, rootful
from hardentui.features.fix.apply_ways import expected_downtime
from hardentui.model.facts import ContainerFacts
from hardentui.model.journal import JournalEntry
from tests.support.journal import entry
from tests.support.rooted import Rooted

ENGINE = "unix:///a"


def _facts(signal: str = "") -> ContainerFacts:
    config = {"StopSignal": signal, "StopTimeout": 20}
    return container(
        engine=rootful(),
        inspect={"State": {"Pid": 77}, "Config": config},
    )


def _files(tmp_path: Path, caught: int) -> Rooted:
    (tmp_path / "proc" / "77").mkdir(parents=True)
    (tmp_path / "proc" / "77" / "comm").write_text("web\n")
    status = f"Name:\tweb\nSigBlk:\t0000000000000000\nSigCgt:\t{caught:016x}\n"
    (tmp_path / "proc" / "77" / "status").write_text(status)
    return Rooted(tmp_path)


def _entry(
    container: str,
    engine: str,
    down: float | None,
) -> JournalEntry:
    return entry(
        container=container,
        engine=engine,
        downtime_seconds=down,
    )


@pytest.mark.parametrize(
    ("signal", "caught", "seconds"),
    [
        ("", 1 << 14, 1.5),
        ("", 0, 21.5),
        ("SIGQUIT", 1 << 14, 21.5),
        ("QUIT", 1 << 2, 1.5),
        ("9", 0, 1.5),
    ],
)
def test_who_ignores_the_stop_signal_is_killed_later(
    tmp_path: Path,
    signal: str,
    caught: int,
    seconds: float,
) -> None:
    expected = expected_downtime(
        _facts(signal),
        _files(tmp_path, caught),
        (),
        ENGINE,
        None,
    )
    assert expected.seconds == seconds


def test_a_trial_knows_better_and_the_last_change_best(tmp_path: Path) -> None:
    facts, files, tried = _facts(), _files(tmp_path, 1 << 14), (2.0, 0.5)
    assert (
        expected_downtime(
            facts,
            files,
            (),
            ENGINE,
            tried,
        ).seconds
        == 2.5
    )
    entries = (
        _entry("web", ENGINE, None),
        _entry("web", "unix:///b", 9.0),
        _entry("db", ENGINE, 8.0),
    )
    assert (
        expected_downtime(
            facts,
            files,
            entries,
            ENGINE,
            tried,
        ).seconds
        == 2.5
    )
    known = (*entries, _entry("web", ENGINE, 0.7))
    assert expected_downtime(
        facts,
        files,
        known,
        ENGINE,
        tried,
    ).words == ("Expected downtime: about 0.7 s (as in its last change).")
