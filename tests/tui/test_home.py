"""Home: the list, what changes it, and what is said when there is nothing to list."""

from __future__ import annotations

import threading

import pytest
from textual.geometry import Size
from textual.strip import Strip
from textual.widgets import Input

from hardentui.errors import NoEngine
from hardentui.features.engine_choices import EngineChoice
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Attempt
from hardentui.model.finding import Kind
from hardentui.tui.app import HardenApp
from hardentui.tui.listing import ListView
from hardentui.tui.screens.findings import HostScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.pages import CommandsScreen, ConnectionScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.widgets.container_list import ContainerList
from hardentui.tui.widgets.finding_list import FindingList
from tests.tui.replayed import Host, nothing, some
from tests.tui.support import (
    Driver,
    at_home,
    drawn,
    make_app,
    running,
    screen_lines,
    screen_text,
    scrolled,
    shows,
    started,
    until,
)


def _names(pilot: Driver) -> list[str]:
    """Containers on the screen, from top to bottom."""
    known = ("shop-web", "db", "vault", "new-one")
    lines = (line.split() for line in screen_lines(pilot.app)[2:-6])
    return [word for line in lines for word in line[:2] if word in known]


async def test_the_first_screen_does_not_wait_for_the_engine() -> None:
    gate = threading.Event()

    def slow() -> FirstLook:
        assert gate.wait(60)
        return some().first_look()

    app = make_app(nothing())
    app.session._first_look = slow
    async with started(app) as pilot:
        await shows(pilot, "HardenTUI", "Looking for Podman")
        gate.set()
        await shows(pilot, "shop-web")


async def test_rows_stand_there_before_their_details_and_progress_is_shown() -> None:
    host = some()
    host.answering.clear()
    app = make_app(host)
    async with started(app) as pilot:
        await shows(
            pilot,
            "shop-web",
            "vault",
            "scanning 0/3",
        )
        host.answering.set()
        await shows(pilot, "worst first", "✗")
        assert _names(pilot) == ["shop-web", "db", "vault"]


async def test_rows_stand_there_before_what_judges_them_is_loaded() -> None:
    host = some()
    host.loading.clear()
    app = make_app(host)
    async with started(app) as pilot:
        await shows(
            pilot,
            "rootful + rootless anna",
            "3 containers",
            "shop-web",
            "vault",
        )
        assert app.session.rows_shown.is_set(), "loading waits for it"
        assert not host.inspected()
        await pilot.press(
            "R",
            "r",
            "enter",
            opens=WalkScreen,
        )
        host.loading.set()
        await shows(
            pilot,
            "db › 1 Minimal base images",
            "Unneeded tools in image",
        )
        await pilot.press("escape", shows=("worst first", "✗"))


async def test_what_came_before_events_were_followed_is_not_missed() -> None:
    host = some()
    host.loading.clear()
    app = make_app(host)
    async with started(app) as pilot:
        await shows(pilot, "shop-web")
        key = host.add("new-one", like="shop-web")
        host.remove("db")
        host.loading.set()
        await shows(pilot, "new-one")
        await until(pilot, lambda: "db" not in _names(pilot))
        await until(pilot, lambda: app.session.rows[key].report is not None)
        await until(pilot, lambda: app.session.progress is None)
    looked_at = host.inspected()
    assert sorted(looked_at) == ["new-one", "shop-web", "vault"], "nothing is looked at twice"


async def test_escape_ends_a_scan_and_keeps_what_was_found() -> None:
    host = some()
    host.answering.clear()
    app = make_app(host)
    async with started(app) as pilot:
        await shows(pilot, "scanning")
        await pilot.press("escape")
        await until(pilot, lambda: app.session.progress is None)
        assert len(app.session.rows) == 3
        host.answering.set()
        await pilot.press("home.recheck_all", shows="1 strong")


