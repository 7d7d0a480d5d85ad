"""Results of checks."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from hardentui.do import Do
from hardentui.model.fact_source import FactSource
from hardentui.model.gain import Gained
from hardentui.model.known import Unread
from hardentui.model.remediation import Remediation
from hardentui.model.severity import Severity as Severity
from hardentui.model.waiver import Waiver


class Status(StrEnum):
    """The five results. What could not be checked is never a pass."""

    PASS = "pass"  # noqa: S105 - a word of XCCDF, no password
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"
    UNKNOWN = "unknown"
    WAIVED = "waived"


class Kind(StrEnum):
    """What a finding is about: whoever owns that can change it. A site is what is one decision for
    all, a service what a file starts as a container."""

    CONTAINER = "container"
    SERVICE = "service"
    IMAGE = "image"
    NETWORK = "network"
    HOST = "host"
    ENGINE = "engine"
    SITE = "site"
    WAIVERS = "waivers"


class Evidence(Struct, frozen=True, gc=False):
    """An observed value and its source: `Evidence("/proc/812/status", "NoNewPrivs: 0")`."""

    where: str
    saw: str


class Verdict(Struct, frozen=True, gc=False):
    """The result of one check on one subject."""

    status: Status
    # what the configuration requests, in a few words; empty if nothing is declared
    declared: str = ""
    effective: str = ""  # what the kernel enforces, in a few words; empty if it does not apply
    evidence: tuple[Evidence, ...] = ()
    # why it is not applicable or unknown; for a failure, what is wrong in this case
    reason: str = ""
    gives: Gained | None = None  # what it gives in this case, if that differs from the check's
    commands: tuple[str, ...] = ()  # commands or lines for an admin, if no spec can fix it
    # the paths, devices or names that fail, for other modules. `reason` is the sentence.
    things: tuple[str, ...] = ()
    do: Do | None = None  # what would make it known, or apply
    source: FactSource = FactSource.OPTIONS  # of an unknown: what would have told it
    missing: float = 1.0  # of a failure: the share of the defence that is missing, up to 1

    @property
    def severity(self) -> Severity | None:
        """The severity in this case; None if the check's own counts."""
        return self.gives.severity if self.gives is not None else None

    @property
    def because(self) -> str:
        """The reason with its next step, as the command line says it."""
        return f"{self.reason} ({self.do})" if self.do is not None else self.reason


_PASS, _FAIL = Status.PASS, Status.FAIL
"""Looked up once, because access to an enum member costs more than the rest of a verdict."""


def passed(
    declared: str = "",
    effective: str = "",
    evidence: tuple[Evidence, ...] = (),
    reason: str = "",
) -> Verdict:
    """The condition was checked and is absent."""
    return Verdict(
        _PASS,
        declared,
        effective,
        evidence,
        reason,
    )


def failed(
    reason: str,
    declared: str = "",
    effective: str = "",
    evidence: tuple[Evidence, ...] = (),
    gives: Gained | None = None,
    commands: tuple[str, ...] = (),
    things: tuple[str, ...] = (),
) -> Verdict:
    """The bad condition is present; `reason` says what is wrong in this case."""
    return Verdict(
        _FAIL,
        declared,
        effective,
        evidence,
        reason,
        gives,
        commands,
        things,
    )


@lru_cache(maxsize=256)
def not_applicable(reason: str, *, do: Do | None = None) -> Verdict:
    """The check does not apply, for this `reason`. Cached, because a few reasons make up half of
    all verdicts."""
    return Verdict(
        Status.NOT_APPLICABLE,
        reason=reason,
        do=do,
    )


def unknown(
    reason: str | Unread,
    declared: str = "",
    evidence: tuple[Evidence, ...] = (),
    *,
    do: Do | None = None,
    source: FactSource | None = None,
) -> Verdict:
    """It could not be checked, for this `reason`."""
    if isinstance(reason, Unread):
        do, source = do or reason.do, source or reason.source
        reason = reason.reason
    source = source or FactSource.OPTIONS
    if not declared and not evidence:
        return _unknown(reason, do, source)
    return Verdict(
        Status.UNKNOWN,
        declared,
        "",
        evidence,
        reason,
        do=do,
        source=source,
    )


@lru_cache(maxsize=256)
def _unknown(
    reason: str,
    do: Do | None,
    source: FactSource,
) -> Verdict:
    return Verdict(
        Status.UNKNOWN,
        reason=reason,
        do=do,
        source=source,
    )


class Subject(Struct, frozen=True):
    """The subject of a finding. `engine` is the label of its engine."""

    kind: Kind
    id: str
    name: str
    engine: str = ""

    @property
    def key(self) -> str:
        """The key of its row among all that are listed."""
        return f"{self.engine}/{self.id}"


class Place(Struct, frozen=True, gc=False):
    """A place in a file: lines and columns from 1, as editors count; the end is the first column
    after it."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class Finding(Struct, frozen=True, gc=False):
    """A check's verdict on a subject, with what it gives an attacker in this context."""

    check: str
    step: int
    title: str
    subject: Subject
    verdict: Verdict
    gained: Gained  # what it gives an attacker, and in how many steps, while it fails
    references: tuple[str, ...] = ()
    remediation: Remediation | None = None
    points: int = 0  # what it counts towards the score; 0 = nothing
    waiver: Waiver | None = None
    # whose finding it is; `affects`: the containers that it concerns, if it is not theirs
    scope: Kind = Kind.CONTAINER
    affects: tuple[str, ...] = ()
    place: Place | None = None  # where its file decides it; None if no file does

    @property
    def status(self) -> Status:
        return self.verdict.status

    @property
    def failing(self) -> bool:
        return self.verdict.status is Status.FAIL

    @property
    def severity(self) -> Severity:
        return self.gained.severity

    @property
    def takes_over(self) -> bool:
        """Whether it fails, and alone hands over the host."""
        return self.failing and self.gained.takes_over
