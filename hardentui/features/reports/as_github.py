"""The report as GitHub's workflow commands: each failing finding is an annotation, in its file if
any."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.model.finding import Finding, Severity, Status
from hardentui.visible import visible
from hardentui.words import plural

_COMMANDS = {Severity.MEDIUM: "warning", Severity.LOW: "notice"}


def render(result: CheckResult, style: TextStyle) -> str:
    lines = [line for subject in result.subjects for line in _annotations(subject)]
    return (
        "\n".join(
            (
                *lines,
                f"{plural(len(lines), 'annotation')}, exit code {result.exit_code}",
            )
        )
        + "\n"
    )


def _annotations(subject: SubjectResult) -> Iterator[str]:
    if subject.trouble:
        place = f"file={_value(subject.file)}," if subject.file else ""
        yield f"::error {place}title=not checked::{_text(f'{subject.title}: {subject.trouble}')}"
    for finding in subject.having(Status.FAIL):
        yield _annotation(subject, finding)


def _annotation(subject: SubjectResult, finding: Finding) -> str:
    command = _COMMANDS.get(finding.severity, "error")
    where = {"title": f"{finding.severity.word} {finding.check}"}
    if finding.place is not None:
        place = finding.place
        where = {
            "file": posixpath.normpath(place.file),
            "line": str(place.line),
            "endLine": str(place.end_line),
            **where,
        }
        if place.line == place.end_line:  # GitHub refuses columns over several lines
            where = {
                **where,
                "col": str(place.column),
                "endColumn": str(place.end_column),
            }
    elif subject.file:
        where = {
            "file": subject.file,
            "line": str(subject.line or 1),
            **where,
        }
    properties = ",".join(f"{name}={_value(value)}" for name, value in where.items())
    return f"::{command} {properties}::{_text(f'{subject.title}: {finding.verdict.reason or finding.title}')}"


def _text(text: str) -> str:
    return (
        visible(text, 1000)
        .replace("%", "%25")
        .replace("\r", "%0D")
        .replace(
            "\n",
            "%0A",
        )
    )


def _value(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