async def test_the_filter_narrows_while_typing_and_escape_clears_it() -> None:
    async with at_home(some()) as (_, pilot):
        await pilot.press("slash", *"score:<80")
        await until(pilot, lambda: _names(pilot) == ["shop-web", "db"])
        await shows(pilot, "2 of 3 containers")
        await pilot.press("space", *"!anna")
        await until(pilot, lambda: _names(pilot) == ["shop-web"])
        await pilot.press("enter", shows="filtered: score:<80 !anna")
        await pilot.press("escape")
        await until(pilot, lambda: len(_names(pilot)) == 3)
        await pilot.press("slash", *"nothing-like-it", "enter")
        await shows(
            pilot,
            "Nothing matches nothing-like-it",
            "esc shows all",
        )


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_what_a_filter_does_not_understand_is_told_and_nothing_disappears(
    size: tuple[int, int],
) -> None:
    async with at_home(some(), size) as (app, pilot):
        await pilot.press(
            "slash", *"mode:x", shows='! There is no column "mode". Columns: name, image'
        )
        assert len(_names(pilot)) == 3
        await pilot.press("space", *"score<many")
        assert len(_names(pilot)) == 3
        await pilot.press("space", *"shop", "enter")
        await until(pilot, lambda: _names(pilot) == ["shop-web"])
        await shows(pilot, 'no column "mode"')
        await pilot.press("escape")
        await until(pilot, lambda: "no column" not in screen_text(app))
        await pilot.press(
            "slash",
            *"score<",
            shows="score takes a number",
        )
        await pilot.press("8", "0")
        await until(pilot, lambda: _names(pilot) == ["shop-web", "db"])
        assert "takes a number" not in screen_text(app)


async def test_help_explains_the_filter_where_there_is_one() -> None:
    async with at_home(some(), (80, 24)) as (app, pilot):
        await pilot.press("question_mark")
        await scrolled(
            pilot,
            "down",
            "Filter: all words must match",
            "image:nginx",
        )
        await scrolled(
            pilot,
            "down",
            "score<50",
            "fail:root-user",
        )
        await pilot.press(
            "escape",
            "H",
            "question_mark",
            shows="Check the host again.",
        )
        assert "Filter:" not in drawn(app)


async def test_the_checklist_that_fits_is_proposed_until_it_is_used() -> None:
    host = Host(("uyuni-server", "uyuni-server"), ("db", "db"))
    line = "mgradm manages uyuni-server: the checklist systemd is made for that"
    async with at_home(host, (100, 30)) as (_, pilot):
        await shows(pilot, line)
    host = Host(("uyuni-server", "uyuni-server"), ("db", "db"))
    host.checklist = "systemd"
    async with at_home(host, (100, 30)) as (app, pilot):
        home = app.screen
        assert isinstance(home, HomeScreen)
        await until(pilot, lambda: bool(home._first))
        assert "the checklist" not in screen_text(pilot.app)


async def test_a_filter_puts_the_cursor_on_its_first_match() -> None:
    async with at_home(some()) as (app, pilot):
        await pilot.press(
            "j",
            "j",
            "slash",
            *"score:<80",
            "enter",
        )
        await until(pilot, lambda: _names(pilot) == ["shop-web", "db"])
        current = app.screen.query_one(ContainerList).current
        assert current is not None
        assert current.name == "shop-web"


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_keys_sort_by_every_column_and_back(size: tuple[int, int]) -> None:
    async with at_home(some(), size) as (app, pilot):
        await until(pilot, lambda: _names(pilot) == ["shop-web", "db", "vault"])
        await shows(pilot, "Score↑")
        await pilot.press("o", shows=("by name", "Container↑"))
        assert _names(pilot) == ["db", "shop-web", "vault"]
        await pilot.press("home.reverse", shows=("by name reversed", "Container↓"))
        assert _names(pilot) == ["vault", "shop-web", "db"]
        home = app.screen
        assert isinstance(home, HomeScreen)
        home.action_sort_by("step 8")
        await shows(pilot, "by step 8", "↓8")
        assert _names(pilot)[0] == "shop-web"
        home.action_sort_by("step 8")
        await shows(pilot, "by step 8 reversed", "↑8")
        await pilot.press("o", shows=("worst first", "Score↑"))
        assert _names(pilot) == ["shop-web", "db", "vault"]


async def test_sorting_leaves_the_cursor_on_its_container_also_before_it_moved() -> None:
    async with at_home(some()) as (app, pilot):
        await until(pilot, lambda: _names(pilot) == ["shop-web", "db", "vault"])
        rows = app.screen.query_one(ContainerList)
        for _ in range(4):
            await pilot.press("o", "home.reverse")
            assert rows.current is not None
            assert rows.current.name == "shop-web"
            assert "▸ shop-web" in screen_text(app)


async def test_the_list_begins_as_its_kept_view_says() -> None:
    app = make_app(some())
    app.session.list_view = ListView(
        filter="!vault",
        column="name",
        reverse=True,
    )
    async with running(app) as pilot:
        await until(pilot, lambda: _names(pilot) == ["shop-web", "db"])
        await shows(pilot, "filtered: !vault", "Container↓")
        await pilot.press("slash")
        assert app.screen.query_one(Input).value == "!vault"
        await pilot.press("escape", "o")
        await until(pilot, lambda: len(_names(pilot)) == 3)
        assert app.session.list_view == ListView(column="image")


