"""The controls of a framework, as each format of a report tells them."""

import json
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from hardentui.__main__ import main
from hardentui.features.frameworks.judging import by_control
from hardentui.features.frameworks.texts import NAMES, text_of
from hardentui.features.reports import as_oscal
from hardentui.features.reports.result import CheckResult
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.harden.score import score
from hardentui.model.finding import (
    Finding,
    Kind,
    Severity,
    Subject,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.gain import rated
from tests.support.schemas import validated


@pytest.mark.parametrize("name", NAMES)
def test_every_format_tells_the_controls(
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def said(form: str) -> str:
        main(["check", "--demo", "--framework", name, "--format", form])
        return capsys.readouterr().out

    told = validated(json.loads(said("json")))["framework"]
    first = next(each for each in told["controls"] if each["evidence"])
    for form in ("text", "markdown", "html"):
        text = said(form)
        plain = " ".join(unescape(text).replace("\\", "").split())
        assert first["evidence"][0]["check"] in plain
        for each in told["controls"]:
            assert each["title"] in plain
            assert each["needs"] in plain
    assert {each["answer"] for each in told["controls"]} >= {"contradicted", "needs a person"}
    old = {"shown": "met", "contradicted": "not met"}
    for each in told["controls"]:
        assert each["status"] in (old.get(each["answer"], "not looked at"), "not applicable")
    assert main(["check", "--demo", "--framework", name, "--format", "junit"]) == 2


OSCAL = json.loads(
    (Path(__file__).parents[3] / "data/oscal-assessment-results.schema.json").read_text()
)


@pytest.mark.parametrize("name", NAMES)
def test_oscal_is_what_nist_says(
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["check", "--demo", "--framework", name, "--format", "oscal"])
    told = json.loads(capsys.readouterr().out)
    Draft7Validator(OSCAL).validate(told)
    (result,) = told["assessment-results"]["results"]
    assert len(result["findings"]) == len(text_of(name).control)
    observed = {each["uuid"] for each in result["observations"]}
    related = [
        each for finding in result["findings"] for each in finding.get("related-observations", ())
    ]
    assert {each["observation-uuid"] for each in related} == observed
    items = {each["uuid"] for each in result["local-definitions"]["inventory-items"]}
    assert {
        each["subject-uuid"] for seen in result["observations"] for each in seen["subjects"]
    } == items


def _oscal(verdict: Verdict, now: datetime) -> dict[str, Any]:
    subject = Subject(Kind.CONTAINER, "1", "web")
    finding = Finding(
        "writable-rootfs", 5, "Writable root filesystem", subject, verdict, rated(Severity.MEDIUM)
    )
    subjects = (SubjectResult(subject, score((finding,)), (finding,)),)
    result = CheckResult(
        (), subjects, "ten-steps", Severity.HIGH, "1", "here", framework=by_control("cis", subjects)
    )
    told = as_oscal.document(result, now)
    Draft7Validator(OSCAL).validate(told)
    return told


@pytest.mark.parametrize(
    ("verdict", "state", "reason"),
    [
        (passed(), "satisfied", "pass"),
        (failed("bad"), "not-satisfied", "fail"),
        (unknown("unread"), "not-satisfied", "other"),
        (not_applicable("it has none"), "not-satisfied", "other"),
    ],
)
def test_oscal_tells_what_failed_from_what_nobody_looked_at(
    verdict: Verdict,
    state: str,
    reason: str,
) -> None:
    times = (datetime(2026, 11, day, tzinfo=UTC) for day in (28, 29))
    before, after = (_oscal(verdict, now)["assessment-results"] for now in times)
    finding = next(
        each for each in after["results"][0]["findings"] if each["title"].startswith("5.13 ")
    )
    status = finding["target"]["status"]
    assert (status["state"], status["reason"]) == (state, reason)
    assert before["uuid"] != after["uuid"]
    assert [each["uuid"] for each in before["results"][0]["findings"]] == [
        each["uuid"] for each in after["results"][0]["findings"]
    ]
