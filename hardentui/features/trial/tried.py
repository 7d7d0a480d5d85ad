"""A trial's record as a file, and as a plan, for `fix --trial` and `apply --trial`."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

import msgspec
from msgspec.structs import replace

from hardentui.do import Do, Verb
from hardentui.errors import InputError, PlanError
from hardentui.harden.remedy import arguments, spec_diff
from hardentui.model.plan import Change, Choice, Note, Plan
from hardentui.model.remediation import FixKind, Risk
from hardentui.model.spec import Option, Spec
from hardentui.model.trial import SCHEMA, Learned, OptionChange, Trial
from hardentui.options import BY_NAME, COMMAND, IMAGE, MOUNTS, SECCOMP_PROFILE
from hardentui.options.argv import spec_from_argv
from hardentui.reading.masking import mask_argument
from hardentui.visible import visible

FILE_NAME = "trial.json"
_CLAIMED = f"According to {FILE_NAME}, which was not made here; not checked."


def as_json(trial: Trial) -> str:
    """The record in the format of `trial.json`."""
    return msgspec.json.format(msgspec.json.encode(trial), indent=2).decode() + "\n"


def read_trial(text: str) -> Trial:
    """A record written by `as_json`.

    Raises:
        PlanError: it is not a record, or one of another version.
    """
    try:
        trial = msgspec.json.decode(text, type=Trial)
    except msgspec.MsgspecError as error:
        raise PlanError(
            f"The file is not a result of a trial: {visible(str(error), 200)}.",
            (Do(Verb.TRIAL_FILES), " writes one."),
        ) from error
    if trial.schema != SCHEMA:
        raise PlanError(f"The file is not a result of a trial: its schema is not {SCHEMA!r}.")
    if not trial.options:
        raise PlanError(
            f"No change could be kept in that trial of {visible(trial.container, 80)!r}."
        )
    return trial


def with_profile(plan: Plan, path: str) -> Plan:
    """The plan with another seccomp profile where it sets one."""
    after = plan.after.with_(SECCOMP_PROFILE, path)
    words = arguments(after, SECCOMP_PROFILE)
    changes = (
        replace(change, after=words) if change.option == SECCOMP_PROFILE.name else change
        for change in plan.changes
    )
    return replace(
        plan,
        after=after,
        changes=tuple(changes),
    )


def choices_of(trial: Trial) -> tuple[Choice, ...]:
    return tuple(fix.choice for fix in trial.fixes)


def without(trial: Trial, checks: Set[str]) -> Trial:
    """The trial as if these fixes had not been in it. Less of what worked together works too."""
    return replace(
        trial,
        fixes=tuple(fix for fix in trial.fixes if fix.check not in checks),
        kept=tuple(kept for kept in trial.kept if kept.check not in checks),
        options=tuple(
            option
            for option in trial.options
            if not option.checks or not checks >= {*option.checks}
        ),
    )


def plan_of(
    trial: Trial,
    plan: Plan,
    *,
    ours: bool = True,
) -> Plan:
    """The plan of the trial's choices with exactly what worked in it.

    Args:
        plan: the result of `choices_of` on the container now.
        ours: this account ran the trial; else what it claims to have proven is told as its claim.

    Raises:
        InputError: the record has an unknown option or value.
    """
    spec = plan.before
    for option in trial.options:
        spec = _set(spec, option, plan.after)
    known = {change.option: change for change in plan.changes}
    checks = {option.option: option.checks for option in trial.options}
    changes = []
    for diff in spec_diff(plan.before, spec):
        name = diff.option.name
        before = known.get(name)
        if before is None:
            before = Change(
                name,
                (),
                (),
                checks.get(name, ()),
                _why(trial, diff.option) if ours else _CLAIMED,
                Risk.SAFE,
                "",
                FixKind.RECREATE,
            )
        changes.append(
            replace(
                before,
                before=diff.before,
                after=diff.after,
            )
        )
    return replace(
        plan, after=spec, changes=tuple(changes), notes=(*plan.notes, *_notes(trial, ours=ours))
    )


def no_longer_fits(trial: Trial, plan: Plan) -> tuple[str, ...]:
    """Differences since the trial, one sentence each."""
    reasons = []
    if trial.container != plan.container:
        reasons.append(f"The trial was of {trial.container!r}, this is {plan.container!r}.")
    for option in trial.options:
        row = BY_NAME.get(option.option)
        now = () if row is None else _masked(option.option, arguments(plan.before, row))
        if now != option.before:
            shown = " ".join(option.before) or "absent"
            reasons.append(
                f"{option.option}: was {shown} in the trial, here it is {' '.join(now) or 'absent'}."
            )
    return tuple(visible(line, 400) for line in reasons)


def _set(
    spec: Spec,
    change: OptionChange,
    planned: Spec,
) -> Spec:
    row = BY_NAME.get(change.option)
    if row is None:
        raise InputError(f"The trial has an unknown option: {visible(change.option, 60)!r}.")
    if _masked(change.option, arguments(planned, row)) == change.after:
        return spec.with_(row, planned[row])  # also if the record hides a secret
    if not change.after:
        return spec.without(row)
    if row is IMAGE:
        return spec.with_(IMAGE, change.after[0])
    if row is COMMAND:
        return spec.with_(COMMAND, change.after)
    read = spec_from_argv(
        [
            "podman",
            "run",
            *(_word(row, text) for text in change.after),
            "image",
        ]
    )
    if row not in read:
        raise InputError(f"A value of {visible(change.option, 60)} in the trial is invalid.")
    return spec.with_(row, read[row])


def _word(row: Option[Any], argument: str) -> str:
    """One argument of a command line; mounts have two flags, and the argument shows which one."""
    if row is MOUNTS and argument.startswith("type="):
        return f"--mount={argument}"
    return (
        row.flag if argument == "" and isinstance(row.default, bool) else f"{row.flag}={argument}"
    )


def _masked(option: str, values: Iterable[str]) -> tuple[str, ...]:
    return tuple(mask_argument(option, value) for value in values)


def _why(trial: Trial, option: Option[Any]) -> str:
    """The reason for an option that a trial changed although none of its fixes does."""
    learned = trial.learned
    if option is SECCOMP_PROFILE and learned is not None and learned.profile:
        return (
            f"Learned by a trial: it allows {learned.syscalls} system calls instead of "
            f"{learned.syscalls_before}, and the service worked with them."
        )
    return "A trial showed that the service needs this."


def _notes(trial: Trial, *, ours: bool) -> list[Note]:
    """The trial's summary, for the top of a unit and for readers of the plan."""
    if not ours:
        return [Note("trial", _CLAIMED)]
    notes = [
        Note(relaxed.check, f"given {relaxed.given} ({relaxed.evidence})")
        for relaxed in trial.relaxed
    ]
    notes += [Note(left.check, f"left out by a trial: {left.reason}") for left in trial.left_out]
    notes += [Note(untried.check, f"not tried: {untried.reason}") for untried in trial.not_tried]
    if trial.sure:
        notes.append(Note("trial", trial.sure))
    return notes


def without_profile(trial: Trial, learned: Learned) -> Trial:
    """The trial of an engine whose account has no place for a learned profile."""
    why = {"seccomp": "the account of this engine has no home directory to keep a profile in"}
    learned = replace(
        learned,
        seccomp=None,
        profile="",
        syscalls=learned.syscalls_before,
        unknown={**learned.unknown, **why},
    )
    options = tuple(change for change in trial.options if change.option != SECCOMP_PROFILE.name)
    return replace(
        trial,
        learned=learned,
        options=options,
    )
