"""How a run over all containers is told: the same sentences for a terminal and a screen. Pure."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Collection, Iterable, Iterator

from msgspec import Struct

from hardentui.do import Do, said
from hardentui.features.harden.host_run import Asked, HostRun, Member, Standing, average
from hardentui.harden.score import score_word
from hardentui.reading.forms import text_of
from hardentui.visible import visible
from hardentui.words import plural

WORDS = {
    Standing.WAITING: "waiting",
    Standing.RUNNING: "running",
    Standing.READY: "ready",
    Standing.DECIDE: "needs your decision",
    Standing.NOT_READY: "not ready",
    Standing.NOTHING: "nothing to change",
    Standing.KEPT: "hardened",
}
_BAR = 10
_NAME = 22


class ResultLine(Struct, frozen=True):
    """A line that is safe to show; `heading` of a group."""

    text: str
    heading: bool = False


def minutes(seconds: float) -> str:
    """`40 s`, `6 min`."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def bar(
    value: int | None,
    most: int = 100,
    width: int = _BAR,
) -> str:
    """`▓▓▓▓░░░░░░` of a value between 0 and `most`; what is not 0 has one cell at least."""
    full = round((value or 0) * width / (most or 1))
    full = max(full, 1) if value else 0
    return "▓" * full + "░" * (width - full)


class Figure(Struct, frozen=True):
    """A number of the whole, before and after."""

    label: str
    before: int
    after: int
    most: int

    @property
    def numbers(self) -> str:
        return f"{self.label} {self.before} → {self.after}"

    @property
    def bars(self) -> str:
        return f"{bar(self.before, self.most)} → {bar(self.after, self.most)}"


def figures(members: Iterable[Member]) -> tuple[Figure, ...]:
    """What hardening them takes away from an intruder, over all that were tried."""
    tried = [member for member in members if member.after is not None]
    made = (
        _averaged(
            "capabilities, average",
            (member.capabilities for member in tried),
        ),
        _averaged("system calls, average", (member.calls for member in tried)),
        _averaged("kernel bugs, average", (member.bugs for member in tried)),
        _counted(
            "run as root",
            (member.user for member in tried),
            "root",
        ),
        _counted(
            "can write everything",
            (member.writes for member in tried),
            "everything",
        ),
        _counted(
            "can connect anywhere",
            (member.reaches for member in tried),
            "anywhere",
        ),
    )
    return tuple(figure for figure in made if figure.most)


def _averaged(
    label: str,
    pairs: Iterable[tuple[int, int] | None],
) -> Figure:
    known = [pair for pair in pairs if pair is not None]
    count = len(known) or 1
    before, after = (round(sum(pair[side] for pair in known) / count) for side in (0, 1))
    return Figure(
        label,
        before,
        after,
        max(before, after),
    )


def _counted(
    label: str,
    pairs: Iterable[tuple[str, str] | None],
    begins: str,
) -> Figure:
    """How many of them begin so."""
    known = [pair for pair in pairs if pair is not None]
    before, after = (sum(pair[side].startswith(begins) for pair in known) for side in (0, 1))
    return Figure(label, before, after, len(known))


