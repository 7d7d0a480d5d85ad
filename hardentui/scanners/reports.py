"""What the reports of all scanners have in common: severities, lists of vulnerabilities, filters.
Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hardentui.errors import InputError
from hardentui.model.image import ScanReport, Vulnerability
from hardentui.model.known import Known, Unread

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
    called: str,
    parse: Callable[[Mapping[str, Any]], ScanReport],
) -> Known[ScanReport]:
    """What a scanner printed, as a report; `parse` raises KeyError if it is not one of this
    scanner."""
    if isinstance(output, Unread):
        return output
    try:
        return parse(json.loads(output))
    except InputError as error:
        return Unread(error.title)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return Unread(f"the report of {called} is damaged")
