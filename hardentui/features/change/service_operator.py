"""Whether the service works after a change: ready, answering its probes, with the fixes in force;
and the units that a change restarts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from hardentui.do import Do, Verb
from hardentui.engine.change.containers import ContainerControl
from hardentui.errors import ChangeFailed
from hardentui.features.change.file_operator import (
    NOTHING,
    Cancelled,
    OperationOutcome,
    Operator,
    OriginalDown,
    Systemctl,
    raise_if_stopped,
)
from hardentui.features.change.guard import guarded_by
from hardentui.features.change.wait import (
    PROBE_LIMIT,
    ProbeResult,
    Wait,
    addresses_of,
    expectation,
    in_network_of,
    is_slow,
    names_target,
    pid_of,
    run_probe,
)
from hardentui.host.files import Files
from hardentui.model.journal import JournalEntry, JournalProof
from hardentui.model.operations import (
    NoteUnit,
    ProveChanges,
    ReloadUnits,
    RestartUnit,
    RunProbe,
    StartUnits,
    WaitReady,
)
from hardentui.visible import visible

# A change or undo whose process is killed is rolled back immediately: a second process watches the
# first.


@contextmanager
def guarded(identity: str) -> Iterator[None]:
    """While the block runs, an entry is rolled back if this process dies.

    Raises:
        ChangeFailed: the guard cannot start; nothing was started.
    """
    words = ("hardentui", "--quiet", "undo", identity, "--cut-off", "--yes")
    with guarded_by(words, "roll it back if it were killed"):
        yield


_PAUSE = 0.5

Prove = Callable[[str, Sequence[str]], tuple[JournalProof, ...]]
"""The current results of these checks on the container of that name."""


class ServiceOperator(Operator[WaitReady | RunProbe | ProveChanges]):
    """Judges the real container.

    Args:
        containers: of the engine; None if only needed for undo.
        files: this machine's files; None when the engine runs on another one.
    """

    kinds = (WaitReady, RunProbe, ProveChanges)

    def __init__(
        self,
        containers: ContainerControl | None,
        files: Files | None,
        prove: Prove,
    ) -> None:
        self._containers = containers
        self._files = files
        self._prove = prove

    def do(
        self,
        operation: WaitReady | RunProbe | ProveChanges,
        stop: threading.Event,
    ) -> OperationOutcome:
        match operation:
            case WaitReady():
                return self._wait(operation, stop)
            case RunProbe():
                return self._probe(operation, stop)
            case ProveChanges():
                return self._proof(operation)

    def _wait(
        self,
        operation: WaitReady,
        stop: threading.Event,
    ) -> OperationOutcome:
        containers = self._reached()
        document = containers.inspect(operation.name)
        expected = expectation(
            document,
            operation.ports,
            operation.seconds,
        )
        wait = Wait(
            containers,
            operation.name,
            expected,
            files=self._files,
            stop=stop,
        )
        try:
            outcome = wait.outcome()
        except KeyboardInterrupt:
            if stop.is_set():
                raise Cancelled("It was interrupted.") from None
            raise
        if not outcome.ready:
            raise ChangeFailed(
                f"{visible(operation.name, 80)} does not work with the change: {outcome.why}."
            )
        return OperationOutcome(
            remark=f"ready by {expected.words}",
            after=expected.settle,
        )

    def _reached(self) -> ContainerControl:
        if self._containers is None:
            raise ChangeFailed("Podman could not be reached.")
        return self._containers

    def _probe(
        self,
        operation: RunProbe,
        stop: threading.Event,
    ) -> OperationOutcome:
        """A ready service may still need a moment until it answers."""
        end = monotonic() + operation.seconds
        while True:
            result, seconds = timed_probe(
                self._reached(),
                operation.command,
                operation.name,
            )
            slow = bool(operation.usual) and is_slow(seconds, operation.usual)
            if result.succeeded and not slow:
                return NOTHING
            if result.succeeded and monotonic() > end:
                raise ChangeFailed(
                    f"{slowed(operation, seconds)}.",
                    "Without --soak the learned profile is enforced at once, and nothing is logged.",
                )
            if monotonic() > end:
                raise ChangeFailed(
                    f"The probe {visible(operation.command, 120)!r} failed: {result.why}."
                )
            raise_if_stopped(stop)
            stop.wait(_PAUSE)

    def _proof(self, operation: ProveChanges) -> OperationOutcome:
        proofs = self._prove(operation.name, operation.checks)
        missing = [proof for proof in proofs if proof.status == "fail"]
        if missing:
            shown = "; ".join(
                f"{proof.check} ({proof.effective or 'still fails'})" for proof in missing
            )
            raise ChangeFailed(
                f"Not in force on the real container: {shown}.",
                (
                    "Leave these fixes out; ",
                    Do(Verb.EXPLAIN),
                    " shows what they need.",
                ),
            )
        passed = sum(1 for proof in proofs if proof.status == "pass")
        return OperationOutcome(
            proof=proofs,
            remark=f"{passed} of {len(operation.checks)} pass",
        )


def timed_probe(
    containers: ContainerControl,
    command: str,
    name: str,
) -> tuple[ProbeResult, float]:
    """A probe, and the seconds it took."""
    begun = monotonic()
    return probe_once(containers, command, name), monotonic() - begun


def slowed(probe: RunProbe, seconds: float) -> str:
    """That a soak makes a container slower, as a sentence without a full stop."""
    return (
        f"{visible(probe.name, 80)} takes {seconds:.1f} s to answer while it soaks (before: "
        f"{probe.usual:.1f} s): each call that is logged takes time"
    )


def probe_once(
    containers: ContainerControl,
    command: str,
    name: str,
) -> ProbeResult:
    """Run a probe: one that names $TARGET in the network of the container, which answers there on
    its own ports; another one on this host, as a client would.
    """
    document = containers.inspect(name)
    address = next(iter(addresses_of(document)), "")
    if not names_target(command):
        return run_probe(
            command,
            PROBE_LIMIT,
            address=address,
            name=name,
        )
    if not (pid := pid_of(document)):
        return ProbeResult(command, "the container does not run")
    inside = in_network_of(pid)
    return run_probe(
        command,
        PROBE_LIMIT,
        address=address or "127.0.0.1",
        name=name,
        inside=inside,
    )


# Units that a change restarts, and how they and their dependents are restored.

_UNIT_LIMIT = 180.0


UnitOperation = NoteUnit | ReloadUnits | RestartUnit | StartUnits


class UnitOperator(Operator[UnitOperation]):
    """Changes what systemd runs."""

    kinds = (NoteUnit, ReloadUnits, RestartUnit, StartUnits)

    def do(
        self,
        operation: UnitOperation,
        stop: threading.Event,
    ) -> OperationOutcome:
        match operation:
            case NoteUnit():
                return OperationOutcome(note_unit(operation.unit, operation.uid))
            case ReloadUnits():
                Systemctl(operation.uid).reload()
            case RestartUnit():
                self._restart(operation, stop)
            case StartUnits():
                Systemctl(operation.uid).start(operation.units, _UNIT_LIMIT)
        return NOTHING

    def undo(
        self,
        operation: UnitOperation,
        entry: JournalEntry,
    ) -> None:
        """The files are already restored when NoteUnit, the first operation, is undone."""
        if isinstance(operation, NoteUnit) and entry.has_begun_after(operation):
            self._as_before(operation)

    def redo(
        self,
        operation: UnitOperation,
        entry: JournalEntry,
    ) -> OperationOutcome:
        return NOTHING if isinstance(operation, NoteUnit) else self.do(operation, threading.Event())

    def _restart(
        self,
        operation: RestartUnit,
        stop: threading.Event,
    ) -> None:
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
