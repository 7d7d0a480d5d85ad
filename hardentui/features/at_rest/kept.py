"""What is kept of a service once it is judged, so that a large tree costs the memory of its findings.

Facts, options and parsed files of a project are let go; verdicts that thousands of services have alike
are kept once.
"""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.features.at_rest.judging import Judged
from hardentui.features.at_rest.services import Service, SpecAtRest
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Kind, Status, Subject, Verdict
from hardentui.reading.vendors import vendor_known

_FINE = (Status.PASS, Status.NOT_APPLICABLE)
_ANY = Subject(Kind.SERVICE, "", "")
_NO_FACTS = ContainerFacts("", "", vendor=None)


class Kept:
    """Judged services for reports, not for fixes."""

    def __init__(self) -> None:
        self._fine: dict[tuple[str, Status, str], Finding] = {}
        self._unknown: dict[tuple[str, str, str], Verdict] = {}

    def of(self, judged: Judged) -> Judged:
        facts = judged.facts if vendor_known(judged.facts) is not None else _NO_FACTS
        return Judged(
            _placed(judged.service),
            facts,
            tuple(map(self._finding, judged.findings)),
            judged.fixable,
        )

    def _finding(self, finding: Finding) -> Finding:
        verdict = finding.verdict
        if verdict.status in _FINE:
            alike = (finding.check, verdict.status, verdict.reason)
            if alike not in self._fine:
                plain = Verdict(verdict.status, reason=verdict.reason)
                self._fine[alike] = replace(finding, subject=_ANY, verdict=plain)
            return self._fine[alike]
        if verdict.status is Status.UNKNOWN and not verdict.evidence:
            said = (finding.check, verdict.reason, verdict.declared)
            return replace(finding, verdict=self._unknown.setdefault(said, verdict))
        return finding


def _placed(service: Service) -> Service:
    """Its name and place."""
    return Service(
        name=service.name,
        format=service.format,
        header=service.header,
        spec=SpecAtRest(),
        sets=(),
        group=service.group,
    )
