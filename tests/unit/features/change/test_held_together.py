"""Several changes under one entry: what undo, expiry and a kill make of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.errors import ApplyFailed, Locked, UsageError
from hardentui.features.apply.history import History
from hardentui.features.change.file_changes import change_files
from hardentui.features.change.held_together import (
    add_part,
    after_a_part,
    begun_together,
    finish_together,
    undo_together,
)
from hardentui.features.change.journal import Journal
from hardentui.model.journal import EntryAction, EntryState, JournalEntry


@contextmanager
def _nobody_watches(identity: str) -> Iterator[None]:
    yield


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("hardentui.features.change.held_together.guarded", _nobody_watches)
    return Journal()


def _part(journal: Journal, path: Path) -> JournalEntry:
    """A real change, of a file: undo of it needs no engine."""
    entry = change_files(
        journal,
        action=EntryAction.HOST,
        subject=str(path),
        files=[(str(path), "new\n", 0o644)],
        diff="",
    )
    assert entry is not None
    return entry


def _held(journal: Journal, *paths: Path, seconds: float = 0.0) -> JournalEntry:
    with begun_together(journal, len(paths), "", seconds) as holder:
        for path in paths:
            part = _part(journal, path)
            journal.write(replace(part, part_of=holder.id))
            holder = add_part(journal, holder, part.id)
        return finish_together(journal, holder)


def test_undo_without_an_id_takes_the_whole_back(journal: Journal, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one", "two", "three")]
    paths[0].write_bytes(b"old\xff")
    holder = _held(journal, *paths)
    assert holder.state is EntryState.DONE
    history = History()
    entry = history.to_undo()
    assert entry.id == holder.id
    done = history.undo(entry, lambda event: None)
    assert done.state is EntryState.ROLLED_BACK
    assert paths[0].read_bytes() == b"old\xff"
    assert not any(path.exists() for path in paths[1:])


def test_a_part_is_undone_singly_and_with_the_last_one_the_whole_is(
    journal: Journal, tmp_path: Path
) -> None:
    holder = _held(journal, tmp_path / "one", tmp_path / "two")
    history = History()
    for left, part in zip((True, False), reversed(holder.parts), strict=True):
        history.undo(history.to_undo(part), lambda event: None)
        assert journal.read(holder.id).in_force is left


def test_a_part_that_cannot_be_undone_does_not_keep_the_others(
    journal: Journal, tmp_path: Path
) -> None:
    holder = _held(journal, tmp_path / "one", tmp_path / "two")
    stuck = holder.parts[1]
    history = History()

    def take_back(part: JournalEntry) -> None:
        if part.id == stuck:
            raise UsageError("It is busy.")
        history.undo(part, lambda event: None)

    done = undo_together(journal, holder, take_back)
    assert done.in_force
    assert "It is busy." in done.reason
    assert not (tmp_path / "one").exists()
    assert (tmp_path / "two").exists()
    history.undo(history.to_undo(holder.id), lambda event: None)
    assert not (tmp_path / "two").exists()


def test_it_waits_once_for_all_and_is_confirmed_once(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed: list[tuple[str, float]] = []

    def arm(identity: str, seconds: float) -> str:
        armed.append((identity, seconds))
        return "by a test"

    monkeypatch.setattr("hardentui.features.change.confirm_timer.arm", arm)
    holder = _held(journal, tmp_path / "one", tmp_path / "two", seconds=60.0)
    assert armed == [(holder.id, 60.0)]
    assert holder.state is EntryState.WAITING
    assert History().confirm().id == holder.id
    assert journal.read(holder.id).state is EntryState.DONE


def test_when_the_time_is_over_all_of_it_goes_back(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hardentui.features.change.confirm_timer.arm", lambda identity, seconds: "by a test"
    )
    holder = _held(journal, tmp_path / "one", tmp_path / "two", seconds=0.2)
    History().take_back_expired(holder.id)
    assert journal.read(holder.id).state is EntryState.ROLLED_BACK
    assert not (tmp_path / "one").exists()
    assert not (tmp_path / "two").exists()


def test_killed_in_the_middle_what_was_finished_waits_like_the_whole(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hardentui.features.change.confirm_timer.arm", lambda identity, seconds: "by a test"
    )
    with begun_together(journal, 2, "", 60.0) as holder:
        done = _part(journal, tmp_path / "one")
        holder = add_part(journal, holder, done.id)
        cut_off = _part(journal, tmp_path / "two")
        journal.write(replace(cut_off, state=EntryState.OPEN))
        holder = add_part(journal, holder, cut_off.id)
    History().take_back_cut_off(holder.id)
    after = journal.read(holder.id)
    assert after.state is EntryState.WAITING
    assert after.parts == (done.id,)
    assert (tmp_path / "one").exists()
    assert not (tmp_path / "two").exists()


def test_nobody_undoes_it_while_it_runs(journal: Journal) -> None:
    with (
        begun_together(journal, 1, "", 0.0) as holder,
        pytest.raises(Locked, match="is running"),
    ):
        History().undo(holder, lambda event: None)


def test_it_cannot_be_undone_twice(journal: Journal, tmp_path: Path) -> None:
    holder = _held(journal, tmp_path / "one")
    History().undo(holder, lambda event: None)
    with pytest.raises(UsageError, match="already undone"):
        History().to_undo(holder.id)
    after_a_part(journal, journal.read(holder.parts[0]))
    assert not os.path.exists(tmp_path / "one")


def test_what_is_left_is_told_as_a_failure(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "one"
    holder = _held(journal, path)
    path.write_text("somebody else's\n")
    with pytest.raises(ApplyFailed):
        History().undo(holder, lambda event: None)
    assert journal.read(holder.id).in_force


def test_what_a_machine_cut_off_is_gone_on_with_under_the_same_entry(
    journal: Journal,
    tmp_path: Path,
) -> None:
    done, half, last = (tmp_path / name for name in ("done", "half", "last"))
    with begun_together(journal, 3, "", 0.0) as holder:
        for path, state in ((done, EntryState.DONE), (half, EntryState.OPEN)):
            part = _part(journal, path)
            journal.write(replace(part, part_of=holder.id, state=state))
            holder = add_part(journal, holder, part.id)
    history = History(journal)
    assert history.cut_off_together("another") is None
    cut_off = history.cut_off_together("")
    assert cut_off is not None
    assert (done.exists(), half.exists()) == (True, False), "what was under way is taken back"

    with begun_together(journal, 1, "", 0.0, cut_off) as again:
        part = _part(journal, last)
        journal.write(replace(part, part_of=again.id))
        ended = finish_together(journal, add_part(journal, again, part.id))
    assert (ended.id, ended.state) == (holder.id, EntryState.DONE)
    assert ended.container == "2 containers"
    assert history.cut_off_together("") is None
    history.undo(journal.read(holder.id), lambda event: None)
    assert not done.exists()
    assert not last.exists()


def test_confirming_what_was_cut_off_keeps_only_what_is_finished(
    journal: Journal,
    tmp_path: Path,
) -> None:
    done, half = tmp_path / "done", tmp_path / "half"
    with begun_together(journal, 2, "", 0.0) as holder:
        for path, state in ((done, EntryState.DONE), (half, EntryState.OPEN)):
            part = _part(journal, path)
            journal.write(replace(part, part_of=holder.id, state=state))
            holder = add_part(journal, holder, part.id)
    kept = History(journal).confirm(holder.id)
    assert (kept.state, kept.container) == (EntryState.DONE, "1 container")
    assert (done.exists(), half.exists()) == (True, False)
