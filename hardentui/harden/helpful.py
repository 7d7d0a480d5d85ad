"""The fixes that raise a container's score most, among those that can be applied alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hardentui.harden.evaluate import judge, parameters_of
from hardentui.harden.plan import spec_after_fix
from hardentui.harden.score import most_severe_first
from hardentui.model.check import AnyCheck
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Status
from hardentui.model.spec import Spec

_TRIED = 4
"""How many are tried: each costs an evaluation of all failing checks, and minor findings gain little."""


def raises_most(
    facts: ContainerFacts,
    findings: Iterable[Finding],
    checks: Mapping[str, AnyCheck],
    checklist: Checklist,
    most: int,
) -> tuple[Finding, ...]:
    """Failing findings with an automatic fix, the largest score gain first.

    Other findings that a fix resolves count too: turning off privileged mode resolves many. A finding that
    allows host takeover caps the score, so its fix comes first.
    """
    failing = [failed for failed in findings if failed.failing and failed.check in checks]
    gains: list[tuple[int, int, Finding]] = []
    for finding in sorted(failing, key=most_severe_first):
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
    """(number of resolved host takeover findings, score gain)."""
    planned = facts.planned(after)
    takeovers = points = 0
    for finding in failing:
        check = checks[finding.check]
        status = judge(check, planned, parameters_of(check, checklist)).status
        if status in (Status.PASS, Status.NOT_APPLICABLE):
            points += finding.points
            takeovers += finding.takes_over
    return takeovers, points
