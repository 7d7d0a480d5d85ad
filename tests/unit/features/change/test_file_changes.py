"""Files of the host change all together or not at all, and come back byte for byte."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from hardentui.errors import ApplyFailed, JournalError, Locked, UsageError, WriteError
from hardentui.features.change.change_lock import held_on_engine
from hardentui.features.change.file_changes import change_files
from hardentui.features.change.file_operator import FileOperator, planned_writes
from hardentui.features.change.forgetting import forget
from hardentui.features.change.journal import Journal
from hardentui.features.change.transaction import Transaction
from hardentui.features.change.undo import confirm, undo
from hardentui.features.change.waiting_time import waiting
from hardentui.model.journal import (
    ChangeEvent,
    EntryAction,
    EntryState,
    JournalEntry,
    OperationBegun,
    OperationDone,
)
from hardentui.model.ledger import Home, NewerData
from hardentui.model.operations import WriteFile
from tests.support.journal import entry

OLD = b"\xffold bytes\r\n"


class Host:
    """A file with a mode and time of its own, a place for a second one, and one in a missing
    directory."""

    def __init__(self, root: Path) -> None:
        self.root = root / "etc"
        self.root.mkdir()
        self.policy = self.root / "policy.json"
        self.policy.write_bytes(OLD)
        self.policy.chmod(0o640)
        if os.geteuid() == 0:
            os.chown(self.policy, 4321, 1234)
        os.utime(self.policy, ns=(10**18, 10**18 + 7))
        self.files = [
            (str(self.policy), "new policy\n", 0o644),
            (str(self.root / "key.pub"), "a key\n", 0o644),
            (
                str(self.root / "deep" / "er" / "drop-in.conf"),
                "drop-in\n",
                0o600,
            ),
        ]
        self.journal = Journal(str(root / "journal"))

    def state(self) -> dict[str, tuple[object, ...]]:
        result: dict[str, tuple[object, ...]] = {}
        for path in sorted(self.root.rglob("*")):
            what = path.stat()
            about = (stat.S_IMODE(what.st_mode), what.st_uid, what.st_gid)
            result[str(path)] = (
                (*about, what.st_mtime_ns, path.read_bytes()) if path.is_file() else about
            )
        return result

    def change(self) -> JournalEntry:
        made = change_files(
            self.journal,
            action=EntryAction.TRUST,
            subject=str(self.policy),
            files=self.files,
            diff="masked",
        )
        assert made is not None
        return made

    def undo(self, entry: JournalEntry) -> JournalEntry:
        return undo(
            self.journal,
            entry.id,
            [FileOperator()],
            lambda event: None,
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_files_change_and_come_back_with_owner_mode_and_time(host: Host) -> None:
    before = host.state()
    entry = host.change()
    assert (entry.state, entry.action) == (EntryState.DONE, EntryAction.TRUST)
    assert host.journal.read(entry.id) == entry
    assert host.policy.read_text() == "new policy\n"
    assert host.state()[str(host.policy)][:3] == before[str(host.policy)][:3]
    assert stat.S_IMODE(os.stat(host.files[2][0]).st_mode) == 0o600
    assert [path.name for path in host.root.iterdir() if path.name.startswith("policy")] == [
        "policy.json"
    ]
    undone = host.undo(entry)
    assert undone.state is EntryState.ROLLED_BACK
    assert host.state() == before
    newest = host.journal.entries()[0]
    assert (newest.action, newest.undoes) == (EntryAction.UNDO, entry.id)


def test_a_second_undo_says_that_it_is_done_already(host: Host) -> None:
    entry = host.change()
    host.undo(entry)
    with pytest.raises(UsageError, match="already undone"):
        host.undo(entry)
    undone = next(entry for entry in host.journal.entries() if entry.action is EntryAction.UNDO)
    with pytest.raises(UsageError, match="itself an undo"):
        host.undo(undone)


def test_what_says_so_already_makes_no_entry(host: Host) -> None:
    host.change()
    again = change_files(
        host.journal, action=EntryAction.TRUST, subject=str(host.policy), files=host.files, diff=""
    )
    assert again is None
    assert len(host.journal.entries()) == 1


def test_a_later_change_has_to_go_back_first(host: Host) -> None:
    first = host.change()
    host.files[0] = (str(host.policy), "newer policy\n", 0o644)
    second = host.change()
    with pytest.raises(
        UsageError,
        match=f"later change of {host.policy} depends on {first.id}",
    ):
        host.undo(first)
    host.undo(second)
    host.undo(first)
    assert host.policy.read_bytes() == OLD


def test_what_somebody_changed_since_is_not_overwritten(host: Host) -> None:
    entry = host.change()
    host.policy.write_text("by hand\n")
    before = host.state()
    with pytest.raises(WriteError, match="changed by somebody else") as refused:
        host.undo(entry)
    assert f"journal forget {entry.id}" in refused.value.hint
    assert host.state() == before, "the other files belong to it and stay too"
    assert host.journal.read(entry.id).state is EntryState.DONE
    host.policy.write_text("new policy\n")
    assert host.undo(entry).state is EntryState.ROLLED_BACK
    assert host.policy.read_bytes() == OLD


def test_what_was_cut_off_goes_back_but_for_what_somebody_changed(host: Host) -> None:
    entry = host.change()
    host.journal.write(replace(entry, state=EntryState.OPEN))
    host.policy.write_text("by hand\n")
    with pytest.raises(ApplyFailed, match="changed by somebody else"):
        host.undo(entry)
    assert [path.name for path in host.root.iterdir()] == [host.policy.name]
    assert host.policy.read_text() == "by hand\n"
    assert host.journal.read(entry.id).state is EntryState.OPEN


def test_what_is_not_confirmed_and_was_changed_since_stays_and_is_told(host: Host) -> None:
    entry = host.change()
    host.journal.write(waiting(entry, 0))
    host.policy.write_text("by hand\n")
    before = host.state()
    done = undo(
        host.journal,
        entry.id,
        [FileOperator()],
        lambda event: None,
        why="It was not confirmed in time.",
        only=EntryState.WAITING,
    )
    assert host.state() == before
    assert host.journal.read(entry.id) == done
    assert (done.state, done.can_be_undone) == (EntryState.DONE, True)
    assert "not confirmed in time. Not rolled back:" in done.reason


def test_what_somebody_changed_since_can_be_closed_as_it_is(host: Host) -> None:
    entry = host.change()
    with pytest.raises(UsageError, match="keeps no original"):
        forget(host.journal, entry.id, [FileOperator()])
    host.policy.write_text("by hand\n")
    before = host.state()
    assert "changed by somebody else" in forget(host.journal, entry.id, [FileOperator()]).reason
    assert host.state() == before
    with pytest.raises(UsageError, match="cannot be undone"):
        host.undo(entry)


def test_a_way_back_that_the_journal_cannot_note_is_told_as_such(
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = host.state()
    entry = host.change()

    def full(self: Journal, entry: JournalEntry) -> None:
        raise JournalError("The journal cannot be written: no space.")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "write", full)
        with pytest.raises(
            JournalError, match="is as it was before, but the journal could not record it"
        ):
            host.undo(entry)
    assert host.state() == before
    assert host.undo(entry).state is EntryState.ROLLED_BACK
    assert host.state() == before


@pytest.mark.parametrize("when", [OperationBegun, OperationDone])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failure_at_any_operation_leaves_all_as_it_was(
    host: Host,
    number: int,
    when: type[ChangeEvent],
) -> None:
    before = host.state()

    def fail(event: ChangeEvent) -> None:
        if isinstance(event, when) and getattr(event, "number", 0) == number:
            raise WriteError("The disk is full.")

    entry = _entry(host)
    with pytest.raises(
        ApplyFailed,
        match=r"The disk is full\. Everything is as before\.",
    ):
        Transaction(host.journal, [FileOperator()], fail).run(entry)
    assert host.state() == before
    kept = host.journal.read(entry.id)
    assert (kept.state, kept.begun) == (EntryState.ROLLED_BACK, number)
    assert "disk is full" in kept.reason


def test_an_output_that_nobody_reads_any_more_is_an_interruption(host: Host) -> None:
    before = host.state()

    def lost(event: ChangeEvent) -> None:
        if isinstance(event, OperationDone):
            raise BrokenPipeError

    entry = _entry(host)
    with pytest.raises(BrokenPipeError):
        Transaction(host.journal, [FileOperator()], lost).run(entry)
    assert host.state() == before
    kept = host.journal.read(entry.id)
    assert (kept.state, kept.reason) == (
        EntryState.ROLLED_BACK,
        "It was interrupted: nothing reads its output any more.",
    )


@pytest.mark.parametrize("when", ["OperationBegun", "OperationDone"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_after_a_kill_at_any_operation_undo_brings_all_back(
    host: Host,
    number: int,
    when: str,
) -> None:
    before = host.state()
    text = f"""
