"""The journal on disk and the lock of a change."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardentui.errors import JournalError, Locked, UsageError
from hardentui.features.change.change_lock import locked
from hardentui.features.change.journal import Journal
from hardentui.features.change.undo import refuse_to_undo
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.model.journal_document import public_entry
from hardentui.model.operations import FileBefore, WriteFile

BEFORE = FileBefore(
    content=b"\xff\x00 no text",
    mode=0o640,
    uid=3,
    gid=4,
    modified_ns=5,
)


def entry(
    identity: str = "20261126-061948-3fa2",
    **changed: object,
) -> JournalEntry:
    fields = {
        "id": identity,
        "time": "2026-11-26T06:19:48+00:00",
        "action": EntryAction.APPLY,
        "container": "web",
        "operations": (
            WriteFile(
                path="/etc/web",
                content=b"new",
                before=BEFORE,
                made=("/etc",),
            ),
        ),
        **changed,
    }
    return JournalEntry(**fields)  # type: ignore[arg-type]


def test_an_entry_comes_back_as_it_was_written_and_only_we_can_read_it(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "state" / "journal"))
    written = entry()
    journal.write(written)
    assert journal.read(written.id) == written
    file = tmp_path / "state" / "journal" / f"{written.id}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_each_write_is_on_the_disk_before_it_returns(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(stat.S_IFMT(os.fstat(handle).st_mode))
    )
    Journal(str(tmp_path)).write(entry())
    assert synced == [stat.S_IFREG, stat.S_IFDIR]
    synced.clear()
    Journal(str(tmp_path / "new" / "journal")).write(entry())
    assert synced[:2] == [stat.S_IFREG, stat.S_IFDIR]
    assert len(synced) == 2 + len((tmp_path / "new").parts), "the directories above a new one too"


def test_a_broken_entry_is_told_and_hides_no_other(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write(entry())
    (tmp_path / "20261126-061950-0000.json").write_text("{")
    (tmp_path / "20261126-061951-0000.json").write_text('{"schema": "hardentui/journal/9"}')
    (tmp_path / "notes.json").write_text("{}")
    assert [entry.id for entry in journal.entries()] == ["20261126-061948-3fa2"]
    why = {entry.id: entry.why for entry in journal.broken()}
    assert set(why) == {"20261126-061950-0000", "20261126-061951-0000"}
    assert "hardentui/journal/9" in why["20261126-061951-0000"]
    with pytest.raises(JournalError, match="cannot be read"):
        journal.read("20261126-061950-0000")


def test_an_entry_of_another_account_is_not_believed(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    journal = Journal(str(tmp_path))
    journal.write(entry())
    os.chown(
        tmp_path / "20261126-061948-3fa2.json",
        12345,
        12345,
    )
    assert journal.entries() == ()
    assert "another account" in journal.broken()[0].why


def test_an_entry_whose_original_was_removed_offers_no_way_back(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write(entry("20261126-061948-0001", state=EntryState.DONE))
    journal.write(
        entry(
            "20261126-061949-0002",
            state=EntryState.DONE,
            forgotten=True,
        )
    )
    first, last = journal.read("20261126-061948-0001"), journal.read("20261126-061949-0002")
    assert (
        last.in_force,
        last.can_be_undone,
        public_entry(last).way_back,
    ) == (
        True,
        False,
        None,
    )
    assert journal.newest_to_undo() == first
    with pytest.raises(UsageError, match="cannot be undone"):
        refuse_to_undo(journal, last)
    with pytest.raises(UsageError, match="A later change of web depends on"):
        refuse_to_undo(journal, first)


def test_entries_are_found_by_a_part_of_their_id(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write(entry())
    journal.write(entry("20261126-070000-00a2"))
    assert journal.find("3fa2").id == "20261126-061948-3fa2"
    assert journal.find("20261126-07").id == "20261126-070000-00a2"
    with pytest.raises(UsageError, match="more than one"):
        journal.find("20261126")
    with pytest.raises(UsageError, match="is not an entry"):
        journal.find("../../etc/passwd")


def test_the_newest_that_is_in_force_is_undone_first(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write(entry(state=EntryState.DONE))
    journal.write(entry("20261126-070000-00a2", state=EntryState.ROLLED_BACK))
    journal.write(
        entry(
            "20261126-080000-00a2",
            state=EntryState.DONE,
            action=EntryAction.UNDO,
        )
    )
    assert journal.newest_to_undo().id == "20261126-061948-3fa2"


def test_an_older_change_is_not_undone_in_the_place_of_one_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    journal = Journal(str(tmp_path))
    journal.write(entry("20261126-061948-0001"))
    (tmp_path / "20261126-061949-0002.json").write_bytes(b"\0" * 100)
    with pytest.raises(UsageError, match="20261126-061949-0002, cannot be read") as refused:
        journal.newest_to_undo()
    assert f"{tmp_path}/20261126-061949-0002.json" in refused.value.hint
    assert "NAME-before-0002" in refused.value.hint
    journal.write(entry("20261126-061950-0003"))
    assert journal.newest_to_undo().id == "20261126-061950-0003"


def test_nothing_is_changed_without_a_journal(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    with pytest.raises(JournalError, match="cannot be written"):
        Journal(str(place / "journal")).write(entry())


def test_ids_sort_by_what_was_done_first_also_where_the_clock_is_set_back(tmp_path: Path) -> None:
    journal, now = Journal(str(tmp_path)), datetime(2026, 11, 26, 7, tzinfo=UTC)
    (tmp_path / "99999999-999999-ffff.json").write_text("no entry of ours")
    ids = []
    for hours in (0, 0, -5, -5, 1, -1000):
        ids.append(journal.new_id(now + timedelta(hours=hours)))
        journal.write(entry(ids[-1]))
    assert ids == sorted(set(ids))
    journal.write(entry("20261231-235959-ffff"))
    assert journal.new_id(now) == "20270101-000000-0000"


def test_the_second_of_two_changes_is_refused_and_told_who_is_at_it(tmp_path: Path) -> None:
    with locked(
        str(tmp_path),
        "web",
        "unix:///a",
        "apply by anna",
    ):
        with (
            pytest.raises(Locked, match=f"apply by anna, process {os.getpid()}"),
            locked(
                str(tmp_path),
                "web",
                "unix:///a",
                "apply by ben",
            ),
        ):
            raise AssertionError
        with locked(
            str(tmp_path),
            "web",
            "unix:///other",
            "another engine",
        ):
            pass
        with locked(
            str(tmp_path),
            "db",
            "unix:///a",
            "another container",
        ):
            pass
    with locked(
        str(tmp_path),
        "web",
        "unix:///a",
        "free again",
    ):
        pass
    assert Locked.exit_code == 2


def test_a_program_that_lives_longer_does_not_keep_the_lock(tmp_path: Path) -> None:
    with locked(str(tmp_path), "web", "", "first"):
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            close_fds=False,
        )
    try:
        with locked(str(tmp_path), "web", "", "second"):
            assert child.poll() is None
    finally:
        child.kill()
        child.communicate(timeout=60)


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    text = (
        "from hardentui.features.change.file_changes import locked\nimport time\n"
        f"with locked({str(tmp_path)!r}, 'web', '', 'a process that is killed'):\n"
        "    print('held', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(Locked, match="a process that is killed"),
            locked(str(tmp_path), "web", "", "second"),
        ):
            raise AssertionError
    finally:
        holder.kill()
        holder.communicate(timeout=60)
    with locked(str(tmp_path), "web", "", "second"):
        pass
