"""A change whose service does not get going, or whose fixes are not in force, is taken back."""

import threading
from pathlib import Path
from typing import Any

import pytest

from hardentui.errors import ApplyFailed, ChangeFailed, EngineUnreachable, HardenError, PortTaken
from hardentui.features.change.file_operator import FileOperator, planned_writes
from hardentui.features.change.journal import Journal
from hardentui.features.change.operator import (
    NOTHING,
    Cancelled,
    OperationOutcome,
    Operator,
)
from hardentui.features.change.service_operator import ProofOperator
from hardentui.features.change.transaction import Transaction
from hardentui.model.journal import EntryState, JournalEntry, JournalProof
from hardentui.model.operations import Operation, ProveChanges, StopContainer, WaitReady
from tests.support.journal import entry


def test_a_fix_that_is_not_in_force_on_the_real_container_takes_all_back(tmp_path: Path) -> None:
    unit = tmp_path / "web.container"
    unit.write_text("before")
    proofs = (
        JournalProof("writable-rootfs", "pass"),
        JournalProof("no-memory-limit", "fail", "unlimited"),
    )
    service = ProofOperator(lambda name, checks: proofs)
    change = entry(
        *planned_writes([(str(unit), "after", 0o644)]),
        ProveChanges(
            name="web",
            checks=("writable-rootfs", "no-memory-limit"),
        ),
    )
    journal = Journal(str(tmp_path / "journal"))
    with pytest.raises(
        ApplyFailed, match=r"Not in force .*: no-memory-limit \(unlimited\)"
    ) as refused:
        Transaction(journal, (FileOperator(), service)).run(change)
    assert "Everything is as before" in refused.value.title
    assert unit.read_text() == "before"
    assert journal.read(change.id).state is EntryState.ROLLED_BACK
    assert journal.read(change.id).refused == {"web": ("no-memory-limit",)}


@pytest.mark.parametrize(
    ("fails_at", "error", "refused"),
    [
        (WaitReady, ChangeFailed("It does not work with the change."), {}),
        (WaitReady, PortTaken("Something else has its port."), None),
        (WaitReady, Cancelled("Interrupted."), None),
        (WaitReady, EngineUnreachable("Podman is away."), None),
        (StopContainer, ChangeFailed("It does not stop."), None),
    ],
)
def test_only_what_the_service_did_not_take_counts_against_the_change(
    fails_at: type[Operation],
    error: HardenError,
    refused: dict[str, tuple[str, ...]] | None,
    tmp_path: Path,
) -> None:
    class Fails(Operator[Any]):
        def __init__(self, kind: type[Operation]) -> None:
            self.kind = kind

        def do(self, operation: Operation, stop: threading.Event) -> OperationOutcome:
            if isinstance(operation, fails_at):
                raise error
            return NOTHING

        def undo(self, operation: Operation, entry: JournalEntry) -> None: ...

    journal = Journal(str(tmp_path / "journal"))
    change = entry(StopContainer(id="web"), WaitReady(name="web", seconds=1.0))
    operators: Any = (Fails(StopContainer), Fails(WaitReady))
    with pytest.raises(ApplyFailed):
        Transaction(journal, operators).run(change)
    assert journal.read(change.id).refused == refused
