"""The report as JSON: `hardentui/check/2`, whose schema is check-2.schema.json beside this file.

Raw values in pure ASCII: whatever a name contains, a terminal that shows the JSON sees only escapes.
"""

from __future__ import annotations

import json
from typing import Any

from hardentui.harden.score import score_by_step
from hardentui.model.facts import EngineFacts
from hardentui.model.finding import Severity, Status
from hardentui.model.fix import Remediation
from hardentui.reports.result import CheckResult, HostResult, SubjectResult, TextStyle
from hardentui.reports.usual import Fields, Usual, as_data, fields, own, usual
from hardentui.visible import strict_json

SCHEMA = "hardentui/check/2"
_ORDER = (Status.FAIL, Status.UNKNOWN, Status.WAIVED, Status.PASS, Status.NOT_APPLICABLE)


def render(result: CheckResult, style: TextStyle) -> str:
    """One line for each subject: indenting makes Python's encoder ten times as slow."""
    whole = document(result)
    dense = json.JSONEncoder(separators=(",", ":")).encode
    subjects = ",\n".join(dense(subject) for subject in whole["subjects"])
    lines = [
        f"{dense(key)}: {f'[{chr(10)}{subjects}{chr(10)}]' if key == 'subjects' else dense(value)}"
        for key, value in whole.items()
    ]
    return strict_json("{\n" + ",\n".join(lines) + "\n}\n")


def document(result: CheckResult) -> dict[str, Any]:
    """The report as plain data."""
    listed = [[fields(finding, subject.pid) for finding in subject.findings] for subject in result.subjects]
    common = usual(
        pair
        for subject, findings in zip(result.subjects, listed, strict=True)
        for pair in zip(subject.findings, findings, strict=True)
    )
    return {
        "schema": SCHEMA,
        "tool": {"name": "hardentui", "version": result.version, "checklist": result.checklist},
        "host": {
            "name": result.host_name or result.place,
            "simulated": result.simulated,
            "saved_at": result.saved_at,
        },
        "engine": _engine(result.engines[0]) if result.engines else None,
        "engines": [_engine(engine) for engine in result.engines],
        "checks": _checks(result, common),
        **({"hosts": [_host(host) for host in result.hosts]} if result.hosts else {}),
        "subjects": [
            _subject(subject, findings, common)
            for subject, findings in zip(result.subjects, listed, strict=True)
        ],
        "kept_originals": [
            {"id": kept.id, "name": kept.name, "engine": kept.engine, "of": kept.of, "entry": kept.entry}
            for kept in result.kept
        ],
        "summary": _summary(result),
    }


def _host(host: HostResult) -> dict[str, Any]:
    """A host in a report on several; its subjects refer to it."""
    return {
        "name": host.name,
        "source": host.source,
        "saved_at": host.saved_at,
        "simulated": host.simulated,
        "engines": [_engine(engine) for engine in host.engines],
        "containers": host.containers,
        "worst_score": host.worst_score,
        "failing": {severity.word: host.failing(severity) for severity in reversed(Severity)},
        "unknown": host.unknown,
        "trouble": host.trouble,
    }


def _engine(engine: EngineFacts) -> dict[str, Any]:
    info = engine.info.get("host") if hasattr(engine.info, "get") else None
    return {
        "label": engine.label,
        "url": engine.url,
        "version": str(engine.version),
        "rootless": engine.rootless if isinstance(engine.rootless, bool) else None,
        "cgroups": info.get("cgroupVersion") if isinstance(info, dict) else None,
    }


def _subject(judged: SubjectResult, listed: list[Fields], common: Usual) -> dict[str, Any]:
    """A subject with its findings by status; `listed` are their fields."""
    subject = judged.subject
    by_step = score_by_step(judged.findings)
    findings: dict[Status, dict[str, Any]] = {status: {} for status in Status}
    for finding, values in zip(judged.findings, listed, strict=True):
        status = finding.verdict.status
        findings[status][finding.check] = as_data(own(values, common[finding.check, status]))
    return {
        "kind": subject.kind.value,
        **({"host": judged.host} if judged.host else {}),
        "id": subject.id,
        "name": subject.name,
        "engine": subject.engine,
        **({"pid": judged.pid} if judged.pid else {}),
        "score": judged.score.value,
        "level": judged.score.level,
        "looked_at": list(judged.score.looked_at),
        "coverage": judged.score.coverage,
        "step_scores": {str(step): step_score.value for step, step_score in by_step.items()},
        "step_coverage": {str(step): step_score.coverage for step, step_score in by_step.items()},
        "trouble": judged.trouble,
        "attack": judged.attack,
        "raises_most": list(judged.raises_most),
        **{status.value: findings[status] for status in _ORDER},
    }


def _checks(result: CheckResult, common: Usual) -> dict[str, Any]:
    """Check -> data shared by all its findings. A fix is included if at least one finding fails."""
    checks: dict[str, Any] = {}
    for subject in result.subjects:
        for finding in subject.findings:
            known = checks.get(finding.check)
            if known is None:
                known = checks[finding.check] = {
                    "title": finding.title,
                    "step": finding.step,
                    "references": list(finding.references),
                    "fix": None,
                    "usual": {
                        status.value: as_data(values)
                        for status in _ORDER
                        if (values := common.get((finding.check, status)))
                    },
                }
            if known["fix"] is None and finding.remediation is not None:
                known["fix"] = _fix(finding.remediation)
    return checks


def _fix(remediation: Remediation) -> dict[str, str]:
    return {
        "summary": remediation.summary,
        "impact": remediation.impact,
        "kind": remediation.kind.value,
        "risk": remediation.risk.value,
    }


def _summary(result: CheckResult) -> dict[str, Any]:
    counts = result.counts()
    return {
        "subjects": len(result.subjects),
        **{status.value: sum(counts[status, severity] for severity in Severity) for status in Status},
        "failing": {severity.word: counts[Status.FAIL, severity] for severity in reversed(Severity)},
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
