"""The score means what its description says."""

import threading
from pathlib import Path
from statistics import correlation

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hardentui.checks import all_checks
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.harden.evaluate import container_subject, parameters_of, run
from hardentui.harden.score import (
    COST,
    FAIR,
    PILLAR,
    STRONG,
    TAKEOVER_CEILING,
    Level,
    Tally,
    rise_between,
    score,
    worst,
)
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject, Verdict
from hardentui.model.gain import Gain, rated
from hardentui.model.known import Fact, Unread
from tests.unit.harden.ranked_containers import WORST_FIRST

SUBJECT = Subject(Kind.CONTAINER, "0", "web")


def finding(
    status: Status,
    severity: Severity,
    step: int = 1,
    points: int = 1,
) -> Finding:
    return Finding(
        "a-check",
        step,
        "A title",
        SUBJECT,
        Verdict(status),
        rated(severity),
        points=points,
    )


def of(**counts: int) -> list[Finding]:
    """`of(pass_low=3)`: three low findings that passed."""
    result = []
    for words, count in counts.items():
        status, _, severity = words.rpartition("_")
        counted = finding(Status(status.replace("_", "-")), Severity.parse(severity))
        result += [counted] * count
    return result


FINDINGS = st.lists(
    st.builds(
        finding,
        st.sampled_from(Status),
        st.sampled_from(Severity),
        st.integers(1, 10),
        st.integers(0, 40),
    ),
    max_size=40,
)
TAKEOVER = replace(finding(Status.FAIL, Severity.CRITICAL), gained=Gain.HOST.at_once)


@pytest.mark.parametrize(
    ("failing", "most", "level"),
    [
        (TAKEOVER, TAKEOVER_CEILING, Level.TAKEOVER),
        (finding(Status.FAIL, Severity.CRITICAL, points=2), FAIR - 1, Level.WEAK),
        (finding(Status.FAIL, Severity.CRITICAL, points=0), FAIR - 1, Level.WEAK),
        (finding(Status.FAIL, Severity.HIGH, points=2), STRONG - 1, Level.FAIR),
        (finding(Status.FAIL, Severity.HIGH, points=0), STRONG - 1, Level.FAIR),
        (finding(Status.UNKNOWN, Severity.LOW, points=PILLAR), STRONG - 1, Level.FAIR),
        (finding(Status.FAIL, Severity.MEDIUM, points=2), 100, Level.STRONG),
    ],
    ids=["takeover", "critical", "critical of no option", "high", "high", "pillar", "medium"],
)
def test_what_is_open_bounds_the_level(failing: Finding, most: int, level: Level) -> None:
    result = score([*[finding(Status.PASS, Severity.HIGH, points=400)] * 9, failing])
    assert result.value is not None
    assert most - 5 <= result.value <= most
    assert result.level is level


def test_an_image_that_nobody_looked_inside_has_no_level() -> None:
    image = Subject(Kind.IMAGE, "i", "web:1")
    known = [
        replace(finding(Status.PASS, Severity.MEDIUM), subject=image, points=COST[Severity.MEDIUM])
    ] * 3
    inside = replace(
        finding(Status.UNKNOWN, Severity.HIGH), subject=image, points=COST[Severity.HIGH]
    )
    assert score([*known, inside]).level is None
    looked = [replace(inside, verdict=Verdict(Status.PASS)), inside, *known]
    assert score(looked).level is Level.FAIR, "one of two was not looked at"
    assert score([*known, replace(inside, verdict=Verdict(Status.PASS))]).value == 100


@given(FINDINGS, st.sampled_from(Severity), st.integers(0, 40), st.sampled_from(Gain))
def test_another_failing_finding_never_raises_it(
    findings: list[Finding],
    severity: Severity,
    points: int,
    gain: Gain,
) -> None:
    more = replace(
        finding(Status.FAIL, severity, points=points),
        gained=gain.after(Severity.CRITICAL - severity),
    )
    before, after = score(findings).value, score([*findings, more]).value
    assert before is None or after is None or after <= before


@given(FINDINGS, st.sampled_from(Severity), st.integers(0, 40))
def test_what_becomes_known_and_fine_never_lowers_it_and_what_is_absent_earns_nothing(
    findings: list[Finding],
    severity: Severity,
    points: int,
) -> None:
    def value(status: Status) -> int | None:
        return score([*findings, finding(status, severity, points=points)]).value

    unknown, absent, passing = map(value, (Status.UNKNOWN, Status.NOT_APPLICABLE, Status.PASS))
    if unknown is not None:
        assert passing is not None
        assert unknown <= passing
        assert absent is None or unknown <= absent
    assert passing == absent or None in (passing, absent)


@given(FINDINGS, st.integers(1, 40))
def test_a_fix_never_lowers_it(findings: list[Finding], points: int) -> None:
    failing = replace(finding(Status.FAIL, Severity.HIGH, points=points), check="another")
    before = score([*findings, failing])
    after = Tally([*findings, failing]).score("another")
    if before.value is not None:
        assert after.value is not None
        assert rise_between(before, after).points == after.value - before.value