import os, signal
from hardentui.features.change.file_operator import FileOperator
from hardentui.features.change.journal import Journal
from hardentui.features.change.transaction import Transaction
from hardentui.model.journal import JournalEntry
import msgspec

def die(event):
    if type(event).__name__ == {when!r} and event.number == {number}:
        os.kill(os.getpid(), signal.SIGKILL)

entry = msgspec.json.decode({msgspec.json.encode(_entry(host))!r}, type=JournalEntry)
Transaction(Journal({host.journal.directory!r}), [FileOperator()], die).run(entry)
"""
    killed = subprocess.run(
        [sys.executable, "-c", text],
        timeout=30,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    left = host.journal.newest_to_undo()
    assert (left.state, left.begun) == (EntryState.OPEN, number)
    assert host.undo(left).state is EntryState.ROLLED_BACK
    assert host.state() == before


def test_a_journal_that_fails_in_the_middle_stops_the_change_and_not_the_way_back(
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, write, written = host.state(), host.journal.write, 0

    def full(entry: JournalEntry) -> None:
        nonlocal written
        written += 1
        if written > 2:
            raise JournalError("The journal cannot be written: no space left.")
        write(entry)

    monkeypatch.setattr(host.journal, "write", full)
    with pytest.raises(ApplyFailed, match="no space left"):
        Transaction(host.journal, [FileOperator()]).run(_entry(host))
    assert host.state() == before


def test_without_a_journal_nothing_is_written(host: Host) -> None:
    before = host.state()
    Path(host.journal.directory).write_text("no directory")
    with pytest.raises(WriteError):
        host.change()
    assert host.state() == before


def test_a_link_in_the_place_of_a_file_is_refused(host: Host) -> None:
    (host.root / "key.pub").symlink_to("/etc/passwd")
    with pytest.raises(WriteError):
        host.change()
    assert host.policy.read_bytes() == OLD


def test_only_what_waits_can_be_confirmed(host: Host) -> None:
    entry = host.change()
    with pytest.raises(UsageError, match="is not waiting for confirmation"):
        confirm(host.journal, entry.id)


def _entry(host: Host) -> JournalEntry:
    return entry(
        *planned_writes(host.files),
        action=EntryAction.HOST,
        container="policy",
    )


@pytest.mark.parametrize(
    ("seen", "now"),
    [
        ("read\n", "theirs\n"),
        ("read\n", None),
        ("", "theirs\n"),
    ],
)
def test_what_changed_since_it_was_read_is_not_planned(
    tmp_path: Path,
    seen: str,
    now: str | None,
) -> None:
    unit = tmp_path / "web.container"
    if now is not None:
        unit.write_text(now)
    with pytest.raises(WriteError, match="has changed in the meantime"):
        planned_writes([(str(unit), "ours\n", 0o644)], {str(unit): seen})


_HOLDS = """
import sys
from hardentui.features.change.change_lock import held_on_engine
with held_on_engine(sys.argv[1], "web"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("--cut-off", "web is being put back as it was, by process"),
        ("", "Another HardenTUI of this account is changing web now, process"),
    ],
)
def test_who_holds_a_container_is_told(tmp_path: Path, argument: str, told: str) -> None:
    """Our own watcher that takes back what was cut off is no other account."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(tmp_path), argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=told), held_on_engine(str(tmp_path), "web"):
            pass
        holder.communicate("", timeout=60)


_HOLDS_AS_ANOTHER = """
import os, sys
from hardentui.features.change.change_lock import held_on_engine
os.setgroups([])
os.setgid(60123)
os.setuid(60123)
with held_on_engine(sys.argv[1], "web"):
    print("held")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="root's lock, and another account")
