"""Sentences about a trial, for the command line and the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.harden.decisions import becomes
from hardentui.model.trial import Decision, Learned, Trial
from hardentui.words import plural


def exercised(trial: Trial) -> str:
    """`start, reload. Not exercised: login (no client)`."""
    missing = ", ".join(
        f"{part.what} ({part.why})" if part.why else part.what for part in trial.not_exercised
    )
    done = ", ".join(trial.exercised)
    return f"{done or 'nothing'}. Not exercised: {missing}." if missing else done


def what_it_changes(decision: Decision) -> str:
    """`--publish 25:25 becomes 8025:25`."""
    return "; ".join(becomes(change.option, change.before, change.after) for change in decision.options)


_MOST_NAMED = 6


def kept_unseen(learned: Learned) -> Iterator[str]:
    """By program that can ask for it; then what could not be read, and what no-new-privileges takes."""
    by_program: dict[str, tuple[list[str], dict[str, None]]] = {}
    for kept in learned.can_need:
        if kept.capability:
            names, functions = by_program.setdefault(kept.program, ([], {}))
            names.append(kept.capability)
            functions.update(dict.fromkeys(kept.functions))
    for program, (names, functions) in by_program.items():
        why = f" ({program} can call {_listed(functions)})" if functions else ""
        yield f"Kept although not seen: {', '.join(names)}{why}."
    calls = {call for kept in learned.can_need for call in kept.syscalls}
    if calls:
        yield f"System calls kept although not seen, besides everyday ones: {_listed(sorted(calls))}."
    for program, why in learned.unread.items():
        yield f"Not known what {program} can ask for: {why}. What the engine grants by default is kept."
    if learned.given_unseen:
        yield (
            f"Given explicitly, and not seen in use: {', '.join(learned.given_unseen)}. They stay; "
            "whether one goes is your decision."
        )
    if learned.set_id:
        yield (
            f"Set-id programs: {_listed(learned.set_id)}. With no-new-privileges they give nobody more "
            "rights; leave new-privileges-allowed out if somebody needs them."
        )


def _listed(names: Iterable[str]) -> str:
    """The first few names."""
    first = [*names]
    more = len(first) - _MOST_NAMED
    return ", ".join(first[:_MOST_NAMED]) + (f" and {plural(more, 'other')}" if more > 0 else "")
