"""The findings of a JSON report of `check` in full, as docs/formats.md says how to put them together."""

from __future__ import annotations

from typing import Any

STATUSES = ("fail", "unknown", "waived", "pass", "not-applicable")


def findings_of(document: Any, subject: Any) -> list[dict[str, Any]]:
    """Every finding of a subject, with its check, step and status, and what is usual for them."""
    checks = document["checks"]
    findings = [
        {
            **checks[check]["usual"].get(status, {}),
            **own,
            "check": check,
            "step": checks[check]["step"],
            "status": status,
        }
        for status in STATUSES
        for check, own in subject[status].items()
    ]
    return [{name: value for name, value in finding.items() if value} for finding in findings]


def by_check(document: Any, name: str) -> dict[str, dict[str, Any]]:
    """Check -> its finding on the only subject of that name."""
    (subject,) = (subject for subject in document["subjects"] if subject["name"] == name)
    return {finding["check"]: finding for finding in findings_of(document, subject)}


def statuses(document: Any, name: str) -> dict[str, str]:
    """Check -> its status on the only subject of that name."""
    return {check: finding["status"] for check, finding in by_check(document, name).items()}


def every_finding(document: Any) -> list[dict[str, Any]]:
    """The findings of all subjects."""
    return [finding for subject in document["subjects"] for finding in findings_of(document, subject)]


def seen(finding: dict[str, Any]) -> list[str]:
    """What was seen anywhere; a place without words of its own shows what is effective."""
    return [saw for words in finding["evidence"].values() for saw in words or [finding["effective"]]]
