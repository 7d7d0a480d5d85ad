"""The screens about what containers share: images, networks, trust, host; marks and copies."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from textual.widgets import DataTable

from hardentui.features.networks.page import NetworkPlace, PublishedPort
from hardentui.model.finding import Severity, Status
from hardentui.remembered import keep_copy
from hardentui.scanners.host_scans import HostScans
from hardentui.state import state_directory
from hardentui.tui.app import HardenApp
from hardentui.tui.listing import COLUMNS, ListView, arrange
from hardentui.tui.screens.browse import short
from hardentui.tui.screens.container import MeaningScreen
from hardentui.tui.screens.findings import HostScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.images import ImagesScreen
from hardentui.tui.screens.networks import drawing
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.status import ASCII_SIGNS
from hardentui.tui.widgets.container_list import columns_for, heading_at, headings
from tests.tui.replayed import Host, judged_rows, some
from tests.tui.support import (
    Driver,
    at_home,
    make_app,
    running,
    screen_lines,
    screen_text,
    scrolled,
    shows,
    until,
)


def _step_one(app: HardenApp) -> Status:
    report = next(row for row in app.session.rows.values() if row.name == "shop-web").report
    assert report is not None
    return next(
        finding.status for finding in report.everything if finding.check == "tools-in-image"
    )


# --- looking into an image ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 16), (120, 36)])
async def test_an_image_is_looked_into_and_its_containers_know(size: tuple[int, int]) -> None:
    async with at_home(some(), size) as (app, pilot):
        assert _step_one(app) is Status.UNKNOWN
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        await pilot.press("enter")
        await scrolled(pilot, "end", "not inspected")
        await pilot.press("x", shows="1 inspected")
        await until(pilot, lambda: _step_one(app) is Status.FAIL)
        app.screen.query_one("#page").scroll_to(
            y=7,
            animate=False,
        )
        await shows(pilot, "Debian GNU/Linux 12, supported", "1 dpkg")
        await scrolled(pilot, "end", "Unneeded tools in image")
        await pilot.press("escape", "escape", opens=HomeScreen)


async def test_a_redraw_leaves_the_reader_where_they_are_and_another_row_begins_at_the_top() -> (
    None
):
    async with at_home(some(), (80, 24)) as (app, pilot):
        await pilot.press("I", shows="0 inspected")
        await pilot.press("x", shows="1 inspected")
        reading = app.screen.query_one("#page")
        await until(pilot, lambda: reading.max_scroll_y >= 7)
        reading.scroll_to(y=7, animate=False)
        await until(pilot, lambda: reading.scroll_y == 7)
        assert isinstance(app.screen, ImagesScreen)
        await app.screen.show_state("scan")
        await pilot.pause()
        assert reading.scroll_y == 7
        await pilot.press("down")
        await until(pilot, lambda: reading.scroll_y == 0)


async def test_the_page_of_an_image_names_what_is_inside() -> None:
    async with at_home(some(), (120, 50)) as (_, pilot):
        await pilot.press("I", shows="0 inspected")
        await pilot.press("x", shows="1 inspected")
        await shows(
            pilot,
            "/root/.aws/credentials  cloud credentials, layer 2, deleted in a later layer but "
            "still present",
            "/usr/bin/apt  package manager apt, layer 1",
            "used by      shop-web",
        )
        await pilot.press("x", shows="Already inspected")


async def test_a_look_shows_how_far_it_is_and_can_be_stopped() -> None:
    host = some()
    host.reading.clear()
    async with at_home(host) as (app, pilot):
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        await pilot.press("x", shows=("reading docker.io/library/", "4.1 kB"))
        await pilot.press(
            "down",
            "x",
            shows="Another image is being inspected",
        )
        await pilot.press("escape", shows="Inspection of the image stopped")
        assert isinstance(app.screen, ImagesScreen), "esc stops the look before it leaves"
        assert app.session.around.look is None
        await shows(pilot, "0 inspected")


async def test_a_look_that_fails_says_why() -> None:
    host = some()
    host.reading.clear()
    async with at_home(host) as (app, pilot):
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        await pilot.press("x", shows="4.1 kB")
        for label in host.labels:
            host.lose(label, "it is [bold]damaged\x1b[2J")
        await shows(pilot, "[bold]damaged␛[2J")
        assert _step_one(app) is Status.UNKNOWN


async def test_the_walk_offers_the_look_in_the_step_about_images() -> None:
    async with at_home(some()) as (app, pilot):
        await shows(pilot, "▸ shop-web")
        await pilot.press("enter", "1", shows="x inspects the image")
        await pilot.press("4")
        await until(pilot, lambda: "inspects the image" not in screen_text(app))
        await pilot.press("1", "x")
        await until(pilot, lambda: _step_one(app) is Status.FAIL)
        await shows(pilot, "Unneeded tools in image")
        await until(pilot, lambda: "inspects the image" not in screen_text(app))
        await pilot.press("x", shows="Nothing to inspect")


async def test_esc_in_the_walk_stops_the_look_and_stays() -> None:
    host = some()
    host.reading.clear()
    async with at_home(host) as (app, pilot):
        await shows(pilot, "▸ shop-web")
        await pilot.press(
            "enter",
            "1",
            "x",
            shows="4.1 kB  esc stops",
        )
        await pilot.press("escape")
        await until(pilot, lambda: app.session.around.look is None)
        assert isinstance(app.screen, WalkScreen)
        await shows(pilot, "x inspects the image")
        await pilot.press("escape", opens=HomeScreen)


# --- networks, trust, host ------------------------------------------------------------------------


async def test_the_network_map_tells_who_can_reach_whom() -> None:
    app = make_app(
        Host(
            ("db", "db"),
            ("backup", "backup"),
            ("cache", "cache"),
        )
    )
    async with running(app, (120, 36)) as pilot:
        await pilot.press("M", shows=("shop-net", "(host)", "10.89.0.0/24"))
        assert "the host, the outside" in next(
            line for line in screen_lines(app) if " shop-net " in line
        )
        assert (
            "*:5432 ─────────────▶│ db                              5432/tcp │─▶ the host"
            in screen_text(app)
        )
        await pilot.press("down", shows="every port ─────────▶│ backup")
        text = screen_text(app)
        assert text.index("┌ (host) ") < text.index(
            "┌ shop-net, "
        )  # the chosen one first, the others below


def test_what_only_this_host_reaches_is_dotted_also_without_unicode() -> None:
    ports = (
        PublishedPort("db", "loopback:5432", "5432/tcp"),
        PublishedPort("db", "*:80", "80/tcp"),
        PublishedPort("\x1b[31mweb", "*:81", "81/\x1btcp"),
    )
    place = NetworkPlace(
        "rootful", "net", members=("db",), ports=ports, reaches=("the host, on any port at all",)
    )
    lines = drawing(place, 75, ASCII_SIGNS).plain.split("\n")
    assert lines[1] == " loopback:5432 ......>| db                   5432/tcp |-> the host, on"
    assert lines[2] == " *:80 --------------->|                        80/tcp |   any port at all"
    assert "\x1b" not in lines[3]
    assert {len(line) for line in lines[:1] + lines[3:]} == {55}


async def test_trust_shows_the_rule_that_catches_each_running_image() -> None:
    host = some()
    texts = host.document["files"]["text"]
    texts["/home/anna/.config/containers/policy.json"] = '{"default": [{"type": "reject"}]}'
    texts["/home/anna/.config/containers/registries.conf"] = (
        'unqualified-search-registries = ["quay.io"]\n'
    )
    async with at_home(host, (120, 60)) as (app, pilot):
        await pilot.press("P")
        await shows(
            pilot,
            "Engine rootful",
            "! default      accept everything, signed or not",
            "The default rule in",
            "Engine rootless anna",
            "refused",
            "docker.io (1 image)",
            "quay.io",
        )
        await pilot.press("r", "c")
        await until(pilot, lambda: "Engine rootful" in app.clipboard)


async def test_the_host_is_read_anew_on_request() -> None:
    host = some()
    async with at_home(host) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press("H")
        await until(
            pilot,
            lambda: isinstance(app.screen, HostScreen) and not app.session.judging,
        )
        before = host.host_reads
        await pilot.press("r")
        await until(pilot, lambda: host.host_reads == before + 1)
        await shows(pilot, "podman.socket")


HOST_SCANS = Path(__file__).parents[1] / "data" / "host-scans"


async def _host_page(app: HardenApp, pilot: Driver) -> None:
    await until(pilot, lambda: app.session.host is not None)
    await pilot.press("H")
    await until(
        pilot,
        lambda: isinstance(app.screen, HostScreen) and not app.session.judging,
    )


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_a_result_of_lynis_is_imported_and_the_host_is_judged_with_it(
    size: tuple[int, int],
) -> None:
    host = some()
    async with at_home(host, size) as (app, pilot):
        await _host_page(app, pilot)
        before = host.host_reads
        await pilot.press(
            "i",
            *str(HOST_SCANS / "lynis-report.dat"),
            "enter",
        )
        await shows(pilot, "Imported", "lynis 3.1.4 of vm")
        await until(pilot, lambda: host.host_reads == before + 1)
        kept = HostScans(state_directory).load()
        assert isinstance(kept, tuple)
        assert [scan.tool for scan in kept] == ["lynis"]


async def test_a_file_that_is_no_result_is_told_and_a_simulated_host_reads_none() -> None:
    async with at_home(some()) as (app, pilot):
        await _host_page(app, pilot)
        await pilot.press(
            "i",
            *str(Path(__file__)),
            "enter",
            shows="Not imported",
        )
        assert HostScans(state_directory).load() == ()
    async with at_home(some(simulated=True)) as (app, pilot):
        await _host_page(app, pilot)
        await pilot.press("i", shows="This host is simulated")


@pytest.mark.parametrize(
    ("size", "told"),
    [((120, 36), 2), ((80, 24), 2), ((60, 16), 1)],
)
async def test_the_host_names_the_worst_ways_to_it(
    size: tuple[int, int],
    told: int,
) -> None:
    hostile = "x0\x1b]0;owned\x07[b]"
    host = Host(("backup", hostile))
    host.multiply(
        hostile,
        [
            hostile.replace("0", "1", 1),
            hostile.replace("0", "2", 1),
        ],
    )
    del host.inspect(hostile.replace("0", "2", 1))["Mounts"][1]  # it leads another way
    host.checklist = ""
    async with at_home(host, size) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press(
            "H",
            opens=HostScreen,
            shows=(
                "Worst attack paths",
                "␛]0;owned␇[b] as root of the host",
            ),
        )

        def paths() -> list[str]:
            lines = screen_text(app).splitlines()
            return [line for line in lines if line.lstrip(" │").startswith(("1.", "2.", "3."))]

        await until(
            pilot, lambda: len(paths()) == told
        )  # while containers are checked they are ranked again
        assert not {"\x1b", "\x07"} & set(screen_text(app))


async def test_where_no_container_reaches_the_host_no_way_is_named() -> None:
    async with at_home(Host(("node-exporter", "vault"))) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press("H", opens=HostScreen)
        assert not app.screen.query_one("#paths").display


# --- marks, headings, copies ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 16), (120, 36)])
async def test_score_and_marks_of_a_row_explain_themselves(size: tuple[int, int]) -> None:
    async with at_home(some(), size) as (_, pilot):
        await pilot.press(
            "e",
            opens=MeaningScreen,
            shows=("Score 21 weak", "2 high, "),
        )
        texts = ["What the score means", "100: every"]
        if size[1] > 20:
            texts += ["10 ✗ Runtime protection", "1 failing, worst high; ", "does not apply"]
            texts += ["2 failing, worst high"]
        await scrolled(pilot, "end", *texts)
        await pilot.press("e", opens=HomeScreen)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("docker.io/library/nginx:1", "…/nginx:1"),
        ("Debian GNU/Linux 13 (trixie)", "Debian GNU/Linux 13 (trixie)"),
        ("a/b", "a/b"),
    ],
)
def test_only_the_name_of_an_image_loses_its_beginning(
    text: str,
    shown: str,
) -> None:
    assert short(text, 20) == shown


async def test_a_click_on_a_heading_sorts_by_it() -> None:
    async with at_home(some()) as (app, pilot):
        await shows(pilot, "Do these first", "Helps most")  # which move the list
        await _click(pilot, "Container")
        await shows(pilot, "by name", "Container↑")
        assert "db" in _first_row(app)
        await _click(pilot, "Container")
        await shows(pilot, "by name reversed", "Container↓")
        assert "vault" in _first_row(app)
        await _click(pilot, "Score")
        await shows(pilot, "worst first")
        await _click(pilot, "5")
        await shows(pilot, "by step 5")
        await pilot.press("I", shows=("3, 0 inspected", "redis"))
        table = app.screen.query_one(DataTable)
        await pilot.click(table, offset=(6, 0))
        await until(
            pilot,
            lambda: table.get_row_at(0)[1].plain.endswith("alpine:latest"),
        )
        await pilot.click(table, offset=(6, 0))
        await until(
            pilot,
            lambda: table.get_row_at(0)[1].plain.endswith("node-exporter:v1.9.0"),
        )


def _first_row(app: HardenApp) -> str:
    lines = screen_lines(app)
    return lines[next(y for y, line in enumerate(lines) if line.startswith("  Container")) + 1]


async def _click(pilot: Driver, heading: str) -> None:
    lines = screen_lines(pilot.app)
    y = next(y for y, line in enumerate(lines) if line.startswith("  Container"))
    x = lines[y].rindex(f" {heading}") + 1
    await pilot.click(offset=(x, y))


@pytest.mark.parametrize("width", [44, 80, 120, 200])
def test_every_heading_sorts_by_what_it_says(width: int) -> None:
    columns = columns_for(width, judged_rows(some()))
    line = headings(columns)
    for title, order in (
        ("Container", "name"),
        ("Image", "image"),
        ("Score", "score"),
    ):
        if title in line:
            at = line.index(title)
            assert {heading_at(columns, x) for x in range(at, at + len(title))} == {order}
    for step, digit in enumerate("1234567890", 1):
        assert heading_at(columns, line.rindex(f" {digit}") + 1) == f"step {step}"
    assert {heading_at(columns, x) for x in range(width)} <= {"", *COLUMNS}


@pytest.mark.parametrize("width", [44, 60, 80, 200])
@pytest.mark.parametrize("arrow", ["↑", "^"])
def test_the_arrow_stands_at_the_column_of_the_order_and_moves_nothing(
    width: int,
    arrow: str,
) -> None:
    columns = columns_for(width, judged_rows(some()))
    bare = headings(columns)
    for title, column in (
        ("Container", "name"),
        ("Score", "score"),
        ("Image", "image"),
    ):
        if title in bare:
            assert f"{title}{arrow}" in headings(columns, column, arrow)
    for step in range(1, 11):
        assert f"{arrow}{step % 10}" in headings(columns, f"step {step}", arrow)
    for column in COLUMNS:
        assert headings(columns, column, arrow).replace(arrow, " ") == bare


def test_by_step_puts_the_worst_of_that_step_first() -> None:
    rows = judged_rows(some())
    assert arrange(rows, ListView(column="step 8"))[0].name == "shop-web"
    severities = [
        next(cell.severity for cell in row.report.cells if cell.step == 4)
        for row in arrange(rows, ListView(column="step 4"))
        if row.report
    ]
    assert severities == [Severity.HIGH, Severity.MEDIUM, None]


async def test_what_is_copied_is_safe_to_paste_and_kept_in_a_file(tmp_path: Path) -> None:
    host = Host(("backup", "web\nrm -rf x\x1b[2J"), ("cache", "db"))
    async with at_home(host, keep=lambda text: keep_copy(text, tmp_path / "state")) as (app, pilot):
        await pilot.press("c", shows=("Copied the container's name", "Also saved to"))
        kept = tmp_path / "state" / "last-copy.txt"
        assert app.clipboard == kept.read_text() == "web␊rm -rf x␛[2J"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        await pilot.press("enter", "4", shows="▸ [ ] ! medium")
        await pilot.press("c")
        await until(pilot, lambda: "(new-privileges-allowed)" in app.clipboard)
        assert "may break" in app.clipboard
        await pilot.press(
            "space",
            "d",
            shows="would not produce the intended command",
        )
        await pilot.press("c")
        await until(
            pilot, lambda: "would not produce" in app.clipboard and "\x1b" not in app.clipboard
        )


async def test_a_copy_that_cannot_be_kept_is_still_copied(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with at_home(some(), keep=lambda text: keep_copy(text, tmp_path / "file")) as (
        app,
        pilot,
    ):
        await pilot.press("c", shows="cannot be written")
        assert app.clipboard == "shop-web"


def test_a_copy_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "last-copy.txt").symlink_to(tmp_path / "mine")
    path = Path(keep_copy("text", tmp_path))
    assert (tmp_path / "mine").read_text() == "precious"
    assert path.read_text() == "text"
    assert not path.is_symlink()


async def test_tabs_of_a_container_take_each_others_place() -> None:
    app = make_app(some(simulated=True))

    def here() -> str:
        return type(app.screen).__name__

    async with running(app, (100, 30)) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press("enter")
        await until(pilot, lambda: here() == "WalkScreen")
        below = len(app.screen_stack)
        for key in ("R", "l", "m", "R"):
            before = here()
            await pilot.press(key)
            await until(pilot, lambda before=before: here() not in (before, "WalkScreen"))  # type: ignore[misc]
            assert len(app.screen_stack) == below + 1, "no pile of tabs"
        await pilot.press("enter")
        await until(pilot, lambda: here() == "WalkScreen")
        assert len(app.screen_stack) == below, "the walk that was there"
