"""A score with a defined meaning.

A container's score is the share of its defences that are in force. Each check of an option has
points by what the defence keeps an intruder from (`Check.points`). A check that does not apply, is
unknown or was waived is left out, and so is everything that the container's options do not decide.
A container with a host takeover finding (`Finding.takes_over`) scores at most TAKEOVER_CEILING,
every other one more. Because the score is a share, fixes add up: each is worth its points.

The score of a host, an engine, an image or a network is the same share, with the weight of each
severity as points. docs/score.md explains it to users, and argues the points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from hardentui.model.finding import Finding, Severity, Status, Subject

COST = {Severity.LOW: 1, Severity.MEDIUM: 3, Severity.HIGH: 9, Severity.CRITICAL: 27}
"""Points of a check that is not about a container, by its severity."""
TAKEOVER_CEILING = 20
FAIR, STRONG = 50, 80
"""The lowest scores of these levels."""
_LAST_STEP_ABOUT_IMAGES = 3
_WORST_STATUS = (
    Status.FAIL,
    Status.UNKNOWN,
    Status.WAIVED,
    Status.PASS,
)

LEADING = frozenset(
    "privileged mounted-engine-socket mounted-control-socket sensitive-host-mount host-takeover-capabilities "
    "host-devices open-device-cgroup unmasked-system-paths host-pid seccomp-unconfined apparmor-unconfined "
    "selinux-disabled new-privileges-allowed root-user host-user-namespace".split()
)
"""Checks whose failure is part of an attack path: a way to the host, a missing barrier, or root."""


def lead_somewhere(failing: Iterable[Finding]) -> bool:
    """Whether one of these is part of an attack path, so that harden.attack has something to say."""
    return any(finding.check in LEADING for finding in failing)


class Level(StrEnum):
    """A score for the eye."""

    TAKEOVER = "takeover"
    WEAK = "weak"
    FAIR = "fair"
    STRONG = "strong"


class Score(Struct, frozen=True):
    """A score of a container, a step or a host."""

    value: int | None  # 0 to 100, rounded down; None if nothing that counts could be checked
    # how many of the findings that apply could be checked, and how many apply
    looked_at: tuple[int, int]
    failing: tuple[tuple[Severity, int], ...]  # severity -> number of failing findings
    points: int = 0  # of all defences that apply and are known
    takes_over: bool = False  # whoever takes over the container takes over the host

    @property
    def unknown(self) -> int:
        """The number of unknown findings."""
        known, applying = self.looked_at
        return applying - known

    @property
    def level(self) -> Level | None:
        if self.value is None:
            return None
        if self.takes_over:
            return Level.TAKEOVER
        return (
            Level.WEAK if self.value < FAIR else Level.FAIR if self.value < STRONG else Level.STRONG
        )

    def worth(self, finding: Finding) -> int:
        """By how much the score rises once this finding passes, rounded; 0 = it does not count."""
        return (
            round((100 - TAKEOVER_CEILING - 1) * finding.points / self.points) if self.points else 0
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


def score(
    findings: Iterable[Finding],
    *,
    whole: bool = True,
    fixed: frozenset[str] = frozenset(),
) -> Score:
    """The score of these findings.

    Args:
        fixed: checks that count as passed.
        whole: False = only some checks were asked for, so there is no value.
    """
    in_force = points = known = applying = 0
    takes_over = False
    failing: dict[Severity, int] = {}
    for finding in findings:
        status = Status.PASS if finding.check in fixed else finding.verdict.status
        if status in (Status.NOT_APPLICABLE, Status.WAIVED):
            continue
        applying += 1
        if status is Status.UNKNOWN:
            continue
        known += 1
        points += finding.points
        if status is Status.PASS:
            in_force += finding.points
        else:
            failing[finding.severity] = failing.get(finding.severity, 0) + 1
            takes_over = takes_over or finding.takes_over
    least, most = (0, TAKEOVER_CEILING) if takes_over else (TAKEOVER_CEILING + 1, 100)
    value = least + (most - least) * in_force // points if points and whole else None
    return Score(
        value, (known, applying), tuple(sorted(failing.items(), reverse=True)), points, takes_over
    )


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
            return Cell(step, status, worst, failing, unknown)
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


# The meaning of a score, for its readers: `hardentui explain score`, docs/score.md, the help.

SHORT = (
    "The share of a container's defences that are in force, by what each keeps an intruder from. "
    f"100: all of them. At {TAKEOVER_CEILING} or below, whoever takes over the container also gets "
    "the host. Each fix adds its points. What could not be checked does not count; how much was "
    "looked at stands beside the score."
)
MEANING: tuple[tuple[str, str], ...] = (
    (
        "In five sentences",
        "A container's score is the share of its defences that are in force. Each defence has "
        "points by what it keeps an intruder from; a defence that does not apply, could not be "
        "checked or was waived is left out. 100 means that every defence that its options decide is "
        "in force. A container whose compromise alone hands over the host scores at most "
        f"{TAKEOVER_CEILING}, and every other container scores higher. Each fix raises the score by "
        "its points, and the points of several fixes add up.",
    ),
    (
        "Levels",
        f"takeover: a known way to the host ({TAKEOVER_CEILING} or below). weak: below {FAIR}. "
        f"fair: {FAIR} to {STRONG - 1}. strong: {STRONG} and more.",
    ),
    (
        "Host takeover",
        "Privileged mode, an engine socket, writable system paths of the host, a disk or the "
        "memory of the host, or a capability that leads to the host on its own, with no user "
        "namespace in between. Under a rootless engine, what is taken over is the account of the "
        "engine's user. Other critical findings weigh heavily but do not push a container below "
        "the line: an attacker needs a second weakness.",
    ),
    (
        "What does not count",
        "The image (its packages, vulnerabilities, signature and name), the networks, the engine "
        "and the host: whoever runs the container cannot change them with its options. Their "
        "findings are shown with it and in their own places. A check of some steps or checks alone "
        "has no score.",
    ),
    (
        "Unknown findings",
        "An unknown finding is neither a pass nor a failure. It stays out of the score, is always "
        'shown, and "58 of 61 checked" says how much was looked at. The score measures '
        "configuration against these checks, not the likelihood of an attack.",
    ),
    (
        "Steps, host, average",
        "A step's score is that of its own findings; its mark shows the worst of them: failing, "
        "then unknown, then passed. The host, each engine and each network have scores of their "
        "own, where the severity of a finding is its weight.",
    ),
    (
        "What raises it most",
        "Host takeover comes first, then the failing finding with the highest severity. Findings "
        "that no change to the container can fix on its own come last, and so do those that "
        "privileged mode causes while it is on. The terminal UI shows the first ones with their points "
        "below the list and under the key e, and `hardentui plan NAME` predicts the new score.",
    ),
)
