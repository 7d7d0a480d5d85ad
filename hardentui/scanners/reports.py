"""What the reports of all scanners have in common: severities, lists of vulnerabilities, filters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.lib.frames import ReaderKind, Request
from hardentui.model.image import ScanReport, Vulnerability
from hardentui.model.known import Known, Unread
from hardentui.reader import NotRead, read_apart


class ImageReport(Struct, frozen=True):
    """A report, and the ID and digests of its image."""

    report: ScanReport
    about: tuple[str, ...] = ()


_SEVERITIES = {
    "critical": "critical",
    "defcon1": "critical",  # older Clair: worse than critical
    "high": "high",
    "medium": "medium",
    "low": "low",
    "negligible": "low",
}


def severity(word: Any) -> str:
    """A severity in our words; `unknown` for anything else."""
    return _SEVERITIES.get(str(word or "").lower(), "unknown")


def unique(vulnerabilities: Iterable[Vulnerability]) -> tuple[Vulnerability, ...]:
    """Without duplicates: scanners list a package once for each place where it is installed."""
    return tuple(dict.fromkeys(vulnerabilities))


def nothing_compared(scanner: str, why: str) -> InputError:
    """For a report without findings because there was nothing to compare: that is not a scan.
    `why`: completes "compared nothing in the image: …".
    """
    return InputError(f"{scanner} compared nothing in the image: {why}")


def read_output(
    output: Known[str],
    scanner: str,
) -> Known[ScanReport]:
    """What a scanner has just printed, as a report."""
    if isinstance(output, Unread):
        return output
    printed = output.encode("utf-8", "backslashreplace")
    try:
        return read_apart(
            ReaderKind.IMAGE_REPORT,
            [printed],
            ImageReport,
            Request(words=(scanner,), written=datetime.now(UTC)),
        ).report
    except NotRead as error:
        return Unread(str(error))