async def test_the_arrow_is_ascii_where_that_was_asked_for() -> None:
    async with at_home(some(), environ={"HARDENTUI_ASCII": "1"}) as (_, pilot):
        await shows(pilot, "Score^")
        await pilot.press("home.reverse", shows=("ScoreV", "best first"))


async def test_containers_appear_change_and_disappear_by_themselves() -> None:
    host = some()
    async with at_home(host, (120, 36)) as (app, pilot):
        await until(pilot, lambda: host.watched and app.session.host is not None)
        host.inspected()
        key = host.add("new-one", like="shop-web")
        host.stop("vault")
        host.remove("db")
        host.happens("new-one", "vault", "db")
        await shows(pilot, "new-one", "exited")
        await until(pilot, lambda: "db" not in _names(pilot))
        await until(pilot, lambda: app.session.rows[key].report is not None)
        await until(pilot, lambda: app.session.progress is None)
        assert set(host.inspected()) == {"new-one", "vault"}, "the rest is not looked at again"


async def test_the_cursor_stays_on_its_container() -> None:
    host = some()
    async with at_home(host) as (app, pilot):
        rows = app.screen.query_one(ContainerList)
        await until(pilot, lambda: _names(pilot) == ["shop-web", "db", "vault"])
        await pilot.press("down")
        assert rows.current is not None
        assert rows.current.name == "db"
        await pilot.press("o")
        assert rows.current.name == "db"
        await until(pilot, lambda: host.watched)
        host.add("aaa", like="shop-web")
        host.happens("aaa")
        await shows(pilot, "aaa")
        assert rows.current.name == "db"


async def test_a_lost_engine_greys_its_rows_and_its_return_is_told() -> None:
    host = some()
    async with at_home(host) as (app, pilot):
        await until(pilot, lambda: host.watched)
        for label in host.labels:
            host.lose(label, "connection refused")
        await shows(
            pilot,
            "lost, data of 12:00:00, retrying",
            "shop-web",
            "vault",
        )
        await until(pilot, lambda: len(app.session.lost) == 2)
        app.session.relist()
        await shows(pilot, "Listing the containers failed")
        assert set(_names(pilot)) == {"shop-web", "db", "vault"}
        await pilot.press(
            "app.connection", shows="lost at 12:00:00, retrying: rootful does not answer"
        )
        await pilot.press("escape")
        for label in host.labels:
            host.find(label)
        await shows(pilot, "answers again.")
        await until(pilot, lambda: not app.session.lost)
        assert app.session.lost == {}


async def test_no_container_says_how_to_get_one() -> None:
    async with at_home(nothing()) as (app, pilot):
        await shows(
            pilot,
            "No containers",
            "rootful, rootless anna",
            "podman run -d",
            "T opens labs",
            "as root to",
        )
        assert app.session.rows_shown.is_set(), (
            "nothing is waited for where there is nothing to show"
        )


async def test_no_engine_says_why_and_the_ways_on() -> None:
    def fail() -> FirstLook:
        raise NoEngine(
            "Nothing answers on unix:///nowhere\x1b[31m.",
            "systemctl --user enable --now podman.socket",
        )

    app = make_app(nothing(), simulate=some(simulated=True).first_look)
    app.session._first_look = fail
    async with running(app) as pilot:
        await shows(
            pilot,
            "Nothing answers on unix:///nowhere",
            "systemctl --user",
            "r  try again",
            "D  open",
        )
        assert "\x1b" not in screen_text(app)
        await pilot.press("D", shows=("SIMULATED HOST", "shop-web"))


async def test_the_simulated_host_is_named_on_every_screen() -> None:
    tried = (
        Attempt(
            "socket", "unix:///run/podman/podman.sock", "default", "absent", "start podman.socket"
        ),
    )
    app = make_app(some(simulated=True, attempts=tried))
    banner = "SIMULATED HOST - no Podman found"
    async with running(app) as pilot:
        await shows(pilot, banner, "shop-web")
        await until(pilot, lambda: app.session.host is not None)
        ways = {
            "walk": ("enter",),
            "explain": ("enter", "e"),
            "diff": ("enter", "a", "d"),
            "write": ("enter", "w"),
            "help": ("question_mark",),
            "connection": ("app.connection",),
            "host": ("H",),
            "commands": ("app.commands",),
        }
        for keys in ways.values():
            await pilot.press(*keys)
            await until(pilot, lambda: not isinstance(app.screen, HomeScreen))
            await shows(pilot, banner)
            while not isinstance(app.screen, HomeScreen):
                await pilot.press("escape")


