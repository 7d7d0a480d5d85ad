"""Updates in the terminal UI: what registries have for images and pins, moving pins, stopping.

The registry is a stand-in below the use cases: skopeo is asked for real in tests/live.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardentui.features.trial.rehearsal import Rehearsal
from hardentui.features.trial.trying import Wishes
from hardentui.features.views import Report
from hardentui.model.known import Known, Unread
from hardentui.model.trial import Baseline, How, TrialEvent, TrialStep
from hardentui.scanners.registry_answers import RegistryAnswers
from hardentui.state.own_files import state_directory
from hardentui.tui.screens.images import ImagesScreen
from hardentui.tui.screens.updates import UpdatesScreen
from tests.tui.replayed import some
from tests.tui.support import Driver, drawn, make_app, running, shows, until

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
PINNED = "quay.io/team/app:1"


class Registry:
    """Answers as a registry would, by name; `gate` holds its answers."""

    def __init__(self) -> None:
        self.answers: dict[str, Known[str]] = {PINNED: NEW, f"quay.io/team/app@{OLD}": OLD}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def digest_of(self, name: str, *_: object) -> Known[str]:
        self.asked.append(name)
        assert self.gate.wait(60)
        return self.answers.get(name, Unread("[/x]\x1b[2J no route"))


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry()
    monkeypatch.setattr("hardentui.scanners.skopeo.digest_of", registry.digest_of)
    return registry


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "units" / "app.container"
    path.parent.mkdir()
    path.write_text(f"[Container]\nImage={PINNED}@{OLD}\n")
    monkeypatch.setattr("hardentui.tui.screens.updates.default_places", lambda: (str(path.parent),))
    return path


def text_of(path: Path) -> str:
    return path.read_text()


async def _open(pilot: Driver) -> None:
    await pilot.press("I")
    await until(pilot, lambda: isinstance(pilot.app.screen, ImagesScreen))
    await shows(pilot, "inspected")
    await pilot.press("u")
    await until(pilot, lambda: isinstance(pilot.app.screen, UpdatesScreen))


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_registries_are_asked_and_a_silent_one_keeps_none_back(
    size: tuple[int, int], registry: Registry, unit: Path, tmp_path: Path
) -> None:
    registry.answers["docker.io/library/redis:7.4"] = NEW
    app = make_app(some(state_directory=lambda: tmp_path))
    async with running(app, size) as pilot:
        await _open(pilot)
        assert registry.asked == [], "nothing is asked before somebody wants it"
        await pilot.press("enter")
        await until(pilot, lambda: "Pins in Quadlet files" in drawn(app))
        text = " ".join(drawn(app).split())
        assert "newer docker.io/library/redis:7.4: newer, first seen on" in text
        assert "unknown docker.io/library/alpine:latest: unknown: [/x]␛[2J no route" in text
        assert "waits quay.io/team/app:1" in text
        assert "the new image is in its cool-down until" in text
        await pilot.press("m", shows="No pin can be moved")


async def test_a_pin_moves_after_the_cool_down_and_the_journal_takes_it_back(
    registry: Registry, unit: Path
) -> None:
    RegistryAnswers(state_directory).keep(PINNED, NEW, datetime.now(UTC) - timedelta(days=4))
    before = text_of(unit)
    app = make_app(some())
    async with running(app, (120, 50)) as pilot:
        await _open(pilot)
        await pilot.press("m", shows="Query the registries first")
        await pilot.press("enter")
        await until(pilot, lambda: f"+Image={PINNED}@{NEW}" in drawn(app))
        await pilot.press("m", shows="Move 1 pin?")
        await pilot.press("escape", "m", "y")
        await until(pilot, lambda: "Moved: 1 pin" in drawn(app))
        assert f"podman pull {PINNED}@{NEW}" in drawn(app)
        assert text_of(unit) == before.replace(OLD, NEW)
        await pilot.press("J", "u", "y")
        await until(pilot, lambda: text_of(unit) == before)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_pins_of_another_directory_are_found_and_moved(
    size: tuple[int, int], registry: Registry, unit: Path, tmp_path: Path
) -> None:
    RegistryAnswers(state_directory).keep(PINNED, NEW, datetime.now(UTC) - timedelta(days=4))
    elsewhere = tmp_path / "my units" / "web.container"
    elsewhere.parent.mkdir()
    elsewhere.write_text(text_of(unit))
    app = make_app(some())
    async with running(app, size) as pilot:
        await _open(pilot)
        await pilot.press("f", *"/nowhere", "enter", shows="There is no /nowhere.")
        await pilot.press("f", *f"'{elsewhere.parent}'", "enter")
        await until(pilot, lambda: "my units" in " ".join(drawn(app).split()))
        await pilot.press("enter")
        await until(pilot, lambda: f"+Image={PINNED}@{NEW}" in drawn(app))
        await pilot.press("m", "y")
        await until(pilot, lambda: "Moved: 1 pin" in drawn(app))
    assert NEW in text_of(elsewhere)
    assert OLD in text_of(unit), "only the named directory is changed"


async def test_asking_can_be_stopped(registry: Registry, unit: Path, tmp_path: Path) -> None:
    registry.gate.clear()
    app = make_app(some(state_directory=lambda: tmp_path))
    async with running(app) as pilot:
        await _open(pilot)
        await pilot.press("enter", shows=("querying docker.io/library/", "esc stops"))
        await pilot.press("escape")
        registry.gate.set()
        await shows(pilot, "Stopped; unlisted images")
        assert len(registry.asked) == 1
        assert isinstance(app.screen, UpdatesScreen)


async def test_a_simulated_host_asks_nobody_and_reads_no_file(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> tuple[str, ...]:
        raise AssertionError("no file of this machine may be read")

    monkeypatch.setattr("hardentui.tui.screens.updates.default_places", fail)
    app = make_app(some(simulated=True))
    async with running(app) as pilot:
        await _open(pilot)
        await shows(pilot, "no registry is queried")
        await pilot.press("enter", "enter", "f")
        assert isinstance(app.screen, UpdatesScreen)
        assert registry.asked == []


# --- a rehearsal ----------------------------------------------------------------------------------------


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands for the twins, which need a Podman: the words that were asked for; `slow` is stopped."""
    asked: list[str] = []

    def rehearse(
        bench: object,
        report: Report,
        wanted: str,
        wishes: Wishes,
        tell: Callable[[TrialEvent], None],
        stop: threading.Event,
    ) -> Rehearsal:
        asked.append(f"{report.subject.name} {wanted}".strip())
        tell(TrialEvent(TrialStep.BASELINE, "starting a twin [/x]\x1b[2J"))
        if wanted == "slow":
            stop.wait(10)
            raise KeyboardInterrupt
        before = Baseline(True, How.PORTS, 1.0)
        after = Baseline(False, How.PORTS, 30.0, "it ended", log="no such file [/x]\x1b[2J")
        return Rehearsal("nginx:2", "a" * 64, "b" * 64, before, after)

    monkeypatch.setattr("hardentui.tui.screens.updates.rehearse_container", rehearse)
    return asked


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_an_update_is_rehearsed(
    size: tuple[int, int], registry: Registry, unit: Path, twins: list[str]
) -> None:
    app = make_app(some())
    async with running(app, size) as pilot:
        await _open(pilot)
        await pilot.press("t", *"shop-web", "enter")
        await until(pilot, lambda: "would break shop-web" in " ".join(drawn(app).split()))
        text = " ".join(drawn(app).split())
        assert "twin with today's image (aaaaaaaaaaaa): ready" in text
        assert "no such file [/x]␛[2J" in text
        assert twins == ["shop-web"]
        assert registry.asked == [], "no registry is asked for that"


async def test_a_rehearsal_shows_what_it_does_and_can_be_stopped(
    registry: Registry, unit: Path, twins: list[str]
) -> None:
    app = make_app(some())
    async with running(app, (120, 36)) as pilot:
        await _open(pilot)
        await pilot.press("t", *"shop-web slow", "enter", shows=("starting a twin [/x]␛[2J", "esc stops"))
        await pilot.press("escape")
        await until(pilot, lambda: drawn(app).endswith("Stopped."))
        assert twins == ["shop-web slow"]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, UpdatesScreen))
        await pilot.press("t", *"nobody", "enter", shows="No container is called 'nobody'")


async def test_on_a_simulated_host_nothing_is_rehearsed(registry: Registry, twins: list[str]) -> None:
    async with running(make_app(some(simulated=True)), (120, 36)) as pilot:
        await _open(pilot)
        await pilot.press("t", shows="This host is simulated")
    assert twins == []
