"""Units that a change restarts, and how they and their dependents are restored."""

from __future__ import annotations

import threading

from hardentui.errors import ChangeFailed
from hardentui.features.change.operator import (
    NOTHING,
    AnyOperator,
    OperationOutcome,
    Operator,
    OriginalDown,
)
from hardentui.features.change.systemctl import Systemctl
from hardentui.model.journal import JournalEntry
from hardentui.model.operations import NoteUnit, ReloadUnits, RestartUnit, StartUnits
from hardentui.visible import visible

_UNIT_LIMIT = 180.0


def unit_operators() -> tuple[AnyOperator, ...]:
    """All that change what systemd runs."""
    return (NoteUnitOperator(), ReloadOperator(), RestartUnitOperator(), StartUnitsOperator())


class NoteUnitOperator(Operator[NoteUnit]):
    """Notes how a unit runs, and brings that back."""

    kind = NoteUnit

    def do(
        self,
        operation: NoteUnit,
        stop: threading.Event,
    ) -> OperationOutcome:
        return OperationOutcome(note_unit(operation.unit, operation.uid))

    def undo(
        self,
        operation: NoteUnit,
        entry: JournalEntry,
    ) -> None:
        """The files are already restored: it is the first operation, and undone last."""
        if entry.has_begun_after(operation):
            self._as_before(operation)

    def _as_before(self, noted: NoteUnit) -> None:
        systemctl = Systemctl(noted.uid)
        systemctl.reload()
        shown = systemctl.properties(
            noted.unit,
            "ActiveState",
            "InvocationID",
        )
        active = shown.get("ActiveState") == "active"
        if noted.active and not (active and shown.get("InvocationID") == noted.invocation):
            _start_again(systemctl, noted.unit)
        elif not noted.active and shown.get("ActiveState") not in ("inactive", "failed"):
            systemctl.stop(noted.unit, _UNIT_LIMIT)
        down = [unit for unit in noted.dependents if not systemctl.is_active(unit)]
        systemctl.start(down, _UNIT_LIMIT)


class ReloadOperator(Operator[ReloadUnits]):
    kind = ReloadUnits

    def do(
        self,
        operation: ReloadUnits,
        stop: threading.Event,
    ) -> OperationOutcome:
        Systemctl(operation.uid).reload()
        return NOTHING

    def redo(
        self,
        operation: ReloadUnits,
        entry: JournalEntry,
    ) -> OperationOutcome:
        return self.do(operation, threading.Event())


class RestartUnitOperator(Operator[RestartUnit]):
    kind = RestartUnit

    def do(
        self,
        operation: RestartUnit,
        stop: threading.Event,
    ) -> OperationOutcome:
        systemctl = Systemctl(operation.uid)
        try:
            systemctl.restart(
                operation.unit,
                operation.seconds,
                stop,
            )
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
        return NOTHING

    def redo(
        self,
        operation: RestartUnit,
        entry: JournalEntry,
    ) -> OperationOutcome:
        return self.do(operation, threading.Event())


class StartUnitsOperator(Operator[StartUnits]):
    kind = StartUnits

    def do(
        self,
        operation: StartUnits,
        stop: threading.Event,
    ) -> OperationOutcome:
        Systemctl(operation.uid).start(operation.units, _UNIT_LIMIT)
        return NOTHING

    def redo(
        self,
        operation: StartUnits,
        entry: JournalEntry,
    ) -> OperationOutcome:
        return self.do(operation, threading.Event())


def _start_again(systemctl: Systemctl, unit: str) -> None:
    """Start a unit as it was before the change.

    Raises:
        OriginalDown: it does not start, or does not stay.
    """
    try:
        systemctl.restart(unit, _UNIT_LIMIT, threading.Event())
    except ChangeFailed as error:
        raise OriginalDown(error.title, error.hint) from error
    if systemctl.properties(unit, "ActiveState").get("ActiveState") == "failed":
        raise OriginalDown(
            f"{visible(unit, 80)} did not stay active: {systemctl.why_failed(unit)}."
        )


def note_unit(unit: str, uid: int | None) -> NoteUnit:
    """The current state of a unit and its dependents.

    Raises:
        ChangeFailed: systemd does not answer.
    """
    systemctl = Systemctl(uid)
    shown = systemctl.properties(
        unit,
        "ActiveState",
        "InvocationID",
    )
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
