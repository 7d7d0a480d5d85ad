"""A score with a defined meaning.

Every applicable finding weighs 1, 3, 6 or 12 points for low, medium, high, critical. The score is the share
of the points that passed, from 0 to 100: unknown findings stay in the whole, so what was not looked at never
raises it. Waived findings leave the whole. While a critical finding fails, the score is at most 49.
Coverage is the share of points that could be looked at. Neither is 100 unless it is all of them.
score_meaning.py says it to the user.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hardentui.model.finding import Finding, Severity, Status

WEIGHT = {Severity.LOW: 1, Severity.MEDIUM: 3, Severity.HIGH: 6, Severity.CRITICAL: 12}
CEILING_WHILE_CRITICAL = 49


class Score(Struct, frozen=True):
    """A score of a container, a step or a host.

    Attributes:
        value: 0 to 100; None when nothing was applicable.
        coverage: 0 to 100, the share that could be looked at.
        failing: severity -> number of failing findings.
        unknown: number of unknown findings.
    """

    value: int | None
    coverage: int
    failing: tuple[tuple[Severity, int], ...]
    unknown: int

    def count(self, severity: Severity) -> int:
        return dict(self.failing).get(severity, 0)


class Cell(Struct, frozen=True):
    """One step at a glance: the worst status of its findings and how bad it is."""

    step: int
    status: Status
    severity: Severity | None
    failing: int
    unknown: int


def score(findings: Iterable[Finding]) -> Score:
    """The score of these findings."""
    passed = failed = unknown = 0
    failing: dict[Severity, int] = {}
    unknowns = 0
    for finding in findings:
        weight, status = WEIGHT[finding.severity], finding.verdict.status
        if status is Status.PASS:
            passed += weight
        elif status is Status.FAIL:
            failed += weight
            failing[finding.severity] = failing.get(finding.severity, 0) + 1
        elif status is Status.UNKNOWN:
            unknown += weight
            unknowns += 1
    whole = passed + failed + unknown
    value = None if whole == 0 else _percent(passed, whole)
    if value is not None and Severity.CRITICAL in failing:
        value = min(value, CEILING_WHILE_CRITICAL)
    coverage = 100 if whole == 0 else _percent(passed + failed, whole)
    return Score(value, coverage, tuple(sorted(failing.items(), reverse=True)), unknowns)


def _percent(part: int, whole: int) -> int:
    """Rounded, but 100 only for all of it."""
    return 100 if part == whole else min(99, round(100 * part / whole))


def cell(step: int, findings: Iterable[Finding]) -> Cell:
    """The worst of a step: fail before unknown before pass before not applicable."""
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
    """Number of a step -> the score of its findings; steps without findings are not in it."""
    by_step: dict[int, list[Finding]] = {}
    for finding in findings:
        by_step.setdefault(finding.step, []).append(finding)
    return {step: score(found) for step, found in sorted(by_step.items())}
