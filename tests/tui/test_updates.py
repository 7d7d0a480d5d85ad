"""Updates in the terminal UI: what registries have for images, a rehearsal, stopping.

The registry is a stand-in below the use cases: skopeo is asked for real in tests/live.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hardentui.features.trial.rehearsal import Rehearsal
from hardentui.features.trial.request import Wishes
from hardentui.features.trial.trying import Trying
from hardentui.model.known import Known, Unread
from hardentui.model.trial import Baseline, How, TrialEvent, TrialStep
from hardentui.tui.screens.images import ImagesScreen
from tests.tui.replayed import some
from tests.tui.support import Driver, at_home, drawn, shows, until

NEW = f"sha256:{'b' * 64}"


class Registry:
    """Answers as a registry would, by name; `gate` holds its answers."""

    def __init__(self) -> None:
        self.answers: dict[str, Known[str]] = {}
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
    monkeypatch.setattr(
        "hardentui.features.images.updates.digest_of",
        registry.digest_of,
    )
    return registry


async def _open(pilot: Driver) -> None:
    await pilot.press("I")
    await until(pilot, lambda: isinstance(pilot.app.screen, ImagesScreen))
    await shows(pilot, "inspected")


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_registries_are_asked_and_a_silent_one_keeps_none_back(
    size: tuple[int, int],
    registry: Registry,
    tmp_path: Path,
) -> None:
    registry.answers["docker.io/library/redis:7.4"] = NEW
    async with at_home(some(state_directory=lambda: tmp_path), size) as (app, pilot):
        await _open(pilot)
        assert registry.asked == [], "nothing is asked before somebody wants it"
        await pilot.press("images.updates")
        await until(
            pilot, lambda: "newer docker.io/library/redis:7.4" in " ".join(drawn(app).split())
        )
        text = " ".join(drawn(app).split())
        assert "newer docker.io/library/redis:7.4: newer, first seen on" in text
        assert "unknown docker.io/library/alpine:latest: unknown: [/x]␛[2J no route" in text


async def test_asking_can_be_stopped(
    registry: Registry,
    tmp_path: Path,
) -> None:
    registry.gate.clear()
    async with at_home(some(state_directory=lambda: tmp_path)) as (app, pilot):
        await _open(pilot)
        await pilot.press(
            "images.updates",
            shows=("querying docker.io/library/", "esc stops"),
        )
        await pilot.press("escape")
        registry.gate.set()
        await until(pilot, lambda: drawn(app).endswith("Stopped."))
        assert len(registry.asked) == 1


async def test_a_simulated_host_asks_nobody_and_runs_nothing(
    registry: Registry,
    twins: list[str],
) -> None:
    async with at_home(some(simulated=True)) as (app, pilot):
        await _open(pilot)
        screen = app.screen
        assert isinstance(screen, ImagesScreen)
        for action in ("updates", "rehearse"):
            await until(
                pilot,
                lambda action=action: "no registry" in screen.why_not(action),  # type: ignore[misc]
            )
        await pilot.press("images.updates", "t")
        assert app.screen is screen
    assert (registry.asked, twins) == ([], [])


# --- a rehearsal ----------------------------------------------------------------------------------


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands for the twins, which need a Podman: the words that were asked for; `slow` is stopped."""
    asked: list[str] = []

    def rehearse(
        trying: Trying,
        wanted: str,
        wishes: Wishes,
        tell: Callable[[TrialEvent], None],
        stop: threading.Event,
    ) -> Rehearsal:
        asked.append(f"{trying.name} {wanted}".strip())
        tell(TrialEvent(TrialStep.BASELINE, "starting a twin [/x]\x1b[2J"))
        if wanted == "slow":
            stop.wait(10)
            raise KeyboardInterrupt
        before = Baseline(True, How.PORTS, 1.0)
        after = Baseline(
            False,
            How.PORTS,
            30.0,
            "it ended",
            log="no such file [/x]\x1b[2J",
        )
        return Rehearsal(
            "nginx:2",
            "a" * 64,
            "b" * 64,
            before,
            after,
        )

    monkeypatch.setattr(Trying, "rehearse", rehearse)
    return asked


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_an_update_is_rehearsed(
    size: tuple[int, int],
    registry: Registry,
    twins: list[str],
) -> None:
    async with at_home(some(), size) as (app, pilot):
        await _open(pilot)
        await pilot.press("t", *"shop-web", "enter")
        await until(
            pilot,
            lambda: "would break shop-web" in " ".join(drawn(app).split()),
        )
        text = " ".join(drawn(app).split())
        assert "twin with today's image (aaaaaaaaaaaa): ready" in text
        assert "no such file [/x]␛[2J" in text
        assert twins == ["shop-web"]
        assert registry.asked == [], "no registry is asked for that"


async def test_a_rehearsal_shows_what_it_does_and_can_be_stopped(
    registry: Registry,
    twins: list[str],
) -> None:
    async with at_home(some(), (120, 36)) as (app, pilot):
        await _open(pilot)
        await pilot.press(
            "t", *"shop-web slow", "enter", shows=("starting a twin [/x]␛[2J", "esc stops")
        )
        await pilot.press("escape")
        await until(pilot, lambda: drawn(app).endswith("Stopped."))
        assert twins == ["shop-web slow"]
        await pilot.press("escape", opens=ImagesScreen)
        await pilot.press(
            "t",
            *"nobody",
            "enter",
            shows="No container is called 'nobody'",
        )
