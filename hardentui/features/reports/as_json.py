"""The report as JSON: `hardentui/check/3`, whose schema is check-3.schema.json beside this file.

Each finding is complete in itself; the texts of a check stand once, in `checks`. Raw values in pure
ASCII: whatever a name contains, a terminal that shows the JSON sees only escapes.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import to_builtins

from hardentui.features.frameworks.answers import ControlAnswer, ControlResult, Framework
from hardentui.features.reports.fleet_view import ComparedApplication, FleetView
from hardentui.features.reports.result import CheckResult, HostResult, SubjectResult, TextStyle
from hardentui.features.reports.saved_report import SCHEMA
from hardentui.harden.do_first import DoFirst
from hardentui.harden.score import Score
from hardentui.harden.undecided import undecided
from hardentui.model.facts import EngineFacts
from hardentui.model.finding import Finding, Severity, Status
from hardentui.model.known import known
from hardentui.visible import strict_json

_LISTED = (Status.FAIL, Status.UNKNOWN, Status.WAIVED)


def render(result: CheckResult, style: TextStyle) -> str:
    """One line for each subject: indenting makes Python's encoder ten times as slow."""
    dense = json.JSONEncoder(separators=(",", ":")).encode
    # each is encoded at once: as data, those of a fleet are five times as large
    subjects = ",\n".join(dense(_subject(subject)) for subject in result.subjects)
    lines = [
        f"{dense(key)}: {f'[{chr(10)}{subjects}{chr(10)}]' if key == 'subjects' else dense(value)}"
        for key, value in _around_subjects(result, []).items()
    ]
    return strict_json("{\n" + ",\n".join(lines) + "\n}\n")


def document(result: CheckResult) -> dict[str, Any]:
    """The report as plain data."""
    return _around_subjects(
        result,
        [_subject(subject) for subject in result.subjects],
    )


def _around_subjects(
    result: CheckResult,
    subjects: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "tool": {
            "name": "hardentui",
            "version": result.version,
            "checklist": result.checklist,
        },
        "host": {
            "name": result.host_name or result.place,
            "simulated": result.simulated,
            "saved_at": result.saved_at,
        },
        "engines": [_engine(engine) for engine in result.engines],
        **({"hosts": [_host(host) for host in result.hosts]} if result.hosts else {}),
        **({"fleet": _fleet(result.fleet)} if result.fleet is not None else {}),
        "do_first": [_first(line) for line in result.do_first],
        "managed": [to_builtins(group) for group in result.managed],
        **({"framework": _framework(result.framework)} if result.framework is not None else {}),
        "checks": _checks(result),
        "subjects": subjects,
        "kept_originals": [
            {
                "id": kept.id,
                "name": kept.name,
                "engine": kept.engine,
                "of": kept.of,
                "entry": kept.entry,
            }
            for kept in result.kept
            if not kept.aside
        ],
        "aside": [
            {
                "id": kept.id,
                "name": kept.name,
                "engine": kept.engine,
                "kind": kept.aside,
            }
            for kept in result.kept
            if kept.aside
        ],
        "summary": _summary(result),
    }


_OLD_STATUS = {
    ControlAnswer.SHOWN: "met",
    ControlAnswer.CONTRADICTED: "not met",
    ControlAnswer.PERSON: "not looked at",
    ControlAnswer.UNKNOWN: "not looked at",
}
"""`status`, as older readers know it; `answer` says more."""


def _framework(framework: Framework) -> dict[str, Any]:
    return {
        "id": framework.id,
        "title": framework.title,
        "edition": framework.text.edition,
        "source": framework.text.source,
        "left_out": dict(framework.text.left_out),
        "controls": [_control(result) for result in framework.controls],
    }


def _control(result: ControlResult) -> dict[str, Any]:
    control = result.control
    return {
        "id": control.id,
        "title": control.title,
        "place": control.place,
        "demands": control.demands,
        "status": _OLD_STATUS[result.answer] if result.applies else "not applicable",
        "answer": result.answer.value,
        "how_far": result.how_far,
        "because": result.because,
        "needs": result.needs,
        "checks": list(control.checks),
        "shown_by": list(result.shown_by),
        "passed": result.passed,
        "evidence": [
            {
                "subject": name,
                "kind": finding.subject.kind.value,
                "check": finding.check,
                "status": finding.status.value,
                "severity": finding.severity.word,
                "reason": finding.verdict.reason,
            }
            for name, finding in result.evidence
        ],
    }


def _host(host: HostResult) -> dict[str, Any]:
    """A host in a report on several; its subjects refer to it."""
    return {
        "name": host.name,
        "source": host.source,
        "saved_at": host.saved_at,
        "group": host.group,
        "simulated": host.simulated,
        "engines": [_engine(engine) for engine in host.engines],
        "containers": host.containers,
        "worst_score": host.worst_score,
        "failing": {severity.word: host.failing(severity) for severity in reversed(Severity)},
        "unknown": host.unknown,
        "trouble": host.trouble,
    }


def _fleet(fleet: FleetView) -> dict[str, Any]:
    """What several hosts have in common, what tells them apart, and what became of them."""
    return {
        "everywhere": [
            {
                "checks": list(line.checks),
                "severity": line.severity.word,
                "hosts": line.hosts,
                "without": list(line.without),
            }
            for line in fleet.everywhere
        ],
        "applications": [_application(application) for application in fleet.applications],
        "changes": to_builtins(fleet.changes),
        "old": to_builtins(fleet.old),
        "missing": [age.host for age in fleet.missing],
    }


