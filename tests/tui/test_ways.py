"""Ways of the network map proven, watched and parted, and what the kernel lets a container do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hardentui.features.networks.splitting import Split
from hardentui.features.views import Row
from hardentui.features.workbench import Workbench
from hardentui.model.network_split import SplitResult, SplitTrial, WayTried
from hardentui.model.trial import TrialEvent, TrialStep
from hardentui.tui.screens.container import ApplicationScreen, RightsScreen
from hardentui.tui.screens.dialogs import AskScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.networks import NetworksScreen
from tests.tui.replayed import Host, some
from tests.tui.support import Driver, at_home, drawn, make_app, running, shows, until

SIZES = [(60, 16), (200, 60)]


@pytest.fixture(autouse=True)
def no_nft(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program may run for a host that is not this one; the generator of this one may."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a program was to be run")

    monkeypatch.setattr(
        "hardentui.host.network.firewall.run_child",
        fail,
    )


def shop(**opened: bool) -> Host:
    return Host(
        ("shop-web", "shop-web"), ("db", "db"), ("cache", "cache"), ("backup", "backup"), **opened
    )


async def _map(pilot: Driver) -> None:
    await pilot.press("M")
    await until(pilot, lambda: isinstance(pilot.app.screen, NetworksScreen))
    await until(pilot, lambda: pilot.app.screen.query_one("#table").row_count > 0)  # type: ignore[attr-defined]


# --- ways -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_a_way_that_cannot_be_proven_says_why_and_what_the_map_says(
    size: tuple[int, int],
) -> None:
    async with at_home(shop(simulated=True), size) as (app, pilot):
        await _map(pilot)
        await pilot.press("t", opens=AskScreen)
        await pilot.press(*"shop-web db:5432", "enter")
        await until(
            pilot, lambda: isinstance(app.screen, JobScreen) and "the map says" in drawn(app)
        )
        text = " ".join(drawn(app).split())
        assert "outcome not proven" in text
        await pilot.press("escape", opens=NetworksScreen)


async def test_a_way_that_is_none_says_how_to_write_it() -> None:
    async with at_home(shop(), (120, 36)) as (app, pilot):
        await _map(pilot)
        for way, told in (
            ("shop-web", "Enter FROM TO"),
            ("nobody db:1", "There are: backup, cache, db, shop-web"),
            ("shop-web db:99999", "is not a target"),
            ("[/x] $error", "No container is called '[/x]'"),
        ):
            await pilot.press("t", *way, "enter")
            await until(pilot, lambda told=told: told in drawn(app))  # type: ignore[misc]
            while not isinstance(app.screen, NetworksScreen):
                await pilot.press("escape")


async def test_the_question_can_be_left() -> None:
    async with at_home(shop()) as (_, pilot):
        await _map(pilot)
        await pilot.press("t", "escape", opens=NetworksScreen)
        await pilot.press(
            "networks.outgoing",
            "enter",
            opens=NetworksScreen,
        )


async def test_a_simulated_host_has_no_sockets_to_watch() -> None:
    async with at_home(shop(simulated=True)) as (_, pilot):
        await _map(pilot)
        await pilot.press(
            "networks.outgoing",
            *"db",
            "enter",
            shows="This host is simulated",
        )


@pytest.mark.parametrize("size", SIZES)
async def test_a_split_is_shown_and_written(
    size: tuple[int, int],
    tmp_path: Path,
) -> None:
    app = make_app(shop(simulated=True))
    directory = tmp_path / "units"
    async with running(app, size) as pilot:
        await _map(pilot)
        await pilot.press("networks.split")
        await until(
            pilot,
            lambda: "podman network create" in " ".join(drawn(app).split()),
        )
        assert "joins" in drawn(app)
        assert "[Network]" in drawn(app)
        await pilot.press("w", opens=AskScreen)
        await pilot.press(*str(directory), "enter")
        await until(
            pilot,
            lambda: units(directory) != [] and not unfinished(directory),
        )


def unfinished(directory: Path) -> list[str]:
    """What is being written still, or is no network."""
    return [name for name in units(directory) if not name.endswith(".network")]


def units(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()] if directory.is_dir() else []


# --- rights ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_one_key_shows_what_the_kernel_lets_a_container_do(size: tuple[int, int]) -> None:
    async with at_home(some(), size) as (app, pilot):
        await shows(pilot, "▸ shop-web")
        await pilot.press("home.rights")
        await until(
            pilot, lambda: isinstance(app.screen, RightsScreen) and "Security module" in drawn(app)
        )
        text = " ".join(drawn(app).split())
        assert "! has 40 Leads to the host: BPF, DAC_READ_SEARCH" in text
        assert "dedicated write its profile" in text
        assert "hardentui fix" not in text, "a screen has keys"
        assert "BPF: Load programs into the kernel that watch or change what it does." in text
        assert "System calls (seccomp)" in text
        await pilot.press("w", shows="Directory for hardentui-shop-web")
        await pilot.press(
            "escape",
            "escape",
            "enter",
            "R",
        )
        await until(
            pilot, lambda: isinstance(app.screen, RightsScreen) and "Security module" in drawn(app)
        )


async def test_a_container_that_is_gone_has_no_rights_to_show() -> None:
    host = some()
    async with at_home(host) as (app, pilot):
        await until(
            pilot,
            lambda: app.session.host is not None and app.session.progress is None,
        )
        host.remove("shop-web")
        await pilot.press(
            "home.rights",
            shows="'shop-web' cannot be checked: it is gone",
        )


# --- a split tried --------------------------------------------------------------------------------


class HeldTrial:
    """Stands for the trial of a split, which needs a Podman: works until it is stopped, or tells."""

    def __init__(self, *, waits: bool) -> None:
        self.waits = waits
        self.asked: list[str] = []

    def __call__(
        self,
        bench: Workbench,
        rows: Sequence[Row],
        proposal: Split,
        tell: Callable[[TrialEvent], None],
        stop: threading.Event,
    ) -> SplitTrial:
        self.asked.append(proposal.network)
        tell(TrialEvent(TrialStep.PREPARING, "starting a twin of [/x]\x1b[2J"))
        if self.waits:
            stop.wait(10)
            raise KeyboardInterrupt
        ways = (
            WayTried(
                "shop-web",
                "db",
                (5432,),
                True,
                True,
                True,
                True,
                True,
            ),
            WayTried(
                "report",
                "db",
                (5432,),
                False,
                False,
                True,
                True,
            ),
        )
        return SplitTrial(
            proposal.network,
            proposal.engine,
            SplitResult.BREAKS,
            (),
            ways,
        )


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Callable[..., HeldTrial]:
    def held(*, waits: bool) -> HeldTrial:
        stand_in = HeldTrial(waits=waits)
        monkeypatch.setattr(
            "hardentui.features.networks.requests.try_proposal",
            stand_in,
        )
        monkeypatch.setattr("hardentui.tui.screens.networks.WATCH", 0.1)
        return stand_in

    return held


@pytest.mark.parametrize("size", SIZES)
async def test_a_split_is_tried_and_tells_what_is_wrong(
    size: tuple[int, int],
    trial: Callable[..., HeldTrial],
) -> None:
    stand_in = trial(waits=False)
    async with at_home(shop(), size) as (app, pilot):
        await _map(pilot)
        await pilot.press("networks.try", *"shop-net", "enter")
        await until(
            pilot,
            lambda: "it does not work as proposed" in " ".join(drawn(app).split()),
        )
        text = " ".join(drawn(app).split())
        assert "ok shop-web to db port 5432: needed; connected, and it connects by itself" in text
        assert "WRONG report to db port 5432: must be blocked; connected" in text
        assert "podman network create" in text, "the proposal that was tried stands below"
        assert stand_in.asked == ["shop-net"]


async def test_the_trial_of_a_split_shows_what_it_does_and_can_be_stopped(
    trial: Callable[..., HeldTrial],
) -> None:
    trial(waits=True)
    async with at_home(shop(), (120, 36)) as (app, pilot):
        await _map(pilot)
        await pilot.press(
            "networks.try", *"shop-net", "enter", shows=("starting a twin of [/x]␛[2J", "esc stops")
        )
        await pilot.press("escape")
        await until(pilot, lambda: drawn(app).endswith("Stopped."))
        await pilot.press("escape", opens=NetworksScreen)


async def test_only_what_is_proposed_can_be_tried(trial: Callable[..., HeldTrial]) -> None:
    stand_in = trial(waits=False)
    async with running(make_app(shop()), (120, 36)) as pilot:
        await _map(pilot)
        await pilot.press(
            "networks.try",
            *"[/x]",
            "enter",
            shows=("Nothing is proposed for a network '[/x]'", "shop-net"),
        )
    async with running(make_app(shop(simulated=True)), (120, 36)) as pilot:
        await _map(pilot)
        await pilot.press("networks.try", shows="This host is simulated")
    assert stand_in.asked == []


# --- known applications ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_page_of_a_known_application(size: tuple[int, int]) -> None:
    async with at_home(Host(("node-exporter", "node-exporter")), size) as (app, pilot):
        await shows(pilot, "▸ node-exporter")
        await pilot.press("home.application")
        await until(
            pilot,
            lambda: (
                isinstance(app.screen, ApplicationScreen)
                and "Prometheus node exporter, declared by the known application node-exporter"
                in " ".join(drawn(app).split())
            ),
        )


async def test_a_container_without_an_entry_says_why_there_is_no_page() -> None:
    async with at_home(Host(("shop-api", "shop-api"))) as (app, pilot):
        await shows(pilot, "▸ shop-api")
        home = app.screen
        assert isinstance(home, HomeScreen)
        await until(pilot, lambda: "no entry is about its image" in home.why_not("application"))
