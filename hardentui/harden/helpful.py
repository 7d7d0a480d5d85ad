"""Which fixes raise the score of a container most: only those that can be carried out alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hardentui.harden.evaluate import judge, parameters_of
from hardentui.harden.plan import spec_after_fix
from hardentui.harden.score import COST
from hardentui.model.check import AnyCheck
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Status
from hardentui.model.spec import Spec

_TRIED = 4
"""Each costs one judgement of all that fails, and a light finding hardly brings more than a heavy one."""


def raises_most(
    facts: ContainerFacts,
    findings: Iterable[Finding],
    checks: Mapping[str, AnyCheck],
    checklist: Checklist,
    most: int,
) -> tuple[Finding, ...]:
    """Failing findings with an automatic fix, the largest score gain first.

    Other findings that a fix resolves count too: dropping privileged mode resolves many. While
    something takes the host over, the score has a ceiling, so its fix comes first.
    """
    failing = [failed for failed in findings if failed.failing and failed.check in checks]
    heavy = sorted(
        failing, key=lambda failed: (not failed.takes_over, -COST[failed.severity], failed.step, failed.check)
    )
    gains: list[tuple[int, int, Finding]] = []
    for finding in heavy:
        if len(gains) == max(_TRIED, most):
            break
        after = spec_after_fix(checks[finding.check], facts, checklist)
        if after is not None and (gain := _gain(facts, after, failing, checks, checklist)) > (0, 0):
            gains.append((*gain, finding))
    gains.sort(key=lambda gain: (-gain[0], -gain[1], gain[2].step, gain[2].check))
    return tuple(finding for _, _, finding in gains[:most])


def _gain(
    facts: ContainerFacts,
    after: Spec,
    failing: Iterable[Finding],
    checks: Mapping[str, AnyCheck],
    checklist: Checklist,
) -> tuple[int, int]:
    """(findings that take the host over and are mended, points that are won)."""
    planned = facts.planned(after)
    takeovers = points = 0
    for finding in failing:
        check = checks[finding.check]
        status = judge(check, planned, parameters_of(check, checklist)).status
        if status in (Status.PASS, Status.NOT_APPLICABLE):
            points += COST[finding.severity] if finding.counts else 0
            takeovers += finding.takes_over
    return takeovers, points
