"""Marks in the list, and the fixes of many containers in one go."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Checkbox, DataTable, Input, Static

from hardentui.errors import CannotExpress
from hardentui.features.fix.drafter import Drafter
from hardentui.features.views import Report
from hardentui.model.draft import Draft, Target
from hardentui.model.plan import Choice, Plan
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.fix_many import FixManyScreen
from hardentui.tui.screens.home import HomeScreen
from tests.tui.replayed import Host, some
from tests.tui.support import Driver, drawn, make_app, running, screen_text, shows, until

SIZES = [(60, 16), (200, 60)]


async def _planned(pilot: Driver) -> FixManyScreen:
    """The screen, once every container has its plan."""
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, FixManyScreen))
    screen = app.screen
    assert isinstance(screen, FixManyScreen)
    await until(pilot, lambda: not screen._waiting_for)
    return screen


def _result(app: HardenApp) -> str:
    return str(app.screen.query_one("#result").query_one(Static).render())


def _written(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} if directory.exists() else set()


@pytest.mark.parametrize("size", SIZES)
async def test_marks_are_seen_counted_and_taken_away(size: tuple[int, int]) -> None:
    app = make_app(some())
    async with running(app, size) as pilot:
        await pilot.press("space", shows=(" *shop-web", "▸ db", "1 marked"))
        await pilot.press("a", shows=("▸*db", " *vault", "3 marked"))
        await pilot.press("a")
        await until(pilot, lambda: "marked" not in screen_text(app))
        await pilot.press("home", "space", "end", "v", shows=(" *shop-web", " *db", "▸*vault"))
        await pilot.press("slash", *"db", "enter", shows="3 marked")
        assert " *shop-web" not in screen_text(app), "the filter hides it, marked or not"
        await pilot.press("escape", shows=("▸*shop-web", " *db"))
        await pilot.press("escape")
        await until(pilot, lambda: "marked" not in screen_text(app))


async def test_a_mark_goes_with_its_container() -> None:
    host = some()
    app = make_app(host)
    async with running(app) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: host.watched)
        host.remove("db")
        host.happens("db")
        await shows(pilot, "2 marked")


@pytest.mark.parametrize("size", SIZES)
async def test_all_marked_containers_are_planned_and_written_in_one_go(
    size: tuple[int, int], tmp_path: Path
) -> None:
    app = make_app(some())
    app.session.directory = str(tmp_path / "out")
    async with running(app, size) as pilot:
        await pilot.press("a", "f")
        await _planned(pilot)
        await shows(pilot, "3 containers › likely fixes", "shop-web", "db", "vault", "ready")
        await pilot.press("F")
        await _planned(pilot)
        await shows(pilot, "all fixes", "21 → ")
        assert _written(tmp_path / "out") == set(), "nothing is written before w"
        await pilot.press("w")
        await until(pilot, lambda: "Written: " in _result(app))
        names = _written(tmp_path / "out")
        assert {"shop-web.container", "db.container", "shop-web-plan.toml", "db-plan.toml"} <= names
        assert "ReadOnly=true" in (tmp_path / "out" / "shop-web.container").read_text()
        told = " ".join(_result(app).split())  # a narrow screen wraps them
        assert all(f"hardentui check {name}" in told for name in ("shop-web", "db"))
        await pilot.press("y")
        assert "shop-web-take-over.sh\n" in f"{app.clipboard}\n"
        assert "finish" not in app.clipboard, "only what comes next is copied"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_without_marks_it_is_the_container_under_the_cursor() -> None:
    app = make_app(some())
    async with running(app) as pilot:
        await pilot.press("down", "f")
        await _planned(pilot)
        await shows(pilot, "1 container › likely fixes", "db")
        assert "shop-web" not in screen_text(app)


async def test_a_refused_container_is_named_and_the_others_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = Drafter.draft

    def broken(self: Drafter, report: Report, plan: Plan | None, target: Target, **named: object) -> Draft:
        if report.subject.name == "db":
            raise CannotExpress("A value cannot be written.\x1b[2J", "Change it [/x].")
        return draft(self, report, plan, target, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Drafter, "draft", broken)
    app = make_app(some())
    app.session.directory = str(tmp_path)
    async with running(app) as pilot:
        await pilot.press("a", "f", "F")
        await _planned(pilot)
        await shows(pilot, "1 refused", "refused")
        await pilot.press("down", shows=("A value cannot be written.", "Change it [/x]."))
        await pilot.press("w")
        await until(pilot, lambda: "Written: " in _result(app))
        assert "shop-web.container" in _written(tmp_path)
        assert "db.container" not in _written(tmp_path)


async def test_what_each_container_gets_and_what_not_is_told() -> None:
    app = make_app(some())
    async with running(app, (120, 40)) as pilot:
        await pilot.press("f")
        await _planned(pilot)
        page = drawn(app)
        assert "these may break it: F takes them" in page
        assert "accepts it" in page
        assert "left out" in page
        assert "+PodmanArgs=--cpus=" in page, "the difference"
        await pilot.press("F")
        await _planned(pilot)
        assert "F takes them" not in drawn(app)
        assert "may break" in drawn(app)


async def test_choices_of_the_walk_are_kept_with_their_values_and_count_as_written(tmp_path: Path) -> None:
    host = some()
    app = make_app(host)
    app.session.directory = str(tmp_path)
    key = host.key("db")
    async with running(app) as pilot:
        await pilot.press("f", "u", shows="No fix was chosen in the walk")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        app.session.choices[key] = {"no-memory-limit": Choice("no-memory-limit", (("memory", "300m"),))}
        await pilot.press("a", shows="3 marked")
        await pilot.press("a", shows=" +db")
        assert app.session.unwritten
        await pilot.press("a", "f", "u")
        await _planned(pilot)
        await shows(pilot, "own choices", "nothing")
        await pilot.press("w")
        await until(pilot, lambda: "Written: " in _result(app))
        assert _written(tmp_path) == {"db.container", "db-plan.toml", "db-take-over.sh"} | {
            name for name in _written(tmp_path) if name.endswith((".network", ".volume"))
        }
        assert "300m" in (tmp_path / "db.container").read_text()
        assert not app.session.unwritten


async def test_what_cannot_be_done_says_why(tmp_path: Path) -> None:
    app = make_app(Host(("node-exporter", "vault")))
    app.session.directory = str(tmp_path / "file")
    (tmp_path / "file").write_text("in the way")
    async with running(app) as pilot:
        await pilot.press("v", shows="Mark the first container with space")
        await pilot.press("f", "a")
        await _planned(pilot)
        await pilot.press("w", shows="These fixes change nothing")
        await pilot.press("i", "tab", "shift+tab", "shift+tab", "shift+tab", "shift+tab", "space")
        screen = await _planned(pilot)
        await until(pilot, lambda: not screen._form().targets)
        await pilot.press("escape", "F")
        await _planned(pilot)
        await pilot.press("w", shows="Tick at least one kind of file")
        app.screen.query_one("#run").toggle()  # type: ignore[attr-defined]
        await _planned(pilot)
        if screen._batch.files:
            await pilot.press("w")
            await until(pilot, lambda: "Not written" in _result(app))
            assert (tmp_path / "file").read_text() == "in the way"


async def test_the_directory_is_typed_and_escape_leaves_the_field_first(tmp_path: Path) -> None:
    app = make_app(some())
    async with running(app) as pilot:
        await pilot.press("f")
        await _planned(pilot)
        await pilot.press("i")
        field = app.screen.query_one("#directory", Input)
        assert field.has_focus
        field.value = str(tmp_path / "there")
        await pilot.press("escape")
        assert app.screen.query_one(DataTable).has_focus
        await pilot.press("w")
        await until(pilot, lambda: "Written: " in _result(app))
        assert "shop-web.container" in _written(tmp_path / "there")
        assert app.session.directory == str(tmp_path / "there"), "for the next time"


async def test_from_the_start_to_the_written_quadlet_of_the_worst_takes_three_keys(tmp_path: Path) -> None:
    app = make_app(some())
    app.session.directory = str(tmp_path)
    async with running(app) as pilot:
        keys = ("f", "F", "w")
        assert len(keys) <= 6
        for key in keys:
            await pilot.press(key)
            await _planned(pilot)
        await until(pilot, lambda: "Written: " in _result(app))
        assert "shop-web.container" in _written(tmp_path)


async def test_a_tick_that_was_just_made_counts_when_the_files_are_written(tmp_path: Path) -> None:
    app = make_app(some())
    app.session.directory = str(tmp_path / "out")
    async with running(app, (100, 30)) as pilot:
        await pilot.press("f")
        screen = await _planned(pilot)
        with screen.prevent(Checkbox.Changed):  # as when both keys come at once
            screen.query_one("#run", Checkbox).value = True
        screen.action_save()
        await shows(pilot, "still being planned")
        await until(pilot, lambda: not screen._waiting_for)
        await pilot.press("w")
        await until(pilot, lambda: "Written" in _result(app))
        assert "shop-web.sh" in _written(tmp_path / "out")
