"""A change whose service does not get going, or whose fixes are not in force, is taken back."""

from pathlib import Path

import pytest

from hardentui.errors import ApplyFailed
from hardentui.features.change.file_operator import FileOperator, planned_writes
from hardentui.features.change.journal import Journal
from hardentui.features.change.service_operator import ProofOperator
from hardentui.features.change.transaction import Transaction
from hardentui.model.journal import EntryState, JournalProof
from hardentui.model.operations import ProveChanges
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
