"""A change whose service does not get going, or whose fixes are not in force, is taken back."""

import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from hardentui.errors import ApplyFailed, ChangeFailed, PortTaken
from hardentui.features.change.container_operator import start_with_patience
from hardentui.features.change.file_operator import Cancelled, FileOperator, planned_writes
from hardentui.features.change.journal import Journal
from hardentui.features.change.service_operator import ServiceOperator
from hardentui.features.change.transaction import Transaction
from hardentui.model.journal import EntryAction, EntryState, JournalEntry, JournalProof
from hardentui.model.operations import ProveChanges

TAKEN = PortTaken("Cannot start the container web: listen tcp 0.0.0.0:80: bind: address already in use.")


def test_a_fix_that_is_not_in_force_on_the_real_container_takes_all_back(tmp_path: Path) -> None:
    unit = tmp_path / "web.container"
    unit.write_text("before")
    proofs = (JournalProof("writable-rootfs", "pass"), JournalProof("no-memory-limit", "fail", "unlimited"))
    service = ServiceOperator(None, None, lambda name, checks: proofs)
    entry = JournalEntry(
        id="20261126-101112-00ff",
        time="2026-11-26T10:11:12+00:00",
        action=EntryAction.APPLY,
        container="web",
        operations=(
            *planned_writes([(str(unit), "after", 0o644)]),
            ProveChanges(name="web", checks=("writable-rootfs", "no-memory-limit")),
        ),
    )
    journal = Journal(str(tmp_path / "journal"))
    with pytest.raises(ApplyFailed, match=r"Not in force .*: no-memory-limit \(unlimited\)") as refused:
        Transaction(journal, (FileOperator(), service)).run(entry)
    assert "Everything is as before" in refused.value.title
    assert unit.read_text() == "before"
    assert journal.read(entry.id).state is EntryState.ROLLED_BACK


def test_a_port_that_is_still_taken_is_waited_for() -> None:
    containers = Mock()
    containers.start.side_effect = [TAKEN, TAKEN, None]
    start_with_patience(containers, "web", 60.0, threading.Event())
    assert containers.start.call_count == 3


def test_another_failure_and_the_end_of_the_time_are_final() -> None:
    containers = Mock()
    containers.start.side_effect = ChangeFailed("Cannot start the container web: no such device.")
    with pytest.raises(ChangeFailed, match="no such device"):
        start_with_patience(containers, "web", 60.0, threading.Event())
    containers.start.side_effect = TAKEN
    with pytest.raises(ChangeFailed, match="already in use"):
        start_with_patience(containers, "web", 0.0, threading.Event())


def test_whoever_waits_for_a_port_can_be_stopped() -> None:
    containers, stop = Mock(), threading.Event()
    containers.start.side_effect = TAKEN
    stop.set()
    with pytest.raises(Cancelled):
        start_with_patience(containers, "web", 60.0, stop)
