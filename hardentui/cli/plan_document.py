"""What `plan NAME --format json` prints; its schema is made from these structs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from hardentui.do import said
from hardentui.harden.decisions import decisions, others_left_out
from hardentui.model.check import ParameterValue
from hardentui.model.plan import Caution, Change, Note, Plan
from hardentui.model.remediation import FixKind, Risk
from hardentui.reading.masking import mask_argument
from hardentui.writers.left_behind import not_carried

Points = Annotated[int, Meta(ge=0, le=100)]


class ScoreChange(Struct, frozen=True, kw_only=True):
    before: Points | None
    after: Points | None


class PlannedFix(Struct, frozen=True, kw_only=True):
    """A fix that the plan takes."""

    check: str
    parameters: Mapping[str, ParameterValue]
    risk: Risk
    notes: tuple[str, ...]


class PlannedOption(Struct, frozen=True, kw_only=True):
    """An option before and after."""

    option: str
    before: tuple[str, ...]  # arguments of the option, secrets masked; empty when it is absent
    after: tuple[str, ...]


class PlannedChange(PlannedOption, frozen=True, kw_only=True):
    """An option that the plan changes."""

    checks: tuple[str, ...]
    reason: str
    risk: Risk
    impact: str  # what it may break
    kind: FixKind


class LeftOutFix(Struct, frozen=True, kw_only=True):
    """A fix that the plan does not take."""

    check: str
    why: str
    hint: str
    taken_by: Caution | None  # the choice that takes it


class OpenDecision(Struct, frozen=True, kw_only=True):
    """A fix that only a person can decide."""

    check: str
    summary: str
    changes: tuple[PlannedOption, ...]
    impact: str
    reasons: tuple[str, ...]  # what speaks for the value that is set now
    taken_by: str


class PlanDocument(Struct, frozen=True, kw_only=True, tag_field="schema", tag="hardentui/plan/1"):
    """What would harden a container."""

    container: str
    image: str
    engine_version: str
    score: ScoreChange
    fixes: tuple[PlannedFix, ...]
    changes: tuple[PlannedChange, ...]
    skipped: tuple[LeftOutFix, ...]
    # fixes that only a person can decide: no choice but --check ID takes them
    decide: tuple[OpenDecision, ...]
    notes: tuple[Note, ...]
    conflicts: tuple[str, ...]
    # options of which nothing shows whether the container has them
    unknowable: tuple[str, ...]
    not_carried: tuple[str, ...]


def plan_document(
    plan: Plan,
    before: int | None,
    after: int | None,
    version: str,
) -> PlanDocument:
    """A plan with the scores before and after it; `version` of the Podman it is for."""
    return PlanDocument(
        container=plan.container,
        image=plan.image,
        engine_version=version,
        score=ScoreChange(before=before, after=after),
        fixes=tuple(
            PlannedFix(
                check=choice.check,
                parameters=dict(choice.parameters),
                risk=plan.risks[choice.check],
                notes=tuple(note.text for note in plan.notes if note.check == choice.check),
            )
            for choice in plan.choices
        ),
        changes=tuple(map(_change, plan.changes)),
        skipped=tuple(
            LeftOutFix(
                check=skipped.check,
                why=skipped.why,
                hint=said(skipped.hint, with_flags=True),
                taken_by=skipped.included_by,
            )
            for skipped in others_left_out(plan)
        ),
        decide=tuple(
            OpenDecision(
                check=question.check,
                summary=question.why,
                changes=tuple(map(_option, question.decides)),
                impact=question.decides[0].impact,
                reasons=question.reasons,
                taken_by=f"--check {question.check}",
            )
            for question in decisions(plan)
        ),
        notes=plan.notes,
        conflicts=plan.conflicts,
        unknowable=tuple(sorted({option.name for option in plan.before.unknowable})),
        not_carried=tuple(not_carried(plan.before)),
    )


def _change(change: Change) -> PlannedChange:
    return PlannedChange(
        option=change.option,
        before=masked(change.option, change.before),
        after=masked(change.option, change.after),
        checks=change.checks,
        reason=change.reason,
        risk=change.risk,
        impact=change.impact,
        kind=change.kind,
    )


def _option(change: Change) -> PlannedOption:
    return PlannedOption(
        option=change.option,
        before=masked(change.option, change.before),
        after=masked(change.option, change.after),
    )


def masked(option: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Arguments of an option, with secrets masked."""
    return tuple(mask_argument(option, argument) for argument in arguments)
