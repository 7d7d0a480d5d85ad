"""Trivy: reads an image archive, and knows packages of distributions and of languages.

Trivy's report does not contain the age of its database; `trivy version` shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from hardentui.host.asking import Ask, ask_twice
from hardentui.model.image import FilterKind, ScanFilter, ScanReport, Vulnerability, parse_time
from hardentui.model.known import Known, Unread
from hardentui.scanners.reports import nothing_compared, read_output, severity, unique
from hardentui.visible import visible
from hardentui.words import plural

NAME = "trivy"
_SCAN_SECONDS = 1800.0
_ASK_SECONDS = 30.0
_QUIET = {
    "TRIVY_DISABLE_TELEMETRY": "true",
    "TRIVY_SKIP_VERSION_CHECK": "true",
    "TRIVY_NO_PROGRESS": "true",
    "TRIVY_SHOW_SUPPRESSED": "true",  # what ignore rules and VEX leave out is told
}
_UNFILTERED = (
    "--severity",
    "UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL",
    "--ignore-unfixed=false",
)
"""Whatever trivy.yaml and the environment say."""
_UNDER_WAY = re.compile(r"\b(sid|unstable|testing|edge|rawhide)\b|_(alpha|beta|rc)")
_NEVER_CLEAN = "libc6"
"""Debian and Ubuntu list minor vulnerabilities of the C library that they never fix, in every
release."""
_LIST_UNFIXED = ("debian", "ubuntu")
_COMPARED = ("os-pkgs", "lang-pkgs")
"""Classes of results that compare packages; others are about secrets, settings and licences."""
_MANY = 10
"""So many vulnerabilities, none of them minor, do not come about by chance."""
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
        filters=tuple(_filters(document, vulnerabilities)),
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
        *_UNFILTERED,
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
    report = read_output(output, NAME)
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
        if result.get("Class") in _COMPARED
        and (result.get("Vulnerabilities") or result.get("Packages") or not listed)
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


def _filters(
    document: Mapping[str, Any],
    vulnerabilities: tuple[Vulnerability, ...],
) -> Iterator[ScanFilter]:
    """What was left out: said by the report, or shown by what is missing from it.

    Trivy's report names ignore rules and VEX only with `--show-suppressed`, and never
    `--severity` or `--ignore-unfixed`.
    """
    by_source: dict[str, int] = {}
    for result in document.get("Results") or ():
        for line in result.get("ExperimentalModifiedFindings") or ():
            if line.get("Type") == "vulnerability":
                source = f"{line.get('Source') or 'a rule'} ({line.get('Status') or 'ignored'})"
                by_source[source] = by_source.get(source, 0) + 1
    for source, count in by_source.items():
        text = f"{_counted(count)} left out by {visible(source, 80)}"
        yield ScanFilter(FilterKind.RULES, text)
    system, minor_expected = _of_system(document)
    if system and all(vulnerability.fixed_in for vulnerability in system):
        yield ScanFilter(
            FilterKind.UNFIXED, "what has no fix is left out (perhaps --ignore-unfixed)"
        )
    serious = all(each.severity in ("critical", "high") for each in vulnerabilities)
    if serious and (system or len(vulnerabilities) >= _MANY):
        yield ScanFilter(
            FilterKind.SEVERITY,
            "lower severities are left out (perhaps --severity)",
        )
    if minor_expected and not system:
        yield ScanFilter(
            FilterKind.SEVERITY,
            f"not even {_NEVER_CLEAN}, which always has minor ones, has a vulnerability: filtered, "
            "or without data",
        )


def _of_system(document: Mapping[str, Any]) -> tuple[tuple[Vulnerability, ...], bool]:
    """Of a distribution that lists what it does not fix: its vulnerabilities, and whether minor
    ones are certain."""
    family = str(((document.get("Metadata") or {}).get("OS") or {}).get("Family") or "")
    results = [each for each in document.get("Results") or () if each.get("Class") == "os-pkgs"]
    if family not in _LIST_UNFIXED or not results:
        return (), False
    packages = {package.get("Name") for each in results for package in each.get("Packages") or ()}
    if packages and _NEVER_CLEAN not in packages:
        return (), False
    return tuple(_vulnerabilities({"Results": results})), _NEVER_CLEAN in packages


def _counted(count: int) -> str:
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'vulnerability', 'vulnerabilities')} {verb}"
