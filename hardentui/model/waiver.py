"""A waiver: an accepted finding, with who accepts it, why, and until when."""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase

from msgspec import Struct

from hardentui.model.severity import Severity as Severity


class Waiver(Struct, frozen=True):
    """One `[[waiver]]` of a waivers file."""

    check: str  # id of a check, or a shell pattern over ids
    # name of a container, image, network, engine or host, or a shell pattern over names
    subject: str
    reason: str
    owner: str
    until: date  # the last day on which it is valid
    engine: str = "*"  # label of an engine, or a shell pattern over labels
    control: str = ""  # the compensating control; may be empty
    source: str = ""

    def covers(
        self,
        check: str,
        subject: str,
        engine: str,
    ) -> bool:
        """Whether it matches this check, subject and engine, expired or not."""
        return (
            fnmatchcase(check, self.check)
            and fnmatchcase(subject, self.subject)
            and fnmatchcase(engine, self.engine)
        )


class WaiverUse(Struct, frozen=True):
    """A waiver and its use in one full check."""

    waiver: Waiver
    expired: bool
    findings: int = 0
    expired_for: int = 0  # number of failing findings that it would waive if it had not expired


class WaiverFacts(Struct, frozen=True):
    uses: tuple[WaiverUse, ...] = ()
