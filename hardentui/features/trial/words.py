"""Sentences about a trial, for the command line and the screen."""

from __future__ import annotations

from hardentui.harden.decisions import becomes
from hardentui.model.trial import Decision, Trial


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
