"""Reports: the JSON contract, exit codes, and hostile names in every format."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import hardentui.reports
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
from hardentui.reports import FORMATS, render
from hardentui.reports.result import CheckResult, Look, SubjectResult, worst_first

HOSTILE = "x\x1b]0;owned\x07\x1b[2J\u202egnp\n| [red]<script>`*"
SCHEMA: dict[str, Any] = json.loads((files("hardentui.reports") / "check-1.schema.json").read_text())
OUR_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def finding(
    status: Status, severity: Severity, *, text: str = "a reason", check: str = "root-user"
) -> Finding:
    subject = Subject(Kind.CONTAINER, "0" * 64, "web", "rootful")
    verdict = Verdict(status, text, text, (Evidence(text, text),), text)
    fix = Remediation("Fix it", text, FixKind.RECREATE, Risk.SAFE, f"+{text}", f"+{text}", (text,))
    remediation = fix if status is Status.FAIL else None
    return Finding(check, 4, "It is bad", subject, verdict, severity, ("CIS 1",), remediation)


def result(
    *findings: Finding, fail_on: Severity = Severity.HIGH, trouble: str = "", name: str = "web"
) -> CheckResult:
    subject = Subject(Kind.CONTAINER, "0" * 64, name, "rootful")
    one = SubjectResult(subject, score(findings), findings, name, trouble)
    return CheckResult((EngineFacts(url="unix:///x"),), (one,), "ten-steps", fail_on, "1", name)


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ((), 0),
        ([(Status.PASS, Severity.CRITICAL), (Status.NOT_APPLICABLE, Severity.CRITICAL)], 0),
        ([(Status.FAIL, Severity.MEDIUM), (Status.UNKNOWN, Severity.MEDIUM)], 0),
        ([(Status.WAIVED, Severity.CRITICAL)], 0),
        ([(Status.FAIL, Severity.HIGH)], 1),
        ([(Status.UNKNOWN, Severity.CRITICAL), (Status.FAIL, Severity.CRITICAL)], 1),
        ([(Status.UNKNOWN, Severity.HIGH), (Status.FAIL, Severity.MEDIUM)], 4),
    ],
)
def test_exit_codes(findings: list[tuple[Status, Severity]], code: int) -> None:
    assert result(*(finding(*one) for one in findings)).exit_code == code


def test_a_container_that_could_not_be_looked_at_is_never_fine() -> None:
    assert result(trouble="it was removed").exit_code == 4
    assert result(finding(Status.FAIL, Severity.HIGH), trouble="half").exit_code == 1


def test_fail_on_moves_the_line() -> None:
    low = finding(Status.FAIL, Severity.LOW)
    assert result(low, fail_on=Severity.LOW).exit_code == 1
    assert result(low, fail_on=Severity.MEDIUM).exit_code == 0


def test_every_format_is_one_module() -> None:
    folder = Path(str(hardentui.reports.__file__)).parent
    assert sorted(FORMATS.values()) == sorted(path.stem for path in folder.glob("as_*.py"))


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_hostile_reaches_the_reader(form: str) -> None:
    findings = (
        finding(Status.FAIL, Severity.HIGH, text=HOSTILE),
        finding(Status.UNKNOWN, Severity.LOW, text=HOSTILE),
        finding(Status.UNKNOWN, Severity.LOW, text=HOSTILE, check="other"),
    )
    shown = result(*findings, name=HOSTILE)
    for look in (Look(80, color=False), Look(80, color=True)):
        text = OUR_COLORS.sub("", render(form, shown, look)) if look.color else render(form, shown, look)
        assert not set(text) & {"\x1b", "\x07", "\u202e"}
        assert text.endswith("\n")
    assert "\x1b" not in render(
        form, replace(shown, subjects=(replace(shown.subjects[0], trouble=HOSTILE),)), Look()
    )


def test_markdown_keeps_foreign_text_plain() -> None:
    text = render("markdown", result(finding(Status.FAIL, Severity.HIGH), name="a|<script>[x](y)"), Look())
    assert "<script>" not in text
    assert "a\\|\\<script\\>" in text


def test_the_text_tells_what_matters() -> None:
    many = [
        finding(Status.UNKNOWN, Severity.LOW, check=name, text="no permission") for name in ("one", "two")
    ]
    text = render(
        "text", result(finding(Status.FAIL, Severity.HIGH), finding(Status.PASS, Severity.LOW), *many), Look()
    )
    assert "high     It is bad  [root-user]" in text
    assert "declared: a reason; effective: a reason" in text
    assert "2 checks, for the same reason\n           no permission\n           one, two" in text
    assert "1 passed" in text
    assert "Failing: 1 high. Unknown: 2." in text


def test_text_is_wrapped_to_the_width() -> None:
    text = render("text", result(finding(Status.FAIL, Severity.HIGH, text="many words " * 40)), Look(60))
    assert max(map(len, text.splitlines())) <= 60


def test_the_worst_subject_comes_first() -> None:
    good = result(finding(Status.PASS, Severity.HIGH), name="good").subjects[0]
    bad = result(finding(Status.FAIL, Severity.HIGH), name="bad").subjects[0]
    empty = result(name="empty").subjects[0]
    gone = result(name="gone", trouble="gone").subjects[0]
    assert [one.subject.name for one in worst_first((empty, good, gone, bad))] == [
        "gone",
        "bad",
        "good",
        "empty",
    ]


# --- the schema -----------------------------------------------------------------------------------


def faults(value: Any, schema: dict[str, Any], where: str = "$") -> Iterator[str]:
    """What is wrong with `value`, for the few words of JSON schema that ours uses."""
    if "$ref" in schema:
        yield from faults(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], where)
    if "anyOf" in schema and all(list(faults(value, one, where)) for one in schema["anyOf"]):
        yield f"{where}: fits none of anyOf"
    if "const" in schema and value != schema["const"]:
        yield f"{where}: is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if "type" in schema and not _typed(value, schema["type"]):
        yield f"{where}: is no {schema['type']}"
        return
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{where}: {value} is out of bounds"
    if isinstance(value, dict):
        yield from (f"{where}.{key}: is missing" for key in schema.get("required", ()) if key not in value)
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from faults(item, inner, f"{where}.{key}")
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), f"{where}[{at}]")


def _typed(value: Any, types: str | list[str]) -> bool:
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "boolean": bool,
        "null": type(None),
    }
    wanted = [types] if isinstance(types, str) else types
    return any(isinstance(value, kinds[name]) and (name != "integer" or value is not True) for name in wanted)


def document() -> Any:
    findings = (finding(Status.FAIL, Severity.HIGH), finding(Status.PASS, Severity.LOW))
    return json.loads(render("json", result(*findings), Look()))


def test_the_json_is_what_its_schema_says() -> None:
    assert list(faults(document(), SCHEMA)) == []
    assert list(faults(json.loads(render("json", replace(result(), engines=()), Look())), SCHEMA)) == []


def test_the_contract_of_the_json() -> None:
    """The keys that scripts rely on, spelled out once more, so that code and schema cannot drift together."""
    whole = document()
    assert whole["schema"] == "hardentui/check/1"
    assert {"url", "version", "rootless", "cgroups"} <= set(whole["engine"])
    (subject,) = whole["subjects"]
    assert {"kind", "id", "name", "score", "findings"} <= set(subject)
    failing, passing = subject["findings"]
    assert set(failing) == {
        "check",
        "step",
        "status",
        "severity",
        "title",
        "declared",
        "effective",
        "evidence",
        "reason",
        "references",
        "remediation",
    }
    assert {"summary", "impact", "kind", "run", "quadlet"} <= set(failing["remediation"])
    assert passing["remediation"] is None
    assert whole["summary"]["exit_code"] == 1


def _required(schema: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths in `document()` of everything that the schema requires."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    for one in schema.get("anyOf", ()):
        yield from _required(one, path)
    yield from ((*path, key) for key in schema.get("required", ()))
    for key, inner in schema.get("properties", {}).items():
        yield from _required(inner, (*path, key))
    if "items" in schema:
        yield from _required(schema["items"], (*path, 0))


@pytest.mark.parametrize("path", sorted(set(_required(SCHEMA)), key=str), ids=str)
def test_the_schema_misses_whatever_is_taken_away(path: tuple[Any, ...]) -> None:
    whole = copy.deepcopy(document())
    inner = whole
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    assert list(faults(whole, SCHEMA)) != []


@pytest.mark.parametrize(
    ("change", "value"),
    [("status", "skipped"), ("severity", "bad"), ("step", 11), ("declared", None), ("evidence", "x")],
)
def test_the_schema_refuses_other_words(change: str, value: Any) -> None:
    whole = document()
    whole["subjects"][0]["findings"][0][change] = value
    assert list(faults(whole, SCHEMA)) != []
