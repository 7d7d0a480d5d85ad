"""The answers to the controls of a framework as OSCAL 1.1 assessment results, for compliance tools.

A control is a finding, what was seen of a container, image or host an observation. Only what checks
show wholly is `satisfied`. What is contradicted, unknown or needs a person is `not-satisfied`; the
reason and the remarks tell them apart. IDs are made from what they name, so the same finding keeps
its ID in the next report; the document's own ID changes with its contents, as OSCAL wants it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hardentui.errors import InputError
from hardentui.features.frameworks.answers import LONGEST, ControlAnswer, ControlResult, Framework
from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.model.finding import Finding, Kind
from hardentui.visible import strict_json, visible

VERSION = "1.1.3"
_Seen = dict[str, dict[str, Any]]


def render(result: CheckResult, style: TextStyle) -> str:
    return strict_json(json.dumps(document(result), indent=1)) + "\n"


def document(
    result: CheckResult,
    now: datetime | None = None,
) -> dict[str, Any]:
    """The report as plain data.

    Args:
        now: the time that facts which are not saved ones are of.

    Raises:
        InputError: it is not by the controls of a framework.
    """
    if result.framework is None:
        raise InputError(
            "OSCAL tells the controls of a framework.", "Add --framework cis, nist or bsi."
        )
    framework, collected = result.framework, _time(result.saved_at, now or datetime.now(UTC))
    host = result.host_name or result.place
    subjects: _Seen = {}
    observations: _Seen = {}
    findings = [
        _control(
            framework,
            control,
            host,
            collected,
            subjects,
            observations,
        )
        for control in framework.controls
    ]
    title = f"{framework.title}: {visible(result.place or host)}"
    assessed = {
        "uuid": _uuid(host, framework.id, collected),
        "title": title,
        "description": f"What HardenTUI {result.version} read, with the checklist {result.checklist}.",
        "start": collected,
        **({"local-definitions": {"inventory-items": list(subjects.values())}} if subjects else {}),
        "reviewed-controls": {
            "control-selections": [
                {
                    "include-controls": [
                        {"control-id": _token(framework, each.control.id)}
                        for each in framework.controls
                    ]
                }
            ]
        },
        **({"observations": list(observations.values())} if observations else {}),
        "findings": findings,
    }
    return {
        "assessment-results": {
            "uuid": _uuid(json.dumps(assessed)),
            "metadata": {
                "title": title,
                "last-modified": collected,
                "version": result.version,
                "oscal-version": VERSION,
            },
            "import-ap": {
                "href": "#",
                "remarks": "There is no plan: every check of the checklist ran.",
            },
            "results": [assessed],
        }
    }


def _control(
    framework: Framework,
    result: ControlResult,
    host: str,
    collected: str,
    subjects: _Seen,
    observations: _Seen,
) -> dict[str, Any]:
    """The finding of a control; adds what it rests on to the subjects and observations."""
    control = result.control
    related = []
    for name, finding in result.evidence:
        observation = _observation(
            host,
            name,
            finding,
            collected,
            subjects,
        )
        observations[observation["uuid"]] = observation
        related.append({"observation-uuid": observation["uuid"]})
    return {
        "uuid": _uuid(host, framework.id, control.id),
        "title": f"{control.id} {control.title}",
        "description": f"{control.demands} ({framework.text.edition}, {control.place})",
        "target": {
            "type": "objective-id",
            "target-id": _token(framework, control.id),
            "status": _status(result),
        },
        **({"related-observations": related} if related else {}),
    }


def _status(result: ControlResult) -> dict[str, str]:
    if result.answer is ControlAnswer.SHOWN:
        return {
            "state": "satisfied",
            "reason": "pass",
            "remarks": visible(result.sentence, LONGEST),
        }
    if result.answer is ControlAnswer.CONTRADICTED:
        return {"state": "not-satisfied", "reason": "fail"}
    needs = "" if result.answer is ControlAnswer.UNKNOWN else "Needs a person. "
    return {
        "state": "not-satisfied",
        "reason": "other",
        "remarks": visible(f"{needs}{result.sentence}", LONGEST),
    }


def _observation(
    host: str,
    name: str,
    finding: Finding,
    collected: str,
    subjects: _Seen,
) -> dict[str, Any]:
    kind, engine = finding.subject.kind, finding.subject.engine
    subject = _uuid(
        host,
        kind.value,
        engine,
        name,
    )
    subjects[subject] = {
        "uuid": subject,
        "description": f"{kind.value} {visible(name)}",
    }
    verdict = finding.verdict
    seen = [f"{visible(item.where)}: {visible(item.saw)}" for item in verdict.evidence]
    facts = {
        "check": finding.check,
        "status": finding.status.value,
        "severity": finding.severity.word,
    }
    return {
        "uuid": _uuid(
            host,
            kind.value,
            engine,
            name,
            finding.check,
        ),
        "title": finding.title,
        "description": visible(verdict.reason) or finding.title,
        "props": [{"name": name, "value": value} for name, value in facts.items()],
        "methods": ["TEST" if kind is Kind.CONTAINER else "EXAMINE"],
        "subjects": [{"subject-uuid": subject, "type": "inventory-item"}],
        **({"relevant-evidence": [{"description": line} for line in seen]} if seen else {}),
        "collected": collected,
    }


def _token(framework: Framework, number: str) -> str:
    """A control's number as OSCAL's token, which begins with a letter."""
    return f"{framework.id}-{number.lower()}"


def _uuid(*words: str) -> str:
    return str(uuid5(NAMESPACE_URL, "\0".join(("hardentui", *words))))


def _time(saved_at: str, now: datetime) -> str:
    """The time that the facts are of, in the form of RFC 3339."""
    if saved_at:
        now = datetime.strptime(saved_at, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)
    return now.isoformat(timespec="seconds")
