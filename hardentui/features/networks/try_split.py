"""The use case of trying a split: which members get twins, and running the trial."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.containers import podman_is_installed
from hardentui.errors import EngineError, UsageError
from hardentui.features.trial.parting import try_split
from hardentui.features.trial.split_request import SplitRequest, SplitTools
from hardentui.features.trial.trying import refuse_steered
from hardentui.features.views import Row
from hardentui.model.facts import ContainerFacts
from hardentui.model.network_split import SplitTrial
from hardentui.model.trial import OnTrialEvent
from hardentui.reading.containers import is_infra, pod_of
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench
from hardentui.features.networks.splitting import Split


def try_proposal(
    bench: Workbench,
    rows: Iterable[Row],
    proposal: Split,
    on_event: OnTrialEvent,
    stop: threading.Event,
) -> SplitTrial:
    """Twins of the members on the proposed networks; blocking. Everything created is removed again.

    Args:
        on_event: called for each event, in this thread.

    Raises:
        UsageError: it cannot be tried: simulated, on another machine, or a member controlled by its
            image.
        EngineError: Podman fails.
        KeyboardInterrupt: `stop` was set.
    """
    if bench.opened.simulated:
        raise UsageError("A trial needs a real Podman; this host is simulated.")
    if not podman_is_installed():
        raise EngineError(
            "A trial needs the program podman on this machine, which creates the twins."
        )
    gatherer = bench.parts.gatherers[proposal.engine]
    members, pods, untried = _members(bench, rows, proposal)
    if any(not facts.engine.local for facts in members):
        raise UsageError(
            "The networks of the engine cannot be entered from here.", members[0].engine.unseen
        )
    for facts in (
        *members,
        *(facts for inside in pods.values() for facts in inside),
    ):
        refuse_steered(
            facts,
            bench.judge.checks,
            bench.judge.checklist,
        )
    request = SplitRequest(
        network=proposal.network,
        engine=proposal.engine,
        networks=proposal.networks,
        members=members,
        seen=proposal.seen,
        untried=untried,
        pods=pods,
    )
    changing = ChangingEngine(gatherer.engine, bench.opened.log)
    try:
        return try_split(
            request,
            SplitTools(
                changing,
                bench.opened.files,
                bench.opened.run_ours,
                on_event,
                stop,
            ),
        )
    finally:
        changing.close()


def _members(
    bench: Workbench,
    rows: Iterable[Row],
    proposal: Split,
) -> tuple[tuple[ContainerFacts, ...], dict[str, tuple[ContainerFacts, ...]], dict[str, str]]:
    """The members that get twins, inspected in detail; those of pods, by the container that holds
    the pod's network; and why others get none.
    """
    moved = {move.container for move in proposal.moves}
    members, pods, untried = [], {}, {}
    for row in rows:
        if row.name not in moved or row.engine.label != proposal.engine:
            continue
        again = bench.containers.refresh(row.key)
        report = again.report if again else None
        if report is None or report.facts is None:
            untried[row.name] = "it cannot be inspected"
        elif not report.facts.running:
            untried[row.name] = "it is not running"
        elif is_infra(report.facts):
            inside = tuple(
                facts for facts in bench.containers.neighbours(report).members if facts.running
            )
            if inside:
                members.append(report.facts)
                pods[row.name] = inside
            else:
                untried[row.name] = (
                    f"no container is running in the pod {visible(pod_of(report.facts), 60)}"
                )
        else:
            members.append(report.facts)
    if not members:
        raise UsageError(
            f"No member of {visible(proposal.network, 60)} can be tried: "
            f"{'; '.join(f'{visible(name, 60)}: {why}' for name, why in untried.items())}."
        )
    return tuple(members), pods, untried