def figure_lines(
    members: Iterable[Member],
    width: int,
    *,
    with_bars: bool,
) -> Iterator[str]:
    """Bars beside the numbers where there is room for them; else the numbers alone."""
    made = figures(members)
    if not with_bars:
        line = ", ".join(figure.numbers for figure in made)
        yield from textwrap.wrap(line, width)
        return
    longest = max((len(figure.numbers) for figure in made), default=0)
    cells = [f"{figure.numbers:<{longest}}  {figure.bars}" for figure in made]
    columns = max(1, (width + 3) // (longest + 2 * _BAR + 8))
    for at in range(0, len(cells), columns):
        yield "   ".join(cells[at : at + columns])


def progress(run: HostRun) -> str:
    """`Hardening 15 · 9 ready · 2 to decide · 4 running · 3 min, about 6 min left`."""
    counts = (
        (Standing.READY, "ready"),
        (Standing.DECIDE, "to decide"),
        (Standing.NOT_READY, "not ready"),
        (Standing.RUNNING, "running"),
    )
    parts = [f"Hardening {len(run.members)}"]
    parts += [
        f"{len(members)} {word}"
        for standing, word in counts
        if (members := run.with_standing(standing))
    ]
    if not run.ended:
        left = run.seconds_left
        rest = f", about {minutes(left)} left" if left is not None else ""
        parts.append(f"{minutes(time.time() - run.begun)}{rest}")
    return " · ".join(parts)


def heading(run: HostRun) -> str:
    """The whole, before and after."""
    before, after = average(run.members), average(run.members, after=True)
    now = run.ended and any(member.began >= run.begun for member in run.members)
    took = f" in {minutes(run.ended - run.begun)}" if now else ""  # else an earlier run tried them
    tried = plural(len(run.members), "container")
    stopped = " (stopped: not all were tried)" if run.stopped else ""
    score = f"   average score {score_word(before)} → {score_word(after)}"
    return f"{tried} tried{took}{stopped}{score}   {bar(before)} → {bar(after)}"


def ended(run: HostRun) -> str:
    """What a notification says."""
    ready = len(run.with_standing(Standing.READY))
    return f"{ready} of {plural(len(run.members), 'container')} can be hardened as tried."


def about(member: Member, say: Callable[[Do], str]) -> str:
    """What became of it, in one line. `say`: how a next step is said."""
    word, why = WORDS[member.standing], said(member.refused, say) or member.reason
    if member.standing in (Standing.READY, Standing.KEPT):
        return f"{word}, score {member.before} → {member.after}"
    if member.standing is Standing.DECIDE:
        return f"{word}, score {member.before} → {member.after}: {why}"
    if member.standing is Standing.RUNNING and member.now:
        return f"{word}: {member.now}"
    return f"{word}: {why}" if why else word


def changes(member: Member) -> str:
    """`capabilities 11 → 1, system calls 374 → 241, kernel bugs 41 → 12`."""
    counted = (
        ("capabilities", member.capabilities),
        ("system calls", member.calls),
        ("kernel bugs", member.bugs),
    )
    return ", ".join(
        f"{label} {pair[0]} → {pair[1]}"
        for label, pair in counted
        if pair is not None and pair[0] != pair[1]
    )


SECTIONS = (
    (Standing.RUNNING, Standing.WAITING),
    (Standing.READY,),
    (Standing.DECIDE,),
    (Standing.NOT_READY,),
    (Standing.KEPT,),
    (Standing.NOTHING,),
)
"""The groups in which results are told."""


def in_sections(run: HostRun) -> Iterator[tuple[str, HostRun]]:
    """`Ready (9)`, with its containers."""
    for standings in SECTIONS:
        if members := run.with_standing(*standings):
            word = "being tried" if len(standings) > 1 else WORDS[standings[0]]
            heading = f"{word[0].upper()}{word[1:]} ({len(members)})"
            yield heading, HostRun(members=members)


def without_fixes(member: Member, checks: Collection[str]) -> int | None:
    """The score if these fixes are left out; of several about, since they are counted singly."""
    if member.after is None:
        return None
    lost = [
        member.after - fix.without for fix in member.fixes if fix.check in checks and fix.without
    ]
    return max(
        member.before or 0,
        member.after - sum(max(0, points) for points in lost),
    )


def result_lines(run: HostRun, width: int) -> Iterator[ResultLine]:
    """Ready, needs a decision, not ready; in each the stacks, the worst first."""
    for heading, part in in_sections(run):
        yield ResultLine("")
        yield ResultLine(
            heading,
            heading=True,
        )
        for group, own in part.groups:
            if len(own) > 1:
                before, after = average(own), average(own, after=True)
                score = f"{score_word(before)} → {score_word(after)}"
                yield ResultLine(f"  {visible(group, _NAME):<{_NAME}} {score}")
            for member in own:
                line = _member_line(member, "    " if len(own) > 1 else "  ")
                for text in textwrap.wrap(
                    line,
                    width,
                    subsequent_indent=" " * (_NAME + 5),
                ):
                    yield ResultLine(text)


def _member_line(member: Member, indent: str) -> str:
    name = f"{indent}{visible(member.name, _NAME):<{_NAME + 4 - len(indent)}}"
    if member.standing in (Standing.NOT_READY, Standing.NOTHING, Standing.WAITING):
        return f"{name} {member.reason} {member.advice}".rstrip()
    score = f"{score_word(member.before)} → {score_word(member.after)}"
    down = f"down {member.downtime:.1f} s" if member.downtime else "keeps running"
    needs = f"   {member.reason}" if member.reason else ""
    return f"{name} {score}  {down}  {changes(member)}{needs}"


def told_asked(asked: Asked) -> str:
    """What a user wants of a container, beside what is tried unasked."""
    parts = [f"probe {asked.probe}"] if asked.probe else []
    parts += ["only the rights that were seen in use"] if asked.tight else []
    for choice in asked.given:
        values = ", ".join(f"{name} {text_of(value)}" for name, value in choice.parameters)
        parts.append(f"{choice.check} {values}".rstrip())
    return visible("; ".join(parts), 400)
