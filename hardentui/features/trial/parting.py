"""Try a split of a network: twins of its members, first on one network as today, then on the
proposed ones.

Needed connections must work, all others must be blocked: real connections from the network
namespaces of the twins show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic

from msgspec.structs import replace

from hardentui.errors import EngineError
from hardentui.features.trial.leftovers import remove_leftovers
from hardentui.features.trial.original_watch import OriginalWatch
from hardentui.features.trial.split_request import SplitRequest, SplitTools, everybody
from hardentui.features.trial.split_twins import TwinRound
from hardentui.features.trial.way_knocker import ways_to_try
from hardentui.model.network_split import (
    MemberTried,
    NewNetwork,
    SplitResult,
    SplitTrial,
    WayTried,
)
from hardentui.model.trial import TrialStep


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
    originals = everybody(request)
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
    with TwinRound(request, tools, today, watch) as first:
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
        with TwinRound(request, tools, proposed, watch) as second:
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
    with TwinRound(
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