def test_who_may_not_enter_the_engines_directory_has_locks_of_its_own(tmp_path: Path) -> None:
    """A limit that SECURITY.md tells: it does not see that root holds one."""
    tmp_path.chmod(0o700)
    words = [sys.executable, "-c", _HOLDS_AS_ANOTHER, str(tmp_path)]
    with held_on_engine(str(tmp_path), "web"):
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
    assert done.stdout == "held\n", done.stderr


def test_what_an_undo_brings_back_is_mounted_and_all_else_as_before(host: Host) -> None:
    """Twice, as after a guard that completes it; and the change can come into force again."""
    changed = host.change()
    keeping = b"\xffold bytes\r\nVolume=data:/srv\n"
    first, *rest = changed.operations
    assert isinstance(first, WriteFile)
    first = replace(first, with_data=keeping)
    data = NewerData(
        container="web", path="/srv", home=Home.VOLUME, source="data", brought=True, mounted=True
    )
    back = replace(changed, operations=(first, *rest), brings_back=(data,))
    for _ in range(2):
        FileOperator().refuse_undo(first, back)
        FileOperator().undo(first, back)
    now = host.policy.stat()
    assert host.policy.read_bytes() == keeping
    assert first.before is not None
    before = first.before
    assert (stat.S_IMODE(now.st_mode), now.st_uid) == (before.mode, before.uid)
    FileOperator().redo(first, back)
    assert host.policy.read_text() == "new policy\n"
    FileOperator().undo(first, replace(back, brings_back=()))
    assert host.policy.read_bytes() == OLD
