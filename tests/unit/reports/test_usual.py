"""The JSON of a check says each text once, loses none, and stays small for containers with many findings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

import hardentui
from hardentui.__main__ import main
from hardentui.cli import check
from hardentui.model.finding import (
    Evidence,
    Finding,
    Kind,
    Severity,
    Status,
    Subject,
    Verdict,
)
from hardentui.model.fix import FixKind, Remediation, Risk
from hardentui.reports.as_json import render
from hardentui.reports.result import CheckResult, TextStyle
from hardentui.reports.usual import fields, own, usual
from tests.support.check_report import findings_of
from tests.support.schemas import schema_of, validated

FORMATS = Path(hardentui.__file__).parent.parent / "docs" / "formats.md"


def finding(status: Status = Status.PASS, check: str = "root-user", **verdict: Any) -> Finding:
    subject = Subject(Kind.CONTAINER, "0" * 64, "web")
    return Finding(check, 4, "It is bad", subject, Verdict(status, **verdict), Severity.HIGH)


def told(*findings: Finding, pid: int | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What is usual for the only check and status of these findings, and what each says of its own."""
    said = [fields(each, pid) for each in findings]
    (common,) = usual(zip(findings, said, strict=True)).values()
    return common, [own(each, common) for each in said]


def test_what_most_say_is_told_once() -> None:
    common, rest = told(finding(declared="a"), finding(declared="a"), finding(declared="b"))
    assert common == {"severity": "high", "declared": "a"}
    assert rest == [{}, {}, {"declared": "b"}]


def test_a_finding_alone_says_everything_itself() -> None:
    common, rest = told(finding(declared="a", reason="r"))
    assert common == {}
    assert rest == [{"severity": "high", "declared": "a", "reason": "r"}]


def test_half_is_not_most() -> None:
    common, _ = told(*[finding(declared=text) for text in "aabb"])
    assert "declared" not in common


def test_what_lacks_the_usual_says_so() -> None:
    usual_evidence = (Evidence("/x", "y"),)
    findings = [finding(declared="a", evidence=usual_evidence)] * 3 + [finding()]
    common, rest = told(*findings)
    assert common["evidence"] == (("/x", ("y",)),)
    assert rest[-1] == {"declared": "", "evidence": ()}


def test_what_lacks_the_usual_risk_says_so() -> None:
    fix = Remediation("Fix it", "Nothing", FixKind.RECREATE, Risk.MAY_BREAK, here=Risk.SAFE)
    safer = [replace(finding(Status.FAIL), remediation=fix)] * 3
    common, rest = told(*safer, replace(finding(Status.FAIL), remediation=replace(fix, here=None)))
    assert common == {"risk": "safe"}
    assert rest[-1] == {"severity": "high", "risk": ""}


@pytest.mark.parametrize("status", [Status.FAIL, Status.WAIVED])
def test_a_failure_always_has_its_severity(status: Status) -> None:
    _, rest = told(*[finding(status, reason="r")] * 3)
    assert rest == [{"severity": "high"}] * 3


def test_checks_and_statuses_are_not_mixed() -> None:
    findings = [
        finding(Status.PASS),
        finding(Status.PASS),
        finding(Status.UNKNOWN),
        finding(check="host-pid"),
    ]
    said = [fields(each, None) for each in findings]
    common = usual(zip(findings, said, strict=True))
    assert common["root-user", Status.PASS] == {"severity": "high"}
    assert common["root-user", Status.UNKNOWN] == common["host-pid", Status.PASS] == {}


def test_evidence_that_repeats_keeps_its_place_only() -> None:
    evidence = (Evidence("/a", "asked"), Evidence("/b", "is"), Evidence("/c", "one"), Evidence("/c", "two"))
    said = fields(finding(declared="asked", effective="is", evidence=evidence), None)
    assert said["evidence"] == (("/b", ()), ("/c", ("one", "two")))


def test_the_directory_of_the_main_process_has_one_name() -> None:
    evidence = (Evidence("/proc/812/status", "NoNewPrivs 0"), Evidence("/proc/8120/status", "x"))
    said = fields(finding(reason="/proc/812/maps: gone", evidence=evidence), 812)
    assert said["reason"] == "/proc/PID/maps: gone"
    assert [where for where, _ in said["evidence"]] == ["/proc/PID/status", "/proc/8120/status"]


