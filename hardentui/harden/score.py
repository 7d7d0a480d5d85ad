"""A score with a defined meaning, and the level that goes with it.

What an intruder gets decides the band: with the host in hand at most TAKEOVER_CEILING, with another
open critical finding at most WEAK_CEILING, with an open high one, or without having looked at a
pillar, at most FAIR_CEILING. Within its band the score is the share of the defences in force. A
check costs its points while it fails, or what its severity costs at least; one that passes, does
not apply, was waived or is unknown costs nothing, so only what fails lowers a score, and every
score stands beside how much was looked at.

The score of a host, an engine, an image or a network is the same, with the weight of each severity
as points, of 100. docs/score.md argues the points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import ceil

from msgspec import Struct
from msgspec.structs import replace

from hardentui.harden.undecided import count_undecided
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject
from hardentui.model.gain import Gained

COST = {Severity.LOW: 1, Severity.MEDIUM: 4, Severity.HIGH: 36, Severity.CRITICAL: 70}
"""Points that a failing check costs at least, if it counts at all, by its severity."""
TAKEOVER_CEILING = 20
FAIR, STRONG = 50, 80
"""The lowest scores of these levels."""
WEAK_CEILING, FAIR_CEILING = FAIR - 1, STRONG - 1
PILLAR = 12
"""A defence with so many points is a pillar: no container is strong while one is unknown."""
_WHOLE = 100
"""The points of what is not about a container."""
_WITH_OPTIONS = (Kind.CONTAINER, Kind.SERVICE)
_NOT_COUNTED = (Status.NOT_APPLICABLE, Status.WAIVED)
_LAST_STEP_ABOUT_IMAGES = 3
_WORST_STATUS = (
    Status.FAIL,
    Status.UNKNOWN,
    Status.WAIVED,
    Status.PASS,
)


def lead_somewhere(failing: Iterable[Finding]) -> bool:
    """Whether one of these is part of an attack path, so that harden.attack has something to say."""
    return any(finding.gained.is_host for finding in failing)


class Level(StrEnum):
    """A score for the eye."""

    TAKEOVER = "takeover"
    WEAK = "weak"
    FAIR = "fair"
    STRONG = "strong"


class Score(Struct, frozen=True):
    """A score of a container, a step or a host."""

    value: int | None  # 0 to 100, rounded down; None if too little was looked at, or nothing counts
    # how many of the findings that apply could be checked, and how many apply
    looked_at: tuple[int, int]
    failing: tuple[tuple[Severity, int], ...]  # severity -> number of failing findings
    gained: Gained | None = None  # the worst that an intruder gets; None if nothing fails
    unseen: tuple[str, ...] = ()  # pillars that could not be looked at
    unknown: int = 0  # what could not be decided: groups of checks, see harden/undecided.py

    @property
    def takes_over(self) -> bool:
        """Whether whoever takes over the container takes over the host."""
        return self.gained is not None and self.gained.takes_over

    @property
    def level(self) -> Level | None:
        if self.value is None:
            return None
        if self.takes_over:
            return Level.TAKEOVER
        return (
            Level.WEAK if self.value < FAIR else Level.FAIR if self.value < STRONG else Level.STRONG
        )

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


def most_severe_first(finding: Finding) -> tuple[bool, int, int, int, str]:
    """Sort key of failing findings: severity, what it gives, step and check."""
    return (
        not finding.takes_over,
        -finding.severity,
        -finding.gained.gain,
        finding.step,
        finding.check,
    )


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


def score(findings: Iterable[Finding], *, whole: bool = True) -> Score:
    """The score of these findings.

    Args:
        whole: False = only some checks were asked for, so there is no value.
    """
    return Tally(findings, whole=whole).score()


class Tally:
    """What findings add up to: counted once, for their score and for that once one of them passes.

    Args:
        whole: as of `score`.
    """

    def __init__(self, findings: Iterable[Finding], *, whole: bool = True) -> None:
        points = applying = applying_points = unknown_points = 0
        of_container = False
        failing: list[Finding] = []
        unknown: list[Finding] = []
        for finding in findings:
            of_container = of_container or finding.subject.kind in _WITH_OPTIONS
            points += finding.points
            status = finding.verdict.status
            if status in _NOT_COUNTED:
                continue
            applying += 1
            applying_points += finding.points
            if status is Status.UNKNOWN:
                unknown.append(finding)
                unknown_points += finding.points
            elif status is Status.FAIL:
                failing.append(finding)
        known_points = applying_points - unknown_points
        self._enough = whole and known_points > 0 and known_points >= unknown_points
        self._total = points if of_container else _WHOLE
        self._looked_at = (applying - len(unknown), applying)
        self._failing = failing
        self._unseen = tuple(finding.check for finding in unknown if is_pillar(finding))
        self._undecided = count_undecided(unknown)

    def score(self, fixed: str = "") -> Score:
        """The score. `fixed`: a check that counts as passed."""
        lost = 0
        worst_gain: Gained | None = None
        counts: dict[Severity, int] = {}
        for finding in self._failing:
            if finding.check == fixed:
                continue
            lost += cost(finding)
            severity, gained = finding.severity, finding.gained
            counts[severity] = counts.get(severity, 0) + 1
            if worst_gain is None or gained.rank > worst_gain.rank:
                worst_gain = gained
        least, most = _band(worst_gain, seen=not self._unseen)
        kept = max(0, self._total - lost)
        return Score(
            least + (most - least) * kept // self._total if self._enough else None,
            self._looked_at,
            tuple(sorted(counts.items(), reverse=True)),
            worst_gain,
            self._unseen,
            self._undecided,
        )

    def rise(self, fixed: str) -> Rise:
        """What it brings once a check passes, and nothing else changes."""
        return rise_between(self.score(), self.score(fixed))


def cost(finding: Finding) -> int:
    """The points that it costs while it fails; 0 = it is shown and does not count.

    Of a defence that is there in part, only the missing share is lost. What hands over the host has
    its own band, so its severity is not counted once more.
    """
    if finding.takes_over or not finding.points:
        return finding.points
    lost = ceil(finding.points * finding.verdict.missing)
    return max(lost, COST[finding.severity])


def is_pillar(finding: Finding) -> bool:
    """Whether so much hangs on it that nothing is strong while it is unknown."""
    if finding.subject.kind not in _WITH_OPTIONS:
        return finding.severity >= Severity.HIGH
    return finding.points >= PILLAR


def _band(gained: Gained | None, *, seen: bool) -> tuple[int, int]:
    """The lowest and the highest score of a container of which an intruder gets this at worst."""
    if gained is not None and gained.takes_over:
        return 0, TAKEOVER_CEILING
    lowest = TAKEOVER_CEILING + 1
    if gained is not None and gained.severity is Severity.CRITICAL:
        return lowest, WEAK_CEILING
    if not seen or (gained is not None and gained.severity is Severity.HIGH):
        return lowest, FAIR_CEILING
    return lowest, 100


class Rise(Struct, frozen=True):
    """What some fixes bring."""

    points: int  # by how much the score rises
    # whoever takes over the container has the host, and no longer once they are applied
    ends_takeover: bool = False
    applied: tuple[str, ...] = ()  # the checks whose fix is carried out


def rise_between(
    before: Score,
    after: Score,
    applied: tuple[str, ...] = (),
) -> Rise:
    """What lies between two scores of a container."""
    points = 0 if before.value is None or after.value is None else after.value - before.value
    return Rise(
        max(0, points),
        before.takes_over and not after.takes_over,
        applied,
    )


def rises_once_passed(findings: Iterable[Finding]) -> dict[str, Rise]:
    """Failing check -> what it brings once it passes, and nothing else changes."""
    findings = tuple(findings)
    tally = Tally(findings)
    return {finding.check: tally.rise(finding.check) for finding in findings if finding.failing}


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
    for status in (
        Status.FAIL,
        Status.UNKNOWN,
        Status.PASS,
        Status.WAIVED,
    ):
        if status in seen:
            return Cell(
                step,
                status,
                worst,
                failing,
                unknown,
            )
    return Cell(
        step,
        Status.NOT_APPLICABLE,
        None,
        0,
        0,
    )


def cells(
    steps: Iterable[int],
    findings: Iterable[Finding],
) -> tuple[Cell, ...]:
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


def findings_once(
    subject: Subject,
    findings: Iterable[Finding],
) -> tuple[Finding, ...]:
    """One finding per check, about this subject, of findings about several containers: the worst
    status, and the containers that have it. A check that applies to no container is left out.
    """
    by_check: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.status is not Status.NOT_APPLICABLE:
            by_check.setdefault(finding.check, []).append(finding)
    return tuple(_together(subject, same) for same in by_check.values())


def _together(subject: Subject, same: Sequence[Finding]) -> Finding:
    status = next(status for status in _WORST_STATUS if any(each.status is status for each in same))
    having = [each for each in same if each.status is status]
    severity = max(each.severity for each in having)
    reasons = Counter(each.verdict.reason for each in having if each.severity is severity)
    usual = reasons.most_common(1)[0][0]
    first = next(
        each for each in having if each.severity is severity and each.verdict.reason == usual
    )
    affects = () if status is Status.PASS else tuple(sorted({each.subject.name for each in having}))
    return replace(
        first,
        subject=subject,
        points=COST[severity],
        affects=affects,
        waiver=None,
    )


def rise_words(rise: Rise, *, takes_over: bool) -> str:
    """What a fix brings, beside its finding; empty if it brings nothing."""
    if takes_over:
        points = f"+{rise.points}, ends the takeover" if rise.ends_takeover else ""
        return points or "does not end the takeover"
    return f"+{rise.points}" if rise.points else ""


def bound(score: Score) -> str:
    """Why it cannot be higher while that stands; empty if nothing bounds it."""
    gained = score.gained
    if gained is not None and gained.takes_over:
        return f"Whoever takes it over gets the host: at most {TAKEOVER_CEILING}."
    if gained is not None and gained.severity is Severity.CRITICAL:
        return f"A critical finding is open: at most {WEAK_CEILING}."
    if gained is not None and gained.severity is Severity.HIGH:
        return f"A high finding is open: at most {FAIR_CEILING}."
    if score.unseen:
        return f"Not looked at: {', '.join(score.unseen)}. At most {FAIR_CEILING}."
    return ""
