"""Grype: reads an image archive or an SBOM, never the socket; knows which vulnerabilities are
exploited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from hardentui.host.asking import Ask, ask_twice
from hardentui.model.image import FilterKind, ScanFilter, ScanReport, Vulnerability, parse_time
from hardentui.model.known import Known
from hardentui.scanners.reports import nothing_compared, read_output, severity, unique
from hardentui.visible import visible

NAME = "grype"
_SCAN_SECONDS = 1800.0
_QUIET = {
    "GRYPE_CHECK_FOR_APP_UPDATE": "false",
    # whatever its configuration file says
    "GRYPE_ONLY_FIXED": "false",
    "GRYPE_ONLY_NOTFIXED": "false",
}
_OFFLINE = {"GRYPE_DB_AUTO_UPDATE": "false", "GRYPE_DB_VALIDATE_AGE": "false"}
_FIRST_DATABASE_WITH_EXPLOITED = 6
_DISTRIBUTIONS = frozenset(
    "alma almalinux alpine amazon amazonlinux amzn azurelinux centos chainguard debian echo mariner minimos "
    "ol oraclelinux photon raspbian redhat rhel rocky rockylinux sles ubuntu wolfi".split()
)
"""Those that Grype's documentation lists data for, as os-release and Grype name them."""


def recognises(document: Mapping[str, Any]) -> bool:
    return "matches" in document and "descriptor" in document


def subject(document: Mapping[str, Any]) -> tuple[str, ...]:
    """ID and manifest digests of the image that the report is about."""
    target = (document.get("source") or {}).get("target")
    if not isinstance(target, Mapping):
        return ()
    digests = [str(digest).partition("@")[2] for digest in target.get("repoDigests") or ()]
    return tuple(filter(None, (str(target.get("imageID") or ""), *digests)))


def parse(document: Mapping[str, Any], modified: datetime) -> ScanReport:
    """A report of Grype, which lists matches only, not the packages that it compared.

    Raises:
        InputError: Grype compared nothing, as far as its report shows.
    """
    descriptor = document["descriptor"]
    database = descriptor.get("db") or {}
    status = database.get("status") or database  # newer versions put it one level deeper
    built = parse_time(status.get("built"))
    knows = _major(status.get("schemaVersion")) >= _FIRST_DATABASE_WITH_EXPLOITED
    vulnerabilities = unique(_vulnerabilities(document))
    distribution = str((document.get("distro") or {}).get("name") or "")
    if not vulnerabilities and not distribution:
        raise nothing_compared(
            "Grype",
            "it recognised no distribution and no vulnerable package",
        )
    return ScanReport(
        NAME,
        parse_time(descriptor.get("timestamp")) or modified,
        built,
        vulnerabilities,
        built if knows else None,
        gaps=tuple(_gaps(distribution, _alerts(document))),
        lists_packages=False,
        filters=tuple(_filters(document)),
    )


def scan(
    archive: str,
    ask: Ask,
    *,
    offline: bool,
) -> Known[ScanReport]:
    """Scan an image archive; offline with the existing database, whatever its age.

    Args:
        archive: path of a docker archive.
        offline: do not even try to bring the database up to date.
    """
    command = (
        NAME,
        f"docker-archive:{archive}",
        "-o",
        "json",
        "--quiet",
    )
    output = ask_twice(
        ask,
        command,
        _SCAN_SECONDS,
        _QUIET,
        _OFFLINE,
        offline=offline,
    )
    return read_output(output, NAME)


def _alerts(document: Mapping[str, Any]) -> frozenset[str]:
    """What newer versions say of packages without good data: `distro-eol`, `distro-unknown`…"""
    of_packages = document.get("alertsByPackage")
    lines = of_packages if isinstance(of_packages, list) else ()
    return frozenset(str(alert.get("type")) for line in lines for alert in line.get("alerts") or ())


def _gaps(distribution: str, alerts: frozenset[str]) -> Iterator[str]:
    name = visible(distribution, 40)
    if "distro-eol" in alerts:
        yield f"{name} is past its end of support, so its vulnerabilities are no longer published"
    elif alerts & {"distro-unknown", "distro-disabled"}:
        yield f"Grype has no data on this release of {name}"
    if not distribution:
        yield (
            "no distribution was recognised, so only packages of programming languages were "
            "compared"
        )
    elif distribution not in _DISTRIBUTIONS:
        yield (
            f"the packages of {name} were perhaps not compared: Grype is not known to have data "
            "on them"
        )


def _filters(document: Mapping[str, Any]) -> Iterator[ScanFilter]:
    """What was left out by options, rules and VEX documents; the report tells all of them."""
    configuration = document["descriptor"].get("configuration") or {}
    if configuration.get("only-fixed") or configuration.get("ignore-wontfix"):
        yield ScanFilter(
            FilterKind.UNFIXED,
            "what has no fix is left out (--only-fixed)",
        )
    if configuration.get("only-notfixed"):
        yield ScanFilter(
            FilterKind.SEVERITY,
            "what has a fix is left out (--only-notfixed)",
        )
    if excluded := configuration.get("exclude"):
        paths = visible(", ".join(map(str, excluded)), 80)
        yield ScanFilter(FilterKind.RULES, f"paths are left out: {paths}")
    own = configuration.get("ignore")
    by_rule = by_vex = 0
    for match in document.get("ignoredMatches") or ():
        rules = match.get("appliedIgnoreRules") or ()
        if any(rule.get("vex-status") for rule in rules):
            by_vex += 1
        elif any(_is_own(rule, own) for rule in rules):
            by_rule += 1
    for count, source in (
        (by_rule, "rules of its configuration"),
        (by_vex, "a VEX document"),
    ):
        if count:
            yield ScanFilter(FilterKind.RULES, f"left out by {source}: {count}")


def _is_own(rule: Mapping[str, Any], own: Any) -> bool:
    """Whether somebody wrote the rule: Grype's own are about kernel headers and what distributions
    say of their packages; those of options are told by their names."""
    if rule.get("match-type") or rule.get("fix-state"):
        return False
    return not isinstance(own, list) or rule in own


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
    first = str(version or "").removeprefix("v").partition(".")[0]
    return int(first) if first.isdecimal() else 0
