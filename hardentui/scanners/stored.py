"""The seam to vulnerability scanners: their reports, stored by the ID of the image.

A report is the JSON that Trivy or Grype writes, in `$XDG_STATE_HOME/hardentui/scans/IMAGE_ID.json` (without
`sha256:`; `~/.local/state` when the variable is not set). Whoever scans, a timer or a later command of ours,
puts it there; the newest replaces the one before. Nothing here starts a scanner.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from hardentui.model.image import NeverScanned, ScanReport, Vulnerability
from hardentui.model.known import Known, Unreadable
from hardentui.state.own_files import Folder, read_document

_LARGEST = 64 << 20
_ID_LENGTH = 64
_SEVERITIES = {"critical": "critical", "high": "high", "medium": "medium", "low": "low", "negligible": "low"}
_FIRST_GRYPE_DATABASE_WITH_KEV = 6


class StoredScans:
    """Reports by image ID, out of the folder `scans` below `folder`."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def of(self, identity: str) -> Known[ScanReport | NeverScanned]:
        """The stored report of an image; a report that cannot be understood is Unreadable."""
        name = identity.removeprefix("sha256:")
        if len(name) != _ID_LENGTH or not name.isalnum():
            return Unreadable("its image has no ID that a report could be stored under")
        path = os.path.join(self._folder(), "scans", f"{name}.json")
        try:
            status = os.stat(path)
            if status.st_size > _LARGEST:
                return Unreadable("the stored scan result is larger than any honest one")
            document = read_document(path)
        except (FileNotFoundError, NotADirectoryError):
            return NeverScanned()
        except OSError as error:
            return Unreadable(f"the stored scan result cannot be read: {error.strerror}")
        except (ValueError, RecursionError):
            return Unreadable("the stored scan result is no JSON")
        return parse_report(document, datetime.fromtimestamp(status.st_mtime, UTC))


def parse_report(document: Any, modified: datetime) -> Known[ScanReport]:
    """A report of Trivy or Grype.

    Args:
        modified: when the file was written, for a report that does not say when it was made.
    """
    try:
        if isinstance(document, dict) and "ArtifactName" in document:
            return _trivy(document, modified)
        if isinstance(document, dict) and "matches" in document and "descriptor" in document:
            return _grype(document, modified)
    except (TypeError, AttributeError, KeyError, ValueError):
        return Unreadable("the stored scan result is damaged")
    return Unreadable("the stored scan result is of no scanner that is known here (Trivy, Grype)")


def _trivy(document: Mapping[str, Any], modified: datetime) -> ScanReport:
    """Trivy does not say how old its database was, and compares with no list of exploited holes."""
    return ScanReport(
        "trivy", _time(document.get("CreatedAt")) or modified, None, _unique(_trivy_lines(document))
    )


def _trivy_lines(document: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for result in document.get("Results") or ():
        for one in result.get("Vulnerabilities") or ():
            yield Vulnerability(
                str(one["VulnerabilityID"]),
                str(one["PkgName"]),
                _severity(one.get("Severity")),
                str(one.get("FixedVersion") or ""),
            )


def _grype(document: Mapping[str, Any], modified: datetime) -> ScanReport:
    descriptor = document["descriptor"]
    database = descriptor.get("db") or {}
    status = database.get("status") or database  # newer versions put it one level deeper
    built = _time(status.get("built"))
    knows = _major(status.get("schemaVersion")) >= _FIRST_GRYPE_DATABASE_WITH_KEV
    return ScanReport(
        "grype",
        _time(descriptor.get("timestamp")) or modified,
        built,
        _unique(_grype_lines(document)),
        built if knows else None,
    )


def _grype_lines(document: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for match in document["matches"] or ():
        hole = match["vulnerability"]
        fix = hole.get("fix") or {}
        yield Vulnerability(
            str(hole["id"]),
            str(match["artifact"]["name"]),
            _severity(hole.get("severity")),
            ", ".join(str(one) for one in fix.get("versions") or ()),
            bool(hole.get("knownExploited")),
        )


def _unique(lines: Iterator[Vulnerability]) -> tuple[Vulnerability, ...]:
    return tuple(dict.fromkeys(lines))


def _severity(word: Any) -> str:
    return _SEVERITIES.get(str(word or "").lower(), "unknown")


def _major(version: Any) -> int:
    """Of `v6.0.2`, `6` or 6."""
    first = str(version or "").removeprefix("v").partition(".")[0]
    return int(first) if first.isdecimal() else 0


def _time(text: Any) -> datetime | None:
    """A time as Go writes it, with up to nine digits of a second."""
    head, dot, rest = str(text or "").partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    try:
        found = datetime.fromisoformat(
            f"{head}.{rest[:6]}{rest[digits:]}" if dot and digits >= 6 else str(text)
        )
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
