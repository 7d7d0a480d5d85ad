"""Results of host scanners (Lynis, OpenSCAP) in one format."""

from __future__ import annotations

from msgspec import Struct


class FailedRule(Struct, frozen=True):
    id: str  # the scanner's ID: `AUTH-9230`, `xccdf_…_rule_sshd_…`
    title: str
    severity: str  # high, medium, low or unknown


class HostScan(Struct, frozen=True):
    """One result of a scanner."""

    tool: str
    version: str = ""
    finished: float | None = None  # seconds since 1970; None if unknown
    host: str = ""
    score: float | None = None
    failed: tuple[FailedRule, ...] = ()
    passed: int | None = None  # number of rules; None = unknown
    left_out: int = 0  # number of failed rules beyond those in `failed`
    source: str = ""

    @property
    def checked_nothing(self) -> bool:
        """Whether no rule was evaluated, for example because the profile is for another system."""
        return not self.failed and not self.left_out and not self.passed

    def count(self, *severities: str) -> int:
        return sum(1 for rule in self.failed if rule.severity in severities)
