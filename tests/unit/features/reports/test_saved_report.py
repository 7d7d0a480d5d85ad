"""Saved reports are read whichever version wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.errors import InputError
from hardentui.features.reports.as_json import SavedFinding, read_report
from hardentui.features.reports.comparing import DifferenceKind, compare
from hardentui.model.finding import Status
from tests.support.schemas import schema_of

FIRST = Path(__file__).parents[3] / "data" / "check-1.json"
"""Steps 4 and 6 of two containers of the simulated host, written when `hardentui/check/1` was current."""


def version_2(fail: dict[str, Any], usual: dict[str, Any], **subject: Any) -> str:
    empty: dict[str, Any] = {"unknown": {}, "waived": {}, "pass": {}, "not-applicable": {}}
    single = {"kind": "container", "name": "web", "engine": "rootful", "fail": fail, **empty, **subject}
    checks = {"root-user": {"title": "Root", "step": 4, "usual": usual}}
    document = {"schema": "hardentui/check/2", "host": {"name": "h"}, "checks": checks, "subjects": [single]}
    return json.dumps(document)


def only_finding(text: str) -> SavedFinding:
    ((finding,),) = (subject.findings for subject in read_report(text, "r").subjects)
    return finding


def test_what_is_usual_counts_for_a_finding_that_says_nothing_else() -> None:
    usual = {"fail": {"severity": "low", "declared": "a", "reason": "r"}, "pass": {"effective": "not this"}}
    finding = only_finding(version_2({"root-user": {"severity": "high", "declared": ""}}, usual))
    assert finding == SavedFinding("root-user", 4, Status.FAIL, "high", reason="r")


def test_the_process_has_its_number_again() -> None:
    finding = only_finding(
        version_2({"root-user": {"severity": "high", "reason": "/proc/PID/x"}}, {}, pid=812)
    )
    assert finding.reason == "/proc/812/x"


@pytest.mark.parametrize(
    "fail",
    [{"no-such-check": {"severity": "high"}}, {"root-user": {}}, {"root-user": {"severity": "terrible"}}],
)
def test_a_finding_that_is_not_whole_is_refused(fail: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="is not a report"):
        read_report(version_2(fail, {}), "r")


def test_a_report_of_the_first_version_is_still_read() -> None:
    document = json.loads(FIRST.read_text())
    Draft202012Validator(schema_of("check", "1")).validate(document)
    report = read_report(FIRST.read_text(), "r")
    read = {
        (subject.name, finding.check): (finding.status.value, finding.severity, finding.reason)
        for subject in report.subjects
        for finding in subject.findings
    }
    assert read == {
        (subject["name"], finding["check"]): (
            finding["status"],
            finding["severity"],
            finding.get("reason", ""),
        )
        for subject in document["subjects"]
        for finding in subject["findings"]
    }
    assert report.titles["root-user"] == document["checks"]["root-user"]["title"]


def test_every_version_of_the_same_check_compare_as_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    today = tmp_path / "today.json"
    since = {"nested-user-namespaces"}  # the recording has the runtime's configuration, which answers it
    checks = [check.id for check in all_checks() if check.step in (4, 6) and check.id not in since]
    narrowed = ("--demo", "--format", "json", "-o", str(today))
    main(["check", "shop-web", "db", *narrowed, *(word for check in checks for word in ("--check", check))])
    capsys.readouterr()
    before, after = read_report(FIRST.read_text(), "old"), read_report(today.read_text(), "new")
    shared = {finding.check for subject in before.subjects for finding in subject.findings}
    told = compare(before, after)
    rated = (DifferenceKind.BETTER, DifferenceKind.WORSE)  # severities were argued anew since
    changed = [each for each in told.differences if each.check in shared and each.way not in rated]
    assert changed == []
    assert told.same > 2
    assert main(["check", "--facts", str(today), "--since", str(FIRST)]) == 0
