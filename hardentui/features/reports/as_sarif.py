"""The report as SARIF 2.1.0, for code scanning services and editors.

Failing findings are results. What could not be checked is a result of the kind `open`: not a
failure, but not hidden either. A waived finding is a suppressed result. Each result has a
fingerprint of check, subject and engine, so a finding keeps its identity when the container is
recreated. Names are raw: JSON escapes what a terminal would interpret.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from posixpath import normpath
from typing import Any
from urllib.parse import quote

from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.harden.score import most_severe_first
from hardentui.model.finding import Finding, Kind, Place, Severity, Status, Subject
from hardentui.visible import strict_json

VERSION = "2.1.0"
MOST_RESULTS = 25_000
"""GitHub rejects files with more results in a run; the worst come first, and the cut is reported.
"""

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_SECURITY_SEVERITY = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}
_TAKEOVER = "10.0"
"""GitHub's sort key: from 9.0 critical, from 7.0 high, from 4.0 medium."""


def render(result: CheckResult, style: TextStyle) -> str:
    return strict_json(json.dumps(document(result), indent=1)) + "\n"


def document(result: CheckResult) -> dict[str, Any]:
    """The report as plain data."""
    pairs = sorted(
        _reported(result),
        key=lambda pair: (
            pair[0].status is not Status.FAIL,
            most_severe_first(pair[0]),
        ),
    )
    rules = _rules(pairs)
    places = {rule["id"]: index for index, rule in enumerate(rules)}
    place = quote(
        result.place,
        safe="",
        errors="replace",
    )
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "HardenTUI",
                "semanticVersion": result.version,
                "rules": rules,
            }
        },
        "automationDetails": {"id": f"hardentui/{place}/{result.checklist}"},
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": result.exit_code,
                "toolExecutionNotifications": list(_notifications(result, len(pairs))),
            }
        ],
        "results": [
            _result(finding, subject, places[finding.check])
            for finding, subject in pairs[:MOST_RESULTS]
        ],
        "columnKind": "unicodeCodePoints",
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": VERSION,
        "runs": [run],
    }


def _reported(result: CheckResult) -> Iterator[tuple[Finding, SubjectResult]]:
    for subject in result.subjects:
        at_rest = (
            subject.subject.kind is Kind.SERVICE
        )  # what no file decides is no result of a file
        for status in (
            (Status.FAIL, Status.WAIVED)
            if at_rest
            else (Status.FAIL, Status.UNKNOWN, Status.WAIVED)
        ):
            for finding in subject.having(status):
                yield finding, subject


def _rules(pairs: list[tuple[Finding, SubjectResult]]) -> list[dict[str, Any]]:
    rules: dict[str, dict[str, Any]] = {}
    for finding, _ in pairs:
        rule = rules.setdefault(finding.check, _rule(finding))
        if finding.remediation is not None and "help" not in rule:
            fix = finding.remediation
            rule["help"] = {"text": f"{fix.summary}. It may break: {fix.impact or 'nothing known'}"}
    return list(rules.values())


@cache
def _site() -> str:
    """The address of the documentation, where the build names one: `[project.urls] Documentation`."""
    try:
        urls: list[str] = metadata("hardentui").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    addresses = dict(url.partition(", ")[::2] for url in urls)
    return addresses.get("Documentation", "").rstrip("/")


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.check,
        **({"helpUri": f"{_site()}/checks/{finding.check}/"} if _site() else {}),
        "name": "".join(word.capitalize() for word in finding.check.split("-")),
        "shortDescription": {"text": finding.title},
        "properties": {
            "security-severity": (
                _TAKEOVER if finding.takes_over else _SECURITY_SEVERITY[finding.severity]
            ),
            "tags": [
                "security",
                f"step-{finding.step}",
                *finding.references,
            ],
        },
    }


def _result(
    finding: Finding,
    judged: SubjectResult,
    place: int,
) -> dict[str, Any]:
    verdict, subject = finding.verdict, judged.subject
    data: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": place,
        "message": {"text": f"{judged.title}: {verdict.reason or finding.title}"},
        "locations": [_location(judged, finding.place)],
        "partialFingerprints": {"hardentui/v1": fingerprint(finding, subject, judged.host)},
        "properties": {
            name: value
            for name, value in (
                ("declared", verdict.declared),
                ("effective", verdict.effective),
            )
            if value
        },
    }
    if verdict.status is Status.UNKNOWN:
        return {**data, "kind": "open", "level": "none"}
    data |= {"kind": "fail", "level": _LEVELS[finding.severity]}
    if verdict.status is Status.WAIVED:
        data["suppressions"] = [{"kind": "external", "justification": verdict.reason}]
    return data


def _location(
    judged: SubjectResult,
    place: Place | None,
) -> dict[str, Any]:
    """The place in its file, or the unit file of a container. One without: its engine and name
    serve as a path, because services show only paths, and only with a line."""
    subject = judged.subject
    words = (
        judged.host,
        subject.kind.value,
        subject.engine,
        subject.name,
    )
    full = "/".join(word for word in words if word)
    uri = f"file://{quote(judged.host, errors='replace')}{quote(judged.file, errors='replace')}"
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": uri if judged.file else quote(full, errors="replace")},
        "region": {"startLine": judged.line or 1},
    }
    if place is not None:
        physical = {
            "artifactLocation": {"uri": quote(normpath(place.file), errors="replace")},
            "region": {
                "startLine": place.line,
                "startColumn": place.column,
                "endLine": place.end_line,
                "endColumn": place.end_column,
            },
        }
    return {
        "physicalLocation": physical,
        "logicalLocations": [
            {
                "name": subject.name,
                "fullyQualifiedName": full,
                "kind": "resource",
            }
        ],
    }


def fingerprint(
    finding: Finding,
    subject: Subject,
    host: str = "",
) -> str:
    """Stable for the same check of the same subject, even after it was recreated."""
    name = subject.id if subject.kind is Kind.SERVICE else subject.name or subject.id
    words = (
        finding.check,
        *([host] if host else []),
        subject.kind.value,
        subject.engine,
        name,
    )
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def _notifications(
    result: CheckResult,
    count: int,
) -> Iterator[dict[str, Any]]:
    for subject in result.subjects:
        if subject.trouble:
            text = f"{subject.title} could not be checked: {subject.trouble}"
            yield {"level": "error", "message": {"text": text}}
    if count > MOST_RESULTS:
        text = (
            f"{count - MOST_RESULTS} further results are left out; the worst {MOST_RESULTS} are "
            "here."
        )
        yield {"level": "warning", "message": {"text": text}}
