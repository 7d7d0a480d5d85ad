"""Scanner results, answers of registries, and the times in them and in Podman's documents."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct


class Vulnerability(Struct, frozen=True):
    id: str
    package: str
    severity: str  # `critical`, `high`, `medium`, `low` or `unknown`
    fixed_in: str = ""  # fixed versions; empty if there is no fix yet
    exploited: bool = False  # it is on a list of actively exploited vulnerabilities
    installed: str = ""  # the version in the image; empty if unknown


class FilterKind(StrEnum):
    """What a filter of a scanner leaves out."""

    UNFIXED = "unfixed"  # what has no fix yet
    SEVERITY = "severity"  # lower severities, or some other part
    RULES = "rules"  # what ignore rules, VEX documents or paths name


class ScanFilter(Struct, frozen=True):
    """Something that a scanner was told to leave out, as far as its report shows."""

    kind: FilterKind
    text: str


class ScanReport(Struct, frozen=True):
    """A stored result of a vulnerability scanner for one image ID."""

    scanner: str
    # scanned, database: time of the scan, and of the scanner's database; timezone-aware
    scanned: datetime
    database: datetime | None = None
    vulnerabilities: tuple[Vulnerability, ...] = ()
    # date of the list of exploited vulnerabilities it was compared with; None = it was not
    exploited_list: datetime | None = None
    # what the scanner could not assess; without findings, the result is then unknown, not clean
    gaps: tuple[str, ...] = ()
    # it lists what it compared; else whether it compared anything shows only in the image
    lists_packages: bool = True
    # what was left out on purpose; without findings, the result is then unknown, too
    filters: tuple[ScanFilter, ...] = ()


class NeverScanned(Struct, frozen=True):
    """There is no report for this image ID."""


class ScanSettings(Struct, frozen=True):
    offline: bool = False


class RegistryDigest(Struct, frozen=True):
    """A registry's digest for a name at the last query."""

    digest: str
    asked: datetime
    first_seen: datetime


def parse_time(text: object) -> datetime | None:
    """A time as programs in Go write it; None if it is missing, or Go's zero time."""
    try:
        time = datetime.fromisoformat(str(text or ""))
    except ValueError:
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time if time.year > 1970 else None