def test_levels_are_words_for_ranges() -> None:
    def level(passing: int, failing: int) -> Level | None:
        return score(of(pass_low=passing, fail_low=failing)).level

    assert (level(0, 1), level(1, 1), level(9, 1)) == (Level.WEAK, Level.FAIR, Level.STRONG)
    assert (score(of(pass_low=9, fail_low=1)).value or 0) >= STRONG > FAIR > TAKEOVER_CEILING
    assert score([TAKEOVER, *of(pass_low=99)]).level is Level.TAKEOVER
    assert score([]).level is None


def test_the_worst_finding_is_about_the_container_before_its_image() -> None:
    scan, memory = (finding(Status.FAIL, Severity.HIGH, step) for step in (2, 5))
    passing, low = finding(Status.PASS, Severity.CRITICAL, 4), finding(Status.FAIL, Severity.LOW, 4)
    assert worst([passing, low, scan, memory]) is memory
    assert worst([scan, low]) is scan
    assert worst([memory, scan, TAKEOVER]) is TAKEOVER
    assert worst([passing]) is None


def test_beside_it_stands_how_much_was_looked_at() -> None:
    result = score(
        of(
            pass_high=6,
            fail_high=2,
            unknown_high=2,
            not_applicable_low=5,
        )
    )
    assert (result.looked_at, result.unknown) == ((8, 10), 1), "both ask for the same"


@given(FINDINGS, FINDINGS)
def test_a_takeover_lies_below_everything_that_is_none(
    bad: list[Finding],
    worse: list[Finding],
) -> None:
    taken, other = score([TAKEOVER, *worse]).value, score(bad).value
    assert taken is None or taken <= TAKEOVER_CEILING
    assert other is None or other > TAKEOVER_CEILING


@given(FINDINGS)
def test_100_means_that_nothing_that_counts_is_open_or_unseen(findings: list[Finding]) -> None:
    result = score(findings)
    open_ones = [
        finding
        for finding in findings
        if finding.failing and (finding.points or finding.severity >= Severity.HIGH)
    ]
    if result.value is not None:
        assert (result.value == 100) == (not open_ones and not result.unseen)


def test_a_list_and_a_close_look_say_the_same_and_leave_little_unknown() -> None:
    bench = Workbench.open(Selection(demo=True))
    try:
        seen = []
        for costly in (False, True):
            bench.containers.rows()
            bench.containers.scan(
                lambda row: None, lambda progress: None, threading.Event(), costly=costly
            )
            reports = [bench.containers.report(row.key) for row in bench.containers.rows()]
            seen.append(
                [(report.score.value, report.score.unknown) for report in reports if report]
            )
    finally:
        bench.close()
    assert len(seen[0]) > 5
    assert seen[0] == seen[1]
    assert max(unknown for _, unknown in seen[0]) <= 3


NOT_READ = Unread("this account cannot read it")
FACTS_ON_DEMAND = {
    name: NOT_READ
    for kind in ContainerFacts.__mro__
    for name, fact in vars(kind).items()
    if isinstance(fact, Fact) and name != "spec"
}


@pytest.mark.parametrize(("unread", "most"), [({"kernel": NOT_READ}, 3), (FACTS_ON_DEMAND, 3)])
def test_an_account_that_cannot_read_has_few_unknowns_grouped_by_their_cause(
    unread: dict[str, Unread],
    most: int,
) -> None:
    bench = Workbench.open(Selection(demo=True))
    try:
        rows = bench.containers.rows()
        reports = [bench.containers.refresh(row.key) for row in rows]
    finally:
        bench.close()
    seen = [row.report.facts for row in reports if row and row.report and row.report.facts]
    assert len(seen) > 5
    for facts in seen:
        findings = judged(facts.replace(**unread))
        result = score(findings)
        assert result.unknown <= most, facts.name
        known, applying = result.looked_at
        assert (result.unknown > 0) == (known < applying)


def judged(facts: ContainerFacts) -> list[Finding]:
    nothing_set = Checklist("empty", "No parameters", ())
    every = [check for check in all_checks() if check.kind is Kind.CONTAINER]
    return run(
        facts,
        container_subject(facts),
        [(check, parameters_of(check, nothing_set)) for check in every],
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


def test_the_argued_order_and_its_numbers_are_the_tested_ones() -> None:
    text = (Path(__file__).parents[3] / "tests" / "data" / "score-order.md").read_text(
        encoding="utf-8"
    )
    rows = [
        [cell.strip() for cell in line.split("|")[1:4]]
        for line in text.splitlines()
        if line[:2] == "| "
    ]
    scores = [(name, score(judged(facts))) for name, facts in WORST_FIRST]
    assert rows[1:] == [[name, str(result.value), str(result.level)] for name, result in scores]


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("as Podman makes it, open to all", 25, 50),
        ("as Podman makes it", 25, 50),
        ("rootless, open to all", 45, 65),
        ("rootless", 45, 70),
        ("hardened, open to all", 90, 100),
        ("hardened", 90, 100),
    ],
)
def test_anchors(
    name: str,
    least: int,
    most: int,
) -> None:
    assert least <= (score(judged(dict(WORST_FIRST)[name])).value or 0) <= most
