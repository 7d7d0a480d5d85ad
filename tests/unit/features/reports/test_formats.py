"""Reports for other programs: SARIF, JUnit and HTML say what the text says, and take hostile text."""

import json
from email.message import Message
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from hardentui.features.reports import as_sarif, render
from hardentui.features.reports.result import CheckResult, SubjectResult, TextStyle
from hardentui.harden.score import score
from hardentui.model.facts import EngineFacts
from hardentui.model.finding import (
    Evidence,
    Finding,
    FixKind,
    Kind,
    Remediation,
    Risk,
    Severity,
    Status,
    Subject,
    Verdict,
)

HOSTILE = "\x1b]0;x\x07<script>alert(1)</script>\"'&{{7*7}}\u202e\ud800\ufffe]]>"
FIX = Remediation(
    "Drop it", "Programs break", FixKind.RECREATE, Risk.MAY_BREAK, "+--cap-drop=all", "", ("true",)
)

SARIF_SUBSET: dict[str, Any] = {
    "$comment": "What section 3 of the SARIF 2.1.0 specification demands of the objects that we write.",
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {"driver": {"type": "object", "required": ["name", "rules"]}},
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "message", "locations", "partialFingerprints"],
                            "properties": {
                                "kind": {"enum": ["fail", "open"]},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "message": {"type": "object", "required": ["text"]},
                                "suppressions": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["kind"],
                                        "properties": {"kind": {"enum": ["inSource", "external"]}},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def finding(
    status: Status = Status.FAIL,
    severity: Severity = Severity.HIGH,
    *,
    check: str = "root-user",
    text: str = "it is root",
    subject: str = "web",
) -> Finding:
    verdict = Verdict(status, f"declared {text}", f"effective {text}", (Evidence(text, f"saw {text}"),), text)
    about = Subject(Kind.CONTAINER, "0" * 64, subject, "rootful")
    return Finding(
        check, 4, "Runs as root", about, verdict, severity, ("CIS 1",), FIX if status is Status.FAIL else None
    )


def report(*findings: Finding, name: str = "web", trouble: str = "", **over: Any) -> CheckResult:
    about = Subject(Kind.CONTAINER, "0" * 64, name, "rootful")
    tested = SubjectResult(about, score(findings), findings, f"image {name}", trouble)
    whole = CheckResult(
        (EngineFacts(label="rootful"),), (tested,), "ten-steps", Severity.HIGH, "1.2.3", "host"
    )
    return replace(whole, **over)


def sarif(result: CheckResult) -> Any:
    return json.loads(render("sarif", result, TextStyle()))["runs"][0]


def junit(result: CheckResult) -> ElementTree.Element:
    return ElementTree.fromstring(render("junit", result, TextStyle()))  # noqa: S314 - our own text


ALL = (
    finding(Status.FAIL, Severity.CRITICAL, check="privileged"),
    finding(Status.FAIL, Severity.LOW),
    finding(Status.UNKNOWN, Severity.HIGH, check="old-image"),
    finding(Status.WAIVED, Severity.HIGH, check="host-pid", text="accepted until 2027"),
    finding(Status.PASS, Severity.HIGH, check="no-memory-limit"),
    finding(Status.NOT_APPLICABLE, Severity.HIGH, check="host-network"),
)


# --- SARIF ----------------------------------------------------------------------------------------------


def test_sarif_tells_failures_the_unknown_and_the_waived_and_nothing_that_passed() -> None:
    run = sarif(report(*ALL))
    told = {result["ruleId"]: (result["kind"], result["level"]) for result in run["results"]}
    assert told == {
        "privileged": ("fail", "error"),
        "root-user": ("fail", "note"),
        "old-image": ("open", "none"),
        "host-pid": ("fail", "error"),
    }
    waived = next(result for result in run["results"] if result["ruleId"] == "host-pid")
    assert waived["suppressions"] == [{"kind": "external", "justification": "accepted until 2027"}]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


@pytest.mark.parametrize("result", [report(), report(*ALL), report(finding(text=HOSTILE), name=HOSTILE)])
def test_sarif_has_what_its_specification_demands(result: CheckResult) -> None:
    whole = json.loads(render("sarif", result, TextStyle()))
    Draft202012Validator(SARIF_SUBSET).validate(whole)
    assert render("sarif", result, TextStyle()).isascii()


@pytest.mark.parametrize("form", ["sarif", "json"])
def test_a_byte_that_is_no_text_does_not_make_the_document_unreadable(form: str) -> None:
    """The name of a process may hold any byte; Go, jq and browsers refuse half of a surrogate pair."""
    text = render(form, report(finding(text="nginx\udc80"), name="a\ud800"), TextStyle())
    assert "\\ud" not in text
    assert "nginx\\ufffd" in text


def test_a_fingerprint_survives_a_new_container_of_the_same_name_and_differs_for_another() -> None:
    def prints(subject_id: str, name: str) -> set[str]:
        first = report(*ALL, name=name).subjects[0]
        about = replace(first.subject, id=subject_id)
        run = sarif(report(subjects=(replace(first, subject=about),)))
        return {result["partialFingerprints"]["hardentui/v1"] for result in run["results"]}

    assert prints("1" * 64, "web") == prints("2" * 64, "web")
    assert not prints("1" * 64, "web") & prints("1" * 64, "db")
    assert len(prints("1" * 64, "web")) == 4


# --- JUnit ----------------------------------------------------------------------------------------------


def test_sarif_links_each_check_to_the_site_that_the_build_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "helpUri" not in sarif(report(*ALL))["tool"]["driver"]["rules"][0], "nothing is published yet"
    named = Message()
    named["Project-URL"] = "Documentation, https://example.org/docs/"
    as_sarif._site.cache_clear()
    monkeypatch.setattr(as_sarif, "metadata", lambda name: named)
    rule = sarif(report(*ALL))["tool"]["driver"]["rules"][0]
    as_sarif._site.cache_clear()
    assert rule["helpUri"] == f"https://example.org/docs/checks/{rule['id']}/"


def test_sarif_names_the_unit_of_a_container_and_its_section() -> None:
    result = report(*ALL)
    (subject,) = result.subjects
    unit = "/etc/containers/systemd/web 1.container"
    placed = replace(result, subjects=(replace(subject, file=unit, line=4),))
    locations = [each["locations"][0] for each in sarif(placed)["results"]]
    for location in locations:
        assert location["physicalLocation"] == {
            "artifactLocation": {"uri": "file:///etc/containers/systemd/web%201.container"},
            "region": {"startLine": 4},
        }
        assert location["logicalLocations"][0]["name"] == subject.subject.name
    place = sarif(result)["results"][0]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 1}, "GitHub shows nothing without a line"


