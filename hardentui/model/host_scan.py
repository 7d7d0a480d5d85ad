"""Results of host scanners (Lynis, OpenSCAP) in one format."""

from __future__ import annotations

from msgspec import Struct


class FailedRule(Struct, frozen=True):
    """A failed rule of a scanner.

    Attributes:
        id: the scanner's ID: `AUTH-9230`, `xccdf_…_rule_sshd_…`.
        severity: high, medium, low or unknown.
        advice: the scanner's advice; may be empty.
    """

    id: str
    title: str
    severity: str
    advice: str = ""


class HostScan(Struct, frozen=True):
    """One result of a scanner.

    Attributes:
        finished: seconds since 1970; None if unknown.
        host: host name of the scanned machine.
        profile: the scanned profile; empty if the scanner has no profiles.
        score: the scanner's own score, 0 to 100.
        passed, unknown, not_applicable: number of rules; None = unknown.
        left_out: number of failed rules beyond those in `failed`.
        source: the file that it was read from.
    """

    tool: str
    version: str = ""
    finished: float | None = None
    host: str = ""
    profile: str = ""
    score: float | None = None
    failed: tuple[FailedRule, ...] = ()
    passed: int | None = None
    unknown: int | None = None
    not_applicable: int | None = None
    left_out: int = 0
    source: str = ""

    @property
    def checked_nothing(self) -> bool:
        """Whether no rule was evaluated, for example because the profile is for another system."""
        return not self.failed and not self.left_out and not self.passed

    def count(self, *severities: str) -> int:
        return sum(1 for rule in self.failed if rule.severity in severities)
