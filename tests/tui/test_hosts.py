"""`hardentui --facts FOLDER`: the hosts first, each opened as if we were there."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.features.first_look import FirstLook
from hardentui.features.fleet.facts_files import FactsFile
from hardentui.features.fleet.merging import merged
from hardentui.features.reports.fleet_view import ContainerSummary
from hardentui.features.reports.host_result import HostResult
from hardentui.features.reports.result import CheckResult
from hardentui.features.views import Selection
from hardentui.model.finding import Severity
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.hosts import HostsScreen, lines_of_all
from tests.tui.support import NOON, running, screen_text, shows

HOSTILE = "web\x1b[31m\u202e01"


BEST = ContainerSummary(
    name="web",
    engine="rootful",
    podman="5.4.2 rootful",
    image="sha256:1",
    application="nginx",
    running=True,
    score=90,
    level="fair",
    failing=(),
    fixes=(),
    options=(("read-only", b"yes"),),
)
LAGS = replace(
    BEST,
    score=40,
    failing=(("writable-rootfs", Severity.HIGH),),
    fixes=(("writable-rootfs", BEST.options),),
    options=(),
)


def _fleet(paths: list[Path], containers: int = 0) -> CheckResult:
    """Hosts with these facts, the first one the worst; one more has none that can be read. All of
    these containers lag behind the first one."""
    hosts = [
        (
            FactsFile(str(path), f"host{number:03}", "prod"),
            HostResult(
                source=str(path),
                name=HOSTILE if number == 0 else f"host{number:03}",
                containers=10,
                worst_score=min(number, 100),
                severities=((Severity.CRITICAL, 3), (Severity.HIGH, 5)),
                summaries=tuple(BEST if number + at == 0 else LAGS for at in range(containers)),
            ),
        )
        for number, path in enumerate(paths)
    ]
    hosts.append((FactsFile("bad.json", "bad"), HostResult(source="bad.json", unusable="not JSON")))
    return merged(hosts, Severity.HIGH, datetime(2026, 12, 1, tzinfo=UTC))


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = tmp_path / "shop.json"
    demo = files("hardentui.features.opening") / "demo" / "host.json"
    path.write_text(demo.read_text("utf-8"))
    return path


def _app(facts: Path, fleet: CheckResult | None) -> HardenApp:
    return HardenApp(
        lambda: FirstLook.open(Selection(facts_file=str(facts))),
        now=lambda: NOON,
        environ={},
        opening="hosts" if fleet is not None else "",
        fleet=fleet,
    )


async def test_the_hosts_come_first_and_one_opens_as_if_we_were_there(facts: Path) -> None:
    app = _app(facts, _fleet([facts]))
    async with running(app, (120, 40)) as pilot:
        await shows(pilot, "2 hosts, 1 could not be checked", "bad", "Critical")
        assert isinstance(app.screen, HostsScreen)
        assert "\u202e" not in screen_text(app)
        await pilot.press("down", "enter", opens=HomeScreen, shows="shop-web")


async def test_where_there_is_one_host_the_list_says_so(facts: Path) -> None:
    app = _app(facts, None)
    async with running(app, (120, 40)) as pilot:
        await shows(pilot, "shop-web")
        assert "one host" in app.why_not("go", "hosts")


async def test_a_thousand_hosts_are_listed_and_answer(facts: Path) -> None:
    paths = [facts.with_name(f"{number}.json") for number in range(1000)]
    fleet = _fleet(paths, containers=30)
    app = _app(facts, fleet)
    async with running(app, (120, 40)) as pilot:
        await shows(pilot, "1001 hosts", "lack what")
        times = []
        for _ in range(10):
            start = time.process_time()
            await pilot.press("down")
            times.append(time.process_time() - start)
        assert min(times) < 0.05, "processor seconds a key"
        screen = app.screen
        assert isinstance(screen, HostsScreen)
        start = time.process_time()
        fresh = tuple(lines_of_all(fleet))
        once = time.process_time() - start
        assert screen.about(str(paths[7])).plain.endswith("\n".join(fresh))
        start = time.process_time()
        for path in paths[:50]:
            screen.about(str(path))
        assert time.process_time() - start < 10 * once, "what is true of all is worked out once"
