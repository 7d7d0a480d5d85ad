"""The report as JUnit XML for CI systems: a suite for each subject, a test case for each finding.

A failing finding of at least the severity of `--fail-on` is a failure, so the CI job agrees with
the exit code; a less severe one passes with its text as output. Findings that are unknown, do not
apply or are waived are skipped, with the reason. A subject that could not be read at all is an
error.
"""

from __future__ import annotations

from xml.etree import ElementTree

from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.model.finding import Finding, Status
from hardentui.visible import visible_lines


def render(result: CheckResult, style: TextStyle) -> str:
    root = ElementTree.Element(
        "testsuites",
        {"name": f"hardentui {result.checklist}"},
    )
    for subject in result.subjects:
        _suite(root, subject, result)
    totals = {
        name: str(sum(int(suite.get(name, "0")) for suite in root))
        for name in ("tests", "failures", "errors", "skipped")
    }
    for name, value in totals.items():
        root.set(name, value)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(
    root: ElementTree.Element,
    subject: SubjectResult,
    result: CheckResult,
) -> None:
    words = (
        subject.host,
        subject.subject.engine,
        subject.subject.name,
    )
    name = plain("/".join(word for word in words if word))
    host = plain(subject.host or result.place)
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {"name": name, "hostname": host},
    )
    outcomes = [
        _case(
            suite,
            name,
            finding,
            result,
        )
        for status in Status
        for finding in subject.having(status)
    ]
    if subject.trouble:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": name, "name": "could be checked"}
        )
        ElementTree.SubElement(
            case, "error", {"message": plain(subject.trouble), "type": "unknown"}
        )
        outcomes.append("errors")
    suite.set("tests", str(len(outcomes)))
    for outcome in ("failures", "errors", "skipped"):
        suite.set(outcome, str(outcomes.count(outcome)))


def _case(
    suite: ElementTree.Element,
    name: str,
    finding: Finding,
    result: CheckResult,
) -> str:
    """Add the test case of a finding; returns the suite's counter for it, empty for a pass."""
    verdict = finding.verdict
    classname = f"{name}.step{finding.step:02}"
    where = (
        {
            "file": plain(finding.place.file),
            "line": str(finding.place.line),
        }
        if finding.place
        else {}
    )
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": classname, "name": finding.check, **where}
    )
    counts = finding.severity >= result.fail_on
    attributes = {"message": plain(f"{finding.title}: {verdict.because}".removesuffix(": "))}
    match verdict.status:
        case Status.FAIL if counts:
            attributes["type"] = finding.severity.word
            ElementTree.SubElement(case, "failure", attributes).text = _details(finding)
            return "failures"
        case Status.FAIL:
            text = f"fail, {finding.severity.word}: {attributes['message']}\n{_details(finding)}"
            ElementTree.SubElement(case, "system-out").text = text
        case Status.UNKNOWN:
            why = {
                "message": plain(f"unknown: {verdict.because}".removesuffix(": ")),
                "type": "unknown",
            }
            ElementTree.SubElement(case, "skipped", why).text = _details(finding)
            return "skipped"
        case Status.NOT_APPLICABLE | Status.WAIVED:
            ElementTree.SubElement(
                case,
                "skipped",
                {"message": plain(verdict.because)},
            )
            return "skipped"
    return ""


def _details(finding: Finding) -> str:
    verdict = finding.verdict
    place = finding.place
    lines = [f"{place.file}:{place.line}:{place.column}" if place is not None else ""]
    lines.append(f"declared: {verdict.declared}" if verdict.declared else "")
    lines.append(f"effective: {verdict.effective}" if verdict.effective else "")
    lines += [f"{item.where}: {item.saw}" for item in verdict.evidence]
    if finding.remediation is not None:
        lines.append(f"fix: {finding.remediation.summary}")
    return "\n".join(plain(line) for line in lines if line)


def plain(text: str) -> str:
    """Foreign text without the characters that XML cannot represent; ElementTree escapes the rest."""
    return visible_lines(text)
