"""Run checks on facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hardentui.harden.score import COST
from hardentui.model.check import Check, Parameters
from hardentui.model.checklist import Checklist
from hardentui.model.fact_source import FactSource
from hardentui.model.facts import ONLY_IN_DETAIL, ContainerFacts
from hardentui.model.finding import Finding, Kind, Status, Subject, Verdict, not_applicable, unknown
from hardentui.model.known import known
from hardentui.reading.user_namespaces import own_user_namespace


def further_steps(facts: object) -> int:
    """The steps that a contextual check takes besides its own on these facts: 0 or 1."""
    return int(isinstance(facts, ContainerFacts) and own_user_namespace(facts))


_NOT_COMPARED = unknown(
    "the other containers of this engine were not read",
    source=FactSource.ENGINE,
)


def parameters_of(check: Check, checklist: Checklist) -> Parameters:
    """The check's defaults, overridden by the checklist."""
    return Parameters(
        {
            **check.parameters,
            **checklist.parameters.get(check.id, {}),
        }
    )


def evaluate(
    facts: object,
    subject: Subject,
    checks: Iterable[Check],
    checklist: Checklist,
) -> list[Finding]:
    """One finding per check of the subject's kind, in the order of `checks`."""
    return run(
        facts,
        subject,
        [
            (check, parameters_of(check, checklist))
            for check in checks
            if check.kind is subject.kind
        ],
    )


def run(
    facts: object,
    subject: Subject,
    checks: Iterable[tuple[Check, Parameters]],
    *,
    compared: bool = True,
    verdict_of: Callable[[Check, Any, Parameters], Verdict] | None = None,
) -> list[Finding]:
    """One finding per check, with the given parameters.

    What a list of containers does not ask for, because it costs much, does not apply there: the
    detail of one container does.

    Args:
        verdict_of: judges instead of `judge`.
        compared: False = checks that compare containers are unknown, because the others are not
            read yet, except where what is known hands over the host already.
    """
    further = known(lambda: further_steps(facts), else_=0)
    findings = []
    for check, parameters in checks:
        verdict = (verdict_of or judge)(check, facts, parameters)
        if not compared and check.compares and not _is_certain(check, verdict):
            verdict = _NOT_COMPARED
        if verdict.status is Status.UNKNOWN and verdict.reason == ONLY_IN_DETAIL.reason:
            verdict = not_applicable(ONLY_IN_DETAIL.reason, do=ONLY_IN_DETAIL.do)
        gained = verdict.gives or (check.gives.later(further) if check.contextual else check.gives)
        findings.append(
            Finding(
                check.id,
                check.step,
                check.title,
                subject,
                verdict,
                gained,
                check.references,
                None,
                check.points if subject.kind is Kind.CONTAINER else COST[gained.severity],
                scope=check.about,
            )
        )
    return findings


def _is_certain(check: Check, verdict: Verdict) -> bool:
    """Whether it hands over the host, whatever the other containers are."""
    return verdict.status is Status.FAIL and (verdict.gives or check.gives).takes_over


def judge(
    check: Check,
    facts: object,
    parameters: Parameters,
) -> Verdict:
    """The check's verdict. Documents from an engine may have any shape and depth: an exception in a
    check becomes an unknown with the reason, and does not abort the scan."""
    try:
        return check.verdict(facts, parameters)
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        return unknown(
            f"the engine's answer has an unexpected shape ({type(error).__name__}: {error})",
            source=FactSource.ENGINE,
        )


def container_subject(facts: ContainerFacts) -> Subject:
    return Subject(
        Kind.CONTAINER,
        facts.id,
        facts.name,
        facts.engine.label,
    )
