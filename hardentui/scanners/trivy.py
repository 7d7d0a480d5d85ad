"""Trivy: reads an image archive, and knows packages of distributions and of languages.

Trivy's report does not contain the age of its database; `trivy version` shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.host.commands import Ask, ask_twice
from hardentui.model.image import ScanReport, Vulnerability, parse_time
from hardentui.model.known import Known, Unread

# What the reports of all scanners have in common: severities, dates, lists of vulnerabilities.
# Pure.

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


NAME = "trivy"
_SCAN_SECONDS = 1800.0
_ASK_SECONDS = 30.0
_QUIET = {
    "TRIVY_DISABLE_TELEMETRY": "true",
    "TRIVY_SKIP_VERSION_CHECK": "true",
    "TRIVY_NO_PROGRESS": "true",
}
_UNDER_WAY = re.compile(r"\b(sid|unstable|testing|edge|rawhide)\b|_(alpha|beta|rc)")
_NEVER_CLEAN = "libc6"
"""Debian and Ubuntu list minor vulnerabilities of the C library that they never fix, in every
release."""
_LISTED = ("--list-all-pkgs", "--quiet")
_OFFLINE = {
    "TRIVY_SKIP_DB_UPDATE": "true",
    "TRIVY_SKIP_JAVA_DB_UPDATE": "true",
    "TRIVY_OFFLINE_SCAN": "true",
}


def recognises(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("ArtifactName"), str) and "SchemaVersion" in document


def subject(document: Mapping[str, Any]) -> tuple[str, ...]:
    """ID and manifest digests of the image that the report is about."""
    about = document.get("Metadata") or {}
    digests = [str(digest).partition("@")[2] for digest in about.get("RepoDigests") or ()]
    return tuple(filter(None, (str(about.get("ImageID") or ""), *digests)))


def parse(
    document: Mapping[str, Any],
    modified: datetime,
    *,
    listed: bool = False,
) -> ScanReport:
    """A report of Trivy, which has no data on exploited vulnerabilities.

    Args:
        listed: it lists every package (`--list-all-pkgs`), so a result without packages compared
            none.

    Raises:
        InputError: Trivy compared nothing.
    """
    if not recognises(document):
        raise KeyError("ArtifactName")
    vulnerabilities = unique(_vulnerabilities(document))
    without = _without_advisories(document, listed)
    compared = tuple(
        group for group in _compared(document, listed) if group != "os-pkgs" or not without
    )
    if not compared and not vulnerabilities:
        raise nothing_compared("Trivy", without or _why_nothing(document))
    return ScanReport(
        NAME,
        parse_time(document.get("CreatedAt")) or modified,
        None,
        vulnerabilities,
        gaps=tuple(_gaps(document, compared, without)),
        lists_packages=_lists_packages(document, listed),
    )


def scan(
    archive: str,
    ask: Ask,
    *,
    offline: bool,
) -> Known[ScanReport]:
    """Scan an image archive. Offline, Trivy's database is used unchanged, with its date.

    Args:
        archive: path of a docker archive.
        offline: do not try to update the database.
    """
    command = (
        NAME,
        "image",
        "--input",
        archive,
        "--format",
        "json",
        "--scanners",
        "vuln",
        *_LISTED,
    )
    output = ask_twice(
        ask,
        command,
        _SCAN_SECONDS,
        _QUIET,
        _OFFLINE,
        offline=offline,
    )
    report = read_output(
        output, "Trivy", lambda printed: parse(printed, datetime.now(UTC), listed=True)
    )
    return report if isinstance(report, Unread) else replace(report, database=database_date(ask))


def database_date(ask: Ask) -> datetime | None:
    """When Trivy's database was built; None if unknown."""
    answer = ask(
        (NAME, "version", "--format", "json"),
        _ASK_SECONDS,
        _QUIET,
    )
    if isinstance(answer, Unread):
        return None
    try:
        return parse_time(json.loads(answer)["VulnerabilityDB"]["UpdatedAt"])
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


def _lists_packages(document: Mapping[str, Any], listed: bool) -> bool:
    return listed or any(result.get("Packages") for result in document.get("Results") or ())


def _compared(
    document: Mapping[str, Any],
    listed: bool,
) -> tuple[str, ...]:
    """The classes of packages that were compared: `os-pkgs`, `lang-pkgs`."""
    listed = _lists_packages(document, listed)
    return tuple(
        str(result.get("Class") or "")
        for result in document.get("Results") or ()
        if result.get("Vulnerabilities") or result.get("Packages") or not listed
    )


def _without_advisories(
    document: Mapping[str, Any],
    listed: bool,
) -> str:
    """Why Trivy seems to have no data on this release of the distribution; empty if nothing speaks
    for that.

    Trivy compares packages with an empty list then, and its report looks clean. `EOSL` does not
    tell: it is about releases with a known end.
    """
    system = [
        result for result in document.get("Results") or () if result.get("Class") == "os-pkgs"
    ]
    if not system or any(result.get("Vulnerabilities") for result in system):
        return ""
    name = _system(document)
    if _UNDER_WAY.search(name):
        return f"it has no data on {name}, which is not released yet"
    packages = {
        package.get("Name") for result in system for package in result.get("Packages") or ()
    }
    if listed and _NEVER_CLEAN in packages:
        return (
            f"it has no data on {name}: even {_NEVER_CLEAN}, which always has some, has no "
            "vulnerability"
        )
    return ""


def _system(document: Mapping[str, Any]) -> str:
    system = (document.get("Metadata") or {}).get("OS") or {}
    return f"{system.get('Family') or ''} {system.get('Name') or ''}".strip()


def _why_nothing(document: Mapping[str, Any]) -> str:
    name = _system(document)
    return (
        f"it found no packages that it knows in {name}" if name else "it recognised no distribution"
    )


def _gaps(
    document: Mapping[str, Any],
    compared: tuple[str, ...],
    without: str,
) -> Iterator[str]:
    name = _system(document)
    if not name and set(compared) <= {"lang-pkgs"}:
        yield (
            "no distribution was recognised, so only packages of programming languages were "
            "compared"
        )
        return
    if ((document.get("Metadata") or {}).get("OS") or {}).get("EOSL"):
        yield f"{name} is past its end of support, so its vulnerabilities are no longer published"
    if name and "os-pkgs" not in compared:
        yield f"the packages of {name} were not compared" + (f": {without}" if without else "")
