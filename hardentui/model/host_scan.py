"""What a scanner of the host itself found: Lynis, OpenSCAP. One shape for all. Frozen, no IO."""

from __future__ import annotations

from msgspec import Struct


class FailedRule(Struct, frozen=True):
    """One thing that the scanner found wrong.

    Attributes:
        id: as the scanner names it: `AUTH-9230`, `xccdf_…_rule_sshd_…`.
        severity: high, medium, low or unknown.
        advice: what to do, in the scanner's words; may be empty.
    """

    id: str
    title: str
    severity: str
    advice: str = ""


class HostScan(Struct, frozen=True):
    """One result.

    Attributes:
        finished: seconds since 1970; None where it does not say.
        host: the name of the machine that was scanned.
        profile: what was checked for; empty where the scanner has no profiles.
        score: 0 to 100, the scanner's own.
        passed, unknown, not_applicable: how many rules; None = it does not say.
        left_out: rules that failed and are not in `failed`: there were too many.
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
        """No rule gave an answer: the profile was not made for this system, for example."""
        return not self.failed and not self.left_out and self.passed == 0

    def count(self, *severities: str) -> int:
        return sum(1 for rule in self.failed if rule.severity in severities)