# --- the simulated host ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated() -> CheckResult:
    """The result of a check of the simulated host, as the JSON is made of it."""
    seen: list[CheckResult] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "deliver", lambda result, *_: seen.append(result))
        main(["check", "--demo", "--format", "json"])
    return seen[0]


@pytest.fixture(scope="module")
def document(simulated: CheckResult) -> Any:
    return json.loads(render(simulated, TextStyle()))


def test_nothing_is_lost(simulated: CheckResult, document: Any) -> None:
    compared = 0
    for judged, subject in zip(simulated.subjects, document["subjects"], strict=True):
        in_full = {each["check"]: each for each in findings_of(document, subject)}
        assert len(in_full) == len(judged.findings)
        for original in judged.findings:
            verdict, read = original.verdict, in_full[original.check]
            process = f"/proc/{subject['pid']}/" if "pid" in subject else "/proc/PID/"
            read = json.loads(json.dumps(read).replace("/proc/PID/", process))
            assert (read["step"], read["status"]) == (original.step, verdict.status.value)
            assert read["severity"] == original.severity.word
            for name in ("declared", "effective", "reason"):
                assert read.get(name, "") == getattr(verdict, name).replace("/proc/PID/", process)
            seen = {
                (where.replace("/proc/PID/", process), saw)
                for where, many in read.get("evidence", {}).items()
                for saw in many or [verdict.effective]
            }
            expected = {
                (item.where.replace("/proc/PID/", process), item.saw)
                for item in verdict.evidence
                if item.saw != verdict.declared
            }
            assert seen == expected
            if (fix := original.remediation) is not None:
                assert read.get("run", "") == fix.run
                assert read.get("quadlet", "") == fix.quadlet
                assert tuple(read.get("commands", ())) == fix.commands
            compared += 1
    assert compared > 1000


def test_a_container_takes_8_kilobytes_although_it_fails_many_checks(document: Any) -> None:
    lines = render_lines(document)
    assert len(lines) >= 10
    assert sum(map(len, lines)) / len(lines) <= 8000
    assert sum(len(subject["fail"]) for subject in document["subjects"]) >= 10 * len(lines)


def render_lines(document: Any) -> list[str]:
    return [
        json.dumps(subject, separators=(",", ":"))
        for subject in document["subjects"]
        if subject["kind"] == "container"
    ]


def test_a_failure_without_severity_is_not_what_the_schema_says(document: Any) -> None:
    validated(document)
    failing = next(subject["fail"] for subject in document["subjects"] if subject["fail"])
    finding = next(iter(failing.values()))
    severity = finding.pop("severity")
    assert not Draft202012Validator(schema_of("check", "2")).is_valid(document)
    finding["severity"] = severity


# --- the examples of docs/formats.md --------------------------------------------------------------


def _examples() -> list[str]:
    return re.findall(r"^    jq(?: -r)? '(.+)' report\.json$", FORMATS.read_text(), re.MULTILINE)


def _names(document: Any) -> set[str]:
    """Every key of the document."""
    if isinstance(document, list):
        return {name for part in document for name in _names(part)}
    if isinstance(document, dict):
        return set(document) | {name for part in document.values() for name in _names(part)}
    return set()


def test_the_documented_jq_programs_use_fields_that_exist(document: Any) -> None:
    examples = _examples()
    assert len(examples) >= 3
    for example in examples:
        used = set(re.findall(r"(?<![\w$])\.(\w+)", example)) - {"key", "value"}
        assert used
        assert used <= _names(document), example


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_documented_jq_programs_answer(document: Any) -> None:
    def answers(example: str) -> list[str]:
        done = subprocess.run(
            ["jq", "-cr", example], input=json.dumps(document), capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    failing, full, affected = map(answers, _examples()[:3])
    critical = {
        f"{subject['name']} {check}"
        for subject in document["subjects"]
        for check, finding in subject["fail"].items()
        if finding["severity"] == "critical"
    }
    assert critical
    assert set(failing) == critical
    in_full = {
        (subject["name"], each["check"]): each
        for subject in document["subjects"]
        for each in findings_of(document, subject)
        if each["status"] == "fail"
    }
    told = [json.loads(line) for line in full]
    assert len(told) == len(in_full)
    for each in told:
        original = in_full[each["name"], each["check"]]
        assert {name: each[name] for name in original if name not in ("status", "step")} == {
            name: value for name, value in original.items() if name not in ("status", "step")
        }
    assert set(affected) == {
        subject["name"] for subject in document["subjects"] if "root-user" in subject["fail"]
    }
