"""The stage of a trial: its network, the twins of peers, copies of volumes, and one twin after the
other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hardentui.engine.shapes import OUR_NAMES, TRIAL_LABEL
from hardentui.errors import EngineError
from hardentui.features.change.reached_ports import ports_of
from hardentui.features.change.wait import Expectation, Readiness, Wait, expectation
from hardentui.features.looking.stack import in_start_order
from hardentui.features.trial.harmless import aliases, needs_network
from hardentui.features.trial.leftovers import remove_trial
from hardentui.features.trial.measuring import Measured, hold_to_budget
from hardentui.features.trial.request import Tools, TrialRequest
from hardentui.features.trial.twin_cgroup import TwinCgroup
from hardentui.features.trial.twin_network import TwinAddresses
from hardentui.features.trial.twins import Twin, TwinMaker, pod_names
from hardentui.model.facts import ContainerFacts, SocketEndpoint
from hardentui.model.spec import Spec
from hardentui.model.trial import TrialStep
from hardentui.options import HEALTH_CMD, HEALTH_INTERVAL, NETWORK
from hardentui.reading.containers import ask_or
from hardentui.visible import visible


def _pod_of(facts: ContainerFacts) -> Mapping[str, Any]:
    """The pod whose namespaces it shares; that of podman-compose has no infra container and shares
    none."""
    pod = facts.pod or {}
    return pod if pod.get("CreateInfra", True) else {}


class Stage:
    """Everything that one trial creates; `close` removes it all.

    Attributes:
        facts: the container that is tried.
        files: this machine's; None when the engine runs on another one.
        tell: tells an event of the trial.
        health: the health check that the plan adds; every twin has it, so that all are judged alike.
    """

    def __init__(
        self,
        request: TrialRequest,
        tools: Tools,
    ) -> None:
        self.request, self.tools = request, tools
        self.health = ""
        self.changing, self.files, self.tell = tools.changing, tools.files, tools.tell
        self.facts = request.facts
        self._maker = TwinMaker(
            tools.changing,
            tools.files,
            granted=frozenset(request.wishes.granted),
            outside=request.wishes.outside,
            stop=tools.stop,
        )
        self.number = self._maker.number
        self._made = 0
        self._around = TwinAddresses({})
        self._pod = ""
        self._twins: dict[str, str] = {}

    def measure(self) -> Measured:
        """The budget of the twins, before the first; they are held to it from now on.

        Raises:
            NoRoom: they do not fit.
            EngineError: Podman does not answer.
        """
        everybody = (self.facts, *self.request.peers, *self.request.members)
        return hold_to_budget(self.changing, self.files, everybody, self._maker, tried=1)

    @property
    def cgroup(self) -> TwinCgroup:
        """The cgroup of all twins."""
        return self._maker.cgroup

    def open(self) -> None:
        """Create the network, the pod, and the twins of peers and members, and wait until they are
        ready.

        Raises:
            EngineError: one of them cannot be created, or a peer does not become ready.
        """
        everybody = (self.facts, *self.request.peers, *self.request.members)
        if any(needs_network(facts.spec) for facts in everybody) or _pod_of(self.facts):
            network = self._maker.network(
                self._name("network"), internal=not self.request.wishes.outside
            )
            self._around = TwinAddresses({network.name: network})
        for facts in everybody:
            if needs_network(facts.spec) or _pod_of(facts):
                names = pod_names((facts,)) if _pod_of(facts) else aliases(facts.spec)
                self._around.add(
                    self._key(facts),
                    names,
                    self._around.networks,
                )
        if _pod_of(self.facts):
            self._pod = self._name("pod")
            members = (self.facts, *self.request.members)
            self._maker.create_pod(
                self._pod,
                members,
                self._around,
                self._key(self.facts),
            )
        for peer in self.request.peers:
            try:
                self._start_other(peer, pod="")
            except EngineError as error:
                if peer not in self.request.company:
                    raise
                self.tell(TrialStep.BASELINE, f"not as it should be: {error.title}")
        started = True
        for member in in_start_order((self.facts, *self.request.members)):
            if member is self.facts:
                started = False  # those after it may wait for it
            else:
                self._start_other(
                    member,
                    pod=self._pod,
                    ready=started,
                )

    def close(self) -> None:
        """Remove everything that was created."""
        remove_trial(self.changing, self.number)
        self.cgroup.close()
        self._around.forget(self.changing)

    @contextmanager
    def twin(
        self,
        spec: Spec,
        *,
        copy_volumes: bool = False,
        empty_volumes: bool = False,
    ) -> Iterator[Twin]:
        """A twin that was created and not started; it is removed at the end.

        Raises:
            KeyboardInterrupt: the trial was stopped.
        """
        if self.tools.stop.is_set():
            raise KeyboardInterrupt
        if self.health and not spec[HEALTH_CMD]:
            spec = spec.with_(HEALTH_CMD, self.health).without(HEALTH_INTERVAL)
        twin = self._create(
            spec, self.facts, self._pod, copy_volumes=copy_volumes, empty_volumes=empty_volumes
        )
        try:
            yield twin
        finally:
            self._maker.remove(twin)

    def wait(
        self,
        twin: Twin,
        expected: Expectation,
        *,
        is_hopeless: Callable[[], bool] = lambda: False,
    ) -> Readiness:
        """Wait until a started twin is as expected, or hopeless."""
        return Wait(
            self.changing.containers,
            twin.id,
            expected,
            files=self.files,
            run_probe=twin.run_probe,
            is_hopeless=is_hopeless,
            stop=self.tools.stop,
        ).outcome()

    def _create(
        self,
        spec: Spec,
        facts: ContainerFacts,
        pod: str,
        **more: bool,
    ) -> Twin:
        key, around = self._key(facts), self._around
        return self._maker.create(
            spec, facts, self._name(), key, around, pod=pod, twins=self._twins, **more
        )

    def _key(self, facts: ContainerFacts) -> str:
        """Whose network it has: its own, its pod's, or that of another one that is tried along."""
        if pod := _pod_of(facts):
            return str(pod.get("Id") or pod.get("Name") or facts.id)
        lender = facts.spec[NETWORK][0].removeprefix("container:") if facts.spec[NETWORK] else ""
        others = (*self.request.peers, *self.request.members)
        return next(
            (other.id for other in others if lender in (other.id, other.name)),
            facts.id,
        )

    def _start_other(
        self,
        facts: ContainerFacts,
        pod: str,
        *,
        ready: bool = True,
    ) -> None:
        """The unchanged twin of a container that the tried one needs.

        Raises:
            EngineError: it does not start, or is not as ready as it has to be.
        """
        twin = self._create(facts.spec, facts, pod)
        self._twins[facts.name] = self._twins[facts.id] = twin.name
        twin.start()
        if not ready:
            return
        ports = ports_of(own_listening(facts, (self.facts, *self.request.company)))
        outcome = self.wait(
            twin,
            expectation(
                facts.inspect,
                ports,
                self.request.wishes.patience,
            ),
        )
        if not outcome.ready:
            raise EngineError(
                f"The twin of {visible(facts.name, 80)} does not become ready: {outcome.why}.",
                visible(twin.log()[-600:], 600),
            )

    def _name(self, kind: str = "") -> str:
        self._made += 1
        return f"{OUR_NAMES[TRIAL_LABEL]}{self.number}-{kind or self._made}"


def own_listening(
    facts: ContainerFacts,
    others: Iterable[ContainerFacts],
) -> tuple[SocketEndpoint, ...]:
    """What it listens on; nothing, where that may be one of the others, because it lends it its
    network."""
    lent = {f"container:{facts.name}", f"container:{facts.id}"}
    if any(lent & {*other.spec[NETWORK]} for other in others):
        return ()
    return ask_or(facts, lambda kernel: kernel.listening, ())
