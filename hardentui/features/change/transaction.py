"""A change of the host as a list of operations: all of them take effect, or none.

Before an operation starts, the journal on disk records that. So whatever ends this process at
any time, a later one knows what may have been done and undoes exactly that: each operation can be
undone whether it was done, half done or not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TypeVar

from msgspec.structs import replace

from hardentui.do import Do, Verb
from hardentui.errors import (
    ApplyFailed,
    ChangeFailed,
    ChangeTimedOut,
    EngineUnreachable,
    HardenError,
    JournalError,
    NotInForce,
    NoWayBack,
    PortTaken,
)
from hardentui.features.change.data_operator import left_by_units
from hardentui.features.change.data_told import told_newer
from hardentui.features.change.journal import Journal
from hardentui.features.change.operator import (
    AnyOperator,
    Cancelled,
    NotAnswering,
    OnEvent,
    OriginalDown,
    raise_if_stopped,
)
from hardentui.model.journal import (
    ChangeEnded,
    ChangeEvent,
    EntryState,
    GoingBack,
    JournalEntry,
    OperationBegun,
    OperationCleared,
    OperationDone,
    OperationUndone,
    ServiceKept,
    StillGoingBack,
)
from hardentui.model.ledger import NewerData
from hardentui.model.operations import (
    CreateContainer,
    NoteContainer,
    NoteUnit,
    Operation,
    RestartUnit,
    RunProbe,
    StartContainer,
    StopContainer,
    WaitReady,
    described,
    described_back,
    described_clearing,
)
from hardentui.visible import visible

LONGEST_BACK = 600.0  # seconds that a way back is tried, at least
_SLOWNESS = 20  # times the slowest step of the change, if that is longer
_RETRY = 0.5
_TELL_AGAIN = 30.0
Outcome = TypeVar("Outcome")
_ANSWERS_WITHIN = 180.0  # seconds until an original that runs again answers as before


def _nobody(event: ChangeEvent) -> None:
    """Ignore events."""


def _done(entry: JournalEntry) -> JournalEntry:
    return replace(entry, state=EntryState.DONE)


class Transaction:
    """Carries out the operations of one journal entry, or undoes them.

    Args:
        on_event: called at each step; if it raises, everything is rolled back.
        stop: when set, everything is rolled back.

    Attributes:
        downtime: seconds until the original ran again, once it was stopped and taken back.
    """

    def __init__(
        self,
        journal: Journal,
        operators: Iterable[AnyOperator],
        on_event: OnEvent = _nobody,
        stop: threading.Event | None = None,
    ) -> None:
        self._journal = journal
        self._operators = {operator.kind: operator for operator in operators}
        self._tell = on_event
        self._stop = stop or threading.Event()
        self._down_since: float | None = None
        self._slowest = 0.0
        self.downtime: float | None = None
        self._entry: JournalEntry

    def run(
        self,
        entry: JournalEntry,
        finish: Callable[[JournalEntry], JournalEntry] = _done,
    ) -> JournalEntry:
        """Carry out all operations; returns the resulting journal entry.

        Args:
            finish: the last step, which may still fail: completes the entry.

        Raises:
            JournalError: nothing was started, because the journal cannot be written.
            ApplyFailed: it failed, and everything is as before (or says what is not).
        """
        return self._carry_on(entry, 0, finish)

    def resume(
        self,
        entry: JournalEntry,
        start: int,
    ) -> JournalEntry:
        """Continue an interrupted entry from this operation, which may be carried out twice.

        Raises:
            ApplyFailed: it failed, and everything is as before (or says what is not).
        """
        return self._carry_on(entry, start, _done)

    def _carry_on(
        self,
        entry: JournalEntry,
        start: int,
        finish: Callable[[JournalEntry], JournalEntry],
    ) -> JournalEntry:
        self._journal.write(entry)
        self._entry = entry
        try:
            for index, operation in enumerate(entry.operations[start:], start):
                raise_if_stopped(self._stop)
                self._carry_out(operation, index)
            raise_if_stopped(self._stop)
            finished = finish(self._entry)
            self._journal.write(finished)
            self._entry = finished
        except BaseException as error:
            self._entry = replace(self._entry, refused=_refused_by(self._entry, error))
            back = self.go_back(self._entry, why_of(error))
            if not isinstance(error, HardenError | KeyboardInterrupt):
                raise
            raise _failed(back, error.hint if isinstance(error, HardenError) else "") from error
        with suppress(HardenError):
            self._tell(ChangeEnded(self._entry))
        return self._entry

    def _carry_out(
        self,
        operation: Operation,
        index: int,
    ) -> None:
        total = len(self._entry.operations)
        begun = max(index + 1, self._entry.begun)
        self._entry = replace(self._entry, begun=begun)  # even if the journal cannot be written
        self._journal.write(self._entry)
        self._tell(OperationBegun(operation, index + 1, total))
        started = monotonic()
        if isinstance(operation, StopContainer | RestartUnit) and self._down_since is None:
            self._down_since = started
        outcome = self._operators[type(operation)].do(operation, self._stop)
        ended = monotonic()
        self._slowest = max(self._slowest, ended - started)
        if outcome.operation is not None:
            operations = list(self._entry.operations)
            operations[index] = outcome.operation
            self._entry = replace(self._entry, operations=tuple(operations))
        if isinstance(operation, WaitReady) and self._down_since is not None:
            self._entry = replace(
                self._entry, downtime_seconds=round(ended - self._down_since - outcome.after, 2)
            )
            if not any(
                isinstance(later, WaitReady) for later in self._entry.operations[index + 1 :]
            ):
                self._down_since = None
        if outcome.down is not None:
            self._entry = replace(self._entry, downtime_seconds=round(outcome.down, 2))
        self._entry = replace(self._entry, proof=(*self._entry.proof, *outcome.proof))
        self._tell(
            OperationDone(
                operation,
                index + 1,
                total,
                ended - started,
                outcome.remark,
            )
        )

    def refuse_undo(self, entry: JournalEntry) -> None:
        """Check whether started operations can be undone; changes nothing.

        Raises:
            NoWayBack: the original is lost permanently.
            HardenError: an obstacle that a person can remove.
        """
        for operation in reversed(entry.operations[: entry.begun]):
            self._operators[type(operation)].refuse_undo(operation, entry)

    def go_back(
        self,
        entry: JournalEntry,
        why: str,
    ) -> JournalEntry:
        """Roll back what was started; returns the resulting journal entry.

        What the change made is removed last, when all else is as before. If the original does not
        start, the change comes into force again. Its state stays open if something could not be
        undone; `reason` says what. May be repeated. If there is nothing left to restore, the change
        stays in force and can no longer be undone.
        """
        try:
            self.refuse_undo(entry)
        except NoWayBack as gone:
            return self._ended(closed(entry, f"{why} Not rolled back: {gone.title}"))
        except HardenError:
            pass  # the affected operation reports it again, and the others are undone
        before = entry
        self._stop.clear()  # from now on it ends a wait
        end = monotonic() + max(LONGEST_BACK, _SLOWNESS * self._slowest)
        entry = replace(
            entry,
            state=EntryState.OPEN,
            reason=why,
            confirm_by=0.0,
        )
        self._keep_if_possible(entry)
        with suppress(Exception):
            self._tell(GoingBack(why))
        failures, down, interrupted = [], False, False
        for operation in reversed(entry.operations[: entry.begun]):
            failure = ""
            undo = partial(
                self._operators[type(operation)].undo,
                operation,
                entry,
            )
            if isinstance(operation, StartContainer | RestartUnit) and self._down_since is None:
                self._down_since = monotonic()
            try:
                self._until_it_works(undo, end)
                if isinstance(operation, NoteContainer | NoteUnit) and self._down_since is not None:
                    self.downtime = round(monotonic() - self._down_since, 2)
            except HardenError as error:
                failure = error.title
                failures.append(f"{described_back(operation)}: {failure.rstrip('.')}")
                down = down or isinstance(error, OriginalDown)
                interrupted = isinstance(error, Cancelled)
            with suppress(Exception):
                self._tell(OperationUndone(operation, failure))
            if interrupted:
                break
        if not failures:
            failures, newer = self._clear(entry, end)
            entry = replace(entry, newer=(*newer, *left_by_units(entry)))
        if failures:
            entry = replace(entry, reason=f"{why} Not rolled back: {'; '.join(failures)}.")
            if down and _had_replaced_it(before):
                entry = self._forward(entry, before.state)
        else:
            original = (
                None
                if any(isinstance(operation, CreateContainer) for operation in entry.operations)
                else entry.original
            )
            downtime = (
                entry.downtime_seconds if entry.downtime_seconds is not None else self.downtime
            )
            entry = replace(
                entry, state=EntryState.ROLLED_BACK, original=original, downtime_seconds=downtime
            )
        return self._ended(entry)

    def _ended(self, entry: JournalEntry) -> JournalEntry:
        self._keep_if_possible(entry)
        with suppress(Exception):
            self._tell(ChangeEnded(entry))
        return entry

    def _until_it_works(
        self,
        act: Callable[[], Outcome],
        end: float,
    ) -> Outcome:
        """A step of the way back, again and again while only time can help: Podman is away, or
        something else has a port. The original has to serve, however long that takes.

        Raises:
            Cancelled: `stop` was set while it waited.
            HardenError: it cannot be done, or the time is over.
        """
        told, when = "", 0.0
        until_answers = monotonic() + _ANSWERS_WITHIN
        while True:
            try:
                return act()
            except (EngineUnreachable, ChangeTimedOut, NotAnswering, OriginalDown) as error:
                left = (until_answers if isinstance(error, NotAnswering) else end) - monotonic()
                if left <= 0 or (isinstance(error, OriginalDown) and not error.passing):
                    raise
                if error.title != told or monotonic() > when + _TELL_AGAIN:
                    told, when = error.title, monotonic()
                    with suppress(Exception):
                        self._tell(StillGoingBack(error.title, left))
                if self._stop.wait(_RETRY):
                    raise Cancelled(
                        f"Interrupted while it was tried again: {error.title}"
                    ) from error

    def _clear(
        self,
        entry: JournalEntry,
        end: float,
    ) -> tuple[list[str], tuple[NewerData, ...]]:
        """Remove what the change made.

        Returns:
            What could not be removed, and why; and what was written since, and stays.
        """
        failures: list[str] = []
        newer: list[NewerData] = []
        for operation in reversed(entry.operations[: entry.begun]):
            if what := described_clearing(operation):
                failure = ""
                clear = partial(
                    self._operators[type(operation)].clear,
                    operation,
                    entry,
                )
                try:
                    newer += self._until_it_works(clear, end)
                except HardenError as error:
                    failure = error.title
                    failures.append(f"{what}: {failure.rstrip('.')}")
                with suppress(Exception):
                    self._tell(OperationCleared(operation, failure))
        return failures, tuple(reversed(newer))

    def _forward(
        self,
        entry: JournalEntry,
        state: EntryState,
    ) -> JournalEntry:
        """Bring a change into force again: its original does not start, and one of both has to run.

        Args:
            state: of the entry before the way back. What was in force is so again and can be undone
                later.
        """
        with suppress(Exception):
            self._tell(ServiceKept(entry.container))
        operations, failures = list(entry.operations), []
        for index, operation in enumerate(entry.operations[: entry.begun]):
            try:
                outcome = self._operators[type(operation)].redo(operation, entry)
            except HardenError as error:
                failures.append(f"{described(operation)}: {error.title.rstrip('.')}")
            else:
                operations[index] = outcome.operation or operation
        entry = replace(entry, operations=tuple(operations))
        if failures:
            return replace(
                entry, reason=f"{entry.reason} Nor is the change in force: {'; '.join(failures)}."
            )
        if state is not EntryState.OPEN:
            entry = replace(entry, state=EntryState.DONE)
        return replace(
            entry,
            reason=f"{entry.reason} So {visible(entry.container, 80)} runs with the change again.",
        )

    def _keep_if_possible(self, entry: JournalEntry) -> None:
        """During a rollback the host comes first: a journal that cannot be written does not stop
        it."""
        with suppress(JournalError):
            self._journal.write(entry)


def _had_replaced_it(entry: JournalEntry) -> bool:
    """Whether the change had started something in place of the original that can be started again.
    A unit that did not work with a change keeps its former files.
    """
    kinds = StartContainer if entry.state is EntryState.OPEN else (StartContainer, RestartUnit)
    return any(isinstance(operation, kinds) for operation in entry.operations[: entry.begun])


def closed(entry: JournalEntry, why: str) -> JournalEntry:
    """An entry whose change stays, because there is nothing to restore."""
    return replace(
        entry, state=EntryState.DONE, original=None, forgotten=True, confirm_by=0.0, reason=why
    )


def _refused_by(
    entry: JournalEntry,
    error: BaseException,
) -> Mapping[str, tuple[str, ...]] | None:
    """What of a change did not hold, if its own judgement ended it; see `JournalEntry.refused`."""
    if isinstance(error, NotInForce):
        return error.missing
    last = entry.operations[entry.begun - 1] if entry.begun else None
    judged = isinstance(last, WaitReady | RunProbe) and isinstance(error, ChangeFailed)
    return {} if judged and not isinstance(error, Cancelled | PortTaken) else None


def why_of(error: BaseException) -> str:
    """The reason for the journal, as a sentence."""
    if isinstance(error, KeyboardInterrupt | Cancelled):
        return "It was interrupted."
    if isinstance(error, BrokenPipeError):
        return "It was interrupted: nothing reads its output any more."
    if isinstance(error, HardenError):
        return f"{error.title.rstrip('.')}."
    return f"Internal error ({type(error).__name__})."


def _failed(entry: JournalEntry, hint: str) -> ApplyFailed:
    if entry.state is EntryState.ROLLED_BACK:
        but = f", but: {'; '.join(told_newer(entry.newer))}" if entry.newer else ""
        return ApplyFailed(f"{entry.reason} Everything is as before{but}.", hint)
    if entry.forgotten:
        return ApplyFailed(entry.reason, hint)
    return ApplyFailed(
        entry.reason,
        (
            f"{hint}\nTry again with: ".lstrip(),
            Do(Verb.UNDO, entry.id),
        ),
    )
