"""The screens about what containers share: images, networks, trust, host; marks and copies."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable

from hardentui.checks import all_checks
from hardentui.errors import ToolMissing
from hardentui.harden.evaluate import container_subject, run
from hardentui.model.check import Parameters
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts, NetworkFacts
from hardentui.model.finding import Kind, Severity, Status
from hardentui.model.image import ScanReport
from hardentui.model.known import Known, Unreadable
from hardentui.model.spec import Option
from hardentui.model.trust import Policy, Registries, Requirement, TrustFacts
from hardentui.model.version import Version
from hardentui.options import MOUNTS, NETWORK, PID, PRIVILEGED
from hardentui.options.values import Mount
from hardentui.state.kept_copy import keep_copy
from hardentui.tui.app import HardenApp
from hardentui.tui.listing import ORDERS, arrange, parse_filter
from hardentui.tui.screens.browse import short
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.host import HostScreen
from hardentui.tui.screens.images import ImagesScreen
from hardentui.tui.screens.marks import MarksScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.widgets.columns import columns_for, heading_at, headings
from hardentui.workbench.looking.scanning import ScanProgress
from hardentui.workbench.views import Report, Row
from tests.tui.stand_in import ROOTLESS, StandIn, facts, some
from tests.tui.support import Driver, make_app, running, screen_lines, screen_text, scrolled, shows, until

KEY = "rootful/shop-web-id"


def _step_one(app: HardenApp) -> Status:
    report = app.session.rows[KEY].report
    assert report is not None
    return next(one.status for one in report.findings if one.check == "tools-in-image")


# --- looking into an image --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36)])
async def test_an_image_is_looked_into_and_its_containers_know(size: tuple[int, int]) -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, size) as pilot:
        assert _step_one(app) is Status.UNKNOWN
        await pilot.press("I")
        await shows(pilot, "3, 0 looked into", "shop-web:1")
        await pilot.press("enter")
        await shows(pilot, "not looked inside")
        await pilot.press("o")
        await shows(pilot, "3, 1 looked into")
        await until(pilot, lambda: _step_one(app) is Status.FAIL)
        app.screen.query_one("#page").scroll_to(y=7, animate=False)
        await shows(pilot, "Debian GNU/Linux 12, supported", "88 dpkg")
        await scrolled(pilot, "end", "1 tools are in")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_a_redraw_leaves_the_reader_where_they_are_and_another_row_begins_at_the_top() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, (80, 24)) as pilot:
        await pilot.press("I", "o")
        await shows(pilot, "1 looked into")
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
    app = make_app(StandIn.of(*some()))
    async with running(app, (120, 50)) as pilot:
        await pilot.press("I", "o")
        await shows(pilot, "1 looked into")
        await shows(
            pilot,
            "/root/.aws/credentials  cloud credentials, layer 2, deleted in a later layer but still there",
            "/usr/bin/apt  package manager, layer 1",
            "74.0 MB",
            "used by      shop-web",
        )
        await pilot.press("o")
        await shows(pilot, "never changes under its id")


async def test_a_look_shows_how_far_it_is_and_can_be_stopped() -> None:
    bench = StandIn.of(*some())
    bench.hold_look.clear()
    app = make_app(bench)
    async with running(app) as pilot:
        await pilot.press("I", "o")
        await shows(pilot, "reading docker.io/library/shop-web:1: 12.0 MB")
        await pilot.press("down", "o")
        await shows(pilot, "Another image is being read")
        await pilot.press("escape")
        await shows(pilot, "was stopped")
        assert isinstance(app.screen, ImagesScreen), "esc stops the look before it leaves"
        assert app.session.around.look is None
        assert bench.inventories == {}


async def test_a_look_that_fails_says_why() -> None:
    bench = StandIn.of(*some(), look_trouble="the archive is [bold]damaged\x1b[2J")
    app = make_app(bench)
    async with running(app) as pilot:
        await pilot.press("I", "o")
        await shows(pilot, "archive is [bold]damaged␛[2J")
        assert _step_one(app) is Status.UNKNOWN


class HeldScanning:
    """Stands for the use case of scans, which needs a scanner: fetches, then scans until it is stopped."""

    trouble = ""

    def __init__(self, parts: object) -> None:
        self.scanned: list[str] = []

    def chosen(self, name: str) -> str:
        if self.trouble:
            raise ToolMissing(self.trouble, "To get one: zypper install trivy")
        return "trivy"

    def scan(
        self,
        image: ImageFacts,
        scanner: str,
        on_progress: Callable[[ScanProgress], None],
        stop: threading.Event,
    ) -> Known[ScanReport]:
        on_progress(ScanProgress("fetching", 12_000_000))
        on_progress(ScanProgress("scanning"))
        stop.wait(10)
        return Unreadable("it was cancelled")


async def test_a_scan_shows_what_it_does_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardentui.workbench.looking.scanning.Scanning", HeldScanning)
    bench = StandIn.of(*some())
    monkeypatch.setattr(type(bench), "parts", None, raising=False)
    app = make_app(bench)
    async with running(app) as pilot:
        await pilot.press("I", "n")
        await shows(pilot, "scanning docker.io/library/shop-web:1  esc stops")
        await pilot.press("o")
        await shows(pilot, "Another image is being read")
        await pilot.press("escape")
        await shows(pilot, "The scan of the image was stopped")
        assert isinstance(app.screen, ImagesScreen), "esc stops the scan before it leaves"
        assert app.session.around.look is None


async def test_without_a_scanner_it_is_told_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardentui.workbench.looking.scanning.Scanning", HeldScanning)
    monkeypatch.setattr(
        HeldScanning, "trouble", "There is no vulnerability scanner here, so nothing was scanned."
    )
    bench = StandIn.of(*some())
    monkeypatch.setattr(type(bench), "parts", None, raising=False)
    async with running(make_app(bench)) as pilot:
        await pilot.press("I", "n")
        await shows(pilot, "no vulnerability scanner here")


async def test_the_walk_offers_the_look_in_the_step_about_images() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app) as pilot:
        await pilot.press("enter", "1")
        await shows(pilot, "o looks into the image")
        await pilot.press("4")
        await until(pilot, lambda: "looks into the image" not in screen_text(app))
        await pilot.press("1", "o")
        await until(pilot, lambda: _step_one(app) is Status.FAIL)
        await shows(pilot, "Tools are in the image")
        await until(pilot, lambda: "looks into the image" not in screen_text(app))
        await pilot.press("o")
        await shows(pilot, "There is nothing to look into")


async def test_esc_in_the_walk_stops_the_look_and_stays() -> None:
    bench = StandIn.of(*some())
    bench.hold_look.clear()
    app = make_app(bench)
    async with running(app) as pilot:
        await pilot.press("enter", "1", "o")
        await shows(pilot, "12.0 MB  esc stops")
        await pilot.press("escape")
        await until(pilot, lambda: app.session.around.look is None)
        assert isinstance(app.screen, WalkScreen)
        await shows(pilot, "o looks into the image")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


# --- networks, trust, host --------------------------------------------------------------------------


async def test_the_network_map_tells_who_can_reach_whom() -> None:
    front = NetworkFacts("front", {"driver": "bridge", "subnets": [{"subnet": "10.1.0.0/24"}]}, ("a", "b"))
    back = NetworkFacts("back", {"driver": "bridge", "internal": True}, ("b",))
    bench = StandIn.of(
        facts("a", networks={"front": front}),
        facts("b", networks={"front": front, "back": back}),
        facts("c", (NETWORK, ("host",))),
    )
    app = make_app(bench)
    async with running(app, (120, 36)) as pilot:
        await pilot.press("M")
        await shows(pilot, "front", "back", "internal", "(host)", "10.1.0.0/24")
        lines = screen_lines(app)
        assert "one another, the host" in next(line for line in lines if " front " in line)
        assert "nothing" in next(line for line in lines if " back " in line)
        await pilot.press("down", "down")
        await shows(pilot, "every port that they open")


async def test_trust_shows_the_rule_that_catches_each_running_image() -> None:
    policy = Policy("/etc/containers/policy.json", (Requirement("insecureAcceptAnything"),))
    strict = Policy("/home/anna/policy.json", (Requirement("reject"),))
    anna = TrustFacts(policy=strict, registries=Registries(("quay.io",)))
    engines = (
        EngineFacts("rootful", version=Version(5, 4, 2), trust=TrustFacts(policy=policy)),
        EngineFacts("rootless anna", rootless=True, trust=anna),
    )
    app = make_app(StandIn.of(*some(), engine_facts=engines))
    async with running(app, (120, 50)) as pilot:
        await pilot.press("P")
        await shows(
            pilot,
            "Engine rootful",
            "! default      accept everything, signed or not",
            "A pull of docker.io/library/shop-web:1 falls under the default rule",
            "Engine rootless anna",
            "refused",
            "docker.io (1 image)",
            "quay.io",
        )
        await pilot.press("r", "y")
        assert "Engine rootful" in app.clipboard


async def test_the_host_is_read_anew_on_request() -> None:
    bench = StandIn.of(*some())
    app = make_app(bench)
    async with running(app) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, HostScreen) and not app.session.judging)
        before = bench.host_reads
        await pilot.press("r")
        await until(pilot, lambda: bench.host_reads == before + 1)
        await shows(pilot, "A socket is open")


@pytest.mark.parametrize(("size", "told"), [((120, 36), 3), ((80, 24), 3), ((60, 16), 1)])
async def test_the_host_names_the_worst_ways_to_it(size: tuple[int, int], told: int) -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, size) as pilot:
        await until(pilot, lambda: app.session.progress is None and app.session.host is not None)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, HostScreen))
        assert not app.screen.query_one("#paths").display
        ways: tuple[tuple[Option[Any], Any], ...] = (
            (PRIVILEGED, True),
            (PID, "host"),
            (MOUNTS, (Mount("bind", "/etc", "/\x1b[2J"),)),
        )
        for at, way in enumerate(ways):
            row = _judged(facts(f"x{at}\x1b]0;owned\x07[b]", way))
            app.session.rows[row.key] = row
        app.session.rows_changed.publish(frozenset())
        await shows(pilot, "Worst ways from a container to the host", "1. x0␛]0;owned␇[b]: Would run as root")
        shown = [
            line for line in screen_text(app).splitlines() if line.lstrip().startswith(("1.", "2.", "3."))
        ]
        assert len(shown) == told
        assert not {"\x1b", "\x07"} & set(screen_text(app))
        await shows(pilot, "A socket is open")


def _judged(container: ContainerFacts) -> Row:
    """A row whose findings come from the real checks."""
    checks = [(one, Parameters(one.parameters)) for one in all_checks() if one.kind is Kind.CONTAINER]
    subject = container_subject(container)
    report = Report(subject, tuple(run(container, subject, checks)), facts=container)
    key = f"rootful/{container.id}"
    return Row(key, container.engine, container.id, container.name, "img", "created", "", report=report)


# --- marks, headings, copies ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 16), (120, 36)])
async def test_score_and_marks_of_a_row_explain_themselves(size: tuple[int, int]) -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, size) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, MarksScreen))
        await shows(pilot, "Score 63", "1 critical, 2 high, 2 medium, 1 low")
        texts = ["What the score means", "100: all that applies"]
        if size[1] > 20:
            texts += ["8 ✗ Limit capabilities", "1 failing, worst critical; score 76", "does not apply"]
            texts += ["2 failing, worst high"]
        await scrolled(pilot, "end", *texts)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("docker.io/library/nginx:1", "…/nginx:1"),
        ("Debian GNU/Linux 13 (trixie)", "Debian GNU/Linux 13 (trixie)"),
        ("a/b", "a/b"),
    ],
)
def test_only_the_name_of_an_image_loses_its_beginning(text: str, shown: str) -> None:
    assert short(text, 20) == shown


async def test_a_click_on_a_heading_sorts_by_it() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app) as pilot:
        await _click(pilot, "Container")
        await shows(pilot, "by name")
        assert "db" in _first_row(app)
        await _click(pilot, "Score")
        await shows(pilot, "worst first")
        await _click(pilot, "5")
        await shows(pilot, "by step 5")
        await pilot.press("I")
        await shows(pilot, "3, 0 looked into")
        table = app.screen.query_one(DataTable)
        await pilot.click(table, offset=(6, 0))
        await until(pilot, lambda: table.get_row_at(0)[1].plain.endswith("db:1"))
        await pilot.click(table, offset=(6, 0))
        await until(pilot, lambda: table.get_row_at(0)[1].plain.endswith("vault:1"))


def _first_row(app: HardenApp) -> str:
    lines = screen_lines(app)
    return lines[next(y for y, line in enumerate(lines) if "Container " in line) + 1]


async def _click(pilot: Driver, heading: str) -> None:
    lines = screen_lines(pilot.app)
    y = next(y for y, line in enumerate(lines) if "Container " in line)
    x = lines[y].rindex(f" {heading}") + 1
    await pilot.click(offset=(x, y))


@pytest.mark.parametrize("width", [44, 80, 120, 200])
def test_every_heading_sorts_by_what_it_says(width: int) -> None:
    rows = [StandIn.of(*some()).refresh(KEY)]
    columns = columns_for(width, [row for row in rows if row])
    line = headings(columns)
    for title, order in (("Container", "by name"), ("Image", "by image"), ("Score", "worst first")):
        if title in line:
            at = line.index(title)
            assert {heading_at(columns, x) for x in range(at, at + len(title))} == {order}
    for step, digit in enumerate("1234567890", 1):
        assert heading_at(columns, line.rindex(f" {digit}") + 1) == f"by step {step}"
    assert {heading_at(columns, x) for x in range(width)} <= {"", *(name for name, _ in ORDERS)}


def test_by_step_puts_the_worst_of_that_step_first() -> None:
    bench = StandIn.of(*some())
    rows = [row for key in bench.hosted if (row := bench.refresh(key))]
    order = [name for name, _ in ORDERS].index("by step 8")
    assert arrange(rows, order, parse_filter(""))[0].name == "shop-web"
    order = [name for name, _ in ORDERS].index("by step 4")
    severities = [
        next(cell.severity for cell in row.report.cells if cell.step == 4)
        for row in arrange(rows, order, parse_filter(""))
        if row.report
    ]
    assert severities == [Severity.HIGH, Severity.HIGH, None]


async def test_what_is_copied_is_safe_to_paste_and_kept_in_a_file(tmp_path: Path) -> None:
    bench = StandIn.of(facts("web\nrm -rf x\x1b[2J"), *some()[1:])
    app = make_app(bench, keep=lambda text: keep_copy(text, tmp_path / "state"))
    async with running(app) as pilot:
        await pilot.press("y")
        await shows(pilot, "Copied the container's name", "It is also in")
        kept = tmp_path / "state" / "last-copy.txt"
        assert app.clipboard == kept.read_text() == "web␊rm -rf x␛[2J"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        await pilot.press("enter", "4", "y")
        await until(pilot, lambda: "The main process is root (root-user)" in app.clipboard)
        assert "may break" in app.clipboard
        await pilot.press("a", "d", "y")
        await until(pilot, lambda: "+--cap-drop=all" in app.clipboard)


async def test_a_copy_that_cannot_be_kept_is_still_copied(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    app = make_app(StandIn.of(*some()), keep=lambda text: keep_copy(text, tmp_path / "file"))
    async with running(app) as pilot:
        await pilot.press("y")
        await shows(pilot, "cannot be written")
        assert app.clipboard == "shop-web"


def test_a_copy_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "last-copy.txt").symlink_to(tmp_path / "mine")
    path = keep_copy("text", tmp_path)
    assert (tmp_path / "mine").read_text() == "precious"
    assert path.read_text() == "text"
    assert not path.is_symlink()


def test_the_stand_ins_images_are_images() -> None:
    bench = StandIn.of(*some())
    assert all(isinstance(one.about, ImageFacts) for one in bench.images())
    assert {one.subject.engine for one in bench.images()} == {"rootful", ROOTLESS.label}
