"""A trial and an apply as played on the simulated host, for learning. Nothing of it is real."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec.structs import replace

from hardentui.features.apply.prepared import PreparedChange
from hardentui.features.apply.wishes import ApplyWishes
from hardentui.features.trial import trial_record
from hardentui.model.journal import (
    ChangeEvent,
    EntryAction,
    EntryState,
    JournalEntry,
    OperationBegun,
    OperationDone,
)
from hardentui.model.operations import (
    CreateContainer,
    NoteContainer,
    ProveChanges,
    RenameContainer,
    StartContainer,
    StopContainer,
    WaitReady,
)
from hardentui.model.plan import Plan
from hardentui.model.remediation import Risk
from hardentui.model.trial import (
    Baseline,
    How,
    LeftOut,
    OnTrialEvent,
    Proof,
    Result,
    Round,
    Trial,
    TrialEvent,
    TrialStep,
)

PLAYED = "Simulated: no twin was created, so this proves nothing."
TRIAL_PACE = 0.6
"""Seconds per event, so that it can be read."""


def play_trial(
    plan: Plan,
    on_event: OnTrialEvent,
    stop: threading.Event,
) -> Trial:
    """Play a possible trial of this plan: one of the fixes that may break something does.

    Raises:
        KeyboardInterrupt: `stop` was set.
    """
    checks = tuple(dict.fromkeys(check for change in plan.changes for check in change.checks))
    risky = [check for check in checks if plan.risks.get(check) is Risk.MAY_BREAK]
    broken = risky[-1:] if len(checks) > 1 else []

    def say(event: TrialEvent) -> None:
        on_event(event)
        if stop.wait(TRIAL_PACE):
            raise KeyboardInterrupt

    say(TrialEvent(TrialStep.PREPARING, "create a twin"))
    say(
        TrialEvent(
            TrialStep.BASELINE,
            "the twin without changes works after 0.4 s",
            0.4,
        )
    )
    rounds = []
    left_out: list[LeftOut] = []
    if broken:
        failed = Round(
            checks,
            False,
            "it does not listen on its port",
            "all changes",
            3.0,
        )
        rounds.append(failed)
        say(
            TrialEvent(
                TrialStep.ROUND,
                "the twin with all changes does not work",
                3.0,
                checks,
                round=failed,
            )
        )
        left_out.append(
            LeftOut(
                broken[0],
                "the service did not start with it",
                "simulated evidence",
            )
        )
        say(
            TrialEvent(
                TrialStep.ROUND,
                f"{broken[0]} is left out",
                left_out=left_out[0],
            )
        )
    kept = tuple(check for check in checks if check not in broken)
    works = Round(
        kept,
        True,
        "",
        "the remaining changes",
        0.5,
    )
    rounds.append(works)
    say(
        TrialEvent(
            TrialStep.ROUND,
            "the twin works",
            0.5,
            kept,
            round=works,
        )
    )
    say(TrialEvent(TrialStep.PROOF, "the kernel enforces what was changed"))
    return _trial(
        plan,
        kept,
        tuple(rounds),
        tuple(left_out),
    )


def _trial(
    plan: Plan,
    kept: tuple[str, ...],
    rounds: tuple[Round, ...],
    left_out: tuple[LeftOut, ...],
) -> Trial:
    """What a trial in which these checks were kept would tell."""
    return Trial(
        container=plan.container,
        result=Result.WORKS if kept else Result.NOTHING_WORKS,
        baseline=Baseline(True, How.PORTS, 0.4),
        rounds=rounds,
        kept=trial_record.kept(
            plan,
            plan.after,
            (left.check for left in left_out),
        ),
        left_out=left_out,
        proof=tuple(Proof(check, "pass", "simulated") for check in kept),
        options=tuple(
            option
            for option in trial_record.option_changes(plan, plan.after)
            if not {*kept}.isdisjoint(option.checks)
        ),
        fixes=trial_record.fixes(choice for choice in plan.choices if choice.check in kept),
        sure=PLAYED,
        seconds=4.0,
    )


APPLY_PACE = 0.5
"""Seconds per step, so that it can be read."""


def prepare_played(
    plan: Plan,
    diff: str,
    wishes: ApplyWishes,
) -> PreparedChange:
    """The steps that an apply of this plan would take."""
    name = plan.container
    checks = tuple(choice.check for choice in plan.choices)
    operations = (
        NoteContainer(
            id=name,
            name=name,
            running=True,
        ),
        StopContainer(id=name),
        RenameContainer(
            id=name,
            before=name,
            after=f"{name}-before",
        ),
        CreateContainer(
            name=name,
            original=name,
            arguments=(),
        ),
        StartContainer(name=name),
        WaitReady(
            name=name,
            seconds=wishes.patience,
        ),
        ProveChanges(name=name, checks=checks),
    )
    entry = JournalEntry(
        id="simulated",
        time="",
        action=EntryAction.APPLY,
        container=name,
        diff=diff,
        original=f"{name}-before",
        operations=operations,
    )
    return PreparedChange(
        entry,
        (),
        True,
        wishes,
    )


def play_apply(
    prepared: PreparedChange,
    on_event: Callable[[ChangeEvent], None],
    stop: threading.Event,
) -> JournalEntry:
    """Report each step as if it were done; nothing is written to the journal."""
    operations = prepared.entry.operations
    for number, operation in enumerate(operations, 1):
        on_event(OperationBegun(operation, number, len(operations)))
        if stop.wait(APPLY_PACE):
            return replace(
                prepared.entry,
                state=EntryState.ROLLED_BACK,
                reason="it was stopped",
            )
        on_event(
            OperationDone(
                operation,
                number,
                len(operations),
                APPLY_PACE,
                "simulated",
            )
        )
    return replace(
        prepared.entry,
        state=EntryState.DONE,
        downtime_seconds=1.0,
    )
