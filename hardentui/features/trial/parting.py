"""Try a split of a network: twins of its members, first on one network as today, then on the
proposed ones.

Needed connections must work, all others must be blocked: real connections from the network
namespaces of the twins show it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.shapes import OUR_NAMES, TRIAL_LABEL
from hardentui.errors import ChangeFailed, EngineError
from hardentui.features.change.reached_ports import ports_of, read_ports
from hardentui.features.change.wait import PATIENCE, Wait, expectation
from hardentui.features.trial.harmless import aliases
from hardentui.features.trial.leftovers import remove_leftovers, remove_trial
from hardentui.features.trial.measuring import hold_to_budget
from hardentui.features.trial.observe.connections import established
from hardentui.features.trial.original_watch import OriginalWatch
from hardentui.features.trial.proposing import advice_for
from hardentui.features.trial.twin_network import TwinAddresses
from hardentui.features.trial.twins import (
    Twin,
    TwinMaker,
    pod_names,
)
from hardentui.host.commands import Run
from hardentui.host.files import Files
from hardentui.host.network.knock import knock
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Known, Unread
from hardentui.model.network_split import (
    MemberTried,
    NewNetwork,
    SeenWay,
    SplitResult,
    SplitTrial,
    WayTried,
)
from hardentui.model.reach import ConnectOutcome
from hardentui.model.trial import OnTrialEvent, TrialEvent, TrialStep
from hardentui.reading.containers import ask_or

_MOST_WAYS = 60
_MOST_PORTS = 3
_AGAIN_AFTER = (0.5, 2.0)  # seconds
_AT_ONCE = 8
_LIVES = 10.0  # seconds that a twin must live, as long as some wait for a name or an answer
_BY_ITSELF = 10.0
"""Seconds within which a twin must contact another one by itself, as its original did."""
_PAUSE = 0.2


def ways_to_try(
    parting: SplitRequest,
    listening: Mapping[str, frozenset[int]],
) -> tuple[tuple[WayTried, ...], int]:
    """The connections to listening members, and how many more there are.

    Members that also share another network are left out: splitting this one does not separate them.
    """
    networks = {facts.name: {*facts.networks} - {parting.network} for facts in parting.members}
    seen = {(way.start, way.end) for way in parting.seen}
    ways = []
    for start in networks:
        for end in networks:
            ports = tuple(sorted(listening.get(end, ()))[:_MOST_PORTS])
            if start == end or not ports:
                continue
            together = any({start, end} <= {*network.members} for network in parting.networks)
            contacted = (start, end) in seen
            if not contacted and not together and networks[start] & networks[end]:
                continue
            ways.append(
                WayTried(
                    start,
                    end,
                    ports,
                    together or contacted,
                    contacted,
                )
            )
    # observed connections first, then those to block
    ways.sort(key=lambda way: (not way.seen, way.needed))
    return tuple(ways[:_MOST_WAYS]), max(0, len(ways) - _MOST_WAYS)


class WayKnocker:
    """Opens connections between twins.

    Args:
        twins: name of a member -> its ready twin.
    """

    def __init__(
        self,
        twins: Mapping[str, Twin],
        tools: SplitTools,
    ) -> None:
        self._twins = twins
        self._tools = tools
        self._pids = {name: twin.pid for name, twin in twins.items()}
        self._addresses = {name: twin.addresses for name, twin in twins.items()}

    def ports(self, twin: Twin) -> frozenset[int]:
        """The TCP ports on which it listens for others."""
        ports = read_ports(self._tools.files, twin.pid)
        return frozenset() if isinstance(ports, Unread) else _numbers(ports)

    def before(self, ways: Iterable[WayTried]) -> tuple[WayTried, ...]:
        """The connections with the result on one network."""
        tried = self._tried(tuple(ways), "as today", lambda way: True)
        return tuple(replace(way, before=reached) for way, (reached, _) in tried)

    def after(self, ways: Iterable[WayTried]) -> tuple[WayTried, ...]:
        """The connections with the result on the proposed networks."""
        tried = self._tried(
            tuple(ways),
            "on the proposed networks",
            lambda way: way.needed,
        )
        results = tuple(replace(way, after=reached, why=why) for way, (reached, why) in tried)
        return self._by_themselves(results)

    def packets(self, ways: Iterable[WayTried]) -> tuple[WayTried, ...]:
        """The connections with whether packets arrive at twins whose programs were never started: a
        refusal is an answer too."""
        ways = tuple(ways)
        self._tools.tell(
            TrialStep.PREPARING,
            "sending packets on networks with a way out",
        )
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            results = tuple(pool.map(self._arrives, ways))
        return tuple(
            replace(way, after=arrived, why=why)
            for way, (arrived, why) in zip(ways, results, strict=True)
        )

    def _tried(
        self,
        ways: Sequence[WayTried],
        where: str,
        expected: Callable[[WayTried], bool],
    ) -> tuple[tuple[WayTried, tuple[bool | None, str]], ...]:
        self._tools.tell(TrialStep.PREPARING, f"opening connections {where}")
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(
                zip(
                    ways, pool.map(lambda way: self._sampled(way, expected(way)), ways), strict=True
                )
            )

    def _sampled(
        self,
        way: WayTried,
        expected: bool,
    ) -> tuple[bool | None, str]:
        """The result of a connection; one that was not expected is tried again, since a loaded
        machine may answer late once."""
        for pause in _AGAIN_AFTER:
            result = self._reached(way)
            if result[0] is expected or self._tools.stop.wait(pause):
                return result
        return self._reached(way)

    def _reached(self, way: WayTried) -> tuple[bool | None, str]:
        """Whether it connects: to each port if it must work, to any port if it must be blocked."""
        if missing := self._missing(way):
            return None, missing
        results = []
        for port in way.ports:
            outcomes = self._knocks(way, port)
            connected = ConnectOutcome.CONNECTED in outcomes
            reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Unread)]
            if reasons and not connected:
                return None, reasons[0]
            results.append(connected)
        return (all(results) if way.needed else any(results)), ""

    def _arrives(self, way: WayTried) -> tuple[bool | None, str]:
        if missing := self._missing(way):
            return None, missing
        outcomes = self._knocks(way, way.ports[0])
        if {ConnectOutcome.CONNECTED, ConnectOutcome.REFUSED} & {*outcomes}:
            return True, ""
        reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Unread)]
        return (None, reasons[0]) if reasons else (False, "")

    def _missing(self, way: WayTried) -> str:
        """Why a connection cannot be tried."""
        if self._tools.stop.is_set():
            raise KeyboardInterrupt
        for name in (way.start, way.end):
            if name not in self._twins:
                return f"the twin of {name} is not ready"
        return "" if self._addresses[way.end] else f"the twin of {way.end} has no address"

    def _knocks(
        self,
        way: WayTried,
        port: int,
    ) -> list[Known[ConnectOutcome]]:
        """The results of attempts, one for each address of the target."""
        return [
            knock(
                self._tools.run,
                self._pids[way.start],
                address,
                port,
            )
            for address in self._addresses[way.end]
        ]

    def _by_themselves(
        self,
        ways: tuple[WayTried, ...],
    ) -> tuple[WayTried, ...]:
        """The connections of the originals, with whether their twins also open them by themselves."""
        open_ways = {(way.start, way.end) for way in ways if way.seen and way.after}
        gone: set[tuple[str, str]] = set()
        if open_ways:
            self._tools.tell(TrialStep.PREPARING, "watching what the twins contact")
        end = monotonic() + _BY_ITSELF
        while open_ways - gone and monotonic() < end and not self._tools.stop.wait(_PAUSE):
            gone |= {
                (start, other) for start, other in open_ways - gone if self._contacts(start, other)
            }
        return tuple(
            replace(way, by_itself=(way.start, way.end) in gone)
            if (way.start, way.end) in open_ways
            else way
            for way in ways
        )

    def _contacts(self, start: str, end: str) -> bool:
        pid = self._pids[start]
        ports = read_ports(self._tools.files, pid)
        try:
            own = set() if isinstance(ports, Unread) else {*_numbers(ports)}
            calls = established(self._tools.files, pid, own)
            return any(
                call.address.rpartition(":ffff:")[2] in self._addresses[end] for call in calls
            )
        except OSError:
            return False  # it has ended


def _numbers(ports: Iterable[str]) -> frozenset[int]:
    return frozenset(int(port.partition("/")[2]) for port in ports)


_LOG_READ = 2000


class SplitRequest(Struct, frozen=True):
    """The request of a trial of a split."""

    network: str
    engine: str
    networks: tuple[NewNetwork, ...]
    # those that get twins, inspected in detail; for a pod, the container that holds its network
    members: tuple[ContainerFacts, ...]
    seen: tuple[SeenWay, ...]
    untried: Mapping[str, str]  # name of another member -> why it gets no twin
    # name of such a container -> the running members of its pod
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

    def tell(
        self,
        step: TrialStep,
        text: str,
        seconds: float = 0.0,
    ) -> None:
        self.on_event(TrialEvent(step, text, seconds))


def try_split(request: SplitRequest, tools: SplitTools) -> SplitTrial:
    """Try a split; everything created is removed at the end, whatever happens.

    Raises:
        NoRoom: this host has not enough left for the twins.
        OriginalSuffers: it was ended, because a member needs what they take.
        EngineError: Podman does not answer.
        KeyboardInterrupt: it was cancelled.
    """
    for name in remove_leftovers(tools.changing):
        tools.tell(TrialStep.CLEANING, f"removed {name}")
    originals = _everybody(request)
    watch = OriginalWatch(
        tools.changing,
        tools.files,
        originals,
        tools.stop,
    )
    with watch:
        try:
            trial = _try_split(
                request,
                replace(tools, stop=watch.stop),
                watch,
            )
        except (KeyboardInterrupt, EngineError):
            watch.raise_if_suffering()
            raise
        watch.look()
    tools.tell(
        TrialStep.DONE,
        trial.result.value,
        trial.seconds,
    )
    return trial


def _everybody(request: SplitRequest) -> tuple[ContainerFacts, ...]:
    """Those that get twins, with the members of their pods."""
    every = (
        facts
        for member in request.members
        for facts in request.pods.get(member.name, ()) or (member,)
    )
    return tuple(every)


def _try_split(
    request: SplitRequest,
    tools: SplitTools,
    watch: OriginalWatch,
) -> SplitTrial:
    begun = monotonic()
    members = {facts.name: MemberTried(facts.name) for facts in request.members}
    today = (
        NewNetwork(
            "today",
            tuple(members),
            internal=True,
            isolated=False,
        ),
    )
    with _TwinRound(request, tools, today, watch) as first:
        for name, why in first.failed.items():
            members[name] = replace(
                members[name],
                before=False,
                why=why,
            )
        for name, twin in first.twins.items():
            members[name] = replace(
                members[name], before=True, lacks=tuple(str(lack) for lack in twin.lacks)
            )
        knocker = first.knocker()
        listening = {name: knocker.ports(twin) for name, twin in first.twins.items()}
        chosen, untried = ways_to_try(request, listening)
        ways = knocker.before(chosen)
        ended_anyway = first.ended_since()
    if not first.failed:
        proposed = tuple(replace(network, internal=True) for network in request.networks)
        with _TwinRound(request, tools, proposed, watch) as second:
            for name in members:
                why = second.failed.get(name, "")
                members[name] = replace(
                    members[name],
                    after=not why,
                    why=why,
                )
            ways = second.knocker().after(ways)
            for name, why in second.ended_since().items():
                if name not in ended_anyway:
                    members[name] = replace(members[name], after=False, why=why)
        ways = _past_ways_out(ways, request, tools, watch)
    results = (
        *members.values(),
        *(MemberTried(name, why=why) for name, why in request.untried.items()),
    )
    return SplitTrial(
        network=request.network,
        engine=request.engine,
        result=result_of(results, ways, untried),
        members=results,
        ways=ways,
        untried=untried,
        seconds=round(monotonic() - begun, 1),
    )


def _past_ways_out(
    ways: tuple[WayTried, ...],
    request: SplitRequest,
    tools: SplitTools,
    watch: OriginalWatch,
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
    with _TwinRound(
        request,
        tools,
        request.networks,
        watch,
        bare=only,
    ) as third:
        arrived = {(way.start, way.end): way for way in third.knocker().packets(asked)}
    return tuple(arrived.get((way.start, way.end), way) for way in ways)


def result_of(
    members: Iterable[MemberTried],
    ways: Sequence[WayTried],
    untried: int,
) -> SplitResult:
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
        watch: OriginalWatch,
        *,
        bare: Collection[str] = (),
    ) -> None:
        self._request = request
        self._tools = tools
        self._networks = networks
        self._bare = bare
        self._maker = TwinMaker(tools.changing, tools.files, stop=tools.stop)
        self._watch = watch
        self._waits: dict[str, Wait] = {}
        self._around = TwinAddresses({})
        self._made = 0
        self._ready = 0.0  # when the last twin was
        self.twins: dict[str, Twin] = {}
        self.failed: dict[str, str] = {}

    def __enter__(self) -> _TwinRound:
        try:
            self._open()
            self._ready = monotonic()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def _close(self) -> None:
        remove_trial(self._tools.changing, self._maker.number)
        self._maker.cgroup.close()
        self._around.forget(self._tools.changing)

    def _open(self) -> None:
        tell = self._tools.tell
        tell(TrialStep.PREPARING, "measuring what this host has left")
        tools, everybody = self._tools, _everybody(self._request)
        measured = hold_to_budget(
            tools.changing,
            tools.files,
            everybody,
            self._maker,
            tried=0,
        )
        self._watch.over(self._maker.cgroup, measured.lines)
        made = {}
        for network in self._networks:
            tell(TrialStep.PREPARING, f"creating a network like {network.name}")
            made[network.name] = self._maker.network(
                self._name(),
                internal=network.internal,
                isolated=network.isolated,
                bare=bool(self._bare),
            )
        self._around = TwinAddresses({network.name: network for network in made.values()})
        for facts in self._request.members:
            inside = self._request.pods.get(facts.name, ())
            on = [
                made[network.name].name
                for network in self._networks
                if facts.name in network.members
            ]
            self._around.add(
                facts.id,
                pod_names(inside) if inside else aliases(facts.spec),
                on,
            )
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
            tell(
                TrialStep.BASELINE,
                f"{facts.name} does not work: {self.failed[facts.name]}",
            )

    def _created(self, facts: ContainerFacts) -> _Made:
        inside = self._request.pods.get(facts.name, ())
        if not inside:
            return _Made(((self._twin(facts, facts.id), facts),))
        pod = self._name()
        self._maker.create_pod(
            pod,
            inside,
            self._around,
            facts.id,
        )
        return _Made(
            tuple((self._twin(member, facts.id, pod), member) for member in inside),
            pod,
        )

    def _twin(
        self,
        facts: ContainerFacts,
        key: str,
        pod: str = "",
    ) -> Twin:
        return self._maker.create(
            facts.spec,
            facts,
            self._name(),
            key,
            self._around,
            pod=pod,
        )

    def _started(
        self,
        facts: ContainerFacts,
        *,
        last: bool,
    ) -> bool:
        self._tools.tell(
            TrialStep.PREPARING,
            f"starting a twin of {facts.name}",
        )
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
                    advice = (
                        advice_for(
                            None,
                            log,
                            twin.lacks,
                            outside=False,
                        )
                        if last
                        else ""
                    )
                    of = f"{facts.name}: " if made.pod else ""
                    return f"{of}{why}. {advice}" if advice else f"{of}{why}"
        return ""

    def _not_started(
        self,
        twin: Twin,
        facts: ContainerFacts,
    ) -> str:
        try:
            twin.start()
        except ChangeFailed as error:
            return error.title.rstrip(".")
        return ""

    def _not_ready(
        self,
        twin: Twin,
        facts: ContainerFacts,
    ) -> str:
        """Why a started twin does not become ready; empty if it does."""
        ports = ports_of(ask_or(facts, lambda kernel: kernel.listening, ()))
        wait = self._waits[twin.id] = Wait(
            self._tools.changing.containers,
            twin.id,
            expectation(facts.inspect, ports, PATIENCE),
            files=self._tools.files,
            stop=self._tools.stop,
        )
        outcome = wait.outcome()
        return "" if outcome.ready else outcome.why or "it is not ready"

    def ended_since(self) -> dict[str, str]:
        """Members whose twin ended after it was ready, such as one that waited for a name, and how.

        Raises:
            KeyboardInterrupt: it was cancelled.
        """
        self._tools.tell(TrialStep.PREPARING, "waiting whether they stay alive")
        if self._tools.stop.wait(max(0.0, self._ready + _LIVES - monotonic())):
            raise KeyboardInterrupt
        ends = {name: self._waits[twin.id].ended_since() for name, twin in self.twins.items()}
        return {name: why for name, why in ends.items() if why}

    def knocker(self) -> WayKnocker:
        return WayKnocker(self.twins, self._tools)

    def _name(self) -> str:
        self._made += 1
        return f"{OUR_NAMES[TRIAL_LABEL]}{self._maker.number}-{self._made}"


def called_first(
    members: Sequence[ContainerFacts],
    seen: Iterable[SeenWay],
) -> list[ContainerFacts]:
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
