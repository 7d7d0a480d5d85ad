"""The JSON of a check: each finding is complete in itself, what is not a container's own stands
once, and a container with many findings stays small."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import hardentui
from hardentui.__main__ import main
from hardentui.cli import check
from hardentui.features.reports.as_json import render
from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.model.finding import Status
from tests.support.check_report import failing

FORMATS = Path(hardentui.__file__).parent.parent / "docs" / "formats.md"


@pytest.fixture(scope="module")
def simulated() -> CheckResult:
    """The result of a check of the simulated host, as the JSON is made of it."""
    seen: list[CheckResult] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            check,
            "deliver",
            lambda result, *_: seen.append(result),
        )
        main(["check", "--demo", "--format", "json"])
    return seen[0]


@pytest.fixture(scope="module")
def document(simulated: CheckResult) -> Any:
    return json.loads(render(simulated, TextStyle()))


def test_nothing_is_lost(simulated: CheckResult, document: Any) -> None:
    compared = 0
    for judged, subject in zip(
        simulated.subjects,
        document["subjects"],
        strict=True,
    ):
        told = {each["check"]: each for each in subject["findings"]}
        told |= {check: {"status": "pass"} for check in subject["passed"]}
        for check_id, reason in subject["not_applicable"].items():
            told[check_id] = {"status": "not-applicable", "reason": reason}
        assert len(told) == len(judged.findings)
        for original in judged.findings:
            verdict, read = original.verdict, told[original.check]
            assert read["status"] == verdict.status.value
            if verdict.status is not Status.PASS:
                assert read["reason"] == verdict.reason
            if "severity" in read:
                assert read["severity"] == original.severity.word
                assert (read["declared"], read["effective"]) == (
                    verdict.declared,
                    verdict.effective,
                )
                assert {
                    (where, saw) for where, all_seen in read["evidence"].items() for saw in all_seen
                } == {(item.where, item.saw) for item in verdict.evidence}
            compared += 1
    assert compared > 900


def test_what_is_not_a_container_s_own_stands_once(document: Any) -> None:
    scope = {check_id: texts["scope"] for check_id, texts in document["checks"].items()}
    containers = {
        each["name"]: each for each in document["subjects"] if each["kind"] == "container"
    }
    for container in containers.values():
        own = [each["check"] for each in container["findings"]] + container["passed"]
        assert {scope[check_id] for check_id in own} == {"container"}
        assert {scope[check_id] for check_id in container["also"]} <= {"image", "site"}
    (site,) = (each for each in document["subjects"] if each["kind"] == "site")
    for check_id, finding in failing(site).items():
        assert finding["affects"] == sorted(
            name for name, container in containers.items() if check_id in container["also"]
        )
    images = [each["id"] for each in document["subjects"] if each["kind"] == "image"]
    assert len(images) == len(set(images))
    assert {each["image"] for each in containers.values()} == set(images)


def test_a_container_takes_8_kilobytes_although_it_fails_many_checks(document: Any) -> None:
    containers = [each for each in document["subjects"] if each["kind"] == "container"]
    sizes = [len(json.dumps(each, separators=(",", ":"))) for each in containers]
    assert len(sizes) >= 10
    assert sum(sizes) / len(sizes) <= 8000


def _examples() -> list[str]:
    return re.findall(
        r"^    jq(?: -r)? '(.+)' report\.json$",
        FORMATS.read_text(),
        re.MULTILINE,
    )


@pytest.mark.skipif(
    shutil.which("jq") is None,
    reason="jq is not installed",
)
def test_the_documented_jq_programs_answer(document: Any) -> None:
    def answers(example: str) -> list[str]:
        done = subprocess.run(
            ["jq", "-cr", example],
            input=json.dumps(document),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    critical, as_root, affected, first = map(answers, _examples())
    by_name = {subject["name"]: failing(subject) for subject in document["subjects"]}
    assert set(critical) == {
        f"{name} {check_id}"
        for name, findings in by_name.items()
        for check_id, finding in findings.items()
        if finding["severity"] == "critical"
    }
    assert set(as_root) == {name for name, findings in by_name.items() if "root-user" in findings}
    assert set(affected) == set(by_name["site"]["unsigned-scope-in-use"]["affects"])
    assert first == [f"{line['subject']}: {line['text']}" for line in document["do_first"]]
