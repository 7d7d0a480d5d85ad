"""Units that a change restarts, and how they and their dependents are restored."""

from __future__ import annotations

import threading

from hardentui.errors import ChangeFailed
from hardentui.features.change.file_operator import NOTHING, OperationOutcome, OriginalDown, Systemctl
from hardentui.model.journal import JournalEntry
from hardentui.model.operations import NoteUnit, Operation, ReloadUnits, RestartUnit, StartUnits
from hardentui.visible import visible

_LIMIT = 180.0


class UnitOperator:
    """Changes what systemd runs."""

    kinds: tuple[type[Operation], ...] = (NoteUnit, ReloadUnits, RestartUnit, StartUnits)

    def do(self, operation: Operation, stop: threading.Event) -> OperationOutcome:
        match operation:
            case NoteUnit():
                return OperationOutcome(note_unit(operation.unit, operation.uid))
            case ReloadUnits():
                Systemctl(operation.uid).reload()
            case RestartUnit():
                self._restart(operation, stop)
            case StartUnits():
                Systemctl(operation.uid).start(operation.units, _LIMIT)
            case _:
                raise AssertionError(operation)
        return NOTHING

    def refuse_undo(self, operation: Operation, entry: JournalEntry) -> None:
        """There is no obstacle."""

    def undo(self, operation: Operation, entry: JournalEntry) -> None:
        """The files are already restored when NoteUnit, the first operation, is undone."""
        if isinstance(operation, NoteUnit) and entry.has_begun_after(operation):
            self._as_before(operation)

    def clear(self, operation: Operation, entry: JournalEntry) -> None:
        """They made nothing."""

    def redo(self, operation: Operation, entry: JournalEntry) -> OperationOutcome:
        return NOTHING if isinstance(operation, NoteUnit) else self.do(operation, threading.Event())

    def _restart(self, operation: RestartUnit, stop: threading.Event) -> None:
        systemctl = Systemctl(operation.uid)
        try:
            systemctl.restart(operation.unit, operation.seconds, stop)
        except ChangeFailed as error:
            why = systemctl.why_failed(operation.unit)
            raise ChangeFailed(
                f"{visible(operation.unit, 80)} did not start with the change: {why}.",
                f"{error.title}\n{_journal_hint(operation)}",
            ) from error
        if not systemctl.is_active(operation.unit):
            raise ChangeFailed(
                f"{visible(operation.unit, 80)} did not stay active: {systemctl.why_failed(operation.unit)}."
            )

    def _as_before(self, noted: NoteUnit) -> None:
        systemctl = Systemctl(noted.uid)
        systemctl.reload()
        shown = systemctl.properties(noted.unit, "ActiveState", "InvocationID")
        active = shown.get("ActiveState") == "active"
        if noted.active and not (active and shown.get("InvocationID") == noted.invocation):
            _start_again(systemctl, noted.unit)
        elif not noted.active and shown.get("ActiveState") not in ("inactive", "failed"):
            systemctl.stop(noted.unit, _LIMIT)
        down = [unit for unit in noted.dependents if not systemctl.is_active(unit)]
        systemctl.start(down, _LIMIT)


def _start_again(systemctl: Systemctl, unit: str) -> None:
    """Start a unit as it was before the change.

    Raises:
        OriginalDown: it does not start, or does not stay.
    """
    try:
        systemctl.restart(unit, _LIMIT, threading.Event())
    except ChangeFailed as error:
        raise OriginalDown(error.title, error.hint) from error
    if systemctl.properties(unit, "ActiveState").get("ActiveState") == "failed":
        raise OriginalDown(f"{visible(unit, 80)} did not stay active: {systemctl.why_failed(unit)}.")


def note_unit(unit: str, uid: int | None) -> NoteUnit:
    """The current state of a unit and its dependents.

    Raises:
        ChangeFailed: systemd does not answer.
    """
    systemctl = Systemctl(uid)
    shown = systemctl.properties(unit, "ActiveState", "InvocationID")
    return NoteUnit(
        unit=unit,
        uid=uid,
        active=shown.get("ActiveState") == "active",
        invocation=shown.get("InvocationID", ""),
        dependents=systemctl.active_dependents(unit),
    )


def _journal_hint(operation: RestartUnit) -> str:
    user = " --user" if operation.uid is not None else ""
    return f"Its log: journalctl{user} -u {visible(operation.unit, 80)}"