async def test_the_connection_screen_shows_what_was_tried_in_order() -> None:
    tried = (
        Attempt(
            "$CONTAINER_HOST",
            "unix:///a.sock",
            "environment",
            "no such file",
            "unset it",
        ),
        Attempt(
            "user socket",
            "unix:///b.sock",
            "default",
            "permission denied",
            "run as anna",
        ),
    )
    async with at_home(some(attempts=tried, private_service=True), (100, 40)) as (_, pilot):
        await pilot.press("app.connection", opens=ConnectionScreen)
        await shows(
            pilot,
            "1. $CONTAINER_HOST",
            "no such file",
            "unset it",
            "2. user socket",
            "its own service",
        )


async def test_host_findings_and_the_command_log() -> None:
    async with at_home(some()) as (_, pilot):
        await pilot.press(
            "H",
            opens=HostScreen,
            shows=("podman.socket", "systemctl"),
        )
        await pilot.press("e", shows="What it checks")
        await pilot.press(
            "escape", "escape", "app.commands", opens=CommandsScreen, shows=("GET /", "/json")
        )


async def test_the_outlook_says_which_fixes_help_most() -> None:
    async with at_home(some()) as (_, pilot):
        await shows(
            pilot,
            "─shop-web─",
            "Runs as root",
            "Helps most  ! writable-rootfs",
        )
        await pilot.press("end", shows=("─vault─", "No automatic fix"))


async def test_leaving_closes_the_workbench() -> None:
    host = some()
    async with at_home(host) as (_, pilot):
        await pilot.press("q")
    assert host.closed


async def test_a_thousand_rows_are_all_reachable() -> None:
    host = some()
    host.multiply("shop-web", [f"c{number:04}" for number in range(1000)])
    host.answering.clear()
    app = make_app(host)
    async with started(app) as pilot:
        await shows(pilot, "c0000", "1003 containers")
        await pilot.press("end", shows="▸ vault")
        await pilot.press(
            "up",
            "up",
            "up",
            shows="▸ c0999",
        )
        await pilot.press("home", shows="▸ c0000")
        await pilot.press("pagedown", "up")
        rows = app.screen.query_one(ContainerList)
        assert rows.current is not None
        await shows(pilot, f"▸ {rows.current.name}")
        await pilot.press("escape")


async def test_a_key_draws_two_lines_of_the_list_and_nothing_lays_the_screen_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host(("node-exporter", "web-00"))
    host.multiply("web-00", [f"web-{number:02}" for number in range(1, 40)])
    async with at_home(host, (120, 40)) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        await shows(pilot, "─ web-00 ─")
        drawn: list[int] = []
        layouts: list[bool] = []
        render_line, arrange = ContainerList.render_line, HomeScreen._refresh_layout

        def counted(self: ContainerList, y: int) -> Strip:
            drawn.append(y)
            return render_line(self, y)

        def arranged(
            self: HomeScreen,
            size: Size | None = None,
            scroll: bool = False,
        ) -> None:
            layouts.append(scroll)
            arrange(self, size, scroll)

        monkeypatch.setattr(
            ContainerList,
            "render_line",
            counted,
        )
        monkeypatch.setattr(
            HomeScreen,
            "_refresh_layout",
            arranged,
        )
        await pilot.press("down", shows="─ web-01 ─")
        assert set(drawn) == {1, 2}
        await pilot.press("r")
        await until(pilot, lambda: 25 in drawn)  # new reports draw the list anew
        assert not layouts


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_another_engine_can_be_looked_at_and_the_first_one_again(
    size: tuple[int, int],
) -> None:
    first, other = some(), Host(("report", "elsewhere\x1b[2J"))
    choices = (
        EngineChoice("the first", "", first.first_look),
        EngineChoice(
            "prod [/x]\x1b[31m",
            "ssh://root@prod\x1b[2J",
            other.first_look,
        ),
    )
    async with at_home(first, size, choices=lambda: choices) as (app, pilot):
        await pilot.press(
            "asterisk",
            "app.connection",
            shows="i switches to another",
        )
        await pilot.press("i")
        await shows(
            pilot,
            "Switch to another Podman",
            "the first",
            "prod [/x]",
            "ssh://root@prod",
        )
        assert "\x1b" not in screen_text(app)
        await pilot.press("2", shows=("1 container", "elsewhere"))
        assert first.closed
        assert app.session.marks == {}
        await pilot.press(
            "app.connection",
            "i",
            "1",
            shows=("3 containers", "shop-web"),
        )


