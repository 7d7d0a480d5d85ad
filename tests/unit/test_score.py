"""The score means what its description says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hardentui.harden.score import CEILING_WHILE_CRITICAL, WEIGHT, score, score_by_step
from hardentui.harden.score_meaning import MEANING, SHORT
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject, Verdict

SUBJECT = Subject(Kind.CONTAINER, "0", "web")


def finding(status: Status, severity: Severity, step: int = 1) -> Finding:
    return Finding("a-check", step, "A title", SUBJECT, Verdict(status), severity)


def of(**counts: int) -> list[Finding]:
    """`of(pass_low=3)`: three low findings that passed."""
    found = []
    for words, count in counts.items():
        status, _, severity = words.rpartition("_")
        one = finding(Status(status.replace("_", "-")), Severity.parse(severity))
        found += [one] * count
    return found


FINDINGS = st.lists(
    st.builds(finding, st.sampled_from(Status), st.sampled_from(Severity), st.integers(1, 10)), max_size=40
)


def test_the_share_of_what_applies_that_passed() -> None:
    assert score(of(pass_high=1, fail_high=1)).value == 50
    assert score(of(pass_high=1, fail_medium=1, fail_low=3)).value == 50
    assert score(of(pass_high=1, not_applicable_critical=5, waived_critical=5)).value == 100
    assert score(of(not_applicable_high=3)).value is None


def test_unknown_counts_as_not_passed_and_lowers_the_coverage() -> None:
    found = score(of(pass_high=6, fail_high=2, unknown_high=2))
    assert (found.value, found.coverage, found.unknown) == (60, 80, 2)


def test_a_failing_critical_finding_keeps_it_down() -> None:
    assert score(of(pass_high=100, fail_critical=1)).value == CEILING_WHILE_CRITICAL
    assert score(of(pass_high=100, unknown_critical=1)).value == 98


@given(FINDINGS)
def test_100_means_that_everything_that_applies_passed(findings: list[Finding]) -> None:
    counted = {one.status for one in findings} - {Status.NOT_APPLICABLE, Status.WAIVED}
    found = score(findings)
    assert (found.value == 100) == (counted == {Status.PASS})
    assert (found.coverage == 100) == (Status.UNKNOWN not in counted)


def test_a_small_failure_among_many_passes_is_not_rounded_away() -> None:
    assert score(of(pass_critical=100, fail_low=1)).value == 99
    assert score(of(pass_critical=100, unknown_low=1)).coverage == 99


@given(FINDINGS)
def test_looking_at_less_never_raises_it(findings: list[Finding]) -> None:
    passed = [one for one in findings if one.status is Status.PASS]
    if passed:
        hidden = finding(Status.UNKNOWN, passed[0].severity)
        less = [hidden if one is passed[0] else one for one in findings]
        assert (score(less).value or 0) <= (score(findings).value or 0)


@given(FINDINGS)
def test_the_score_of_a_step_is_that_of_its_findings(findings: list[Finding]) -> None:
    found = score_by_step(findings)
    assert set(found) == {one.step for one in findings}
    for step, value in found.items():
        assert value == score([one for one in findings if one.step == step])


def test_the_description_says_the_numbers_that_count() -> None:
    text = " ".join(text for _, text in MEANING)
    for severity in Severity:
        assert f"{severity.word} {WEIGHT[severity]}" in text
    for words in (SHORT, text):
        assert f"at most {CEILING_WHILE_CRITICAL}" in words
