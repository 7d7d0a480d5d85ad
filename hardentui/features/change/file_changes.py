"""Changes of host files only (a trust policy, a drop-in of a host service), with undo.

    change_files(
        Journal(), action=EntryAction.TRUST, subject="/etc/containers/policy.json",
        files=[("/etc/containers/policy.json", text, 0o644)], diff=masked_diff)

writes all of the files or none, and `hardentui undo` restores the previous ones byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from hardentui.account import who
from hardentui.features.change.change_lock import lock_directory, locked
from hardentui.features.change.file_operator import FileOperator, planned_writes
from hardentui.features.change.journal import Journal
from hardentui.features.change.transaction import Transaction
from hardentui.model.journal import EntryAction, JournalChange, JournalEntry, JournalProof
from hardentui.visible import visible


def change_files(
    journal: Journal,
    *,
    action: EntryAction,
    subject: str,
    files: Sequence[tuple[str, str, int]],
    diff: str,
    seen: Mapping[str, str | None] | None = None,
    changes: Sequence[JournalChange] = (),
    proof: Sequence[JournalProof] = (),
) -> JournalEntry | None:
    """Write files, all or none, and record in the journal how to undo that.

    Args:
        subject: what is changed, as `hardentui journal` names it; one change of it at a time.
        files: (absolute path, text, mode of a new file). An existing file keeps its owner and mode.
        diff: what changes, with secrets masked.
        seen: by path, the texts that new ones were made from; a file with another text is not
            written.
        changes: the same by option, if there are options.
        proof: what was proven beforehand, if anything.

    Returns:
        the entry; None if every file is already up to date.

    Raises:
        WriteError, JournalError, Locked: nothing was changed.
        ApplyFailed: the change was rolled back.
    """
    now = datetime.now(UTC)
    with locked(
        lock_directory(journal),
        subject,
        "",
        f"{action.value} by {who()}",
    ):
        writes = planned_writes(files, seen)
        if not writes:
            return None
        entry = JournalEntry(
            id=journal.new_id(now),
            time=now.isoformat(timespec="seconds"),
            action=action,
            container=visible(subject),
            by=who(),
            diff=diff,
            changes=tuple(changes),
            proof=tuple(proof),
            operations=writes,
        )
        return Transaction(journal, [FileOperator()]).run(entry)
