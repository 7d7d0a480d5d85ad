"""Results as pages to read."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.features.networks.outgoing import Outgoing
from hardentui.features.networks.splitting import Split, lines_of
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.model.network_split import SplitResult, SplitTrial, WayTried
from hardentui.model.reach import Contact, ReachProof

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
