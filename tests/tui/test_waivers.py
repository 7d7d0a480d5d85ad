"""Accepting findings in the terminal UI: what is accepted counts at once, and is listed with its
end."""

from __future__ import annotations

import threading
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from textual.widgets import Input

from hardentui.checks import all_checks
from hardentui.features.accepting import Waiving
from hardentui.model.finding import Kind
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.explaining import AcceptScreen, ExplainScreen
from hardentui.tui.screens.findings import FindingsScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.images import ImagesScreen
from hardentui.tui.screens.pages import HelpScreen, WaiversScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.widgets.finding_list import FindingList
from tests.tui.replayed import CHECKLIST, Host, some
from tests.tui.support import Driver, at_home, drawn, make_app, running, screen_text, shows, until

SIZES = [(60, 16), (200, 60)]
CHECK = "no-memory-limit"


@pytest.fixture
def waivers(tmp_path: Path) -> Path:
    """The waivers file beside the checklist of the tests; there is none yet."""
    (tmp_path / "few.toml").write_text(CHECKLIST.read_text())
    return tmp_path / "waivers.toml"


def _app(waivers: Path, **over: Any) -> HardenApp:
    host = some(**over)
    host.checklist = str(waivers.with_name("few.toml"))
    return make_app(host)


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _finding(app: HardenApp) -> tuple[str, str]:
    current = app.screen.query_one(FindingList).current
    return (current.check, current.status.value) if current is not None else ("", "")


async def _explained(app: HardenApp, pilot: Driver) -> None:
    """Open the explanation of the finding in the walk of the first container."""
    await until(pilot, lambda: app.session.host is not None)
    await shows(pilot, "▸ shop-web")
    await pilot.press("enter", opens=WalkScreen)
    await pilot.press("5")
    await until(pilot, lambda: bool(_finding(app)[0]))
    await pilot.press("home")
    for _ in range(60):  # a long finding is read to its end before the next
        if _finding(app) == (CHECK, "fail"):
            break
        await pilot.press("down")
    assert _finding(app) == (CHECK, "fail")
    await pilot.press("e", opens=ExplainScreen)


@pytest.mark.parametrize("size", SIZES)
async def test_a_finding_is_accepted_counts_at_once_and_is_listed(
    size: tuple[int, int],
    waivers: Path,
) -> None:
    app = _app(waivers)
    async with running(app, size) as pilot:
        await _explained(app, pilot)
        await pilot.press("W", opens=AcceptScreen)
        await shows(
            pilot, "Reason", "Owner", "Until", "Instead", str(date.today() + timedelta(days=90))
        )
        await pilot.press(
            *"until March", "enter", "ctrl+u", *"anna", "enter", "enter", *"an alarm", "enter"
        )
        await until(
            pilot, lambda: isinstance(app.screen, WalkScreen) and _finding(app)[1] == "waived"
        )
        await shows(pilot, "waived")
        await pilot.press("app.waivers")
        await until(
            pilot,
            lambda: isinstance(app.screen, WaiversScreen) and "waives" in drawn(app),
        )
        told = " ".join(drawn(app).split())
        assert f"{CHECK} on shop-web (rootful)" in told
        assert (
            "90 days left waives 1 finding owner anna reason until March instead an alarm" in told
        )
    (written,) = tomllib.loads(_read(waivers))["waiver"]
    assert written == {
        "check": CHECK,
        "subject": "shop-web",
        "reason": "until March",
        "owner": "anna",
        "until": date.today() + timedelta(days=90),
        "engine": "rootful",
        "control": "an alarm",
    }


