"""The services of files as the result of a check, for every report.

Of each part of a tree only its findings stay, packed: facts, options and parsed files are let go
before the next one is read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from hardentui import __version__
from hardentui.features.at_rest.checking import Looking
from hardentui.features.at_rest.judging import Judged
from hardentui.features.at_rest.sources import Refused
from hardentui.features.reports.packed_subjects import PackedSubjects
from hardentui.features.reports.result import CheckResult
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.features.vendors.telling import managed
from hardentui.harden.score import rises_once_passed, score
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject, Verdict
from hardentui.reading.vendors import vendor_known


class FilesReport(Struct, frozen=True):
    """The result, and remarks on the files, a sentence each."""

    result: CheckResult
    notes: tuple[str, ...]


def report_on(
    looking: Looking,
    fail_on: Severity,
    accepted: Callable[[Judged], Judged] | None = None,
    *,
    with_rises: bool = True,
) -> FilesReport:
    """Judge the files and keep what reports tell.

    Args:
        accepted: a service whose known findings are accepted.
        with_rises: also what each fix brings, which only some reports tell.

    Raises:
        InputError: the files describe no service.
    """
    subjects = PackedSubjects()
    of_vendors: list[ContainerFacts] = []
    for part in looking.parts():
        judged = part.services if accepted is None else tuple(map(accepted, part.services))
        subjects.add(tuple(map(_subject, judged)), with_rises=with_rises)
        of_vendors += [each.facts for each in judged if vendor_known(each.facts) is not None]
    subjects.add(tuple(map(_refused, looking.refused)), with_rises=False)
    result = CheckResult(
        engines=(),
        subjects=subjects,
        checklist=looking.judge.checklist.id,
        fail_on=fail_on,
        version=__version__,
        place=" ".join(looking.sources.shown),
        managed=managed(of_vendors),
    )
    return FilesReport(result, looking.notes)


def _subject(judged: Judged) -> SubjectResult:
    service = judged.service
    header = service.header.file.place(service.header.start, service.header.end)
    own = [finding for finding in judged.findings if finding.scope is Kind.CONTAINER]
    return SubjectResult(
        Subject(Kind.SERVICE, service.id, service.name),
        score(own),
        tuple(map(_told, judged.findings)),
        f"{service.format.value}  {service.file.shown}",
        can_fix=lambda: judged.fixable,
        can_rise=partial(rises_once_passed, own),
        file=header.file,
        line=header.line,
    )


_FINE = (Status.PASS, Status.NOT_APPLICABLE)


def _told(finding: Finding) -> Finding:
    """Of what passes or does not apply, a report tells the reason only."""
    verdict = finding.verdict
    if verdict.status not in _FINE:
        return finding
    return replace(finding, verdict=Verdict(verdict.status, reason=verdict.reason))


def _refused(refused: Refused) -> SubjectResult:
    """A file that could not be checked is a subject with trouble."""
    return SubjectResult(
        Subject(Kind.SERVICE, refused.shown, refused.shown),
        score(()),
        (),
        "file",
        refused.why,
        file=refused.shown,
    )
