"""Stored scan results, as checks ask for them."""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Evidence, Verdict, unknown
from hardentui.model.image import NeverScanned, ScanReport, Vulnerability
from hardentui.model.known import Unreadable
from hardentui.reading.images import image_of

_SHOWN = 10


def report_of(facts: ContainerFacts) -> ScanReport | Verdict:
    """The newest report for the container's image, or the answer that there is none."""
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    if isinstance(image.scan, Unreadable):
        return unknown(image.scan.reason)
    if isinstance(image.scan, NeverScanned):
        return unknown("its image was never scanned (see missing-vulnerability-scan)")
    return image.scan


def evidence(report: ScanReport, found: tuple[Vulnerability, ...]) -> tuple[Evidence, ...]:
    """The worst few as evidence, the report itself first."""
    lines = [Evidence(f"{report.scanner} report", f"of {report.scanned:%Y-%m-%d}")]
    for one in sorted(found, key=lambda v: (v.severity != "critical", v.id))[:_SHOWN]:
        fixed = f", fixed in {one.fixed_in}" if one.fixed_in else ""
        lines.append(Evidence(one.id, f"{one.severity} in {one.package}{fixed}"))
    if len(found) > _SHOWN:
        lines.append(Evidence(f"{report.scanner} report", f"and {len(found) - _SHOWN} more"))
    return tuple(lines)
