"""Two saved reports side by side: what counts as new, fixed, lost, and what scripts are told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.errors import InputError
from hardentui.features.compare import Comparison, DifferenceKind, as_json, compare, comparison_page
from hardentui.features.reports.check_document import SCHEMA
from hardentui.features.reports.saved_report import SavedReport, read_report
from hardentui.features.sections import page_text
from hardentui.model.finding import Severity

HOSTILE = "x\x1b]0;owned\x07\u202e[red]\ud800"


def finding(
    status: str,
    severity: str = "high",
    check: str = "root-user",
    **more: str,
) -> dict[str, Any]:
    return {"check": check, "step": 4, "status": status, "severity": severity, **more}


def report(
    *findings: dict[str, Any],
    name: str = "web",
    **subject: Any,
) -> SavedReport:
    single = {
        "kind": "container",
        "name": name,
        "engine": "rootful",
        "score": 50,
        "findings": findings,
        **subject,
    }
    checks = {each["check"]: {"title": each["check"], "step": 4} for each in findings}
    document = {
        "schema": SCHEMA,
        "host": {"name": "h"},
        "checks": checks,
        "subjects": [single],
    }
    return read_report(json.dumps(document), "r.json")


@pytest.mark.parametrize(
    ("before", "after", "way"),
    [
        (finding("pass"), finding("fail"), DifferenceKind.NEW),
        (finding("waived"), finding("fail"), DifferenceKind.NEW),
        (
            finding("unknown"),
            finding("fail"),
            DifferenceKind.NEW,
        ),
        (finding("fail"), finding("pass"), DifferenceKind.FIXED),
        (
            finding("fail"),
            finding("not-applicable"),
            DifferenceKind.FIXED,
        ),
        (
            finding("fail"),
            finding("unknown"),
            DifferenceKind.LOST,
        ),
        (
            finding("pass"),
            finding("unknown"),
            DifferenceKind.LOST,
        ),
        (
            finding("fail"),
            finding("waived"),
            DifferenceKind.WAIVED,
        ),
        (
            finding("fail", "medium"),
            finding("fail", "critical"),
            DifferenceKind.WORSE,
        ),
        (
            finding("fail", "critical"),
            finding("fail", "low"),
            DifferenceKind.BETTER,
        ),
        (finding("fail"), finding("fail"), None),
        (finding("pass"), finding("not-applicable"), None),
        (finding("unknown"), finding("unknown"), None),
        (finding("unknown"), finding("pass"), None),
    ],
)
def test_what_happened_to_a_finding(
    before: dict[str, Any],
    after: dict[str, Any],
    way: DifferenceKind | None,
) -> None:
    result = compare(report(before), report(after))
    assert [difference.way for difference in result.differences] == ([way] if way else [])
    assert result.same == (
        1 if before["status"] == after["status"] == "fail" and way is None else 0
    )


def test_a_failure_that_is_not_checked_any_more_is_not_fixed() -> None:
    result = compare(report(finding("fail")), report())
    assert [(difference.way, difference.after) for difference in result.differences] == [
        (DifferenceKind.LOST, "not checked")
    ]
    assert result.exit_code(Severity.LOW) == 4


def test_a_container_that_is_made_anew_under_its_name_is_the_same_one() -> None:
    result = compare(
        report(finding("fail"), id="a" * 64),
        report(finding("fail"), id="b" * 64),
    )
    assert (
        result.differences,
        result.appeared,
        result.disappeared,
    ) == ((), (), ())


def test_a_container_that_is_gone_fixes_nothing_and_a_new_one_brings_its_failures() -> None:
    result = compare(
        report(finding("fail"), name="old"),
        report(finding("fail"), name="new"),
    )
    assert [difference.way for difference in result.differences] == [DifferenceKind.NEW]
    assert (result.disappeared, result.appeared) == (
        ("container old (rootful)",),
        ("container new (rootful)",),
    )


def outcome(
    before: dict[str, Any],
    after: dict[str, Any],
) -> Callable[[Severity], int]:
    return compare(report(before), report(after)).exit_code


def test_exit_codes_follow_what_became_worse() -> None:
    assert outcome(finding("fail"), finding("pass"))(Severity.LOW) == 0
    assert outcome(finding("pass"), finding("fail", "medium"))(Severity.MEDIUM) == 1
    assert outcome(finding("pass"), finding("fail", "medium"))(Severity.HIGH) == 0
    assert outcome(finding("fail", "low"), finding("fail", "high"))(Severity.HIGH) == 1
    assert outcome(finding("pass"), finding("unknown"))(Severity.HIGH) == 4
    assert compare(report(), report(trouble="Podman did not answer")).exit_code(Severity.LOW) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": "hardentui/check/3", "host": {"name": ""}, "subjects": []}',
        '{"schema": "hardentui/check/2", "host": {"name": ""}, "checks": {}, "subjects": []}',
        (
            '{"schema": "hardentui/check/3", "host": {"name": ""}, "checks": {}, "subjects": '
            '[{"kind": "x"}]}'
        ),
        "[" * 100_000,
    ],
)
def test_what_is_no_report_is_one_sentence(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a report|has the schema"):
        read_report(text, HOSTILE)


def hostile() -> Comparison:
    text = {"reason": HOSTILE, "check": HOSTILE}
    return compare(
        report(finding("pass", **text), name=HOSTILE), report(finding("fail", **text), name=HOSTILE)
    )


def test_no_text_reaches_the_terminal_as_a_command() -> None:
    told = page_text(comparison_page(hostile()))
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "\ud800" not in told
    assert "owned" in told, "it is told all the same"
    assert as_json(hostile(), 1).isascii()


def demo_report(path: Path) -> Path:
    main(
        [
            "check",
            "--demo",
            "--format",
            "json",
            "-o",
            str(path),
            "--quiet",
        ]
    )
    return path


def test_the_command_tells_what_became_worse(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old = demo_report(tmp_path / "old.json")
    document = json.loads(old.read_text())
    web = next(subject for subject in document["subjects"] if subject["name"] == "shop-web")
    failing = next(each for each in web["findings"] if each["severity"] == "high")
    web["findings"].remove(failing)
    web["passed"].append(failing["check"])
    better = tmp_path / "better.json"
    better.write_text(json.dumps(document))

    assert main(["check", "--demo", "--since", str(old)]) == 0
    capsys.readouterr()
    assert (
        main(
            [
                "check",
                "--demo",
                "--since",
                str(better),
                "--format",
                "json",
            ]
        )
        == 1
    )
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "hardentui/compare/1"
    assert [(difference["way"], difference["check"]) for difference in told["differences"]] == [
        ("new", failing["check"])
    ]
    assert told["exit_code"] == 1
