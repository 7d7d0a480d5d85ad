"""The findings of a JSON report of `check`, each with its step and status."""

from collections.abc import Iterator
from typing import Any


def findings_of(document: Any, subject: Any) -> list[dict[str, Any]]:
    """Every finding of a subject; of a container also what its image and the site say of it."""
    findings = list(_own(document, subject))
    if subject["kind"] == "container":
        for other in document["subjects"]:
            of_image = other["kind"] == "image" and other["id"] == subject.get("image")
            if other.get("host") == subject.get("host") and (of_image or other["kind"] == "site"):
                findings += [
                    finding
                    for finding in _own(document, other)
                    if subject["name"] in finding.get("affects", (subject["name"],))
                ]
    return findings


def _own(document: Any, subject: Any) -> Iterator[dict[str, Any]]:
    steps = {check: texts["step"] for check, texts in document["checks"].items()}
    for finding in subject["findings"]:
        yield {**finding, "step": steps[finding["check"]]}
    for check in subject["passed"]:
        yield {"check": check, "step": steps[check], "status": "pass"}
    for check, reason in subject["not_applicable"].items():
        yield {
            "check": check,
            "step": steps[check],
            "status": "not-applicable",
            "reason": reason,
        }


def by_check(document: Any, name: str) -> dict[str, dict[str, Any]]:
    """Check -> its finding on the only subject of that name."""
    (subject,) = (subject for subject in document["subjects"] if subject["name"] == name)
    return {finding["check"]: finding for finding in findings_of(document, subject)}


def statuses(document: Any, name: str) -> dict[str, str]:
    """Check -> its status on the only subject of that name."""
    return {check: finding["status"] for check, finding in by_check(document, name).items()}


def every_finding(document: Any) -> list[dict[str, Any]]:
    """The findings of all subjects, each once."""
    return [finding for subject in document["subjects"] for finding in _own(document, subject)]


def failing(subject: Any) -> dict[str, dict[str, Any]]:
    """Check -> its finding, of those that fail."""
    return {each["check"]: each for each in subject["findings"] if each["status"] == "fail"}


def seen(finding: dict[str, Any]) -> list[str]:
    """What was seen anywhere."""
    return [saw for words in finding["evidence"].values() for saw in words]
