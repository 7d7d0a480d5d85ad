"""What a level may not contradict, over all checks, their examples, and each pair of them."""

from __future__ import annotations

from functools import cache
from itertools import product

import pytest
from msgspec import Struct
from msgspec.structs import replace

from hardentui.harden.evaluate import parameters_of
from hardentui.harden.rise import Riser
from hardentui.harden.score import (
    FAIR_CEILING,
    TAKEOVER_CEILING,
    WEAK_CEILING,
    Level,
    is_pillar,
    score,
)
from hardentui.model.finding import unknown
from hardentui.model.gain import Gain, Gained
from tests.support.judging import *

NOTHING_SET = Checklist("empty", "No parameters", ())
OWN = [
    check
    for check in all_checks()
    if check.kind is Kind.CONTAINER and check.about is Kind.CONTAINER
]
BY_ID = {check.id: check for check in OWN}
RATED_BY_OTHERS = {"failed-host-rules", "vulnerable-engine"}
"""Checks that tell what a scanner or an advisory found, as it rates that."""


def findings_of(facts: ContainerFacts, checks: list[Check] | None = None) -> list[Finding]:
    chosen = [(check, parameters_of(check, NOTHING_SET)) for check in checks or OWN]
    return run(facts, container_subject(facts), chosen)


@cache
def _failures() -> tuple[Finding, ...]:
    """One finding for each severity and gain that an example of a check has."""
    failures: dict[tuple[str, Gained], Finding] = {}
    for check in OWN:
        for facts in facts_of(check.fails):
            (finding,) = findings_of(facts, [check])
            failures.setdefault((check.id, finding.gained), finding)
    return tuple(failures.values())


@cache
def _passing() -> tuple[Finding, ...]:
    """Every check passes."""
    findings = findings_of(container())
    return tuple(replace(finding, verdict=Verdict(PASS)) for finding in findings)


def with_failures(*failures: Finding) -> list[Finding]:
    failing = {finding.check: finding for finding in failures}
    return [failing.get(finding.check, finding) for finding in _passing()]


def test_there_are_examples_of_every_check() -> None:
    assert {finding.check for finding in _failures()} == BY_ID.keys()


@pytest.mark.parametrize("failure", _failures(), ids=lambda f: f"{f.check}-{f.severity.word}")
def test_no_level_is_above_the_severity_of_what_fails(failure: Finding) -> None:
    result = score(with_failures(failure))
    assert result.value is not None
    bounds = {
        Severity.CRITICAL: WEAK_CEILING,
        Severity.HIGH: FAIR_CEILING,
        Severity.MEDIUM: 100,
        Severity.LOW: 100,
    }
    assert result.value <= (TAKEOVER_CEILING if failure.takes_over else bounds[failure.severity])
    assert (result.level is Level.TAKEOVER) == failure.takes_over
    assert failure.takes_over == (
        failure.gained.gain >= Gain.HOST_ROOT and failure.severity is Severity.CRITICAL
    )


@pytest.mark.parametrize("record", [Check, Finding, Verdict])
def test_no_severity_is_declared_beside_what_a_check_gives(record: type[Struct]) -> None:
    assert "severity" not in record.__struct_fields__


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.id)
def test_who_gets_what_in_how_many_steps_is_the_severity_of_every_check(check: Check) -> None:
    """None takes more steps than a severity can tell, and only what others rate is rated."""
    given = [check.gives]
    given += [
        finding.gained
        for facts in (facts_of(check.fails) if check.kind is Kind.CONTAINER else ())
        for finding in findings_of(facts, [check])
    ]
    for gained in given:
        assert gained.steps >= 0
        assert gained.gain.at_once.severity - gained.steps >= Severity.LOW - check.contextual
        assert (gained.gain is Gain.RATED) <= (check.id in RATED_BY_OTHERS)


def test_of_each_pair_both_are_never_above_one() -> None:
    alone = {id(failure): score(with_failures(failure)).value or 0 for failure in _failures()}
    for first, second in product(_failures(), repeat=2):
        if first.check != second.check:
            both = score(with_failures(first, second)).value or 0
            assert both <= min(alone[id(first)], alone[id(second)]), (first.check, second.check)


@pytest.mark.parametrize("check", OWN, ids=lambda check: check.id)
def test_what_is_absent_earns_nothing_and_what_is_unknown_costs_at_most_the_level(
    check: Check,
) -> None:
    def value(verdict: Verdict) -> int:
        findings = [
            replace(finding, verdict=verdict) if finding.check == check.id else finding
            for finding in _passing()
        ]
        return score(findings).value or 0

    assert value(Verdict(PASS)) == value(Verdict(NOT_APPLICABLE)) == value(Verdict(Status.WAIVED))
    unread = next(finding for finding in _passing() if finding.check == check.id)
    assert value(unknown("?")) == (FAIR_CEILING if is_pillar(unread) else 100)


@pytest.mark.parametrize("check", OWN, ids=lambda check: check.id)
def test_the_points_of_each_finding_are_what_its_own_fix_brings(check: Check) -> None:
    """Also where another check hangs on it: then it is one of those that are tried."""
    facts = facts_of(check.fails)[0].replace(host=HostFacts(tcp_services=()))
    findings = findings_of(facts)
    riser = Riser(facts, findings, BY_ID, NOTHING_SET)
    for finding in findings:
        if finding.failing:
            by_fix = riser.by_fixes([finding.check])
            if by_fix.applied:
                assert riser.by_ending(finding).points == by_fix.points, finding.check


@pytest.mark.parametrize(
    ("options", "ends"),
    [
        ("--privileged", True),
        ("--privileged -v /run/podman/podman.sock:/s", False),
    ],
)
def test_a_step_that_alone_does_not_end_a_takeover_says_so(options: str, ends: bool) -> None:
    facts = container(options, host=HostFacts(tcp_services=()))
    findings = findings_of(facts)
    riser = Riser(facts, findings, BY_ID, NOTHING_SET)
    privileged = next(finding for finding in findings if finding.check == "privileged")
    rise = riser.by_ending(privileged)
    assert rise.ends_takeover is ends
    assert (rise.points > 20) is ends
