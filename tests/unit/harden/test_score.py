"""The score means what its description says."""

from __future__ import annotations

import threading
from pathlib import Path
from statistics import correlation

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hardentui.checks import all_checks
from hardentui.harden.evaluate import container_subject, parameters_of, run
from hardentui.harden.score import COST, HALF, TAKEOVER_CEILING, score, score_by_step, worst
from hardentui.harden.score_meaning import MEANING, SHORT
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject, Verdict
from hardentui.workbench.views import Selection
from hardentui.workbench.workbench import Workbench
from tests.unit.harden.ranked_containers import WORST_FIRST

SUBJECT = Subject(Kind.CONTAINER, "0", "web")


def finding(status: Status, severity: Severity, step: int = 1) -> Finding:
    return Finding("a-check", step, "A title", SUBJECT, Verdict(status), severity)


def of(**counts: int) -> list[Finding]:
    """`of(pass_low=3)`: three low findings that passed."""
    result = []
    for words, count in counts.items():
        status, _, severity = words.rpartition("_")
        counted = finding(Status(status.replace("_", "-")), Severity.parse(severity))
        result += [counted] * count
    return result


FINDINGS = st.lists(
    st.builds(finding, st.sampled_from(Status), st.sampled_from(Severity), st.integers(1, 10)), max_size=40
)
TAKEOVER = replace(finding(Status.FAIL, Severity.CRITICAL), takes_over=True)


def test_what_fails_or_is_unknown_costs_by_its_severity() -> None:
    assert score(of(pass_high=1)).value == 100
    assert score(of(fail_low=HALF)).value == 25 + 75 // 2
    assert score(of(fail_critical=1)).value == 25 + 75 * HALF // (HALF + COST[Severity.CRITICAL])
    assert score(of(fail_high=1)).value == score(of(unknown_high=1)).value == score(of(fail_medium=3)).value
    assert score(of(pass_high=1, not_applicable_critical=5, waived_critical=5)).value == 100
    assert score(of(not_applicable_high=3)).value is None


def test_the_worst_finding_is_about_the_container_before_its_image() -> None:
    scan, memory = (finding(Status.FAIL, Severity.HIGH, step) for step in (2, 5))
    passing, low = finding(Status.PASS, Severity.CRITICAL, 4), finding(Status.FAIL, Severity.LOW, 4)
    assert worst([passing, low, scan, memory]) is memory
    assert worst([scan, low]) is scan
    assert worst([memory, scan, TAKEOVER]) is TAKEOVER
    assert worst([passing]) is None


def test_the_coverage_is_the_share_that_could_be_looked_at() -> None:
    result = score(of(pass_high=6, fail_high=2, unknown_high=2))
    assert (result.coverage, result.unknown) == (80, 2)


@given(FINDINGS, FINDINGS)
def test_a_takeover_lies_below_everything_that_is_none(bad: list[Finding], worse: list[Finding]) -> None:
    taken, other = score([TAKEOVER, *worse]).value, score(bad).value
    assert taken is not None
    assert taken <= TAKEOVER_CEILING
    assert other is None or other > TAKEOVER_CEILING


def test_a_takeover_that_was_waived_is_accepted() -> None:
    waived = replace(TAKEOVER, verdict=Verdict(Status.WAIVED))
    assert score([waived, *of(pass_low=1)]).value == 100


@given(FINDINGS)
def test_100_means_that_everything_that_applies_passed(findings: list[Finding]) -> None:
    counted = {finding.status for finding in findings} - {Status.NOT_APPLICABLE, Status.WAIVED}
    result = score(findings)
    assert (result.value == 100) == (counted == {Status.PASS})
    assert (result.coverage == 100) == (Status.UNKNOWN not in counted)


def test_a_small_failure_among_many_passes_is_not_rounded_away() -> None:
    assert score(of(pass_critical=100, fail_low=1)).value == 98
    assert score(of(pass_critical=100, unknown_low=1)).coverage == 99


@given(FINDINGS)
def test_looking_at_less_never_raises_it(findings: list[Finding]) -> None:
    passed = [finding for finding in findings if finding.status is Status.PASS]
    if passed:
        hidden = finding(Status.UNKNOWN, passed[0].severity)
        less = [hidden if finding is passed[0] else finding for finding in findings]
        assert (score(less).value or 0) <= (score(findings).value or 0)


@given(FINDINGS, FINDINGS)
def test_what_only_a_closer_look_answers_does_not_count(findings: list[Finding], more: list[Finding]) -> None:
    assert score([*findings, *(replace(more_finding, counts=False) for more_finding in more)]) == score(
        findings
    )


def test_containers_have_the_same_score_in_a_list_and_in_a_close_look() -> None:
    bench = Workbench.open(Selection(demo=True))
    try:
        scores = []
        for closer in (False, True):
            bench.containers.rows()
            bench.containers.scan(lambda row: None, lambda progress: None, threading.Event(), closer=closer)
            reports = [bench.containers.report(row.key) for row in bench.containers.rows()]
            scores.append([report.score.value for report in reports if report])
    finally:
        bench.close()
    assert len(scores[0]) > 5
    assert scores[0] == scores[1]


@given(FINDINGS)
def test_the_score_of_a_step_is_that_of_its_findings(findings: list[Finding]) -> None:
    result = score_by_step(findings)
    assert set(result) == {finding.step for finding in findings}
    for step, value in result.items():
        assert value == score([finding for finding in findings if finding.step == step])


def test_the_description_says_the_numbers_that_count() -> None:
    text = " ".join(text for _, text in MEANING)
    for severity in Severity:
        assert f"{severity.word} {COST[severity]}" in text
    assert f"at most {TAKEOVER_CEILING}" in text
    assert f"At {TAKEOVER_CEILING} or below" in SHORT


# --- the order of an auditor ----------------------------------------------------------------------


def judged(facts: ContainerFacts) -> list[Finding]:
    nothing_set = Checklist("empty", "No parameters", ())
    every = [check for check in all_checks() if check.kind is Kind.CONTAINER]
    return run(
        facts, container_subject(facts), [(check, parameters_of(check, nothing_set)) for check in every]
    )


def ranks(values: list[int]) -> list[float]:
    """The place of each value; equal ones share the mean of their places."""
    order = sorted(values)
    return [order.index(value) + (order.count(value) - 1) / 2 for value in values]


def test_the_scores_follow_the_order_of_danger() -> None:
    """Spearman's rank correlation is Pearson's of the ranks."""
    scores = [score(judged(facts)).value or 0 for _, facts in WORST_FIRST]
    assert len(scores) >= 30
    assert correlation(ranks(list(range(len(scores)))), ranks(scores)) >= 0.9


def test_whoever_can_take_the_host_over_scores_below_everybody_who_cannot() -> None:
    last = [name for name, _ in WORST_FIRST].index("the engine's socket, else hardened")
    for at, (name, facts) in enumerate(WORST_FIRST):
        findings = judged(facts)
        assert any(finding.takes_over for finding in findings) == (at <= last), name
        assert ((score(findings).value or 0) <= TAKEOVER_CEILING) == (at <= last), name


def test_the_argued_order_is_the_tested_one() -> None:
    text = (Path(__file__).parents[3] / "docs" / "score.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert rows == ["container", *(name for name, _ in WORST_FIRST)]