async def test_without_another_engine_the_key_says_so() -> None:
    async with at_home(some()) as (_, pilot):
        await pilot.press(
            "app.connection",
            "i",
            shows="There is no other engine",
        )


async def test_a_key_that_does_nothing_says_why() -> None:
    async with at_home(nothing(), simulate=some(simulated=True).first_look) as (app, pilot):
        for key, why in (
            ("enter", "There is no container to walk through."),
            ("space", "There is no container to mark."),
            ("asterisk", "There is no container to mark."),
            ("e", "There is no row to explain."),
            ("m", "There is no container to monitor."),
            ("r", "There is no container to check."),
            ("c", "There is nothing to copy here."),
            ("D", "Available when no Podman answers"),
        ):
            app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda why=why: why in _told(app))  # type: ignore[misc]


def _told(app: HardenApp) -> str:
    """What the notices say, as one text: on the screen they are wrapped."""
    return " ".join(notice.message for notice in app._notifications)


async def test_keys_that_need_the_checks_say_that_they_are_being_loaded() -> None:
    host = some()
    host.loading.clear()
    app = make_app(host)
    async with started(app) as pilot:
        await shows(pilot, "shop-web")
        for key, why in (
            ("h", "still being loaded"),
            ("m", "still being loaded"),
            ("home.recheck_all", "still loading"),
        ):
            await pilot.press(key)
            await until(pilot, lambda why=why: why in _told(app))  # type: ignore[misc]
        host.loading.set()
        await shows(pilot, "worst first", "✗")


async def test_what_was_read_over_a_connection_is_left_when_another_one_is_opened() -> None:
    async with at_home(some()) as (app, pilot):
        for key in ("enter", "m", "home.rights", "H", "I", "T"):
            await shows(pilot, "▸ shop-web")
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, HomeScreen))
            app.session.open()
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))
            await until(
                pilot,
                lambda: not any(worker.group == "monitor" for worker in app.workers),
            )


async def test_a_number_leads_into_what_to_do_first() -> None:
    async with at_home(some(), (80, 24)) as (app, pilot):
        await shows(
            pilot, "Do these first", "2  shop-web, db: Runs as root with default rights", "trial"
        )
        await pilot.press("2", shows="2 containers are marked")
        assert {app.session.rows[key].name for key in app.session.marks} == {"shop-web", "db"}


async def test_a_wide_screen_shows_the_fixes_and_what_they_change_beside_the_list() -> None:
    async with running(make_app(some()), size=(200, 60)) as pilot:
        await shows(
            pilot,
            "Do these first",
            "Grey: needs a decision",
            "--- today/",
        )
        first = screen_text(pilot.app)
        await pilot.press("down")
        await until(
            pilot,
            lambda: "--- today/" in screen_text(pilot.app) and screen_text(pilot.app) != first,
        )
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: "--- today/" not in screen_text(pilot.app))
        await pilot.resize_terminal(200, 60)
        await shows(pilot, "--- today/")


async def test_a_walk_opens_on_what_the_owner_of_the_container_can_fix() -> None:
    async with at_home(some(), (120, 36)) as (app, pilot):
        await pilot.press("enter", opens=WalkScreen)
        assert isinstance(app.screen, WalkScreen)
        report = app.session.rows[app.screen.container_key].report
        assert report is not None
        worst = max(finding.severity for finding in report.failing)
        await shows(
            pilot,
            next(each.title for each in report.failing if each.severity is worst),
        )


async def test_a_line_of_what_to_do_first_opens_the_finding_that_it_names() -> None:
    async with at_home(some(), (120, 40)) as (app, pilot):
        home = app.screen
        assert isinstance(home, HomeScreen)
        await until(pilot, lambda: bool(home._first))
        single = next(at for at, line in enumerate(home._first, 1) if len(line.subjects) == 1)
        line = home._first[single - 1]
        if line.subject.kind is Kind.CONTAINER:
            await pilot.press(str(single), opens=WalkScreen)
            walk = app.screen.query_one(FindingList)
            await until(pilot, lambda: walk.current is not None)
            current = walk.current
            assert current is not None
            assert current.check == line.checks[0]


async def test_the_palette_tells_the_key_of_each_entry() -> None:
    async with at_home(some(), (120, 40)) as (_, pilot):
        await pilot.press("ctrl+p", *"harden", shows=("Harden  h", "Try, show and apply fixes"))