def _application(application: ComparedApplication) -> dict[str, Any]:
    """`proven`: the best one runs with what the fixes would make of it, on the same image and
    Podman."""
    return {
        "name": application.name,
        "containers": application.containers,
        "hosts": application.hosts,
        "best": {
            "host": application.best_host,
            "container": application.best,
            "score": application.best_score,
        },
        "lagging": [
            {
                "host": lagging.host,
                "container": lagging.container,
                "engine": lagging.engine,
                "checks": list(lagging.checks),
                "proven": not lagging.trial_first,
                "trial_first": lagging.trial_first,
            }
            for lagging in application.lagging
        ],
    }


def _engine(engine: EngineFacts) -> dict[str, Any]:
    info = known(lambda: engine.info.get("host"), else_=None)
    return {
        "label": engine.label,
        "url": engine.url,
        "version": "" if engine.only_read else str(engine.version),
        "rootless": engine.rootless if isinstance(engine.rootless, bool) else None,
        "cgroups": info.get("cgroupVersion") if isinstance(info, dict) else None,
    }


def _first(line: DoFirst) -> dict[str, Any]:
    return {
        "subject": line.subject.name,
        "subjects": [subject.name for subject in line.subjects],
        "kind": line.subject.kind.value,
        "checks": list(line.checks),
        "text": line.text,
        "gain": line.gain,
        "points": line.points,
        "risk": line.risk,
        "affects": line.affects,
    }


def _checks(result: CheckResult) -> dict[str, Any]:
    """Check -> what is the same for all its findings."""
    return {
        finding.check: {
            "title": finding.title,
            "step": finding.step,
            "scope": finding.scope.value,
            "references": list(finding.references),
            "docs": f"docs/checks/{finding.check}.md",
        }
        for subject in result.subjects
        for finding in (*subject.findings, *subject.also)
    }


def _subject(judged: SubjectResult) -> dict[str, Any]:
    subject = judged.subject
    fixable = judged.fixable
    return {
        "kind": subject.kind.value,
        **({"host": judged.host} if judged.host else {}),
        "id": subject.id,
        "name": subject.name,
        "engine": subject.engine,
        "score": judged.score.value,
        "level": judged.score.level,
        **_gained(judged.score),
        "looked_at": list(judged.score.looked_at),
        "undecided": [
            {
                "source": group.source.value,
                "checks": list(group.checks),
                "reasons": list(group.reasons),
            }
            for group in undecided(judged.findings)
        ],
        "trouble": judged.trouble,
        "attack": judged.attack,
        **({"file": judged.file, "line": judged.line} if judged.file else {}),
        "findings": [
            _finding(finding, judged, finding.check in fixable)
            for status in _LISTED
            for finding in judged.having(status)
        ],
        **({"image": judged.image} if judged.image else {}),
        "also": [finding.check for finding in judged.also],
        "passed": [finding.check for finding in judged.findings if finding.status is Status.PASS],
        "not_applicable": {
            finding.check: finding.verdict.reason
            for finding in judged.having(Status.NOT_APPLICABLE)
        },
    }


def _gained(score: Score) -> dict[str, Any]:
    """The worst that an intruder gets, in how many further steps, and what was not looked at."""
    gained = score.gained
    worst = {}
    if gained is not None:
        worst = {
            "gain": gained.gain.words,
            "steps": gained.steps,
            "from": gained.origin.value,
        }
    return {
        **worst,
        **({"unseen": list(score.unseen)} if score.unseen else {}),
    }


def _finding(
    finding: Finding,
    judged: SubjectResult,
    fixable: bool,
) -> dict[str, Any]:
    """A finding, complete in itself but for the texts of its check."""
    verdict = finding.verdict
    rise = judged.rises.get(finding.check)
    evidence: dict[str, list[str]] = {}
    for item in verdict.evidence:
        evidence.setdefault(item.where, []).append(item.saw)
    return {
        "check": finding.check,
        "status": finding.status.value,
        "severity": finding.severity.word,
        "scope": finding.scope.value,
        "reason": verdict.reason,
        **({"do": str(verdict.do)} if verdict.do is not None else {}),
        "declared": verdict.declared,
        "effective": verdict.effective,
        "evidence": evidence,
        "points": rise.points if rise is not None else 0,
        **({"ends_takeover": rise.ends_takeover} if rise and judged.score.takes_over else {}),
        "gain": finding.gained.gain.words,
        "steps": finding.gained.steps,
        "from": finding.gained.origin.value,
        "fixable": fixable,
        **({"affects": list(finding.affects)} if finding.affects else {}),
        **(
            {
                "file": finding.place.file,
                "line": finding.place.line,
                "column": finding.place.column,
            }
            if finding.place is not None
            else {}
        ),
    }


def _summary(result: CheckResult) -> dict[str, Any]:
    counts = result.counts()
    return {
        "subjects": len(result.subjects),
        "undecided": sum(subject.score.unknown for subject in result.subjects),
        **{
            status.value: sum(counts[status, severity] for severity in Severity)
            for status in Status
        },
        "failing": {
            severity.word: counts[Status.FAIL, severity] for severity in reversed(Severity)
        },
        "fail_on": result.fail_on.word,
        "exit_code": result.exit_code,
        "attack_paths": [
            {
                "container": path.name,
                "id": path.id,
                "engine": path.engine,
                "sentence": path.sentence,
                "checks": list(path.checks),
                "also": list(path.also),
            }
            for path in result.paths
        ],
    }
