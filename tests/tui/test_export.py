"""A report about what a screen shows, written into a file in the format of its ending."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input

from hardentui.features.apply.history import History, Recorded
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.reports import ExportScreen
from tests.support.check_report import every_finding
from tests.tui.replayed import some
from tests.tui.support import Driver, at_home, make_app, running, shows, until


def _app(directory: Path) -> HardenApp:
    app = make_app(some())
    app.session.directory = str(directory)
    return app


async def _export(pilot: Driver, path: Path) -> None:
    await pilot.press("E")
    await until(pilot, lambda: isinstance(pilot.app.screen, ExportScreen))
    pilot.app.screen.query_one("#file", Input).value = str(path)
    await pilot.press("enter")


async def test_the_walk_tells_of_its_container_in_the_format_of_the_ending(tmp_path: Path) -> None:
    app = _app(tmp_path / "reports")
    async with running(app, (100, 30)) as pilot:
        await pilot.press("enter", "E", opens=ExportScreen)
        assert app.screen.query_one("#file", Input).value == str(
            tmp_path / "reports" / "shop-web-report.md"
        )
        await pilot.press("enter", shows=("shop-web-report.md", "new."))
        assert "shop\\-web" in (tmp_path / "reports" / "shop-web-report.md").read_text()
        await pilot.press("escape")
        for name, beginning in (
            ("a.json", "{"),
            ("a.html", "<!doctype"),
            ("a.txt", "shop01"),
        ):
            await _export(pilot, tmp_path / name)
            await shows(pilot, "new.")
            text = (tmp_path / name).read_text()
            assert text.lower().startswith(beginning)
            assert "shop-web" in text
            await pilot.press("escape")
    subjects = json.loads((tmp_path / "a.json").read_text())["subjects"]
    assert [subject["name"] for subject in subjects] == ["shop-web"]


async def test_the_list_tells_of_what_it_shows(tmp_path: Path) -> None:
    app = _app(tmp_path)
    async with running(app, (100, 30)) as pilot:
        await pilot.press("slash", *"!vault", "enter")
        await _export(pilot, tmp_path / "list.json")
        await shows(pilot, "list.json: new.")
    subjects = json.loads((tmp_path / "list.json").read_text())["subjects"]
    assert {subject["name"] for subject in subjects} == {"shop-web", "db"}


async def test_the_host_has_a_report_and_an_empty_screen_has_none(tmp_path: Path) -> None:
    app = _app(tmp_path)
    async with running(app, (100, 30)) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press(
            "app.commands",
            "E",
            shows="nothing here to report on",
        )
        await pilot.press("escape", "H")
        await _export(pilot, tmp_path / "host.md")
        await shows(pilot, "host.md: new.")


async def test_what_cannot_be_written_is_told_and_a_former_report_is_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = _app(tmp_path)
    (tmp_path / "x.md").write_text("former")
    async with running(app, (100, 30)) as pilot:
        await _export(pilot, tmp_path / "x.pdf")
        await shows(pilot, "this one is unknown", ".md .txt .json")
        await pilot.press("escape", "escape")
        await _export(pilot, tmp_path / "x.md")
        await shows(pilot, "x.md.bak")
        assert (tmp_path / "x.md.bak").read_text() == "former"


@pytest.mark.parametrize(
    ("key", "kind"),
    [("I", "image"), ("M", "network"), ("P", "engine")],
)
async def test_images_networks_and_trust_have_a_report_of_what_they_show(
    key: str,
    kind: str,
    tmp_path: Path,
) -> None:
    host = some()
    host.checklist = ""  # all checks
    async with at_home(host, (100, 30)) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press(key)
        await until(pilot, lambda: not app.screen.screen_report().nothing)  # type: ignore[attr-defined]
        await _export(pilot, tmp_path / "a.json")
        await shows(pilot, "a.json: new.")
    report = json.loads((tmp_path / "a.json").read_text())
    assert {subject["kind"] for subject in report["subjects"]} == {kind}
    if kind == "engine":
        assert {finding["step"] for finding in every_finding(report)} == {3}


async def test_the_networks_are_also_a_picture(tmp_path: Path) -> None:
    app = _app(tmp_path)
    async with running(app, (100, 30)) as pilot:
        await pilot.press("M")
        await until(pilot, lambda: not app.screen.screen_report().nothing)  # type: ignore[attr-defined]
        await _export(pilot, tmp_path / "map.svg")
        await shows(pilot, "map.svg: new.")
        await pilot.press("escape")
        await _export(pilot, tmp_path / "map.html")
        await shows(pilot, "map.html: new.")
    assert "shop-web" in (tmp_path / "map.svg").read_text()
    assert "<svg" in (tmp_path / "map.html").read_text()


async def test_the_journal_is_written_as_text_and_as_data(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = JournalEntry(
        id="20260102-120000-web", time="2026-01-02T12:00:00+00:00", action=EntryAction.APPLY,
        container="web\x1b[2J", state=EntryState.DONE, by="anna", diff="-a\n+b",
    )  # fmt: skip
    monkeypatch.setattr(
        History,
        "recorded",
        lambda self: Recorded((entry,), ()),
    )
    app = _app(tmp_path)
    async with running(app, (100, 30)) as pilot:
        await pilot.press("J", "E", opens=ExportScreen)
        assert app.screen.query_one("#file", Input).value == str(tmp_path / "journal-report.txt")
        await pilot.press("enter", shows="journal-report.txt: new.")
        await pilot.press("escape")
        await _export(pilot, tmp_path / "journal.json")
        await shows(pilot, "journal.json: new.")
        await pilot.press("escape")
        await _export(pilot, tmp_path / "journal.sarif")
        await shows(pilot, "this one is unknown", ".txt .json")
    text = (tmp_path / "journal-report.txt").read_text()
    assert "\x1b" not in text
    assert "+b" in text
    assert json.loads((tmp_path / "journal.json").read_text())["entries"][0]["by"] == "anna"
