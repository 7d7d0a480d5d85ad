"""Grype: reads an image archive or an SBOM, never the socket; knows which vulnerabilities are exploited."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from hardentui.host.asking import Ask, ask_twice
from hardentui.model.image import ScanReport, Vulnerability
from hardentui.model.known import Known, Unreadable
from hardentui.scanners.fields import severity, time, unique

NAME = "grype"
_SCAN_SECONDS = 1800.0
_QUIET = {"GRYPE_CHECK_FOR_APP_UPDATE": "false"}
_OFFLINE = {"GRYPE_DB_AUTO_UPDATE": "false", "GRYPE_DB_VALIDATE_AGE": "false"}
_FIRST_DATABASE_WITH_EXPLOITED = 6


def recognises(document: Mapping[str, Any]) -> bool:
    """Whether this is a report of Grype."""
    return "matches" in document and "descriptor" in document


def subject(document: Mapping[str, Any]) -> tuple[str, ...]:
    """ID and manifest digests of the image that the report is about."""
    target = (document.get("source") or {}).get("target")
    if not isinstance(target, Mapping):
        return ()
    digests = [str(digest).partition("@")[2] for digest in target.get("repoDigests") or ()]
    return tuple(filter(None, (str(target.get("imageID") or ""), *digests)))


def parse(document: Mapping[str, Any], modified: datetime) -> ScanReport:
    """A report of Grype."""
    descriptor = document["descriptor"]
    database = descriptor.get("db") or {}
    status = database.get("status") or database  # newer versions put it one level deeper
    built = time(status.get("built"))
    knows = _major(status.get("schemaVersion")) >= _FIRST_DATABASE_WITH_EXPLOITED
    return ScanReport(
        NAME,
        time(descriptor.get("timestamp")) or modified,
        built,
        unique(_vulnerabilities(document)),
        built if knows else None,
    )


def scan(archive: str, ask: Ask, *, offline: bool) -> Known[ScanReport]:
    """Scan an image archive; offline with the existing database, whatever its age.

    Args:
        archive: path of a docker archive.
        offline: do not even try to bring the database up to date.
    """
    command = (NAME, f"docker-archive:{archive}", "-o", "json", "--quiet")
    answer = ask_twice(ask, command, _SCAN_SECONDS, _QUIET, _OFFLINE, offline=offline)
    if isinstance(answer, Unreadable):
        return answer
    try:
        document = json.loads(answer)
        if recognises(document):
            return parse(document, datetime.now(UTC))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        pass
    return Unreadable("the report of Grype is damaged")


def _vulnerabilities(document: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for match in document["matches"] or ():
        about, artifact = match["vulnerability"], match["artifact"]
        fix = about.get("fix") or {}
        yield Vulnerability(
            str(about["id"]),
            str(artifact["name"]),
            severity(about.get("severity")),
            ", ".join(map(str, fix.get("versions") or ())),
            bool(about.get("knownExploited")),
            str(artifact.get("version") or ""),
        )


def _major(version: Any) -> int:
    """Of `v6.0.2`, `6` or 6."""
    first = str(version or "").removeprefix("v").partition(".")[0]
    return int(first) if first.isdecimal() else 0
