"""Whether the service works after a change: ready, answering its probes, with the fixes in force;
and the units that a change restarts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from hardentui.do import Do, Flag, Verb
from hardentui.engine.change.containers import ContainerControl
from hardentui.errors import ChangeFailed, NotInForce
from hardentui.features.change.guard import guarded_by
from hardentui.features.change.inspected import addresses_of, pid_of
from hardentui.features.change.operator import (
    NOTHING,
    AnyOperator,
    Cancelled,
    OperationOutcome,
    Operator,
    raise_if_stopped,
)
from hardentui.features.change.probe import (
    PROBE_LIMIT,
    ProbeResult,
    in_network_of,
    is_slow,
    names_target,
    run_probe,
)
from hardentui.features.change.wait import Wait, expectation
from hardentui.host.files import Files
from hardentui.model.journal import JournalProof
from hardentui.model.operations import (
    ProveChanges,
    RunProbe,
    WaitReady,
)
from hardentui.visible import visible


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


def judging_operators(
    containers: ContainerControl | None,
    files: Files | None,
    prove: Prove,
) -> tuple[AnyOperator, ...]:
    """All that judge the real container.

    Args:
        containers: of the engine; None if only needed for undo.
        files: this machine's files; None when the engine runs on another one.
    """
    return (
        ReadyOperator(containers, files),
        ProbeOperator(containers),
        ProofOperator(prove),
    )


def _reached(containers: ContainerControl | None) -> ContainerControl:
    if containers is None:
        raise ChangeFailed("Podman could not be reached.")
    return containers


class ReadyOperator(Operator[WaitReady]):
    """Waits until the service works."""

    kind = WaitReady

    def __init__(
        self,
        containers: ContainerControl | None,
        files: Files | None,
    ) -> None:
        self._containers = containers
        self._files = files

    def do(
        self,
        operation: WaitReady,
        stop: threading.Event,
    ) -> OperationOutcome:
        containers = _reached(self._containers)
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


class ProbeOperator(Operator[RunProbe]):
    """Asks the service as its clients do."""

    kind = RunProbe

    def __init__(self, containers: ContainerControl | None) -> None:
        self._containers = containers

    def do(
        self,
        operation: RunProbe,
        stop: threading.Event,
    ) -> OperationOutcome:
        """A ready service may still need a moment until it answers."""
        end = monotonic() + operation.seconds
        while True:
            result, seconds = timed_probe(
                _reached(self._containers),
                operation.command,
                operation.name,
            )
            slow = bool(operation.usual) and is_slow(seconds, operation.usual)
            if result.succeeded and not slow:
                return NOTHING
            if result.succeeded and monotonic() > end:
                raise ChangeFailed(
                    f"{slowed(operation, seconds)}.",
                    (
                        "Without a soak",
                        Flag("--soak"),
                        " the learned profile is enforced at once, and nothing is logged.",
                    ),
                )
            if monotonic() > end:
                raise ChangeFailed(
                    f"The probe {visible(operation.command, 120)!r} failed: {result.why}."
                )
            raise_if_stopped(stop)
            stop.wait(_PAUSE)


class ProofOperator(Operator[ProveChanges]):
    """Judges the real container."""

    kind = ProveChanges

    def __init__(self, prove: Prove) -> None:
        self._prove = prove

    def do(
        self,
        operation: ProveChanges,
        stop: threading.Event,
    ) -> OperationOutcome:
        proofs = self._prove(operation.name, operation.checks)
        missing = [proof for proof in proofs if proof.status == "fail"]
        if missing:
            shown = "; ".join(
                f"{proof.check} ({proof.effective or 'still fails'})" for proof in missing
            )
            of: dict[str, tuple[str, ...]] = {}
            for proof in missing:
                name = proof.container or operation.name
                of[name] = (*of.get(name, ()), proof.check)
            raise NotInForce(
                f"Not in force on the real container: {shown}.",
                (
                    "Leave these fixes out; ",
                    Do(Verb.EXPLAIN),
                    " shows what they need.",
                ),
                of,
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
