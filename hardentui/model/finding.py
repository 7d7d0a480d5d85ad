"""What a check answers."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from functools import lru_cache

from msgspec import Struct

from hardentui.model.waiver import Waiver


class Status(StrEnum):
    """The five answers. A thing that could not be checked is never a pass."""

    PASS = "pass"  # noqa: S105 - a word of XCCDF, no password
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"
    UNKNOWN = "unknown"
    WAIVED = "waived"


class Severity(IntEnum):
    """How bad a failing check is; ordered, so that the worst can be found with max()."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return _WORDS[self]

    def shifted(self, steps: int) -> Severity:
        """One or more steps up or down, never beyond critical and low."""
        return Severity(min(Severity.CRITICAL, max(Severity.LOW, self + steps)))

    @classmethod
    def parse(cls, word: str) -> Severity:
        """Raises KeyError for a word that is no severity."""
        return cls[word.upper()]


_WORDS = {severity: severity.name.lower() for severity in Severity}


class Kind(StrEnum):
    """What a finding is about."""

    CONTAINER = "container"
    IMAGE = "image"
    NETWORK = "network"
    HOST = "host"
    ENGINE = "engine"
    WAIVERS = "waivers"


class Evidence(Struct, frozen=True, gc=False):
    """A value that was seen, and where: `Evidence("/proc/812/status", "NoNewPrivs: 0")`."""

    where: str
    saw: str


class Verdict(Struct, frozen=True, gc=False):
    """The answer of one check on one subject.

    Attributes:
        declared: what the configuration asks for, in a few words; empty when nothing is declared.
        effective: what the kernel enforces, in a few words; empty when there is nothing to ask the kernel.
        evidence: the values behind the answer.
        reason: why it is not applicable or unknown; for a failure, what is wrong in this very case.
        severity: this case's severity when it differs from the check's.
        commands: for what no spec can fix, the commands or lines that an admin would use here.
        things: what a failure is about, for other modules: paths, devices, names. The sentence is `reason`.
    """

    status: Status
    declared: str = ""
    effective: str = ""
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""
    severity: Severity | None = None
    commands: tuple[str, ...] = ()
    things: tuple[str, ...] = ()


_PASS, _FAIL = Status.PASS, Status.FAIL
"""Looked up once: a member of an enum costs more at each look than all the rest of an answer."""


def passed(
    declared: str = "", effective: str = "", evidence: tuple[Evidence, ...] = (), reason: str = ""
) -> Verdict:
    """The condition was looked for and is not there."""
    return Verdict(_PASS, declared, effective, evidence, reason)


def failed(
    reason: str,
    declared: str = "",
    effective: str = "",
    evidence: tuple[Evidence, ...] = (),
    severity: Severity | None = None,
    commands: tuple[str, ...] = (),
    things: tuple[str, ...] = (),
) -> Verdict:
    """The bad condition is there; `reason` says what is wrong in this case."""
    return Verdict(_FAIL, declared, effective, evidence, reason, severity, commands, things)


@lru_cache(maxsize=256)
def not_applicable(reason: str) -> Verdict:
    """The question has no meaning here, because of `reason`. Half of all answers are a few of these."""
    return Verdict(Status.NOT_APPLICABLE, reason=reason)


def unknown(reason: str, declared: str = "", evidence: tuple[Evidence, ...] = ()) -> Verdict:
    """It could not be checked, because of `reason`."""
    if not declared and not evidence:
        return _unknown(reason)
    return Verdict(Status.UNKNOWN, declared, "", evidence, reason)


@lru_cache(maxsize=256)
def _unknown(reason: str) -> Verdict:
    return Verdict(Status.UNKNOWN, reason=reason)


class FixKind(StrEnum):
    """What has to be done for a fix."""

    LIVE_UPDATE = "live update"
    RECREATE = "recreate"
    UNIT_EDIT = "unit edit"
    HOST_FILE = "host file"
    IMAGE_REBUILD = "image rebuild"
    DECISION = "decision"


class Risk(StrEnum):
    """What a fix does to a service that works today."""

    SAFE = "safe"
    MAY_BREAK = "may break"
    CHANGES_BEHAVIOUR = "changes behaviour"


class Subject(Struct, frozen=True):
    """Whom a finding is about. `engine` is the label of the engine it lives on."""

    kind: Kind
    id: str
    name: str
    engine: str = ""


class Remediation(Struct, frozen=True):
    """How a failing finding becomes a passing one.

    Attributes:
        summary: one imperative sentence.
        impact: what it may break.
        run: the change as `podman run` flags, one per line; empty when it is no matter of flags.
        quadlet: the change as Quadlet lines.
        commands: commands or lines for what no container option can fix.
        risk: what it does to any service; `here` to this one, by what was seen of it, where that tells.
        notes: what was seen of this container and what follows from it.
    """

    summary: str
    impact: str
    kind: FixKind
    risk: Risk
    run: str = ""
    quadlet: str = ""
    commands: tuple[str, ...] = ()
    here: Risk | None = None
    notes: tuple[str, ...] = ()


class Finding(Struct, frozen=True, gc=False):
    """A check's verdict on a subject, with its severity in this context.

    Attributes:
        takes_over: it fails, and whoever takes the container over has the host by that alone.
        counts: it has a part in the score.
        waiver: the one that makes it a waived finding.
    """

    check: str
    step: int
    title: str
    subject: Subject
    verdict: Verdict
    severity: Severity
    references: tuple[str, ...] = ()
    remediation: Remediation | None = None
    takes_over: bool = False
    counts: bool = True
    waiver: Waiver | None = None

    @property
    def status(self) -> Status:
        return self.verdict.status

    @property
    def failing(self) -> bool:
        return self.verdict.status is Status.FAIL
