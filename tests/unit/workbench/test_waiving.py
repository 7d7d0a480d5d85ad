"""Accepting one finding in a session: exactly that one, and at once."""

from pathlib import Path

import pytest

from hardentui.checks import all_checks
from hardentui.errors import UsageError, WaiversError
from hardentui.features.checklists.loading import load
from hardentui.features.looking.judging import Judge
from hardentui.features.waivers import Acceptance, Waiving, own_file
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject, Verdict

GIVEN = Acceptance("because", "anna", "2099-01-01")


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return Judge(load(), {check.id: check for check in all_checks()})


def finding(name: str, status: Status = Status.FAIL) -> Finding:
    subject = Subject(Kind.CONTAINER, "0" * 64, name, "rootful")
    return Finding("root-user", 4, "Runs as root", subject, Verdict(status), Severity.HIGH)


@pytest.mark.parametrize("name", ["*", "w?b", "[a-z]*", "web"])
def test_a_name_is_accepted_as_it_is_and_never_as_a_pattern(name: str, judge: Judge) -> None:
    waiving = Waiving(judge, "", engines=2, real=True)
    waiver = waiving.accept(finding(name), GIVEN)
    assert waiver.covers("root-user", name, "rootful")
    assert not waiver.covers("root-user", "other", "rootful")
    assert not waiver.covers("root-user", name, "rootless")
    assert [known.subject for known in judge.waivers] == [waiver.subject]


def test_on_the_only_engine_a_waiver_is_about_every_engine(judge: Judge) -> None:
    assert Waiving(judge, "", engines=1, real=True).accept(finding("web"), GIVEN).engine == "*"


def test_one_of_a_checklist_file_goes_beside_it(judge: Judge, tmp_path: Path) -> None:
    assert Waiving(judge, str(tmp_path / "site.toml"), engines=1, real=True).path == str(
        tmp_path / "waivers.toml"
    )


@pytest.mark.parametrize(
    ("acceptance", "why"),
    [
        (Acceptance(" ", "anna", "2099-01-01"), "needs a reason"),
        (Acceptance("r", "", "2099-01-01"), "needs an owner"),
        (Acceptance("r" * 501, "anna", "2099-01-01"), "longer than 500"),
        (Acceptance("r", "anna", "31.1.2099"), "not a date"),
        (Acceptance("r", "anna", "2020-01-01"), "has passed"),
    ],
)
def test_what_is_incomplete_is_refused(acceptance: Acceptance, why: str, judge: Judge) -> None:
    with pytest.raises(UsageError, match=why):
        Waiving(judge, "", engines=1, real=True).accept(finding("web"), acceptance)
    assert not Path(own_file()).exists()
    assert judge.waivers == ()


def test_a_faulty_file_is_not_added_to_and_the_waivers_of_before_stay(judge: Judge) -> None:
    waiving = Waiving(judge, "", engines=1, real=True)
    waiving.accept(finding("web"), GIVEN)
    before = judge.waivers
    file = Path(own_file())
    file.write_text(file.read_text() + "\n[[waiver]]\n")
    broken = file.read_text()
    for act in (waiving.reload, lambda: waiving.accept(finding("db"), GIVEN)):
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
def test_why_a_finding_cannot_be_accepted(status: Status, real: bool, why: str, judge: Judge) -> None:
    told = Waiving(judge, "", engines=1, real=real).why_not(finding("web", status))
    assert (why in told) if why else told == ""
