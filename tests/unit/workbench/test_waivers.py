"""Waivers: what they waive and for how long, which files are refused, and how one is added."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.__main__ import main
from hardentui.checks import RETIRED, all_checks
from hardentui.errors import UsageError, WaiversError
from hardentui.features.opening import saved_facts as simulated
from hardentui.features.waivers import added, parse
from hardentui.harden.evaluate import uses, waive
from hardentui.harden.score import score
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject, Verdict, Waiver
from tests.support.check_report import by_check, statuses

TODAY = date(2026, 2, 1)
CHECKS = tuple(check.id for check in all_checks())
GOOD = """\
# reviewed in the security meeting
[[waiver]]
check = "root-user"
subject = "web"
reason = "moves to its own user in March"
owner = "anna"
until = 2026-03-01
control = "read-only root"
"""


def waiver(check: str = "root-user", subject: str = "web", **over: object) -> Waiver:
    given = {"reason": "r", "owner": "anna", "until": date(2026, 3, 1), **over}
    return Waiver(check, subject, **given)  # type: ignore[arg-type]


def finding(status: Status = Status.FAIL, check: str = "root-user", name: str = "web") -> Finding:
    about = Subject(Kind.CONTAINER, "0" * 64, name, "rootful")
    return Finding(check, 4, "Runs as root", about, Verdict(status, reason="it is root"), Severity.HIGH)


@pytest.mark.parametrize("status", [Status.FAIL, Status.UNKNOWN])
def test_a_waiver_covers_what_fails_and_what_is_unknown(status: Status) -> None:
    (waived,) = waive([finding(status)], [waiver(control="read-only root")], TODAY)
    assert waived.status is Status.WAIVED
    assert waived.waiver is not None
    assert "accepted by anna until 2026-03-01" in waived.verdict.reason
    assert "read-only root" in waived.verdict.reason


@pytest.mark.parametrize("status", [Status.PASS, Status.NOT_APPLICABLE])
def test_what_passes_is_not_waived(status: Status) -> None:
    assert waive([finding(status)], [waiver()], TODAY) == [finding(status)]


@pytest.mark.parametrize(
    "other",
    [
        waiver(subject="db"),
        waiver(check="privileged"),
        waiver(engine="rootless*"),
        waiver(until=TODAY - timedelta(days=1)),
    ],
)
def test_another_subject_check_engine_or_time_is_not_waived(other: Waiver) -> None:
    assert waive([finding()], [other], TODAY) == [finding()]


def test_a_waiver_holds_on_its_last_day_and_patterns_are_those_of_a_shell() -> None:
    last = waiver("root-*", "w?b", until=TODAY, engine="root*")
    assert waive([finding()], [last], TODAY)[0].status is Status.WAIVED


def test_a_waived_finding_does_not_lower_the_score() -> None:
    both = [replace(each, points=1) for each in (finding(), finding(Status.PASS, "old-image"))]
    waived = waive(both, [waiver()], TODAY)
    assert score(waived).value == 100


def test_what_a_waiver_is_good_for() -> None:
    used, unused, expired = waiver(), waiver(subject="gone"), waiver("old-image", until=date(2026, 1, 1))
    findings = waive([finding(), finding(check="old-image")], [used, unused, expired], TODAY)
    told = uses([used, unused, expired], findings, TODAY)
    assert [(use.expired, use.findings, use.expired_for) for use in told] == [
        (False, 1, 0),
        (False, 0, 0),
        (True, 0, 1),
    ]


# --- the file -------------------------------------------------------------------------------------------


def test_a_waiver_knows_where_it_stands() -> None:
    assert parse(GOOD.replace("root-user", "unpinned-image"), "w", (*CHECKS, *RETIRED)), (
        "an earlier release's"
    )
    (read,) = parse(GOOD, "waivers.toml", CHECKS)
    assert (read.check, read.until, read.source) == ("root-user", date(2026, 3, 1), "waivers.toml:2")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            ('check = "root-user"', 'check = "root-usr"'),
            "3: there is no check 'root-usr'; did you mean 'root-user'?",
        ),
        (('owner = "anna"\n', ""), "2: owner must be a string"),
        (('reason = "moves to its own user in March"', 'reason = " "'), "5: reason must be a string"),
        (("until = 2026-03-01", 'until = "soon"'), "7: until must be a date"),
        (("until = 2026-03-01", "until = 2026-03-01T10:00:00"), "7: until must be a date"),
        (("owner", "ownr"), "6: unknown key 'ownr'; did you mean 'owner'?"),
        (("[[waiver]]", "[waiver]"), "2: waivers are tables: [[waiver]]"),
    ],
)
def test_a_fault_is_told_with_its_line(change: tuple[str, str], fault: str) -> None:
    with pytest.raises(WaiversError) as caught:
        parse(GOOD.replace(*change), "waivers.toml", CHECKS)
    assert any(each.startswith(fault) for each in caught.value.faults), caught.value.faults


def test_what_is_no_toml_is_told() -> None:
    with pytest.raises(WaiversError, match="not valid TOML"):
        parse("[[waiver", "waivers.toml", CHECKS)


def test_a_waiver_is_added_behind_what_is_there() -> None:
    hostile = waiver("privileged", 'x"\n[[waiver]]\ncheck = "*', reason="a\x1b]0;b")
    text = added(GOOD, "waivers.toml", hostile, CHECKS)
    assert text.startswith(GOOD.rstrip())
    first, second = parse(text, "waivers.toml", CHECKS)
    assert first.owner == "anna"
    assert (second.subject, second.reason) == (hostile.subject, hostile.reason)
    with pytest.raises(UsageError, match="already has"):
        added(text, "waivers.toml", waiver(), CHECKS)


# --- the commands ---------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "hardentui" / "waivers.toml"


def _waive(*words: str) -> int:
    return main(["waive", *words])


def test_waive_writes_the_users_file_and_lists_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = str(date.today() + timedelta(days=30))
    words = ("--on", "web", "--reason", "moves in March", "--owner", "anna", "--until", day)
    assert _waive("root-user", *words) == 0
    assert _waive("root-user", *words) == 2
    capsys.readouterr()
    assert _waive() == 0
    assert f"root-user on web: until {day}, anna: moves in March" in capsys.readouterr().out
    assert config.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("root-user",),
        ("root-usr", "--on", "w", "--reason", "r", "--owner", "o", "--until", "2099-01-01"),
        ("root-user", "--on", "w", "--reason", "r", "--owner", "o", "--until", "2020-01-01"),
        ("root-user", "--on", "w", "--reason", "r", "--owner", "o", "--until", "tomorrow"),
    ],
)
def test_a_waiver_that_cannot_be_is_refused_and_nothing_is_written(
    words: tuple[str, ...], config: Path
) -> None:
    assert _waive(*words) == 2
    assert not config.exists()


def test_check_shows_what_is_waived_and_what_the_waivers_are_good_for(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = Path(simulated.__file__).parent / "demo" / "host.json"
    config.parent.mkdir()
    config.write_text(
        GOOD.replace('"web"', '"shop-web"').replace("2026-03-01", "2099-01-01")
        + GOOD.replace("2026-03-01", "2020-01-01").replace('"root-user"', '"privileged"')
        + GOOD.replace('"web"', '"nobody"').replace("2026-03-01", "2099-01-01")
    )
    capsys.readouterr()
    main(["check", "--facts", str(facts), "--format", "json"])
    whole = json.loads(capsys.readouterr().out)
    finding = by_check(whole, "shop-web")["root-user"]
    assert finding["status"] == "waived"
    assert "accepted by anna" in finding["reason"]
    assert statuses(whole, "waivers") == {"expired-waiver": "fail", "unused-waiver": "fail"}
    assert whole["summary"]["waived"] == 1
    for form in ("text", "markdown", "html", "sarif", "junit"):
        main(["check", "--facts", str(facts), "--format", form])
        told = " ".join(capsys.readouterr().out.split())
        assert "moves to its own user in March" in told, form
