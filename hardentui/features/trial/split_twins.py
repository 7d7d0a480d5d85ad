"""The twins of one arrangement of networks: made, started, led through a look, and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from time import monotonic

from hardentui.engine.shapes import OUR_NAMES, TRIAL_LABEL
from hardentui.errors import ChangeFailed
from hardentui.features.change.reached_ports import ports_of
from hardentui.features.change.wait import PATIENCE, Wait, expectation
from hardentui.features.trial.harmless import aliases
from hardentui.features.trial.leftovers import remove_trial
from hardentui.features.trial.measuring import hold_to_budget
from hardentui.features.trial.original_watch import OriginalWatch
from hardentui.features.trial.proposing import advice_for
from hardentui.features.trial.split_request import MadeTwins, SplitRequest, SplitTools, everybody
from hardentui.features.trial.twin_network import TwinAddresses
from hardentui.features.trial.twins import (
    Twin,
    TwinMaker,
    pod_names,
)
from hardentui.features.trial.way_knocker import WayKnocker
from hardentui.model.facts import ContainerFacts
from hardentui.model.network_split import (
    NewNetwork,
    SeenWay,
)
from hardentui.model.trial import TrialStep
from hardentui.reading.containers import ask_or

_LIVES = 10.0  # seconds that a twin must live, as long as some wait for a name or an answer


_LOG_READ = 2000


class TwinRound:
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

    def __enter__(self) -> TwinRound:
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
        tools, originals = self._tools, everybody(self._request)
        measured = hold_to_budget(
            tools.changing,
            tools.files,
            originals,
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

    def _created(self, facts: ContainerFacts) -> MadeTwins:
        inside = self._request.pods.get(facts.name, ())
        if not inside:
            return MadeTwins(((self._twin(facts, facts.id), facts),))
        pod = self._name()
        self._maker.create_pod(
            pod,
            inside,
            self._around,
            facts.id,
        )
        return MadeTwins(
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

    def _what_fails(self, made: MadeTwins, *, last: bool) -> str:
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
