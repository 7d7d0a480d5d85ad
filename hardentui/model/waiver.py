"""A waiver: an accepted finding, with who accepts it, why, and until when."""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase

from msgspec import Struct


class Waiver(Struct, frozen=True):
    """One `[[waiver]]` of a waivers file.

    Attributes:
        check: id of a check, or a shell pattern over ids.
        subject: name of a container, image, network, engine or host, or a shell pattern over names.
        until: the last day on which it is valid.
        engine: label of an engine, or a shell pattern over labels.
        control: the compensating control; may be empty.
        source: its file and line.
    """

    check: str
    subject: str
    reason: str
    owner: str
    until: date
    engine: str = "*"
    control: str = ""
    source: str = ""

    def covers(self, check: str, subject: str, engine: str) -> bool:
        """Whether it matches this check, subject and engine, expired or not."""
        return (
            fnmatchcase(check, self.check)
            and fnmatchcase(subject, self.subject)
            and fnmatchcase(engine, self.engine)
        )


class WaiverUse(Struct, frozen=True):
    """A waiver and its use in one full check.

    Attributes:
        findings: number of findings that it waives.
        expired_for: number of failing findings that it would waive if it had not expired.
    """

    waiver: Waiver
    expired: bool
    findings: int = 0
    expired_for: int = 0


class WaiverFacts(Struct, frozen=True):
    """The facts for checks of waivers."""

    uses: tuple[WaiverUse, ...] = ()
