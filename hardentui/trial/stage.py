"""The stage of a trial: its network, the twins of peers, copies of volumes, and one twin after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hardentui.errors import EngineError
from hardentui.model.facts import ContainerFacts
from hardentui.model.spec import Spec
from hardentui.options import NETWORK
from hardentui.readiness.expectation import Expectation, expectation
from hardentui.readiness.ports import ports_of
from hardentui.readiness.wait import Readiness, Wait
from hardentui.reading.containers import ask_or
from hardentui.trial.harmless import aliases, needs_network
from hardentui.trial.leftovers import remove_trial
from hardentui.trial.neighbours import Neighbours
from hardentui.trial.request import Tools, TrialRequest
from hardentui.trial.twins import Twin, TwinMaker, pod_names
from hardentui.visible import visible


class Stage:
    """Everything that one trial creates; `close` removes it all.

    Attributes:
        facts: the container that is tried.
        files: this machine's; None when the engine runs on another one.
    """

    def __init__(self, request: TrialRequest, tools: Tools) -> None:
        self.changing = tools.changing
        self.facts = request.facts
        self.files = tools.files
        self._maker = TwinMaker(tools.changing, tools.files, granted=request.granted, outside=request.outside)
        self.number = self._maker.number
        self._request = request
        self._stop = tools.stop
        self._made = 0
        self._around = Neighbours({})
        self._pod = ""
        self._twins: dict[str, str] = {}

    def open(self) -> None:
        """Create the network, the pod, and the twins of peers and members, and wait until they are ready.

        Raises:
            EngineError: one of them cannot be created, or a peer does not become ready.
        """
        everybody = (self.facts, *self._request.peers, *self._request.members)
        if any(needs_network(facts.spec) for facts in everybody) or self.facts.pod:
            network = self._maker.network(self._name("network"), internal=not self._request.outside)
            self._around = Neighbours({network.name: network})
        for facts in everybody:
            if needs_network(facts.spec) or facts.pod:
                names = pod_names((facts,)) if facts.pod else aliases(facts.spec)
                self._around.add(self._key(facts), names, self._around.networks)
        if self.facts.pod:
            self._pod = self._name("pod")
            members = (self.facts, *self._request.members)
            self._maker.create_pod(self._pod, members, self._around, self._key(self.facts))
        for peer in self._request.peers:
            self._start_other(peer, pod="")
        for member in self._request.members:
            self._start_other(member, pod=self._pod)

    def close(self) -> None:
        """Remove everything that was created."""
        remove_trial(self.changing, self.number)

    @contextmanager
    def twin(self, spec: Spec, *, copy_volumes: bool = False, empty_volumes: bool = False) -> Iterator[Twin]:
        """A twin that was created and not started; it is removed at the end."""
        twin = self._create(
            spec, self.facts, self._pod, copy_volumes=copy_volumes, empty_volumes=empty_volumes
        )
        try:
            yield twin
        finally:
            self._maker.remove(twin)

    def wait(self, twin: Twin, expected: Expectation) -> Readiness:
        """Wait until a started twin is as expected."""
        return Wait(
            self.changing.containers,
            twin.id,
            expected,
            files=self.files,
            run_probe=twin.run_probe,
            stop=self._stop,
        ).outcome()

    def _create(
        self,
        spec: Spec,
        facts: ContainerFacts,
        pod: str,
        *,
        copy_volumes: bool,
        empty_volumes: bool = False,
    ) -> Twin:
        role = self._maker.role(
            spec,
            self._name(),
            self._key(facts),
            self._around,
            pod=pod,
            twins=self._twins,
            copy_volumes=copy_volumes,
            empty_volumes=empty_volumes,
        )
        return self._maker.create(spec, facts, role, self._around)

    def _key(self, facts: ContainerFacts) -> str:
        """Whose network it has: its own, its pod's, or that of another one that is tried along."""
        if facts.pod:
            return str(facts.pod.get("Id") or facts.pod.get("Name") or facts.id)
        lender = facts.spec[NETWORK][0].removeprefix("container:") if facts.spec[NETWORK] else ""
        others = (*self._request.peers, *self._request.members)
        return next((other.id for other in others if lender in (other.id, other.name)), facts.id)

    def _start_other(self, facts: ContainerFacts, pod: str) -> None:
        """The unchanged twin of a container that the tried one needs."""
        twin = self._create(facts.spec, facts, pod, copy_volumes=False)
        self._twins[facts.name] = self._twins[facts.id] = twin.name
        twin.start()
        ports = ports_of(ask_or(facts, lambda kernel: kernel.listening, ()))
        outcome = self.wait(twin, expectation(facts.inspect, ports, self._request.patience))
        if not outcome.ready:
            raise EngineError(
                f"The twin of {visible(facts.name, 80)} does not become ready: {outcome.why}.",
                visible(twin.log()[-600:], 600),
            )

    def _name(self, kind: str = "") -> str:
        self._made += 1
        return f"hardentui-trial-{self.number}-{kind or self._made}"
