"""Stored vulnerability scan reports, as checks read them."""

from __future__ import annotations

from datetime import datetime, timedelta

from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Evidence, Verdict, unknown
from hardentui.model.image import NeverScanned, ScanReport, Vulnerability
from hardentui.model.known import Unread, known
from hardentui.reading.images import image_of

_SHOWN = 10
_SEVERITIES = ("critical", "high", "medium", "low", "unknown")
STALE_DAYS = 7
"""New vulnerabilities are published every day, so an older report or database says little."""


def severities(report: ScanReport) -> dict[str, int]:
    """Severity -> number of vulnerabilities, worst first, including severities without any."""
    counts = dict.fromkeys(_SEVERITIES, 0)
    for vulnerability in report.vulnerabilities:
        counts[vulnerability.severity if vulnerability.severity in counts else "unknown"] += 1
    return counts


def rank(vulnerability: Vulnerability) -> tuple[bool, int, bool, str]:
    """Sort key: exploited first, then the worst, then those with a fix."""
    known = vulnerability.severity in _SEVERITIES
    place = _SEVERITIES.index(vulnerability.severity) if known else len(_SEVERITIES)
    return (not vulnerability.exploited, place, not vulnerability.fixed_in, vulnerability.id)


def stale(report: ScanReport, now: datetime, days: int = STALE_DAYS) -> str:
    """Why the report is too old to call an image clean; empty if it is not."""
    limit = timedelta(days=days)
    if now - report.scanned > limit:
        return f"the report is {(now - report.scanned).days} days old"
    if report.database and report.scanned - report.database > limit:
        return f"the scanner's database was {(report.scanned - report.database).days} days old"
    if report.database and now - report.database > limit:
        return f"the scanner's database is {(now - report.database).days} days old"
    return ""


def not_clean(report: ScanReport, facts: ContainerFacts) -> Verdict | None:
    """Unknown, if a report without vulnerabilities does not prove that there are none."""
    doubts = [*filter(None, (stale(report, facts.now),)), *report.gaps]
    if not report.lists_packages and not report.vulnerabilities:
        inventory = known(lambda: facts.image.inventory)
        if isinstance(inventory, Unread):
            doubts.append(f"whether it compared any package is not known: {inventory.reason}")
            return unknown(f"nothing was found, but {'; '.join(doubts)}", report.scanner, do=inventory.do)
        if not inventory.installed and not inventory.uncounted:
            doubts.append("no package that it could compare was found in the image")
    return unknown(f"nothing was found, but {'; '.join(doubts)}", report.scanner) if doubts else None


def report_of(facts: ContainerFacts) -> ScanReport | Verdict:
    """The newest report for the container's image, or the verdict that there is none."""
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    scan = known(lambda: image.scan)
    if isinstance(scan, Unread):
        return unknown(scan.reason)
    if isinstance(scan, NeverScanned):
        return unknown("the image was never scanned (see missing-vulnerability-scan)")
    return scan


def evidence(report: ScanReport, vulnerabilities: tuple[Vulnerability, ...]) -> tuple[Evidence, ...]:
    """The report itself and the worst few vulnerabilities as evidence."""
    lines = [Evidence(f"{report.scanner} report", f"of {report.scanned:%Y-%m-%d}")]
    for hole in sorted(vulnerabilities, key=rank)[:_SHOWN]:
        fixed = f", fixed in {hole.fixed_in}" if hole.fixed_in else ""
        lines.append(Evidence(hole.id, f"{hole.severity} in {hole.package}{fixed}"))
    if len(vulnerabilities) > _SHOWN:
        lines.append(Evidence(f"{report.scanner} report", f"and {len(vulnerabilities) - _SHOWN} more"))
    return tuple(lines)