async def test_a_help_read_while_the_waiver_is_written_stays(
    waivers: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, may_write, accept = _app(waivers), threading.Event(), Waiving.accept
    monkeypatch.setattr(
        Waiving,
        "accept",
        lambda *given: may_write.wait(30) and accept(*given),
    )
    async with running(app) as pilot:
        await _explained(app, pilot)
        await pilot.press("W", opens=AcceptScreen)
        await pilot.press(
            *"why",
            "enter",
            "enter",
            "enter",
            "enter",
            "f1",
            opens=HelpScreen,
        )
        may_write.set()
        await until(pilot, lambda: CHECK in _read(waivers))
        await until(pilot, lambda: bool(app._notifications))
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape", opens=WalkScreen)


async def test_a_new_connection_leaves_the_page_below_an_open_help(waivers: Path) -> None:
    app = _app(waivers)
    async with running(app) as pilot:
        await _explained(app, pilot)
        await pilot.press("escape", "f1", opens=HelpScreen)
        app.session.open()
        await until(
            pilot,
            lambda: app.session.bench is not None and app.session.progress is None,
        )
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape", opens=HomeScreen)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("key", "what"),
    [("I", "images"), ("M", "networks")],
)
async def test_a_finding_of_an_image_or_a_network_is_accepted_where_it_is_listed(
    key: str,
    what: str,
    size: tuple[int, int],
    waivers: Path,
) -> None:
    checks = [check.id for check in all_checks() if check.kind in (Kind.IMAGE, Kind.NETWORK)]
    few = tomllib.loads(CHECKLIST.read_text())
    few["step"][0]["checks"] += [check for check in checks if check not in few["step"][0]["checks"]]
    waivers.with_name("few.toml").write_text(tomli_w.dumps(few))
    host = Host(
        ("db", "db"),
        ("backup", "backup"),
        ("cache", "cache"),
    )
    if what == "images":
        image = host.inspect("backup")["Image"]
        label = next(
            label for label in host.labels if f"/images/{image}/json" in host.answers(label)
        )
        host.answers(label)[f"/images/{image}/json"]["Created"] = "2020-01-01T00:00:00Z"
        host.remove("backup")  # its image is old, and nobody uses it any more
    host.checklist = str(waivers.with_name("few.toml"))
    async with at_home(host, size) as (app, pilot):
        await pilot.press(key)
        await until(pilot, lambda: bool(getattr(app.session.around, what)))
        while isinstance(app.screen, ImagesScreen) and "alpine" not in app.screen.copied()[1]:
            await pilot.press("down")
        await pilot.press("e")
        await until(
            pilot, lambda: isinstance(app.screen, FindingsScreen) and bool(_finding(app)[0])
        )
        findings = app.screen.query_one(FindingList)
        while (current := findings.current) and current.subject.kind.value != what.removesuffix(
            "s"
        ):
            await pilot.press("down")
            assert findings.current is not current, "it is not there"
        assert current is not None
        assert current.status.value in ("fail", "unknown")
        assert f"{current.subject.kind}: " not in screen_text(app), "the page is about nothing else"
        await pilot.press("enter", opens=ExplainScreen)
        await pilot.press("W", opens=AcceptScreen)
        await pilot.press(*"known", "ctrl+s", opens=FindingsScreen)

        def status() -> list[str]:
            reports = getattr(app.session.around, what)
            return [
                finding.status.value
                for report in reports
                for finding in report.findings
                if (finding.check, finding.subject) == (current.check, current.subject)
            ]

        await until(pilot, lambda: status() == ["waived"])
        await shows(pilot, "waived")
    (written,) = tomllib.loads(_read(waivers))["waiver"]
    assert (written["check"], written["subject"]) == (current.check, current.subject.name)


async def test_what_is_missing_or_wrong_is_told_and_nothing_is_written(waivers: Path) -> None:
    app = _app(waivers)
    async with running(app) as pilot:
        await _explained(app, pilot)
        await pilot.press("W", opens=AcceptScreen)
        await pilot.press("ctrl+s", shows="Not accepted: A waiver needs a reason.")
        await pilot.press(*"because")
        for day, why in (
            ("soon", "'soon' is not a date."),
            ("2020-01-01", "2020-01-01 has passed."),
        ):
            app.screen.query_one("#until", Input).value = day
            await pilot.press("ctrl+s", shows=f"Not accepted: {why}")
        await pilot.press("escape", opens=WalkScreen)
    assert _read(waivers) == ""


async def test_a_simulated_host_accepts_nothing(waivers: Path) -> None:
    app = _app(waivers, simulated=True)
    async with running(app) as pilot:
        await _explained(app, pilot)
        await pilot.press("W", shows="This host is simulated")
        assert isinstance(app.screen, ExplainScreen)


async def test_a_changed_file_is_read_again_and_its_faults_have_lines(waivers: Path) -> None:
    _write(
        waivers,
        f'[[waiver]]\ncheck = "{CHECK}"\nsubject = "nobody"\nreason = "[/x] $error"\nowner = "anna"\n'
        "until = 2020-01-31\n",
    )
    app = _app(waivers)
    async with running(app, (100, 30)) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press("app.waivers")
        await until(pilot, lambda: f"{CHECK} on nobody" in drawn(app))
        await shows(
            pilot,
            "2020-01-31: expired",
            "[/x] $error",
            f"{waivers}:1",
        )
        _write(
            waivers,
            _read(waivers)
            .replace("2020-01-31", "2099-01-31")
            .replace(
                "nobody",
                "shop-*",
            ),
        )
        await pilot.press("r")
        await until(
            pilot, lambda: "waives" in drawn(app) and "finding" in drawn(app).partition("waives")[2]
        )
        assert f"{CHECK} on shop-*" in drawn(app)
        _write(waivers, _read(waivers).replace("owner", "ownr"))
        await pilot.press("r", shows="unknown key 'ownr'; did you mean 'owner'?")
        await pilot.press("app.waivers", shows="You are there already.")
        assert "shop-web" not in screen_text(app), "the page tells the faults only"


async def test_without_waivers_the_page_says_how_to_accept(waivers: Path) -> None:
    app = _app(waivers)
    async with running(app) as pilot:
        await pilot.press(
            "app.waivers",
            shows=(
                "None. To accept a finding, open it with e",
                str(waivers.name),
            ),
        )
