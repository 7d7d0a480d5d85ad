"""Try a split of a network: twins of its members, first on one network as today, then on the proposed ones.

Needed connections must work, all others must be blocked: real connections from the network namespaces of the
twins show it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed
from hardentui.host.commands import Run
from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.network_split import (
    MemberTried,
    NewNetwork,
    SeenWay,
    SplitResult,
    SplitTrial,
    WayTried,
)
from hardentui.model.trial import OnTrialEvent, TrialEvent, TrialStep
from hardentui.readiness.expectation import expectation
from hardentui.readiness.ports import ports_of
from hardentui.readiness.wait import Wait
from hardentui.reading.containers import ask_or
from hardentui.trial.harmless import aliases
from hardentui.trial.leftovers import remove_leftovers, remove_trial
from hardentui.trial.neighbours import Neighbours
from hardentui.trial.parted_ways import WayKnocker, ways_to_try
from hardentui.trial.proposing import advice_for
from hardentui.trial.twins import Twin, TwinMaker, pod_names

_LOG_READ = 2000


class SplitRequest(Struct, frozen=True):
    """The request of a trial of a split.

    Attributes:
        members: those that get twins, inspected in detail; for a pod, the container that holds its network.
        pods: name of such a container -> the running members of its pod.
        untried: name of another member -> why it gets no twin.
        outside: twins on a network with a route out can use it.
    """

    network: str
    engine: str
    networks: tuple[NewNetwork, ...]
    members: tuple[ContainerFacts, ...]
    seen: tuple[SeenWay, ...]
    untried: Mapping[str, str]
    outside: bool
    patience: float
    pods: Mapping[str, tuple[ContainerFacts, ...]] = {}


class _Made(Struct, frozen=True):
    """The twins of one member: several for a pod, which share one network."""

    twins: tuple[tuple[Twin, ContainerFacts], ...]
    pod: str = ""


class SplitTools(Struct, frozen=True):
    """The tools of the trial; `run` runs programs of this machine."""

    changing: ChangingEngine
    files: Files
    run: Run
    on_event: OnTrialEvent
    stop: threading.Event


def try_split(request: SplitRequest, tools: SplitTools) -> SplitTrial:
    """Try a split; everything created is removed at the end, whatever happens.

    Raises:
        EngineError: Podman does not answer.
        KeyboardInterrupt: it was cancelled.
    """
    begun = monotonic()
    for name in remove_leftovers(tools.changing):
        tools.on_event(TrialEvent(TrialStep.CLEANING, f"removed {name}"))
    members = {facts.name: MemberTried(facts.name) for facts in request.members}
    today = (NewNetwork("today", tuple(members), internal=not request.outside, isolated=False),)
    with _TwinRound(request, tools, today) as first:
        for name, why in first.failed.items():
            members[name] = replace(members[name], before=False, why=why)
        for name, twin in first.twins.items():
            members[name] = replace(members[name], before=True, lacks=tuple(str(lack) for lack in twin.lacks))
        chosen, untried = ways_to_try(
            request, {name: first.ports(twin) for name, twin in first.twins.items()}
        )
        ways = first.knocker().before(chosen)
    if not first.failed:
        proposed = tuple(
            replace(network, internal=network.internal or not request.outside) for network in request.networks
        )
        with _TwinRound(request, tools, proposed) as second:
            for name in members:
                why = second.failed.get(name, "")
                members[name] = replace(members[name], after=not why, why=why)
            ways = second.knocker().after(ways)
        if not request.outside:
            ways = _past_ways_out(ways, request, tools)
    results = (*members.values(), *(MemberTried(name, why=why) for name, why in request.untried.items()))
    trial = SplitTrial(
        network=request.network,
        engine=request.engine,
        result=result_of(results, ways, untried),
        members=results,
        ways=ways,
        outside=request.outside,
        untried=untried,
        seconds=round(monotonic() - begun, 1),
    )
    tools.on_event(TrialEvent(TrialStep.DONE, trial.result.value, trial.seconds))
    return trial


def _past_ways_out(
    ways: tuple[WayTried, ...], request: SplitRequest, tools: SplitTools
) -> tuple[WayTried, ...]:
    """The connections, with results for networks with a route out if the twins ran without one.

    No program of a container is started for that, so nothing is sent outside.
    """
    open_networks = [network for network in request.networks if not network.internal]
    starts = {name for network in open_networks for name in network.members}
    asked = [way for way in ways if not way.needed and way.start in starts]
    if not asked:
        return ways
    only = {name for way in asked for name in (way.start, way.end)}
    with _TwinRound(request, tools, request.networks, bare=only) as third:
        arrived = {(way.start, way.end): way for way in third.knocker().packets(asked)}
    return tuple(arrived.get((way.start, way.end), way) for way in ways)


def result_of(members: Iterable[MemberTried], ways: Sequence[WayTried], untried: int) -> SplitResult:
    members = tuple(members)
    if any(member.before is False for member in members):
        return SplitResult.NOTHING_WORKS
    if any(member.after is False for member in members) or any(way.holds is False for way in ways):
        return SplitResult.BREAKS
    if untried or not ways or any(member.after is None for member in members):
        return SplitResult.NOT_TOLD
    return SplitResult.NOT_TOLD if any(way.holds is None for way in ways) else SplitResult.WORKS


class _TwinRound:
    """Twins of all members on separate networks, until the end of the `with` block.

    Args:
        bare: only these, and their programs are not started.

    Attributes:
        twins: name of a member -> its ready twin, or the first one of its pod.
        failed: name of a member -> why its twin is not ready.
    """

    def __init__(
        self,
        request: SplitRequest,
        tools: SplitTools,
        networks: Sequence[NewNetwork],
        *,
        bare: Collection[str] = (),
    ) -> None:
        self._request = request
        self._tools = tools
        self._networks = networks
        self._bare = bare
        self._maker = TwinMaker(tools.changing, tools.files)
        self._around = Neighbours({})
        self._made = 0
        self.twins: dict[str, Twin] = {}
        self.failed: dict[str, str] = {}

    def __enter__(self) -> _TwinRound:
        try:
            self._open()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def _close(self) -> None:
        remove_trial(self._tools.changing, self._maker.number)

    def _open(self) -> None:
        on_event = self._tools.on_event
        made = {}
        for network in self._networks:
            on_event(TrialEvent(TrialStep.PREPARING, f"creating a network like {network.name}"))
            made[network.name] = self._maker.network(
                self._name(),
                internal=network.internal,
                isolated=network.isolated,
                bare=bool(self._bare),
            )
        self._around = Neighbours({network.name: network for network in made.values()})
        for facts in self._request.members:
            inside = self._request.pods.get(facts.name, ())
            on = [made[network.name].name for network in self._networks if facts.name in network.members]
            self._around.add(facts.id, pod_names(inside) if inside else aliases(facts.spec), on)
        if self._bare:
            for facts in self._request.members:
                if facts.name in self._bare:
                    self.twins[facts.name] = self._created(facts).twins[0][0]
                    self.twins[facts.name].init()
            return
        # a twin that needs another one that was not ready yet gets a second try later
        waiting = called_first(self._request.members, self._request.seen)
        for last in (False, True):
            again = [facts for facts in waiting if not self._started(facts, last=last)]
            if len(again) == len(self._request.members):
                break
            waiting = again
        for facts in waiting:
            on_event(TrialEvent(TrialStep.BASELINE, f"{facts.name} does not work: {self.failed[facts.name]}"))

    def _created(self, facts: ContainerFacts) -> _Made:
        inside = self._request.pods.get(facts.name, ())
        if not inside:
            return _Made(((self._twin(facts, facts.id), facts),))
        pod = self._name()
        self._maker.create_pod(pod, inside, self._around, facts.id)
        return _Made(tuple((self._twin(member, facts.id, pod), member) for member in inside), pod)

    def _twin(self, facts: ContainerFacts, key: str, pod: str = "") -> Twin:
        role = self._maker.role(facts.spec, self._name(), key, self._around, pod=pod)
        return self._maker.create(facts.spec, facts, role, self._around)

    def _started(self, facts: ContainerFacts, *, last: bool) -> bool:
        self._tools.on_event(TrialEvent(TrialStep.PREPARING, f"starting a twin of {facts.name}"))
        try:
            made = self._created(facts)
        except ChangeFailed as error:
            self.failed[facts.name] = error.title.rstrip(".")
            return False
        why = self._what_fails(made, last=last)
        if not why:
            self.twins[facts.name] = made.twins[0][0]
            self.failed.pop(facts.name, None)
            return True
        for twin, _ in made.twins:
            self._maker.remove(twin)
        if made.pod:
            self._tools.changing.pods.remove(made.pod, force=True)
        self.failed[facts.name] = why
        return False

    def _what_fails(self, made: _Made, *, last: bool) -> str:
        """Start the twins; why one of them does not become ready, empty when all do.

        Args:
            last: with what would help.
        """
        for act in (self._not_started, self._not_ready):  # those of a pod may need each other
            for twin, facts in made.twins:
                if why := act(twin, facts):
                    log = twin.log()[-_LOG_READ:]
                    outside = self._request.outside
                    advice = advice_for(facts, None, log, twin.lacks, outside=outside) if last else ""
                    of = f"{facts.name}: " if made.pod else ""
                    return f"{of}{why}. {advice}" if advice else f"{of}{why}"
        return ""

    def _not_started(self, twin: Twin, facts: ContainerFacts) -> str:
        try:
            twin.start()
        except ChangeFailed as error:
            return error.title.rstrip(".")
        return ""

    def _not_ready(self, twin: Twin, facts: ContainerFacts) -> str:
        """Why a started twin does not become ready; empty if it does."""
        ports = ports_of(ask_or(facts, lambda kernel: kernel.listening, ()))
        outcome = Wait(
            self._tools.changing.containers,
            twin.id,
            expectation(facts.inspect, ports, self._request.patience),
            files=self._tools.files,
            stop=self._tools.stop,
        ).outcome()
        return "" if outcome.ready else outcome.why or "it is not ready"

    def ports(self, twin: Twin) -> frozenset[int]:
        return self.knocker().ports(twin)

    def knocker(self) -> WayKnocker:
        return WayKnocker(
            self.twins, self._tools.files, self._tools.run, self._tools.stop, self._tools.on_event
        )

    def _name(self) -> str:
        self._made += 1
        return f"hardentui-trial-{self._maker.number}-{self._made}"


def called_first(members: Sequence[ContainerFacts], seen: Iterable[SeenWay]) -> list[ContainerFacts]:
    """Members that others contact come before those that contact them; else in the given order."""
    by_name = {facts.name: facts for facts in members}
    calls: dict[str, list[str]] = {name: [] for name in by_name}
    for way in seen:
        if way.start in calls and way.end in calls:
            calls[way.start].append(way.end)
    visited: set[str] = set()
    ordered: list[ContainerFacts] = []

    def place(name: str) -> None:
        if name in visited:
            return
        visited.add(name)
        for called in calls[name]:
            place(called)
        ordered.append(by_name[name])

    for name in by_name:
        place(name)
    return ordered
