"""Actions on the network map as tasks: prove a route, watch outgoing connections, propose a split."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hardentui.errors import InputError, UsageError
from hardentui.features.looking.listed import called
from hardentui.features.networks.documents import SplitDocument, proof_document, trial_entry
from hardentui.features.networks.map import whole_map
from hardentui.features.networks.proving import (
    HOST,
    Outgoing,
    parse_target,
    prove,
    watch_contacts,
    with_rules,
)
from hardentui.features.networks.splitting import (
    SeenContacts,
    Split,
    lines_of,
    splits,
    try_proposal,
)
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.task import TaskResult, Tell
from hardentui.features.views import Report, Row, known_facts
from hardentui.model.draft import TextFile
from hardentui.model.facts import ContainerFacts, NetworkFacts
from hardentui.model.network_split import SplitResult, SplitTrial, WayTried
from hardentui.model.reach import Contact, ReachProof
from hardentui.model.trial import OnTrialEvent
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

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
        document=proof_document(proofs),
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
            trials=tuple(map(trial_entry, trials)),
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


# Results as pages to read.

_SAYS = {True: "reachable", False: "not reachable", None: "nothing"}

_CHECKED = {
    True: "nft accepts these rules",
    False: "nft rejects these rules",
    None: "nft did not check these rules",
}


def proofs_page(proofs: Iterable[ReachProof]) -> tuple[PageSection, ...]:
    """Each attempt with its result and the map's prediction."""
    sections = []
    for proof in proofs:
        where = f"{proof.address} port {proof.port}" if proof.address else str(proof.port or "")
        agrees = {True: "", False: "; the map is WRONG here", None: ""}[proof.agrees]
        tone = {True: Tone.PLAIN, False: Tone.BAD, None: Tone.PLAIN}[proof.agrees]
        sections.append(
            PageSection(
                f"{proof.start} to {proof.end} {where}".rstrip(),
                (
                    PageLine("outcome", proof.outcome.value),
                    PageLine("why", proof.why),
                    PageLine(
                        "the map says",
                        f"{_SAYS[proof.expected]}{agrees}",
                        tone,
                    ),
                ),
            )
        )
    return tuple(sections)


def outgoing_page(seen: Outgoing) -> tuple[PageSection, ...]:
    """The contacts, and the limits of the proposed rules."""
    lines = [PageLine("contact", _contact(contact)) for contact in seen.contacts]
    if seen.unknown:
        lines.append(PageLine("not known", seen.unknown, Tone.BAD))
    elif not lines:
        lines.append(
            PageLine(
                "contact",
                f"none was seen within {seen.seconds:g} s",
                Tone.MUTED,
            )
        )
    if seen.shared:
        shared = "it shares its pod's network, so this includes contacts of other members"
        lines.append(PageLine("caution", shared))
    sections = [PageSection(f"What {seen.container} contacts", tuple(lines))]
    if seen.rules:
        checked = f"{_CHECKED[seen.checked]}{f': {seen.unchecked}' if seen.unchecked else ''}"
        rules = [
            PageLine(
                "checked",
                checked,
                Tone.BAD if seen.checked is False else Tone.PLAIN,
            )
        ]
        rules += [PageLine("limit", limit, Tone.MUTED) for limit in seen.limits]
        rules.append(PageLine("to use", "write them to a file; nft -f FILE loads them"))
        sections.append(PageSection("Rules for nftables, proposed", tuple(rules)))
    elif seen.no_rules:
        sections.append(PageSection("Rules", (PageLine("none", seen.no_rules, Tone.MUTED),)))
    return tuple(sections)


def _contact(contact: Contact) -> str:
    address = f"[{contact.address}]" if ":" in contact.address else contact.address
    who = f"  {contact.who}" if contact.who else ""
    return f"{contact.protocol} {address}:{contact.port}{who}"


def splits_page(proposals: Iterable[Split]) -> tuple[PageSection, ...]:
    """How each network would be split, and what may break."""
    sections = []
    for proposal in proposals:
        lines = [PageLine("why", proposal.why)]
        for network in proposal.networks:
            kind = "no route out" if network.internal else "isolated"
            lines.append(
                PageLine(
                    "new",
                    f"{network.name} ({kind}): {', '.join(network.members)}",
                )
            )
            lines.append(PageLine("", network.create_command(), Tone.MUTED))
        for move in proposal.moves:
            lines.append(
                PageLine(
                    "move", f"{move.container}: leaves {move.leaves}, joins {', '.join(move.joins)}"
                )
            )
            lines += [PageLine("", line, Tone.MUTED) for line in lines_of(move)]
            lines += [PageLine("caution", warning, Tone.BAD) for warning in move.minds]
        sections.append(PageSection(f"{proposal.network}  {proposal.engine}", tuple(lines)))
    if not sections:
        why = "no network is shared by several applications, or has members that need no route out"
        sections.append(PageSection("Splits", (PageLine("none", why),)))
    return tuple(sections)


_SPLIT_TONES = {
    SplitResult.WORKS: Tone.GOOD,
    SplitResult.BREAKS: Tone.BAD,
    SplitResult.NOTHING_WORKS: Tone.BAD,
    SplitResult.NOT_TOLD: Tone.PLAIN,
}

_SPLIT_WORDS = {
    SplitResult.WORKS: "it works: every needed connection is open, all others are blocked",
    SplitResult.BREAKS: "it does not work as proposed",
    SplitResult.NOTHING_WORKS: "no result: the twins do not work even on one network, as today",
    SplitResult.NOT_TOLD: "incomplete: not every connection could be tested",
}


def split_trial_page(trial: SplitTrial) -> tuple[PageSection, ...]:
    """The results of the trial of a split."""
    lines = [
        PageLine(
            "result",
            _SPLIT_WORDS[trial.result],
            _SPLIT_TONES[trial.result],
        )
    ]
    for member in trial.members:
        works = {True: "its twin works", False: "its twin does not work", None: "no twin"}
        if member.before is not True:
            text = f"{member.container}: {works[member.before]}: {member.why}"
            lines.append(PageLine("member", text, Tone.BAD))
        elif member.after is False:
            text = (
                f"{member.container}: works on one network, not on the proposed ones: {member.why}"
            )
            lines.append(PageLine("member", text, Tone.BAD))
        lines += [
            PageLine(
                "caution",
                f"{member.container}: the twin lacks {lack}",
                Tone.MUTED,
            )
            for lack in member.lacks
        ]
    lines += [_way(way) for way in trial.ways]
    if trial.untried:
        lines.append(PageLine("caution", f"{trial.untried} more routes were not tried"))
    return (
        PageSection(
            f"Trial of the split of {trial.network}  {trial.engine}",
            tuple(lines),
        ),
    )


def _way(way: WayTried) -> PageLine:
    reached = {
        True: "connected",
        False: "cut",
        None: f"unknown: {way.why}",
    }[way.after]
    wanted = "needed" if way.needed else "must be blocked"
    label, tone = {
        True: ("ok", Tone.GOOD),
        False: ("WRONG", Tone.BAD),
        None: ("?", Tone.MUTED),
    }[way.holds]
    ports = ", ".join(str(port) for port in way.ports)
    itself = {
        True: ", and it connects by itself",
        False: ", but it did not connect by itself",
        None: "",
    }
    text = f"{way.start} to {way.end} port {ports}: {wanted}; {reached}{itself[way.by_itself]}"
    return PageLine(label, text, tone)
