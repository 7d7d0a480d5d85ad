"""A score with a defined meaning.

Every finding that fails or is unknown costs by its severity (COST); what passes, does not apply or is waived
costs nothing. The score falls with the cost, each point of it a little less: HALF leaves half. A subject with
a finding that takes the host over (`Finding.takes_over`) is at or below TAKEOVER_CEILING, every other one
above: no number of small virtues lifts a takeover above a container that is none.

What was not checked costs like a failure, so checking less never raises a score. Findings that only a
detailed inspection answers do not count (`Finding.counts`): a container has one score. Coverage is the share
of the weight that could be checked. Neither is 100 unless everything is. score_meaning.py explains it to the
user; docs/score.md argues it on containers.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hardentui.model.finding import Finding, Severity, Status

COST = {Severity.LOW: 1, Severity.MEDIUM: 3, Severity.HIGH: 9, Severity.CRITICAL: 27}
HALF = 60
TAKEOVER_CEILING = 24


class Score(Struct, frozen=True):
    """A score of a container, a step or a host.

    Attributes:
        value: 0 to 100; None when nothing was applicable.
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
    """A score as people read it."""
    return otherwise if value is None else str(value)


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
    """Rounded down, so that 100 is only for what costs nothing."""
    least, most = (0, TAKEOVER_CEILING) if takes_over else (TAKEOVER_CEILING + 1, 100)
    return least + (most - least) * HALF // (HALF + cost)


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
    return {step: score(own) for step, own in sorted(by_step.items())}
