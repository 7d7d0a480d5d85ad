"""A score with a defined meaning.

Every finding that fails or is unknown has a cost by its severity (COST); findings that pass, do not apply or
are waived cost nothing. The score falls with the total cost, with diminishing effect: a cost of HALF halves
it. A subject with a host takeover finding (`Finding.takes_over`) scores at most TAKEOVER_CEILING, every other
one more: passing minor checks never lifts it above a container without one.

What was not checked costs as much as a failure, so checking less never raises a score. Findings that need a
detailed inspection do not count (`Finding.counts`), so that a container has a single score. Coverage is the
share of the weight that could be checked. Neither is rounded up to 100.
score_meaning.py explains it to users; docs/score.md discusses examples.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hardentui.model.finding import Finding, Severity, Status

COST = {Severity.LOW: 1, Severity.MEDIUM: 3, Severity.HIGH: 9, Severity.CRITICAL: 27}
HALF = 60
TAKEOVER_CEILING = 24
_LAST_STEP_ABOUT_IMAGES = 3


class Score(Struct, frozen=True):
    """A score of a container, a step or a host.

    Attributes:
        value: 0 to 100; None if no check applies.
        coverage: 0 to 100, the share that could be checked.
        failing: severity -> number of failing findings.
        unknown: number of unknown findings.
    """

    value: int | None
    coverage: int
    failing: tuple[tuple[Severity, int], ...]
    unknown: int

    def count(self, severity: Severity) -> int:
        return dict(self.failing).get(severity, 0)


def score_word(value: int | None, *, otherwise: str = "?") -> str:
    """The score as text."""
    return otherwise if value is None else str(value)


class Cell(Struct, frozen=True):
    """Summary of a step: the worst status of its findings, and its severity."""

    step: int
    status: Status
    severity: Severity | None
    failing: int
    unknown: int


def most_severe_first(finding: Finding) -> tuple[bool, int, int, str]:
    """Sort key of failing findings: host takeover, then severity, step and check."""
    return not finding.takes_over, -finding.severity, finding.step, finding.check


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The most severe failing finding; None if none fails.

    Of several, one about the container comes before one about its image, which containers share.
    """
    return min(
        (finding for finding in findings if finding.failing),
        key=lambda finding: (
            not finding.takes_over,
            -finding.severity,
            finding.step <= _LAST_STEP_ABOUT_IMAGES,
            most_severe_first(finding),
        ),
        default=None,
    )


def score(findings: Iterable[Finding]) -> Score:
    """The score of these findings."""
    passed = failed = unknown = 0
    takes_over = False
    failing: dict[Severity, int] = {}
    unknowns = 0
    not_applicable, passes, fails, hidden = Status.NOT_APPLICABLE, Status.PASS, Status.FAIL, Status.UNKNOWN
    for finding in findings:
        status = finding.verdict.status
        if status is not_applicable or not finding.counts:
            continue
        weight = COST[finding.severity]
        if status is passes:
            passed += weight
        elif status is fails:
            failed += weight
            failing[finding.severity] = failing.get(finding.severity, 0) + 1
            takes_over = takes_over or finding.takes_over
        elif status is hidden:
            unknown += weight
            unknowns += 1
    whole = passed + failed + unknown
    coverage = 100 if whole == 0 else _percent(passed + failed, whole)
    value = None if whole == 0 else _value(failed + unknown, takes_over=takes_over)
    return Score(value, coverage, tuple(sorted(failing.items(), reverse=True)), unknowns)


def _value(cost: int, *, takes_over: bool) -> int:
    """Rounded down, so that only a cost of 0 gives 100."""
    least, most = (0, TAKEOVER_CEILING) if takes_over else (TAKEOVER_CEILING + 1, 100)
    return least + (most - least) * HALF // (HALF + cost)


def _percent(part: int, whole: int) -> int:
    """A rounded percentage, but 100 only if complete."""
    return 100 if part == whole else min(99, round(100 * part / whole))


def cell(step: int, findings: Iterable[Finding]) -> Cell:
    """The worst status of a step: fail, then unknown, pass, not applicable."""
    worst: Severity | None = None
    failing = unknown = 0
    seen: set[Status] = set()
    for finding in findings:
        seen.add(finding.status)
        if finding.status is Status.FAIL:
            failing += 1
            worst = finding.severity if worst is None else max(worst, finding.severity)
        elif finding.status is Status.UNKNOWN:
            unknown += 1
    for status in (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.WAIVED):
        if status in seen:
            return Cell(step, status, worst, failing, unknown)
    return Cell(step, Status.NOT_APPLICABLE, None, 0, 0)


def cells(steps: Iterable[int], findings: Iterable[Finding]) -> tuple[Cell, ...]:
    """One cell per step."""
    by_step: dict[int, list[Finding]] = {}
    for finding in findings:
        by_step.setdefault(finding.step, []).append(finding)
    return tuple(cell(step, by_step.get(step, ())) for step in steps)


def score_by_step(findings: Iterable[Finding]) -> dict[int, Score]:
    """Step number -> score of its findings; without steps that have none."""
    by_step: dict[int, list[Finding]] = {}
    for finding in findings:
        by_step.setdefault(finding.step, []).append(finding)
    return {step: score(own) for step, own in sorted(by_step.items())}
