"""Actions on the network map as tasks: prove a route, watch outgoing connections, propose a split."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hardentui.errors import InputError, UsageError
from hardentui.features.looking.listed import called
from hardentui.features.networks.documents import ProofDocument, SplitDocument
from hardentui.features.networks.map import whole_map
from hardentui.features.networks.outgoing import watch_contacts, with_rules
from hardentui.features.networks.proving import HOST, parse_target, prove
from hardentui.features.networks.splitting import SeenContacts, Split, splits
from hardentui.features.networks.try_split import try_proposal
from hardentui.features.task import TaskResult, Tell
from hardentui.features.views import Report, Row, known_facts
from hardentui.model.draft import TextFile
from hardentui.model.facts import ContainerFacts, NetworkFacts
from hardentui.model.network_split import SplitResult
from hardentui.model.trial import OnTrialEvent
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench
from hardentui.features.networks.pages import (
    outgoing_page,
    proofs_page,
    split_trial_page,
    splits_page,
)

_AFTER = 30.0  # seconds that a thread may need beyond its watch time


WATCH = 10.0
"""Seconds to watch containers, unless said otherwise."""
_CODES = {
    SplitResult.WORKS: 0,
    SplitResult.BREAKS: 1,
    SplitResult.NOT_TOLD: 4,
    SplitResult.NOTHING_WORKS: 6,
}


def prove_task(
    bench: Workbench,
    rows: Sequence[Row],
    way: str,
    stop: threading.Event,
    tell: Tell,
) -> TaskResult:
    """Real connections for `FROM TO[:PORT]`; no data is sent. Code 0: one works, 1: none does, 4:
    unknown.

    Raises:
        UsageError, InputError: it is malformed, or names no container of the map.
    """
    if len(words := way.split()) != 2:
        raise UsageError(
            f"{visible(way, 100)!r} is not a route.",
            "Enter FROM TO, FROM TO:PORT, FROM host:PORT or FROM ADDRESS:PORT.",
        )
    start, target = fresh_facts(bench, rows, words[0]), parse_target(words[1])
    end = (
        None if target.is_address or target.name == HOST else fresh_facts(bench, rows, target.name)
    )
    if end is not None and end.engine.label != start.engine.label:
        raise UsageError("Both containers must belong to the same engine.")
    proofs = prove(
        start,
        target,
        end,
        whole_map(bench, rows),
        bench.opened.run_ours,
    )
    none = 1 if all(proof.reached is False for proof in proofs) else 4
    code = 0 if any(proof.reached for proof in proofs) else none
    return TaskResult(
        proofs_page(proofs),
        document=ProofDocument(tuple(proofs)),
        code=code,
    )


def outgoing_task(
    bench: Workbench,
    rows: Sequence[Row],
    name: str,
    stop: threading.Event,
    tell: Tell,
    *,
    seconds: float,
) -> TaskResult:
    """The addresses a container contacts during that time, with proposed rules; code 4 if they are
    unknown. A simulated host never changes: it is looked at once.

    Raises:
        UsageError, InputError: it names no container of the map.
    """
    facts = fresh_facts(bench, rows, name)
    seconds = 0.0 if bench.opened.simulated else seconds
    seen = watch_contacts(
        facts,
        known_containers(rows),
        bench.opened.files,
        stop,
        seconds=seconds,
    )
    seen = with_rules(seen, facts)
    return TaskResult(
        outgoing_page(seen),
        (TextFile(f"outgoing-{seen.container}.nft", seen.rules),) if seen.rules else (),
        document=seen,
        code=4 if seen.unknown else 0,
    )


def split_task(
    bench: Workbench,
    rows: Sequence[Row],
    network: str | None,
    stop: threading.Event,
    tell: Tell,
    *,
    seconds: float,
    on_event: OnTrialEvent | None = None,
) -> TaskResult:
    """Separate networks for shared ones, as units.

    Args:
        network: try what is proposed for it on twins; empty = for each network, None = try nothing.
        on_event: called for each event of a trial.

    Raises:
        UsageError: nothing is proposed for that network.
    """
    tell(f"watching the containers for {seconds:g} s")
    proposals = propose_splits(
        bench,
        rows,
        stop,
        seconds=seconds,
    )
    if stop.is_set():
        raise KeyboardInterrupt
    tried = [proposal for proposal in proposals if network in ("", proposal.network)]
    if network and not tried:
        names = ", ".join(visible(proposal.network, 60) for proposal in proposals) or "none"
        raise UsageError(
            f"Nothing is proposed for a network {visible(network, 60)!r}.", f"Proposals: {names}"
        )
    told = on_event or (lambda event: tell(event.text))
    trials = [
        try_proposal(
            bench,
            rows,
            proposal,
            told,
            stop,
        )
        for proposal in tried
    ]
    codes = {_CODES[trial.result] for trial in trials}
    return TaskResult(
        (
            *(part for trial in trials for part in split_trial_page(trial)),
            *splits_page(proposals),
        ),
        tuple(file for proposal in proposals for file in proposal.files),
        document=SplitDocument(
            simulated=bench.opened.simulated,
            splits=tuple(proposals),
            trials=tuple(trials),
        ),
        code=next((code for code in (1, 6, 4) if code in codes), 0),
    )


def propose_splits(
    bench: Workbench,
    rows: Sequence[Row],
    stop: threading.Event,
    *,
    seconds: float,
) -> tuple[Split, ...]:
    """Separate networks for applications that share one; nothing is watched on a simulated host."""
    networks = [
        network.about
        for network in bench.surroundings.networks()
        if isinstance(network.about, NetworkFacts)
    ]
    watched = None if bench.opened.simulated else watch_everybody(bench, rows, seconds, stop)
    return splits(networks, known_containers(rows), watched)


def watch_everybody(
    bench: Workbench,
    rows: Iterable[Row],
    seconds: float,
    stop: threading.Event,
) -> Mapping[str, Mapping[str, SeenContacts]]:
    """The contacts of each container during that time; one that cannot be watched may contact
    anything."""
    rows = tuple(rows)
    everybody = known_containers(rows)
    calls: dict[str, dict[str, SeenContacts]] = {}
    for container in everybody:
        calls.setdefault(container.engine.label, {})[container.name] = SeenContacts(outside=True)
    again = [bench.containers.refresh(row.key) for row in rows if row.report and row.report.facts]
    running = [row.report.facts for row in again if row and row.report and row.report.facts]

    def watch(facts: ContainerFacts) -> None:
        seen = watch_contacts(
            facts,
            everybody,
            bench.opened.files,
            stop,
            seconds=seconds,
        )
        if not seen.unknown:
            called = {contact.container for contact in seen.contacts if contact.container}
            outside = any(not contact.who for contact in seen.contacts)
            calls[facts.engine.label][facts.name] = SeenContacts(outside, frozenset(called))

    threads = [
        threading.Thread(
            target=watch,
            args=(container,),
            daemon=True,
        )
        for container in running
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + _AFTER)
    return calls


def known_containers(rows: Iterable[Row]) -> list[ContainerFacts]:
    """The containers of these rows, as far as they are known."""
    return [row.report.facts for row in rows if row.report and row.report.facts]


def fresh_facts(
    bench: Workbench,
    rows: Iterable[Row],
    name: str,
) -> ContainerFacts:
    """One container, by name or ID prefix, with its current listening ports.

    Raises:
        UsageError: there is none, or several.
        InputError: it cannot be checked.
    """
    return known_facts(fresh_report(bench, rows, name))


def fresh_report(
    bench: Workbench,
    rows: Iterable[Row],
    name: str,
) -> Report:
    """The report of one container, by name or ID prefix, after a detailed inspection.

    Raises:
        UsageError: there is none, or several.
        InputError: it cannot be inspected.
    """
    rows = tuple(rows)
    matching = called(rows, name)
    if len(matching) != 1:
        count = "more than one container is" if matching else "no container is"
        names = ", ".join(sorted(visible(row.name, 40) for row in rows)[:20])
        raise UsageError(
            f"{count[0].upper()}{count[1:]} called {visible(name, 60)!r}.",
            "Give its ID." if matching else f"There are: {names}",
        )
    row = bench.containers.refresh(matching[0].key)
    if row is None or row.report is None or row.report.facts is None:
        raise InputError(f"{visible(name, 60)!r} cannot be checked.")
    return row.report
