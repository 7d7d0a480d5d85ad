"""The report as JSON: `hardentui/check/1`, whose schema is check-1.schema.json beside this file.

Raw values in pure ASCII: whatever a name contains, a terminal that shows the JSON sees only escapes.
"""

from __future__ import annotations

import json
from typing import Any

from hardentui.harden.score import score_by_step
from hardentui.model.facts import EngineFacts
from hardentui.model.finding import Finding, Remediation, Severity, Status
from hardentui.reports.result import CheckResult, HostResult, SubjectResult, TextStyle
from hardentui.visible import strict_json

SCHEMA = "hardentui/check/1"


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
        "checks": _checks(result),
        **({"hosts": [_host(host) for host in result.hosts]} if result.hosts else {}),
        "subjects": [_subject(subject) for subject in result.subjects],
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


def _subject(judged: SubjectResult) -> dict[str, Any]:
    subject = judged.subject
    return {
        "kind": subject.kind.value,
        **({"host": judged.host} if judged.host else {}),
        "id": subject.id,
        "name": subject.name,
        "engine": subject.engine,
        "score": judged.score.value,
        "coverage": judged.score.coverage,
        "trouble": judged.trouble,
        "attack": judged.attack,
        "raises_most": list(judged.raises_most),
        "steps": [
            {"step": step, "score": step_score.value, "coverage": step_score.coverage}
            for step, step_score in score_by_step(judged.findings).items()
        ],
        "findings": [_finding(finding) for finding in judged.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    """The data of this subject only, without empty fields: `checks` has the texts of the checks."""
    verdict = finding.verdict
    data: dict[str, Any] = {
        "check": finding.check,
        "step": finding.step,
        "status": verdict.status.value,
        "severity": finding.severity.word,
        "declared": verdict.declared,
        "effective": verdict.effective,
        "evidence": [
            {"where": item.where, "saw": item.saw}
            for item in verdict.evidence
            if item.saw != verdict.declared  # the configuration is already listed
        ],
        "reason": verdict.reason,
    }
    if (remediation := finding.remediation) is not None:
        data |= {
            "run": remediation.run,
            "quadlet": remediation.quadlet,
            "commands": list(remediation.commands),
        }
        if remediation.here not in (None, remediation.risk):
            data["risk"] = remediation.here
    return {name: value for name, value in data.items() if value}


def _checks(result: CheckResult) -> dict[str, Any]:
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
