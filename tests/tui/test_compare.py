"""Comparing in the terminal UI: this host with an earlier report or saved facts, and two files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from hardentui.account import ONLY_BELOW
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.job import AskScreen
from hardentui.tui.screens.reports import CompareScreen, ExportScreen
from tests.tui.replayed import Host, some
from tests.tui.support import Driver, drawn, make_app, running, screen_text, shows, until

SIZES = [(60, 16), (80, 24), (200, 60)]
FORBIDDEN = ("\x1b", "\x07", "\u202e")


def _app(host: Host, directory: Path) -> HardenApp:
    app = make_app(host)
    app.session.directory = str(directory)
    return app


async def _ready(app: HardenApp, pilot: Driver) -> None:
    await until(pilot, lambda: app.session.host is not None and not app.session.judging)


def _is_fixed(app: HardenApp, host: Host) -> bool:
    report = app.session.rows[host.key("shop-web")].report
    failing = {finding.check for finding in report.everything if finding.failing} if report else set()
    return report is not None and "new-privileges-allowed" not in failing


async def _report(pilot: Driver, path: Path) -> None:
    """Write a report on the list of containers."""
    await pilot.press("E")
    await until(pilot, lambda: isinstance(pilot.app.screen, ExportScreen))
    pilot.app.screen.query_one("#file", Input).value = str(path)
    await pilot.press("enter", shows="new.")
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))


async def _open(pilot: Driver) -> None:
    await pilot.press("app.compare")
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))


async def _name(app: HardenApp, pilot: Driver, *paths: Path) -> None:
    """Name these files; none: accept the newest, which is proposed."""
    await until(pilot, lambda: app.screen.why_not("fields") == "")  # type: ignore[attr-defined]
    await pilot.press("i")
    await until(pilot, lambda: isinstance(app.screen, AskScreen))
    if paths:
        app.screen.query_one("#answer", Input).value = " ".join(map(str, paths))
    await pilot.press("enter")


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_fixed_since_a_report_is_shown_and_written(
    size: tuple[int, int], tmp_path: Path
) -> None:
    host = some()
    app = _app(host, tmp_path)
    async with running(app, size) as pilot:
        await _ready(app, pilot)
        await _report(pilot, tmp_path / "monday.json")
        host.harden("shop-web")
        host.happens("shop-web")
        await until(pilot, lambda: _is_fixed(app, host) and app.session.progress is None)
        await _ready(app, pilot)
        await _open(pilot)
        await shows(pilot, "monday.json")
        await _name(app, pilot)
        await until(pilot, lambda: "Fixed: 1" in drawn(app))
        told = " ".join(drawn(app).split())
        assert "shop-web: Processes can gain new privileges (new-privileges-allowed)" in told
        assert "Appeared" not in told, "host and engines are not in the report of the list"
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        await pilot.press("ctrl+s", shows="new.")
        assert "Fixed: 1" in (tmp_path / "comparison-report.txt").read_text()
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_without_a_report_the_page_says_how_to_get_one(tmp_path: Path) -> None:
    app = _app(some(), tmp_path)
    async with running(app) as pilot:
        await _open(pilot)
        await until(pilot, lambda: "none yet. E writes one" in drawn(app))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{}", "is not a report of"),
        ("\x1b[2J", "is not a report of"),
    ],
)
async def test_a_file_that_is_no_report_is_told(content: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(content)
    app = _app(some(), tmp_path)
    async with running(app, (100, 30)) as pilot:
        await _ready(app, pilot)
        await _open(pilot)
        await _name(app, pilot, tmp_path / "x.json")
        await until(pilot, lambda: why in " ".join(drawn(app).split()))
        assert not [sign for sign in FORBIDDEN if sign in screen_text(app)]


async def test_a_report_with_hostile_names_is_shown_as_text(tmp_path: Path) -> None:
    attack = "web\x1b]0;owned\x07[bold]\u202e[@click=app.quit]x[/]"
    finding = {"check": "a", "step": 1, "status": "fail", "severity": "high", "reason": attack}
    subject: dict[str, Any] = {"kind": "container", "name": attack, "engine": attack, "findings": [finding]}
    host, checks = {"name": attack}, {"a": {"title": "A", "step": 1}}
    report = {"schema": "hardentui/check/3", "host": host, "checks": checks, "subjects": [subject]}
    for name in ("a.json", "a\x1b[2J.json"):
        (tmp_path / name).write_text(json.dumps(report))
    newer = {**report, "subjects": [{**subject, "findings": [{**finding, "severity": "critical"}]}]}
    (tmp_path / "b.json").write_text(json.dumps(newer))
    app = _app(some(), tmp_path)
    async with running(app, (120, 40)) as pilot:
        await _open(pilot)
        await until(pilot, lambda: "a.json," in drawn(app))
        assert "2J" not in screen_text(app), "a path that cannot be typed is not offered"
        await _name(app, pilot, tmp_path / "a.json", tmp_path / "b.json")
        await until(pilot, lambda: "Worse than before: 1" in drawn(app))
        await shows(pilot, "␛]0;owned", "[bold]", "[@click=app.quit]x[/]")
        assert not [sign for sign in FORBIDDEN if sign in screen_text(app)]


async def test_a_session_in_a_browser_compares_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.json").write_text('{"schema": "hardentui/check/3"}')
    monkeypatch.setenv(ONLY_BELOW, str(tmp_path / "own"))
    app = _app(some(), tmp_path)
    async with running(app, (100, 30)) as pilot:
        await _ready(app, pilot)
        await _open(pilot)
        await shows(pilot, "This session is used through a browser")
        assert "a.json" not in screen_text(app)
