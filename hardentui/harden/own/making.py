"""Turn a row into a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hardentui.harden.own.fixing import can_fix, fixed, what_to_do
from hardentui.harden.own.judging import demand, evaluate
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts
from hardentui.model.fix import FixKind
from hardentui.model.own_check import OwnCheck

REFERENCE = "this site's checklist"


def check_of(
    row: OwnCheck, examples: Mapping[str, tuple[ContainerFacts, ...]] | None = None
) -> Check[ContainerFacts]:
    """The check that a row declares.

    Args:
        examples: containers that pass and fail, by `pass` and `fail`.
    """
    known = examples or {}
    fixable = can_fix(row)
    return Check(
        id=row.id,
        step=row.step,
        title=row.title,
        severity=row.severity,
        summary=row.summary or what_to_do(row),
        fix=FixKind.RECREATE if fixable else FixKind.DECISION,
        risk=row.risk,
        evaluate=lambda facts: evaluate(row, facts),
        remediate=(lambda spec, context: fixed(row, spec, context)) if fixable else None,
        passes=_given(known.get("pass", ())),
        fails=_given(known.get("fail", ())),
        doc=doc_of(row),
        references=row.references or (REFERENCE,),
    )


def _given(facts: tuple[ContainerFacts, ...]) -> Callable[[], tuple[ContainerFacts, ...]]:
    return lambda: facts


def doc_of(row: OwnCheck) -> str:
    """The documentation of the check, under the headings that every check has."""
    scope = "" if row.only == "*" else f" Applies only to containers named {row.only}."
    breaks = row.breaks or "The checklist does not say. Try the fix on a twin first: hardentui trial."
    why = row.why or "This site requires it."
    return (
        f"{row.title}.\n\nWhat it checks:\nA requirement of this site: {demand(row)}.{scope}\n\n"
        f"Why it matters:\n{why}\n\nWhat may break:\n{breaks}\n"
    )
