"""The report as JSON: `hardentui/check/3`, see `check_document`.

Each finding is complete in itself; the texts of a check stand once, in `checks`. Raw values in pure
ASCII: whatever a name contains, a terminal that shows the JSON sees only escapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET, UnsetType, to_builtins

from hardentui.features.frameworks.answers import ControlAnswer, ControlResult, Framework
from hardentui.features.reports.check_document import (
    AttackPathEntry,
    CheckDocument,
    CheckEntry,
    ControlEntry,
    DoFirstEntry,
    EvidenceEntry,
    FindingEntry,
    FleetHostEntry,
    FrameworkEntry,
    HostEntry,
    SubjectEntry,
    SummaryEntry,
    ToolEntry,
)
from hardentui.features.reports.entries import BySeverity
from hardentui.features.reports.host_result import HostResult
from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.harden.do_first import DoFirst
from hardentui.harden.undecided import undecided
from hardentui.model.finding import Finding, Kind, Severity, Status
from hardentui.visible import strict_json

_LISTED = (Status.FAIL, Status.UNKNOWN, Status.WAIVED)


def render(result: CheckResult, style: TextStyle) -> str:
    return "".join(pieces(result))


def pieces(result: CheckResult) -> Iterator[str]:
    """The report as it is written: one line for each subject, since indenting makes Python's encoder
    ten times as slow, and those of a large tree do not fit in memory."""
    before = "{\n"
    for key, value in to_builtins(_around(result, ())).items():
        yield f"{before}{_encoded(key)}: "
        before = ",\n"
        if key != "subjects":
            yield _encoded(value)
            continue
        yield "["
        first = True
        for subject in result.subjects:
            yield "\n" if first else ",\n"
            first = False
            yield _encoded(_subject(subject))
        yield "\n]"
    yield "\n}\n"


def _encoded(part: object) -> str:
    """A part of the report, on one line."""
    try:
        encoded = msgspec.json.encode(part)
    except UnicodeEncodeError:  # it holds bytes that are no UTF-8
        encoded = b""
    if encoded and encoded.isascii():
        return encoded.decode()
    return strict_json(json.dumps(to_builtins(part), separators=(",", ":")))


def document(result: CheckResult) -> CheckDocument:
    return _around(result, map(_subject, result.subjects))


def _around(
    result: CheckResult,
    subjects: Iterable[SubjectEntry],
) -> CheckDocument:
    return CheckDocument(
        tool=ToolEntry(version=result.version, checklist=result.checklist),
        host=HostEntry(
            name=result.host_name or result.place,
            simulated=result.simulated,
            saved_at=result.saved_at,
        ),
        engines=result.engines,
        hosts=tuple(map(_host, result.hosts)) or UNSET,
        fleet=result.fleet or UNSET,
        do_first=tuple(map(_first, result.do_first)),
        managed=result.managed,
        framework=_framework(result.framework) if result.framework is not None else UNSET,
        checks=_checks(result),
        subjects=tuple(subjects),
        kept_originals=result.kept,
        aside=result.aside,
        summary=_summary(result),
    )


_OLD_STATUS = {
    ControlAnswer.SHOWN: "met",
    ControlAnswer.CONTRADICTED: "not met",
    ControlAnswer.PERSON: "not looked at",
    ControlAnswer.UNKNOWN: "not looked at",
}
"""`status`, as older readers know it; `answer` says more."""


def _framework(framework: Framework) -> FrameworkEntry:
    return FrameworkEntry(
        id=framework.id,
        title=framework.title,
        edition=framework.text.edition,
        source=framework.text.source,
        left_out=dict(framework.text.left_out),
        controls=tuple(map(_control, framework.controls)),
    )


def _control(result: ControlResult) -> ControlEntry:
    control = result.control
    return ControlEntry(
        id=control.id,
        title=control.title,
        place=control.place,
        demands=control.demands,
        status=_OLD_STATUS[result.answer] if result.applies else "not applicable",
        answer=result.answer,
        how_far=result.how_far,
        because=result.because,
        needs=result.needs,
        checks=tuple(control.checks),
        shown_by=result.shown_by,
        passed=result.passed,
        evidence=tuple(
            EvidenceEntry(
                subject=name,
                kind=finding.subject.kind,
                check=finding.check,
                status=finding.status,
                severity=finding.severity.word,
                reason=finding.verdict.reason,
            )
            for name, finding in result.evidence
        ),
    )


def _host(host: HostResult) -> FleetHostEntry:
    return FleetHostEntry(
        name=host.name,
        source=host.source,
        saved_at=host.saved_at,
        group=host.group,
        simulated=host.simulated,
        engines=host.engines,
        containers=host.containers,
        worst_score=host.worst_score,
        failing={severity.word: host.failing(severity) for severity in reversed(Severity)},
        unknown=host.unknown,
        trouble=host.trouble,
    )


def _first(line: DoFirst) -> DoFirstEntry:
    return DoFirstEntry(
        subject=line.subject.name,
        subjects=tuple(subject.name for subject in line.subjects),
        kind=line.subject.kind,
        checks=line.checks,
        text=line.text,
        gain=line.gain,
        points=line.points,
        risk=line.risk,
        affects=line.affects,
    )


def _checks(result: CheckResult) -> dict[str, CheckEntry]:
    """Check -> what is the same for all its findings."""
    return {
        finding.check: CheckEntry(
            title=finding.title,
            step=finding.step,
            scope=finding.scope,
            references=tuple(finding.references),
            docs=f"docs/checks/{finding.check}.md",
        )
        for subject in result.subjects
        for finding in (*subject.findings, *subject.also)
    }


def _subject(judged: SubjectResult) -> SubjectEntry:
    subject = judged.subject
    gained = judged.score.gained
    return SubjectEntry(
        kind=subject.kind,
        host=judged.host or UNSET,
        id=subject.id,
        name=subject.name,
        engine=subject.engine,
        score=judged.score.value,
        level=judged.score.level,
        gain=gained.gain.words if gained is not None else UNSET,
        steps=gained.steps if gained is not None else UNSET,
        origin=gained.origin if gained is not None else UNSET,
        unseen=judged.score.unseen or UNSET,
        looked_at=judged.score.looked_at,
        undecided=undecided(judged.findings),
        trouble=judged.trouble,
        attack=judged.attack,
        file=judged.file or UNSET,
        line=judged.line if judged.file else UNSET,
        findings=tuple(
            _finding(finding, judged) for status in _LISTED for finding in judged.having(status)
        ),
        image=judged.image or UNSET,
        also=tuple(finding.check for finding in judged.also),
        passed=tuple(finding.check for finding in judged.findings if finding.status is Status.PASS),
        not_applicable={
            finding.check: finding.verdict.reason
            for finding in judged.having(Status.NOT_APPLICABLE)
        },
    )


def _finding(finding: Finding, judged: SubjectResult) -> FindingEntry:
    verdict = finding.verdict
    rise = judged.rises.get(finding.check)
    evidence: dict[str, list[str]] = {}
    for item in verdict.evidence:
        evidence.setdefault(item.where, []).append(item.saw)
    place = finding.place
    return FindingEntry(
        check=finding.check,
        status=finding.status,
        severity=finding.severity.word,
        scope=finding.scope,
        reason=verdict.reason,
        do=str(verdict.do) if verdict.do is not None else UNSET,
        declared=verdict.declared,
        effective=verdict.effective,
        evidence=evidence,
        points=rise.points if rise is not None else 0,
        ends_takeover=rise.ends_takeover if rise and judged.score.takes_over else UNSET,
        gain=finding.gained.gain.words,
        steps=finding.gained.steps,
        origin=finding.gained.origin,
        commands=_commands(finding),
        fixable=finding.check in judged.fixable,
        affects=finding.affects or UNSET,
        file=place.file if place is not None else UNSET,
        line=place.line if place is not None else UNSET,
        column=place.column if place is not None else UNSET,
    )


def _commands(finding: Finding) -> tuple[str, ...] | UnsetType:
    """Of a container, a plan tells what changes it."""
    told = finding.scope is not Kind.CONTAINER and bool(finding.verdict.commands)
    return finding.verdict.commands if told else UNSET


def _summary(result: CheckResult) -> SummaryEntry:
    counts = result.counts()
    by_status = {
        status: sum(counts[status, severity] for severity in Severity) for status in Status
    }
    failing: BySeverity = {
        severity.word: counts[Status.FAIL, severity] for severity in reversed(Severity)
    }
    return SummaryEntry(
        subjects=len(result.subjects),
        undecided=sum(subject.score.unknown for subject in result.subjects),
        passed=by_status[Status.PASS],
        failed=by_status[Status.FAIL],
        not_applicable=by_status[Status.NOT_APPLICABLE],
        unknown=by_status[Status.UNKNOWN],
        waived=by_status[Status.WAIVED],
        failing=failing,
        fail_on=result.fail_on.word,
        exit_code=result.exit_code,
        attack_paths=tuple(
            AttackPathEntry(
                container=path.name,
                id=path.id,
                engine=path.engine,
                sentence=path.sentence,
                checks=path.checks,
                also=path.also,
            )
            for path in result.paths
        ),
    )
