"""The findings by control of a framework: met, not met, not looked at, with evidence."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.features.reports import as_oscal
from hardentui.features.reports.frameworks import TITLES, by_control
from hardentui.features.reports.result import (
    MET,
    NOT_APPLICABLE,
    NOT_LOOKED_AT,
    NOT_MET,
    CheckResult,
    SubjectResult,
)
from hardentui.harden.score import score
from hardentui.model.finding import (
    Finding,
    Kind,
    Severity,
    Subject,
    Verdict,
    failed,
    passed,
    unknown,
)
from tests.support.schemas import validated


def _answer(
    *verdicts: Verdict,
    framework: str = "cis",
    control: str = "5.13",
) -> str:
    subject = Subject(Kind.CONTAINER, "1", "web")
    findings = tuple(
        Finding(
            "writable-rootfs",
            5,
            "Writable root filesystem",
            subject,
            verdict,
            Severity.MEDIUM,
        )
        for verdict in verdicts
    )
    whole = by_control(
        framework,
        [SubjectResult(subject, score(findings), findings)],
    )
    return next(each.status for each in whole.controls if each.id == control)


def test_one_failure_is_not_met_and_what_could_not_be_read_was_not_looked_at() -> None:
    assert _answer(passed()) == MET
    assert _answer(passed(), failed("bad")) == NOT_MET
    assert _answer(passed(), unknown("unread")) == NOT_LOOKED_AT
    assert _answer() == NOT_LOOKED_AT, "nothing was checked"
    assert (
        _answer(
            failed("bad"),
            framework="bsi",
            control="A23",
        )
        == NOT_MET
    )
    assert _answer(passed(), control="4.11") == NOT_LOOKED_AT, "no check decides it"
    assert _answer(passed(), control="5.1") == NOT_APPLICABLE, "Podman has no swarm mode"


@pytest.mark.parametrize(
    ("name", "count"),
    [("cis", 44), ("nist", 24), ("bsi", 26)],
)
def test_each_control_stands_once_and_names_checks_that_exist(
    name: str,
    count: int,
) -> None:
    controls = by_control(name, ()).controls
    known = {check.id for check in all_checks()}
    assert len({control.id for control in controls}) == len(controls) == count
    assert {check for control in controls for check in control.checks} <= known


@pytest.mark.parametrize("name", TITLES)
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
        assert first["evidence"][0]["check"] in text.replace("\\", "")
        assert all(
            each["title"] in text.replace("&#39;", "'").replace("\\", "")
            for each in told["controls"]
        )
    assert main(["check", "--demo", "--framework", name, "--format", "junit"]) == 2


OSCAL = json.loads(
    (Path(__file__).parents[3] / "data/oscal-assessment-results.schema.json").read_text()
)


@pytest.mark.parametrize("name", TITLES)
def test_oscal_is_what_nist_says(
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["check", "--demo", "--framework", name, "--format", "oscal"])
    told = json.loads(capsys.readouterr().out)
    Draft7Validator(OSCAL).validate(told)
    (result,) = told["assessment-results"]["results"]
    assert len(result["findings"]) == len(by_control(name, ()).controls)
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
        "writable-rootfs", 5, "Writable root filesystem", subject, verdict, Severity.MEDIUM
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
