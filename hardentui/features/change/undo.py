"""Undoing a change that is in force, or one that was interrupted."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

from msgspec.structs import replace

from hardentui.account import who
from hardentui.do import Do, Verb
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import (
    ApplyFailed,
    ChangeFailed,
    HardenError,
    JournalError,
    NotFound,
    NoWayBack,
    UsageError,
)
from hardentui.features.change.container_operator import ContainerOperator
from hardentui.features.change.data_operator import DataOperator, give_back, mounted_again
from hardentui.features.change.file_changes import entry_locked
from hardentui.features.change.file_operator import (
    NOTHING,
    AnyOperator,
    OnEvent,
    OperationOutcome,
    Operator,
)
from hardentui.features.change.journal import Journal
from hardentui.features.change.originals import no_way_back, refuse_taken_name, start_original
from hardentui.features.change.transaction import Transaction, closed
from hardentui.features.change.wait import is_running
from hardentui.host.files import Files
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.model.operations import CreateStandIn, NoteContainer
from hardentui.visible import visible

# Rollback for a container that Podman removes when it stops (`--rm`): a stand-in, created
# beforehand.
#
# The stand-in has all options of the original and holds its volumes, so that Podman removes none of
# them. It is never started unless the change is undone after the original is gone; then it takes
# over its name.

_LOOK_AGAIN = 0.3
_GOES = 10.0  # seconds that Podman may take to remove a stopped container


class StandInOperator(Operator[CreateStandIn]):
    """Creates the stand-in, and replaces its original with it."""

    kinds = (CreateStandIn,)

    def __init__(
        self,
        engine: ChangingEngine,
        files: Files | None = None,
    ) -> None:
        self._engine = engine
        self._files = files
        self._containers = engine.containers

    def do(
        self,
        operation: CreateStandIn,
        stop: threading.Event,
    ) -> OperationOutcome:
        created = self._containers.create_by_command(operation.arguments)
        return OperationOutcome(replace(operation, created=created))

    def refuse_undo(
        self,
        operation: CreateStandIn,
        entry: JournalEntry,
    ) -> None:
        if not entry.has_begun_after(operation) or self._containers.exists(operation.original):
            return
        stand_in = self._stand_in(operation)
        if stand_in is None:
            raise no_way_back(
                self._containers,
                _both_gone(operation),
                entry,
            )
        refuse_taken_name(
            self._containers,
            operation.original_name,
            {operation.original, str(stand_in["Id"])},
            entry,
        )

    def undo(
        self,
        operation: CreateStandIn,
        entry: JournalEntry,
    ) -> None:
        original = self._survivor(operation)
        stand_in = self._stand_in(operation)
        if original is not None:
            if str(original.get("Name")) != operation.original_name:
                self._containers.rename(operation.original, operation.original_name)
            if stand_in is not None:
                self._containers.remove(
                    str(stand_in["Id"]),
                    force=True,
                    volumes=False,
                )
            return
        if stand_in is None:
            raise ChangeFailed(f"{_both_gone(operation)}.")
        identity = str(stand_in["Id"])
        if str(stand_in.get("Name")) != operation.original_name:
            self._containers.rename(identity, operation.original_name)
        if not is_running(stand_in):
            for data in entry.brings_back:
                give_back(
                    self._engine,
                    data,
                    entry,
                    into=identity,
                )
            start_original(self._engine, identity, self._files)

    def redo(
        self,
        operation: CreateStandIn,
        entry: JournalEntry,
    ) -> OperationOutcome:
        stand_in = self._stand_in(operation)
        if stand_in is not None and str(stand_in.get("Name")) != operation.name:
            self._containers.rename(str(stand_in["Id"]), operation.name)
        return NOTHING

    def remove(self, operation: CreateStandIn) -> None:
        """Permanently remove the stand-in unless it is in use; its volumes stay.

        Raises:
            ChangeFailed: it is running, or has another name by now.
        """
        stand_in = self._stand_in(operation)
        if stand_in is None:
            return
        if is_running(stand_in) or str(stand_in.get("Name")) != operation.name:
            raise ChangeFailed(f"{visible(operation.name, 80)} is in use; it was not removed.")
        self._containers.remove(str(stand_in["Id"]), volumes=False)

    def _survivor(
        self,
        operation: CreateStandIn,
    ) -> Mapping[str, Any] | None:
        """The original, if it keeps running; None if it has stopped, after which it is removed."""
        end = monotonic() + operation.seconds + _GOES
        while True:
            try:
                now = self._containers.inspect(operation.original)
            except NotFound:
                return None
            state = now.get("State") or {}
            if state.get("Running") and state.get("Status") not in ("stopping", "removing"):
                return now
            if monotonic() > end:
                break
            sleep(_LOOK_AGAIN)
        with suppress(NotFound):  # it has stopped, and Podman did not remove it
            self._containers.remove(
                operation.original,
                force=True,
                volumes=False,
            )
        return None

    def _stand_in(
        self,
        operation: CreateStandIn,
    ) -> Mapping[str, Any] | None:
        """By its ID; if a crash lost that, by its name and the exact command that was requested."""
        with suppress(NotFound):
            container = self._containers.inspect(operation.created or operation.name)
            command = tuple((container.get("Config") or {}).get("CreateCommand") or ())
            if operation.created or command[-len(operation.arguments) :] == operation.arguments:
                return container
        return None


def _both_gone(operation: CreateStandIn) -> str:
    return (
        f"{visible(operation.original_name, 80)} was removed by Podman when it stopped (--rm), and "
        f"{visible(operation.name, 80)}, which was to take its place, is gone too"
    )


# Permanently removing a kept original.


def forget(
    journal: Journal,
    identity: str,
    operators: Sequence[AnyOperator],
) -> JournalEntry:
    """Remove the original that a finished entry keeps; it cannot be undone afterwards. An entry
    that can no longer be undone is closed.

    Raises:
        UsageError: it keeps no original and can be undone, or is already closed.
    """
    entry = journal.read(identity)
    with entry_locked(journal, entry, f"forget {identity}"):
        entry = journal.read(identity)
        others_kept = (
            len(entry.originals) > 1 and entry.state is EntryState.DONE
        )  # the rest of a stack
        hindrance = (
            None
            if others_kept or not entry.can_be_undone
            else _hindrance(journal, entry, operators)
        )
        if hindrance is not None:
            entry = closed(entry, f"Closed by {who()}: {hindrance.title}")
            journal.write(entry)
            return entry
        if entry.state is not EntryState.DONE or entry.original is None:
            raise UsageError(
                f"{identity} keeps no original: it is {entry.state.value}.",
                "Only a finished change that replaced a container keeps one.",
            )
        if len(entry.containers) > 1 and (older := _older(journal, entry)):
            raise UsageError(
                f"{older} keeps an original that refers to one of {identity}.",
                ("First: ", Do(Verb.FORGET, older)),
            )
        noted = [
            operation for operation in entry.operations if isinstance(operation, NoteContainer)
        ]
        kept = {container: name for name, container in entry.originals.items()}
        stand_in = next(
            (operation for operation in entry.operations if isinstance(operation, CreateStandIn)),
            None,
        )
        for operator in operators:
            if isinstance(operator, StandInOperator) and stand_in is not None:
                operator.remove(stand_in)
            elif isinstance(operator, ContainerOperator) and stand_in is None:
                for original in noted:  # those first that refer to others
                    operator.remove_original(original.id, kept[original.name])
        what = "Its original was" if len(kept) == 1 else "Its originals were"
        reason = f"{what} removed by {who()}."
        entry = replace(
            entry,
            original=None,
            forgotten=True,
            reason=reason,
        )
        journal.write(entry)
        return entry


def _older(journal: Journal, entry: JournalEntry) -> str:
    """An earlier change of one of its containers that still keeps an original."""
    return next(
        (
            other.id
            for other in journal.entries()
            if other.id < entry.id
            and other.can_be_undone
            and other.originals
            and other.engine == entry.engine
            and not set(other.containers).isdisjoint(entry.containers)
        ),
        "",
    )


def _hindrance(
    journal: Journal,
    entry: JournalEntry,
    operators: Sequence[AnyOperator],
) -> HardenError | None:
    """Why an entry cannot be undone, if there is no kept original that could be removed instead."""
    try:
        Transaction(journal, operators).refuse_undo(entry)
    except NoWayBack as error:
        return error
    except HardenError as error:
        return None if entry.original and entry.state is EntryState.DONE else error
    return None


def undo(
    journal: Journal,
    identity: str,
    operators: Iterable[AnyOperator],
    on_event: OnEvent,
    *,
    why: str = "",
    only: EntryState | None = None,
    stop: threading.Event | None = None,
    bring_back: bool = False,
) -> JournalEntry:
    """Undo an entry; returns the resulting entry.

    Args:
        bring_back: what was written since is copied into the originals before they start.
        why: recorded in the journal; by default who did it.
        only: do nothing unless it is still in this state.

    Raises:
        UsageError: it cannot be undone: it already is, a later change depends on it, or there is
            nothing left to restore. Nothing was changed.
        Locked: it is running right now.
        ApplyFailed: something could not be undone; it can be tried again.
    """
    entry, operators = journal.read(identity), tuple(operators)
    with entry_locked(journal, entry, f"undo of {identity}"):
        entry = journal.read(identity)  # it may have completed while we waited
        if only is not None and entry.state is not only:
            return entry
        refuse_to_undo(journal, entry)
        by = who()
        transaction = Transaction(
            journal,
            operators,
            on_event,
            stop,
        )
        try:
            transaction.refuse_undo(entry)
        except NoWayBack:
            if only is None:
                raise
        except HardenError as error:
            if entry.state is EntryState.WAITING and only is not None:  # nobody can be asked
                reason = f"{why} Not rolled back: {error.title}"  # it can be undone later
                entry = replace(
                    entry,
                    state=EntryState.DONE,
                    confirm_by=0.0,
                    reason=reason,
                )
                journal.write(entry)
                return entry
            if (
                entry.state is not EntryState.OPEN
            ):  # an interrupted change is undone as far as possible
                raise
        if bring_back:
            entry = _to_bring_back(journal, entry, operators)
        done = transaction.go_back(entry, why or f"Undone by {by}.")
        if (done.forgotten or done.state is EntryState.DONE) and only is not None:
            return done
        if done.state is EntryState.DONE and not done.forgotten:
            raise ApplyFailed(
                done.reason,
                (
                    "Fix what keeps the original from starting, then: ",
                    Do(Verb.UNDO, entry.id),
                    "\nTo keep the change for good: ",
                    Do(Verb.FORGET, entry.id),
                ),
            )
        if done.state is not EntryState.ROLLED_BACK:
            raise ApplyFailed(done.reason, ("Try again with: ", Do(Verb.UNDO, entry.id)))
        _note(
            journal,
            done,
            by,
            why,
            transaction.downtime,
        )
        return done


def _to_bring_back(
    journal: Journal,
    entry: JournalEntry,
    operators: Iterable[AnyOperator],
) -> JournalEntry:
    """The entry with what its way back copies; whoever completes it copies that too."""
    if entry.brings_back:
        return entry
    data = [operator for operator in operators if isinstance(operator, DataOperator)]
    copied = (row for operator in data for row in operator.to_bring_back(entry))
    entry = replace(entry, brings_back=(*copied, *mounted_again(entry)))
    journal.write(entry)
    return entry


def _note(
    journal: Journal,
    done: JournalEntry,
    by: str,
    why: str,
    downtime: float | None,
) -> None:
    """Record that an entry was undone, with an entry of its own.

    Raises:
        JournalError: it is undone, but not noted.
    """
    now = datetime.now(UTC)
    note = JournalEntry(
        id=journal.new_id(now),
        time=now.isoformat(timespec="seconds"),
        action=EntryAction.UNDO,
        container=done.container,
        engine=done.engine,
        by=by,
        state=EntryState.DONE,
        reason=f"{done.id} was undone. {why}".strip(),
        undoes=done.id,
        downtime_seconds=downtime,
        newer=done.newer,
        others=done.containers[1:],
    )
    try:
        journal.write(done)  # the way back itself goes on without a journal
        journal.write(note)
    except JournalError as error:
        raise JournalError(
            f"{done.id} is undone, {visible(done.container, 80)} is as it was before, but the journal"
            f" could not record it. {error.title}",
            (
                "Free some space, then again: ",
                Do(Verb.UNDO, done.id),
                ", which will only record it.",
            ),
        ) from error


def refuse_to_undo(journal: Journal, entry: JournalEntry) -> None:
    """Raises UsageError if an entry cannot be undone, or not yet."""
    if entry.action is EntryAction.UNDO:
        raise UsageError(
            f"{entry.id} is itself an undo, of {entry.undoes}.", "Apply the change again instead."
        )
    if entry.state is EntryState.ROLLED_BACK:
        raise UsageError(f"{entry.id} is already undone: {entry.reason}")
    if entry.forgotten:
        raise UsageError(
            f"{entry.id} cannot be undone: {entry.reason}", "There is nothing left to restore."
        )
    later = [
        other.id
        for other in journal.entries()
        if other.id > entry.id
        and other.in_force
        and other.engine == entry.engine
        and not set(other.containers).isdisjoint(entry.containers)
    ]
    if later:
        raise UsageError(
            f"A later change of {entry.container} depends on {entry.id}.",
            ("First: ", Do(Verb.UNDO, later[0])),
        )


def confirm(journal: Journal, identity: str) -> JournalEntry:
    """Confirm a waiting change.

    Raises:
        UsageError: it is not waiting.
        Locked: it is being undone right now.
    """
    entry = journal.read(identity)
    with entry_locked(journal, entry, f"confirm of {identity}"):
        entry = journal.read(identity)
        if entry.state is not EntryState.WAITING:
            raise UsageError(
                f"{identity} is not waiting for confirmation: it is {entry.state.value}. "
                f"{entry.reason}".strip()
            )
        entry = replace(
            entry,
            state=EntryState.DONE,
            confirm_by=0.0,
            reason="",
        )
        journal.write(entry)
        return entry
