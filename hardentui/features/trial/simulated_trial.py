"""A trial as played on the simulated host, for learning. Nothing of it is real."""

from __future__ import annotations

import threading

from hardentui.model.finding import Risk
from hardentui.model.plan import Change, Plan
from hardentui.model.trial import (
    Baseline,
    ChosenFix,
    How,
    Kept,
    LeftOut,
    OnTrialEvent,
    OptionChange,
    Proof,
    Result,
    Round,
    Trial,
    TrialEvent,
    TrialStep,
)
from hardentui.reading.masking import mask_argument

PLAYED = "Simulated: no twin was created, so this proves nothing."
PACE = 0.6
"""Seconds per event, so that it can be read."""


def play_trial(plan: Plan, on_event: OnTrialEvent, stop: threading.Event) -> Trial:
    """Play a possible trial of this plan: one of the fixes that may break something does.

    Raises:
        KeyboardInterrupt: `stop` was set.
    """
    checks = tuple(dict.fromkeys(check for change in plan.changes for check in change.checks))
    risky = [check for check in checks if plan.risks.get(check) is Risk.MAY_BREAK]
    broken = risky[-1:] if len(checks) > 1 else []

    def say(event: TrialEvent) -> None:
        on_event(event)
        if stop.wait(PACE):
            raise KeyboardInterrupt

    say(TrialEvent(TrialStep.PREPARING, "create a twin"))
    say(TrialEvent(TrialStep.BASELINE, "the twin without changes works after 0.4 s", 0.4))
    rounds = []
    left_out: list[LeftOut] = []
    if broken:
        failed = Round(checks, False, "it does not listen on its port", "all changes", 3.0)
        rounds.append(failed)
        say(TrialEvent(TrialStep.ROUND, "the twin with all changes does not work", 3.0, checks, round=failed))
        left_out.append(LeftOut(broken[0], "the service did not start with it", "simulated evidence"))
        say(TrialEvent(TrialStep.ROUND, f"{broken[0]} is left out", left_out=left_out[0]))
    kept = tuple(check for check in checks if check not in broken)
    works = Round(kept, True, "", "the remaining changes", 0.5)
    rounds.append(works)
    say(TrialEvent(TrialStep.ROUND, "the twin works", 0.5, kept, round=works))
    say(TrialEvent(TrialStep.PROOF, "the kernel enforces what was changed"))
    return _trial(plan, kept, tuple(rounds), tuple(left_out))


def _trial(
    plan: Plan, kept: tuple[str, ...], rounds: tuple[Round, ...], left_out: tuple[LeftOut, ...]
) -> Trial:
    """What a trial in which these checks were kept would tell."""
    changes = [change for change in plan.changes if set(change.checks) & set(kept)]
    return Trial(
        container=plan.container,
        result=Result.WORKS if kept else Result.NOTHING_WORKS,
        baseline=Baseline(True, How.PORTS, 0.4),
        rounds=rounds,
        kept=tuple(
            Kept(
                check,
                change.option,
                _masked(change, change.before),
                _masked(change, change.after),
            )
            for change in changes
            for check in change.checks
            if check in kept
        ),
        left_out=left_out,
        proof=tuple(Proof(check, "pass", "simulated") for check in kept),
        options=tuple(
            OptionChange(
                change.option,
                tuple(mask_argument(change.option, word) for word in change.before),
                tuple(mask_argument(change.option, word) for word in change.after),
                change.checks,
            )
            for change in changes
        ),
        fixes=tuple(
            ChosenFix(choice.check, dict(choice.parameters))
            for choice in plan.choices
            if choice.check in kept
        ),
        sure=PLAYED,
        seconds=4.0,
    )


def _masked(change: Change, words: tuple[str, ...]) -> str | None:
    return " ".join(mask_argument(change.option, word) or "true" for word in words) or None
