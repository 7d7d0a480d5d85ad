"""Files against an earlier report: what failed there is known, and only what is new fails."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from datetime import date

from msgspec.structs import replace

from hardentui.features.at_rest.judging import Judged
from hardentui.features.reports.saved_report import SavedFinding, SavedReport
from hardentui.model.finding import Finding, Severity, Status
from hardentui.model.waiver import Waiver
from hardentui.visible import visible
from hardentui.words import plural


class KnownFindings:
    """Findings of an earlier report, which are accepted.

    A finding is known if the report has it for the same service of the same file, as severe, with
    the same reason: a second password beside a known one is new.

    Args:
        where: the name of the report.

    Attributes:
        count: how many findings were accepted.
    """

    def __init__(self, before: SavedReport, where: str) -> None:
        self._where = where
        self._known = {
            (posixpath.normpath(subject.id), finding.check): finding
            for subject in before.subjects
            for finding in subject.findings
            if finding.status is Status.FAIL
        }
        self.count = 0

    def accepted(self, judged: Judged) -> Judged:
        findings = tuple(
            _or_known(
                finding,
                self._known,
                self._where,
            )
            for finding in judged.findings
        )
        self.count += sum(
            finding.waiver is not None and finding.waiver.source == self._where
            for finding in findings
        )
        return replace(judged, findings=findings)

    @property
    def note(self) -> str:
        return (
            f"{plural(self.count, 'finding')} as in {visible(self._where, 100)}: only new ones fail"
        )


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
