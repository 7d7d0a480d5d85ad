"""Files against an earlier report: what failed there is known, and only what is new fails."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from datetime import date

from msgspec.structs import replace

from hardentui.features.at_rest.checking import Looked
from hardentui.features.at_rest.judging import Judged
from hardentui.features.reports.saved_report import SavedFinding, SavedReport
from hardentui.model.finding import Finding, Severity, Status
from hardentui.model.waiver import Waiver
from hardentui.visible import visible
from hardentui.words import plural


def since(
    looked: Looked,
    before: SavedReport,
    where: str,
) -> Looked:
    """The services with their known findings accepted.

    A finding is known if the report has it for the same service of the same file, as severe, with
    the same reason: a second password beside a known one is new.

    Args:
        where: the name of the report.
    """
    known = {
        (posixpath.normpath(subject.id), finding.check): finding
        for subject in before.subjects
        for finding in subject.findings
        if finding.status is Status.FAIL
    }
    services = tuple(_accepted(judged, known, where) for judged in looked.services)
    count = sum(
        finding.waiver is not None and finding.waiver.source == where
        for judged in services
        for finding in judged.findings
    )
    note = f"{plural(count, 'finding')} as in {visible(where, 100)}: only new ones fail"
    return replace(
        looked,
        services=services,
        notes=(*looked.notes, note),
    )


def _accepted(
    judged: Judged,
    known: Mapping[tuple[str, str], SavedFinding],
    where: str,
) -> Judged:
    findings = tuple(_or_known(finding, known, where) for finding in judged.findings)
    return replace(judged, findings=findings)


def _or_known(
    finding: Finding,
    known: Mapping[tuple[str, str], SavedFinding],
    where: str,
) -> Finding:
    earlier = known.get((posixpath.normpath(finding.subject.id), finding.check))
    if not finding.failing or earlier is None:
        return finding
    if finding.severity > Severity.parse(earlier.severity):
        return finding
    if finding.verdict.reason != earlier.reason:
        return finding
    waiver = Waiver(
        finding.check,
        finding.subject.name,
        f"it failed before, in {where}",
        "the baseline",
        date.max,
        source=where,
    )
    verdict = replace(
        finding.verdict,
        status=Status.WAIVED,
        reason=f"as in {where}: {finding.verdict.reason}",
    )
    return replace(
        finding,
        verdict=verdict,
        waiver=waiver,
    )
