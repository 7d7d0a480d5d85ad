"""How a run over all containers is told: the same sentences for a terminal and a screen. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec import Struct

from hardentui.features.harden.host_run import HostRun, Member, Standing, average
from hardentui.harden.score import score_word
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


def bar(score: int | None, width: int = _BAR) -> str:
    """`▓▓▓▓░░░░░░` of a score between 0 and 100."""
    full = round((score or 0) * width / 100)
    return "▓" * full + "░" * (width - full)


def progress(run: HostRun) -> str:
    """`Hardening 15 · 9 ready · 2 need you · 4 running · about 6 min`."""
    counts = (
        (Standing.READY, "ready"),
        (Standing.DECIDE, "need you"),
        (Standing.NOT_READY, "not ready"),
        (Standing.RUNNING, "running"),
    )
    parts = [f"Hardening {len(run.members)}"]
    parts += [
        f"{len(members)} {word}"
        for standing, word in counts
        if (members := run.with_standing(standing))
    ]
    if (left := run.seconds_left) is not None and not run.ended:
        parts.append(f"about {minutes(left)}")
    return " · ".join(parts)


def heading(run: HostRun) -> str:
    """The whole, before and after."""
    before, after = average(run.members), average(run.members, after=True)
    took = f" in {minutes(run.ended - run.begun)}" if run.ended else ""
    tried = plural(len(run.members), "container")
    stopped = " (stopped: not all were tried)" if run.stopped else ""
    score = f"   average score {score_word(before)} → {score_word(after)}"
    return f"{tried} tried{took}{stopped}{score}   {bar(before)} → {bar(after)}"


def ended(run: HostRun) -> str:
    """What a notification says."""
    ready = len(run.with_standing(Standing.READY))
    return f"{ready} of {plural(len(run.members), 'container')} can be hardened as tried."


def about(member: Member) -> str:
    """What became of it, in one line."""
    word = WORDS[member.standing]
    if member.standing in (Standing.READY, Standing.KEPT):
        return f"{word}, score {member.before} → {member.after}"
    if member.standing is Standing.DECIDE:
        return f"{word}, score {member.before} → {member.after}: {member.reason}"
    if member.standing is Standing.RUNNING and member.now:
        return f"{word}: {member.now}"
    return f"{word}: {member.reason}" if member.reason else word


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
    for standing in (
        Standing.READY,
        Standing.DECIDE,
        Standing.NOT_READY,
        Standing.NOTHING,
        Standing.KEPT,
        Standing.WAITING,
    ):
        members = run.with_standing(standing)
        if not members:
            continue
        word = WORDS[standing]
        yield ResultLine("")
        yield ResultLine(
            f"{word[0].upper()}{word[1:]} ({len(members)})",
            heading=True,
        )
        part = HostRun(members=members)
        for group, own in part.groups:
            if len(own) > 1:
                before, after = average(own), average(own, after=True)
                score = f"{score_word(before)} → {score_word(after)}"
                yield ResultLine(f"  {visible(group, _NAME):<{_NAME}} {score}")
            for member in own:
                indent = "    " if len(own) > 1 else "  "
                yield ResultLine(_member_line(member, indent)[:width])


def _member_line(member: Member, indent: str) -> str:
    name = f"{indent}{visible(member.name, _NAME):<{_NAME + 4 - len(indent)}}"
    if member.standing in (Standing.NOT_READY, Standing.NOTHING, Standing.WAITING):
        return f"{name} {member.reason}".rstrip()
    score = f"{score_word(member.before)} → {score_word(member.after)}"
    down = f"down {member.downtime:.1f} s" if member.downtime else "keeps running"
    needs = f"   {member.reason}" if member.reason else ""
    return f"{name} {score}  {down}  {changes(member)}{needs}"
