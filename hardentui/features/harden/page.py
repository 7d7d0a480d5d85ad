"""How a card looks: the same lines for a terminal, a screen reader and a screen. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

from hardentui.do import Do, said
from hardentui.features.change.data_told import told_rows
from hardentui.features.harden.card import EVERYTHING, Card, Side
from hardentui.features.harden.everything_page import bar
from hardentui.features.harden.rights_kept import rights_kept
from hardentui.features.rights.kernel_reach import FIRST_YEAR
from hardentui.features.trial.page import flagged
from hardentui.harden.do_first import gained
from hardentui.model.trial import Result, Trial
from hardentui.visible import visible
from hardentui.words import parts_within

_HEADINGS = {
    Result.WORKS: "hardened twin works",
    Result.NOTHING_WORKS: "no change can be kept",
    Result.BASELINE_FAILS: "the twin does not work even without changes",
    Result.NO_ROOM: "not tried: this host has too little room left",
    Result.ORIGINAL_SUFFERS: "the trial was ended: its twin took what the container needs",
}
LABEL = 19
"""Cells for the label of a line."""
EXPLAINS = ("Kernel bugs", "Afterwards")
"""What says in words what the numbers say: a screen shows it on request."""
_LEFT_OUT_FIRST = (*EXPLAINS, "Rights kept", "Not learned", "Known application")
"""What explains the rest, in the order in which a small screen goes without it."""
_SHOWN = 2  # lines of what a label tells, on a screen that has no room for all of it
_LEAST_BEFORE = 14
_WITH_BARS = 94
"""Cells of a line that has room for bars."""
_BAR = 5
TableRow: TypeAlias = tuple[tuple[str, str], tuple[str, str]]
"""Before and after, each with the label."""


class CardLine(Struct, frozen=True):
    """One line: a label (empty where the line above goes on), and its text, both safe to show."""

    label: str
    text: str = ""


def title(card: Card) -> tuple[str, str]:
    """The heading, and what stands at its right."""
    heading = f"{visible(card.container, 40)} · {_HEADINGS[card.trial.result]}"
    return heading, f"{_score(card)}took {card.seconds:.0f} s"


def summary(card: Card) -> str:
    """The card in one line, for one that is hardened with another one."""
    before, after = card.before, card.after
    if not card.works or card.obstacle:
        return f"{card.obstacle or _HEADINGS[card.trial.result]}; it stays as it is"
    calls = (
        f", system calls {before.system_calls} → {after.system_calls}" if after.system_calls else ""
    )
    return f"score {before.score} → {after.score}{calls}"


def lines(
    card: Card,
    width: int,
    height: int = 0,
    *,
    say: Callable[[Do], str] | None = None,
    without: Collection[str] = (),
) -> list[CardLine]:
    """The card below its heading.

    Args:
        say: how a screen says a next step; None: for a command line, with its options.
        height: at most so many lines, if that is possible without what only explains, and with
            the first of several items alone; 0 = all of it.
        without: lines with these labels are left out.
    """
    table = list(_table(card, width))
    shown_before = ("Afterwards", "Judged by") if card.others else ()
    parts = [
        (part[0], _named(part) if height else part[1])
        for part in _parts(card, say)
        if part[0] not in {*shown_before, *without}
    ]
    needed = [len(_wrapped(_joined(items), width)) for _, items in parts]
    room = height - len(table) if height else sum(needed)
    for label in _LEFT_OUT_FIRST:
        if len(parts) > room:
            parts = [part for part in parts if part[0] != label]
    needed = [len(_wrapped(_joined(items), width)) for _, items in parts]
    if height:
        needed = [min(_SHOWN, count) for count in needed]
    shown = [1] * len(parts)
    while sum(shown) < room and (
        short := [at for at, most in enumerate(needed) if shown[at] < most]
    ):
        shown[min(short, key=lambda at: shown[at])] += 1
    for most, (label, items) in zip(shown, parts, strict=True):
        table += _labelled(label, _within(items, width, most))
    return table


def _named(part: tuple[str, Sequence[str]]) -> Sequence[str]:
    """On a screen without room for all of it: what was not exercised, without for whom that counts."""
    label, items = part
    if label != "Not exercised":
        return items
    return [item.partition(" (")[0] for item in items]


def details(
    card: Card,
    width: int,
    say: Callable[[Do], str],
) -> Iterator[CardLine]:
    """All that stands below the table, in full: each item on a line of its own."""
    for label, items in _parts(card, say):
        for at, item in enumerate(items):
            yield from _labelled("" if at else label, _wrapped(item, width))


def _labelled(label: str, texts: Sequence[str]) -> Iterator[CardLine]:
    for number, text in enumerate(texts):
        yield CardLine("" if number else label, text)


def _joined(items: Sequence[str]) -> str:
    return "; ".join(items)


def _within(
    items: Sequence[str],
    width: int,
    most: int,
) -> list[str]:
    """As many of the items as fit in so many lines, and the number of the others."""
    text = parts_within(
        items,
        "; ",
        lambda text: len(_wrapped(text, width)) <= most,
    )
    return _wrapped(text, width)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        visible(text),
        max(20, width - LABEL),
        break_on_hyphens=False,
    ) or [""]


def _score(card: Card) -> str:
    before, after = card.before, card.after
    if before.score is None or after.score is None:
        return ""
    levels = (
        f" ({before.level} → {after.level})" if before.level != after.level else f" ({after.level})"
    )
    return f"score {before.score} → {after.score}{levels}   "


def _table(card: Card, width: int) -> Iterator[CardLine]:
    if not card.trial.result.judged:
        return
    peak = card.trial.learned.memory_peak if card.trial.learned else 0
    rows = list(
        zip(
            _side(card.before, 0),
            _side(card.after, peak),
            strict=True,
        )
    )
    if width >= _WITH_BARS:
        rows = [_with_bars(row, card) for row in rows]
    room = max(
        _LEAST_BEFORE, min((width - LABEL) // 3, max(len(before[1]) for before, _ in rows) + 2)
    )
    yield CardLine("", f"{'before':<{room}}after")
    for (label, before), (_, after) in rows:
        if not before and not after:
            continue
        left = textwrap.wrap(before, room - 1, break_on_hyphens=False) or [""]
        told = "same" if before == after else after
        right = textwrap.wrap(told, max(20, width - LABEL - room)) or [""]
        for number in range(max(len(left), len(right))):
            here, there = (part[number] if number < len(part) else "" for part in (left, right))
            yield CardLine("" if number else label, f"{here:<{room}}{there}".rstrip())


def _with_bars(row: TableRow, card: Card) -> TableRow:
    """A row of numbers with a bar before each of them."""
    (label, before), (_, after) = row
    counts = {
        "capabilities": (card.before.capabilities, card.after.capabilities),
        "system calls": (card.before.system_calls, card.after.system_calls),
        "known kernel bugs": (
            card.before.kernel_vulnerabilities,
            card.after.kernel_vulnerabilities,
        ),
    }.get(label)
    if counts is None or not before or before == after:
        return row
    most = max(counts[0] or 0, counts[1] or 0)
    bars = [bar(count, most, _BAR) for count in counts]
    return (label, f"{bars[0]} {before}"), (label, f"{bars[1]} {after}")


def _side(side: Side, peak: int) -> tuple[tuple[str, str], ...]:
    many = str(side.capabilities or "none")
    calls = "" if side.system_calls is None else str(side.system_calls)
    known = side.kernel_vulnerabilities_known
    bugs = f"{side.kernel_vulnerabilities} of {known}" if known else ""
    places = [place for place in side.writable if place != EVERYTHING]
    writable = (
        "everything"
        if EVERYTHING in side.writable
        else visible(", ".join(places), 200) or "nothing"
    )
    return (
        ("runs as", side.user),
        ("capabilities", many),
        ("system calls", calls),
        ("known kernel bugs", bugs),
        ("can write", writable),
        (
            "memory, processes",
            f"{_memory(side.memory, peak)}, {side.processes or 'no limit'}",
        ),
        ("can connect to", side.network),
    )


def _memory(limit: int, peak: int) -> str:
    if not limit:
        return "no limit"
    seen = f" (most seen: {-(-peak >> 20)} MiB)" if peak else ""
    return f"{limit >> 20} MiB{seen}"


def _parts(
    card: Card,
    say: Callable[[Do], str] | None,
) -> Iterator[tuple[str, Sequence[str]]]:
    """What is told below the table: a label, and the items that it is about."""
    trial, options = card.trial, say is None
    lacks = [str(lack) if options else lack.what for lack in trial.lacks]
    if not trial.result.judged:
        yield "Why", (trial.baseline.why,)
        if options:
            yield from _given("What helps", [trial.baseline.advice])
        else:
            yield from _given("The twin lacked", lacks)
        return
    yield from _given(
        "Not applied here",
        [said(card.refused, say) if say else card.obstacle],
    )
    unproven = {line.partition(":")[0] for line in card.unproven}
    proven = (kept.check for kept in trial.kept if kept.check not in unproven)
    yield from _given("Afterwards", gained(proven))
    yield from _given("Not proven", card.unproven)
    kept = card.after.capability_names if card.after.capabilities else ()
    yield from _given("Rights kept", rights_kept(trial, kept))
    yield from _given("Kernel bugs", [_kernel_bugs(card)])
    yield "Left out", card.left_out or ("nothing",)
    yield from _given("Loosened", _loosened(trial))
    yield from _given("Not exercised", card.not_exercised)
    yield from _given("Not learned", _not_learned(trial))
    yield from _given("Twins lacked", lacks)
    yield from _given("Judged by", [_judged(card)])
    yield from _given("Decide", card.decide)
    yield from _given("Needs a value", card.needs_values)
    yield from _given("Data moves", told_rows(card.ledger))
    yield from _given("Known application", [card.application])
    yield from _given("Before applying", card.notes)


def _kernel_bugs(card: Card) -> str:
    """What the number counts, and the switch that most of it hangs on."""
    before = card.before
    if before.kernel_vulnerabilities is None:
        return ""
    counts = (
        f"known vulnerabilities since {FIRST_YEAR} in code that it can reach, whether or not this "
        "kernel has the patches"
    )
    by_switch = before.kernel_vulnerabilities_by_user_namespace or 0
    if by_switch * 2 < before.kernel_vulnerabilities or not by_switch:
        return counts
    return f"{counts}; {by_switch} of them need only that it can create user namespaces"


def _given(
    label: str,
    items: Iterable[str],
) -> Iterator[tuple[str, Sequence[str]]]:
    if given := [item for item in items if item]:
        yield label, given


def _loosened(trial: Trial) -> Iterator[str]:
    for relaxed in trial.relaxed:
        yield f"{relaxed.check}: {flagged(relaxed.option, relaxed.given)} ({relaxed.evidence})"


def _not_learned(trial: Trial) -> Iterator[str]:
    if trial.learned is not None:
        yield from (f"{what}: {why}" for what, why in trial.learned.unknown.items())


def _judged(card: Card) -> str:
    if not card.probes:
        return card.trial.sure
    answer = f" ({card.answer})" if card.answer else ""
    return f"{'; '.join(card.probes)}{answer}"


def downtime(card: Card, confirm_within: float) -> str:
    """What applying it means for the service, one sentence or two."""
    if card.obstacle or not card.works:
        return ""
    seconds = card.expected_downtime_seconds
    if seconds is None:
        down = "It keeps running meanwhile."
    else:
        down = (
            f"Down for about {seconds:.1f} s."
            if seconds
            else "No downtime: a second one serves meanwhile."
        )
    if card.simulated:
        return "Simulated: nothing is changed."
    back = f" Rolls back unless kept within {confirm_within:g} s." if confirm_within else ""
    return f"{down}{back or ' Rolls back if anything fails.'}"
