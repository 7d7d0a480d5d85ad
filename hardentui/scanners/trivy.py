"""Trivy: reads an image archive, and knows packages of distributions and of languages.

Trivy's report does not contain the age of its database; `trivy version` shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from hardentui.host.asking import Ask, ask_twice
from hardentui.model.image import ScanReport, Vulnerability
from hardentui.model.known import Known, Unreadable
from hardentui.scanners.fields import severity, time, unique

NAME = "trivy"
_SCAN_SECONDS = 1800.0
_ASK_SECONDS = 30.0
_QUIET = {"TRIVY_DISABLE_TELEMETRY": "true", "TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_NO_PROGRESS": "true"}
_OFFLINE = {
    "TRIVY_SKIP_DB_UPDATE": "true",
    "TRIVY_SKIP_JAVA_DB_UPDATE": "true",
    "TRIVY_OFFLINE_SCAN": "true",
}


def recognises(document: Mapping[str, Any]) -> bool:
    """Whether this is a report of Trivy."""
    return isinstance(document.get("ArtifactName"), str) and "SchemaVersion" in document


def subject(document: Mapping[str, Any]) -> tuple[str, ...]:
    """ID and manifest digests of the image that the report is about."""
    about = document.get("Metadata") or {}
    digests = [str(digest).partition("@")[2] for digest in about.get("RepoDigests") or ()]
    return tuple(filter(None, (str(about.get("ImageID") or ""), *digests)))


def parse(document: Mapping[str, Any], modified: datetime) -> ScanReport:
    """A report of Trivy, which has no data on exploited vulnerabilities."""
    return ScanReport(
        NAME,
        time(document.get("CreatedAt")) or modified,
        None,
        unique(_vulnerabilities(document)),
        gaps=tuple(_gaps(document)),
    )


def scan(archive: str, ask: Ask, *, offline: bool) -> Known[ScanReport]:
    """Scan an image archive. Offline, Trivy's database is used unchanged, with its date.

    Args:
        archive: path of a docker archive.
        offline: do not try to update the database.
    """
    command = (NAME, "image", "--input", archive, "--format", "json", "--scanners", "vuln", "--quiet")
    answer = ask_twice(ask, command, _SCAN_SECONDS, _QUIET, _OFFLINE, offline=offline)
    if isinstance(answer, Unreadable):
        return answer
    try:
        document = json.loads(answer)
        if not recognises(document):
            return Unreadable("the report of Trivy is damaged")
        report = parse(document, datetime.now(UTC))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return Unreadable("the report of Trivy is damaged")
    return replace(report, database=database_date(ask))


def database_date(ask: Ask) -> datetime | None:
    """When Trivy's database was built; None if unknown."""
    answer = ask((NAME, "version", "--format", "json"), _ASK_SECONDS, _QUIET)
    if isinstance(answer, Unreadable):
        return None
    try:
        return time(json.loads(answer)["VulnerabilityDB"]["UpdatedAt"])
    except (ValueError, KeyError, TypeError):
        return None


def _vulnerabilities(document: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for result in document.get("Results") or ():
        for line in result.get("Vulnerabilities") or ():
            yield Vulnerability(
                str(line["VulnerabilityID"]),
                str(line["PkgName"]),
                severity(line.get("Severity")),
                str(line.get("FixedVersion") or ""),
                installed=str(line.get("InstalledVersion") or ""),
            )


def _gaps(document: Mapping[str, Any]) -> Iterator[str]:
    system = (document.get("Metadata") or {}).get("OS") or {}
    if not system.get("Family"):
        return
    name = f"{system['Family']} {system.get('Name') or ''}".strip()
    if system.get("EOSL"):
        yield f"{name} is past its end of support, so its vulnerabilities are no longer published"
    if not any(result.get("Class") == "os-pkgs" for result in document.get("Results") or ()):
        yield f"the packages of {name} were not compared"
