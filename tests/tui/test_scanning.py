"""A scan of an image in the terminal UI: its progress, its end, and what is told without a scanner."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from hardentui.errors import ToolMissing
from hardentui.model.facts import ImageFacts
from hardentui.model.image import ScanReport
from hardentui.model.known import Known, Unreadable
from hardentui.tui.screens.images import ImagesScreen
from hardentui.workbench.looking.scanning import ScanProgress
from tests.tui.replayed import some
from tests.tui.support import make_app, running, shows


class HeldScanning:
    """Stands for the use case of scans, which needs a scanner: fetches, then scans until it is stopped."""

    trouble = ""

    def __init__(self, parts: object) -> None:
        assert parts is not None

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


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardentui.workbench.looking.scanning.Scanning", HeldScanning)


async def test_a_scan_shows_what_it_does_and_can_be_stopped() -> None:
    app = make_app(some())
    async with running(app) as pilot:
        await pilot.press("I")
        await shows(pilot, "0 looked into", "alpine:latest")
        await pilot.press("n")
        await shows(pilot, "scanning docker.io/library/alpine:latest")
        await pilot.press("o")
        await shows(pilot, "Another image is being read")
        await pilot.press("escape")
        await shows(pilot, "The scan of the image was stopped")
        assert isinstance(app.screen, ImagesScreen), "esc stops the scan before it leaves"
        assert app.session.around.look is None


async def test_without_a_scanner_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeldScanning, "trouble", "There is no [bold]scanner\x1b[2J here.")
    async with running(make_app(some())) as pilot:
        await pilot.press("I")
        await shows(pilot, "0 looked into", "alpine:latest")
        await pilot.press("n")
        await shows(pilot, "no [bold]scanner␛[2J here")
