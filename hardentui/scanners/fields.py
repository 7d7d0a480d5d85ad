"""What the reports of all scanners have in common: severities, dates, lists of vulnerabilities. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hardentui.errors import InputError
from hardentui.model.image import Vulnerability

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

    Args:
        why: completes "compared nothing in the image: …".
    """
    return InputError(f"{scanner} compared nothing in the image: {why}")


def time(text: Any) -> datetime | None:
    """A time as written by Go, with up to nine digits of a second; None if it is not one."""
    head, dot, rest = str(text or "").partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    try:
        moment = datetime.fromisoformat(
            f"{head}.{rest[:6]}{rest[digits:]}" if dot and digits >= 6 else str(text)
        )
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.year > 1970 else None
