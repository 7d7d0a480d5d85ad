"""Waivers: what they waive and for how long, which files are refused, and how one is added."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.errors import InputError, UsageError, WaiversError
from hardentui.features.accepting import Acceptance, Waiving
from hardentui.features.checklists.loading import load
from hardentui.features.looking.judging import Judge
from hardentui.features.opening import saved_facts as simulated
from hardentui.features.own_toml import write_toml
from hardentui.features.waivers import added, own_file, parse, write_added
from hardentui.harden.score import score
from hardentui.harden.waiving import uses, waive
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject, Verdict
from hardentui.model.gain import rated
from hardentui.model.waiver import Waiver
from hardentui.toml_document import read_toml
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


def waiver(
    check: str = "root-user",
    subject: str = "web",
    **over: object,
) -> Waiver:
    given = {
        "reason": "r",
        "owner": "anna",
        "until": date(2026, 3, 1),
        **over,
    }
    return Waiver(check, subject, **given)  # type: ignore[arg-type]


def finding(
    status: Status = Status.FAIL,
    check: str = "root-user",
    name: str = "web",
) -> Finding:
    about = Subject(
        Kind.CONTAINER,
        "0" * 64,
        name,
        "rootful",
    )
    return Finding(
        check, 4, "Runs as root", about, Verdict(status, reason="it is root"), rated(Severity.HIGH)
    )


@pytest.mark.parametrize("status", [Status.FAIL, Status.UNKNOWN])
def test_a_waiver_covers_what_fails_and_what_is_unknown(status: Status) -> None:
    (waived,) = waive(
        [finding(status)],
        [waiver(control="read-only root")],
        TODAY,
    )
    assert waived.status is Status.WAIVED
    assert waived.waiver is not None
    assert "accepted by anna until 2026-03-01" in waived.verdict.reason
    assert "read-only root" in waived.verdict.reason


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
    last = waiver(
        "root-*",
        "w?b",
        until=TODAY,
        engine="root*",
    )
    assert waive([finding()], [last], TODAY)[0].status is Status.WAIVED


def test_a_waived_finding_does_not_lower_the_score() -> None:
    both = [replace(each, points=1) for each in (finding(), finding(Status.PASS, "old-image"))]
    waived = waive(both, [waiver()], TODAY)
    assert score(waived).value == 100


def test_what_a_waiver_is_good_for() -> None:
    used, unused, expired = (
        waiver(),
        waiver(subject="gone"),
        waiver("old-image", until=date(2026, 1, 1)),
    )
    findings = waive(
        [finding(), finding(check="old-image")],
        [used, unused, expired],
        TODAY,
    )
    told = uses([used, unused, expired], findings, TODAY)
    assert [(use.expired, use.findings, use.expired_for) for use in told] == [
        (False, 1, 0),
        (False, 0, 0),
        (True, 0, 1),
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            ('check = "root-user"', 'check = "root-usr"'),
            "3: there is no check 'root-usr'; did you mean 'root-user'?",
        ),
        (('owner = "anna"\n', ""), "2: owner must be a string"),
        (
            ('reason = "moves to its own user in March"', 'reason = " "'),
            "5: reason must be a string",
        ),
        (
            ("until = 2026-03-01", 'until = "soon"'),
            "7: until must be a date",
        ),
        (
            ("until = 2026-03-01", "until = 2026-03-01T10:00:00"),
            "7: until must be a date",
        ),
        (
            ("owner", "ownr"),
            "6: unknown key 'ownr'; did you mean 'owner'?",
        ),
        (
            ("[[waiver]]", "[waiver]"),
            "2: waivers are tables: [[waiver]]",
        ),
    ],
)
def test_a_fault_is_told_with_its_line(
    change: tuple[str, str],
    fault: str,
) -> None:
    with pytest.raises(WaiversError) as caught:
        parse(GOOD.replace(*change), "waivers.toml", CHECKS)
    assert any(each.startswith(fault) for each in caught.value.faults), caught.value.faults


def test_a_waiver_is_added_behind_what_is_there() -> None:
    hostile = waiver(
        "privileged",
        'x"\n[[waiver]]\ncheck = "*',
        reason="a\x1b]0;b",
    )
    text = added(GOOD, "waivers.toml", hostile, CHECKS)
    assert text.startswith(GOOD.rstrip())
    first, second = parse(text, "waivers.toml", CHECKS)
    assert first.owner == "anna"
    assert (second.subject, second.reason) == (hostile.subject, hostile.reason)
    with pytest.raises(UsageError, match="already has"):
        added(
            text,
            "waivers.toml",
            waiver(),
            CHECKS,
        )


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "hardentui" / "waivers.toml"


def _waive(*words: str) -> int:
    return main(["waive", *words])


def test_waive_writes_the_users_file_and_lists_it(
    config: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
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
        (
            "root-usr",
            "--on",
            "w",
            "--reason",
            "r",
            "--owner",
            "o",
            "--until",
            "2099-01-01",
        ),
        (
            "root-user",
            "--on",
            "w",
            "--reason",
            "r",
            "--owner",
            "o",
            "--until",
            "2020-01-01",
        ),
        (
            "root-user",
            "--on",
            "w",
            "--reason",
            "r",
            "--owner",
            "o",
            "--until",
            "tomorrow",
        ),
    ],
)
def test_a_waiver_that_cannot_be_is_refused_and_nothing_is_written(
    words: tuple[str, ...],
    config: Path,
) -> None:
    assert _waive(*words) == 2
    assert not config.exists()


def test_check_shows_what_is_waived_and_what_the_waivers_are_good_for(
    config: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = Path(simulated.__file__).parent / "demo" / "host.json"
    config.parent.mkdir()
    config.write_text(
        GOOD.replace('"web"', '"shop-web"').replace("2026-03-01", "2099-01-01")
        + GOOD.replace("2026-03-01", "2020-01-01").replace(
            '"root-user"',
            '"privileged"',
        )
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


GIVEN = Acceptance("because", "anna", "2099-01-01")


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return Judge(load(), {check.id: check for check in all_checks()})


@pytest.mark.parametrize("name", ["*", "w?b", "[a-z]*", "web"])
def test_a_name_is_accepted_as_it_is_and_never_as_a_pattern(
    name: str,
    judge: Judge,
) -> None:
    waiving = Waiving(judge, "", engines=2, real=True)
    waiver = waiving.accept(finding(name=name), GIVEN)
    assert waiver.covers("root-user", name, "rootful")
    assert not waiver.covers("root-user", "other", "rootful")
    assert not waiver.covers("root-user", name, "rootless")
    assert [known.subject for known in judge.waivers] == [waiver.subject]


def test_on_the_only_engine_a_waiver_is_about_every_engine(judge: Judge) -> None:
    assert Waiving(judge, "", engines=1, real=True).accept(finding(), GIVEN).engine == "*"


def test_one_of_a_checklist_file_goes_beside_it(
    judge: Judge,
    tmp_path: Path,
) -> None:
    assert Waiving(
        judge,
        str(tmp_path / "site.toml"),
        engines=1,
        real=True,
    ).path == str(tmp_path / "waivers.toml")


@pytest.mark.parametrize(
    ("acceptance", "why"),
    [
        (
            Acceptance(" ", "anna", "2099-01-01"),
            "needs a reason",
        ),
        (Acceptance("r", "", "2099-01-01"), "needs an owner"),
        (
            Acceptance("r" * 501, "anna", "2099-01-01"),
            "longer than 500",
        ),
        (Acceptance("r", "anna", "31.1.2099"), "not a date"),
        (Acceptance("r", "anna", "2020-01-01"), "has passed"),
    ],
)
def test_what_is_incomplete_is_refused(
    acceptance: Acceptance,
    why: str,
    judge: Judge,
) -> None:
    with pytest.raises(UsageError, match=why):
        Waiving(judge, "", engines=1, real=True).accept(finding(), acceptance)
    assert not Path(own_file()).exists()
    assert judge.waivers == ()


def test_a_faulty_file_is_not_added_to_and_the_waivers_of_before_stay(judge: Judge) -> None:
    waiving = Waiving(judge, "", engines=1, real=True)
    waiving.accept(finding(), GIVEN)
    before = judge.waivers
    file = Path(own_file())
    file.write_text(file.read_text() + "\n[[waiver]]\n")
    broken = file.read_text()
    for act in (
        waiving.reload,
        lambda: waiving.accept(finding(name="db"), GIVEN),
    ):
        with pytest.raises(WaiversError):
            act()
    assert file.read_text() == broken
    assert judge.waivers == before


@pytest.mark.parametrize(
    ("status", "real", "why"),
    [
        (Status.FAIL, True, ""),
        (Status.UNKNOWN, True, ""),
        (Status.PASS, True, "nothing to accept"),
        (Status.WAIVED, True, "accepted already"),
        (Status.FAIL, False, "simulated"),
    ],
)
def test_why_a_finding_cannot_be_accepted(
    status: Status,
    real: bool,
    why: str,
    judge: Judge,
) -> None:
    told = Waiving(judge, "", engines=1, real=real).why_not(finding(status))
    assert (why in told) if why else told == ""


@pytest.mark.parametrize("length", [1, 2, 40, 200])
def test_one_can_be_added_after_another_however_short(tmp_path: Path, length: int) -> None:
    path = tmp_path / "waivers.toml"
    given = [waiver(subject=name, reason="r" * length) for name in ("a", "b", "c")]
    for each in given:
        write_added(str(path), each, CHECKS)
    read = parse(path.read_text(), str(path), CHECKS)
    assert [replace(each, source="") for each in read] == given
    assert path.read_text().count("[[waiver]]") == 3


def test_what_was_written_inline_is_written_anew_with_one_more(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(
        'waiver = [{ check = "root-user", subject = "a", reason = "r", owner = "o", '
        "until = 2027-03-01 }]\n"
    )
    write_added(str(path), waiver(subject="b"), CHECKS)
    assert [each.subject for each in parse(path.read_text(), "", CHECKS)] == ["a", "b"]
    assert (tmp_path / "waivers.toml.bak").read_text().startswith("waiver = [{")


def test_a_text_that_says_something_else_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(GOOD)
    for text in ("", "waiver = [", GOOD.replace("web", "db")):
        with pytest.raises(InputError, match="left as it is"):
            write_toml(str(path), text, means=read_toml(GOOD), before=GOOD)
    assert path.read_text() == GOOD
    assert [file.name for file in tmp_path.iterdir()] == ["waivers.toml"]