def test_junit_fails_exactly_where_the_exit_code_does() -> None:
    root = junit(report(*ALL))
    (suite,) = root
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases == {
        "privileged": ["failure"],
        "root-user": ["system-out"],
        "old-image": ["skipped"],
        "host-pid": ["skipped"],
        "no-memory-limit": [],
        "host-network": ["skipped"],
    }
    (unknown,) = root.findall(".//skipped[@type='unknown']")
    assert (unknown.get("message") or "").startswith("unknown: ")
    for element in (root, suite):
        counts = [element.get(name) for name in ("tests", "failures", "errors", "skipped")]
        assert counts == ["6", "1", "0", "3"]


def test_junit_is_xml_whatever_the_names_hold() -> None:
    hostile = report(finding(text=HOSTILE), name=HOSTILE)
    text, root = render("junit", hostile, TextStyle()), junit(hostile)
    assert root.find(".//failure") is not None
    assert "\x1b" not in text
    assert "<script>" not in text


# --- HTML -----------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would see: elements, attributes, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = Page(render("html", report(*ALL), TextStyle()))
    assert not set(page.tags) & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not [value for name, value in page.attributes if name in ("src", "onclick", "style", "action")]
    assert all((value or "").startswith("#") for name, value in page.attributes if name == "href")
    assert "url(" not in render("html", report(*ALL), TextStyle())


def test_foreign_text_is_text_in_the_page() -> None:
    hostile = report(finding(text=HOSTILE), name=HOSTILE, place=HOSTILE)
    page = render("html", hostile, TextStyle())
    seen = Page(page)
    assert "script" not in seen.tags
    assert "{{7*7}}" in seen.words, "a value is no template"
    assert not {"\x1b", "\x07", "\u202e", "\ud800"} & set(page)
    page.encode("utf-8")
