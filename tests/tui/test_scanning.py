"""A scan of an image in the terminal UI: its progress, its end, and what is told without a scanner."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from hardentui.errors import ToolMissing
from hardentui.features.images.scanning import ScanProgress
from hardentui.model.facts import ImageFacts
from hardentui.model.image import ScanReport, ScanSettings
from hardentui.model.known import Known, Unread
from hardentui.tui.screens.images import ImagesScreen
from tests.tui.replayed import some
from tests.tui.support import at_home, make_app, running, shows
from tests.unit.scanners.recorded import TRIVY


class HeldScanning:
    """Stands for the use case of scans, which needs a scanner: fetches, then scans until it is
    stopped."""

    trouble = ""

    def __init__(self, parts: object) -> None:
        assert parts is not None

    def scanner(self) -> str:
        if self.trouble:
            raise ToolMissing(self.trouble, "To install one: zypper install trivy")
        return "trivy"

    def scan(
        self,
        image: ImageFacts,
        scanner: str,
        on_progress: Callable[[ScanProgress], None],
        stop: threading.Event,
        how: ScanSettings,
    ) -> Known[ScanReport]:
        on_progress(ScanProgress("fetching", 12_000_000))
        on_progress(ScanProgress("scanning"))
        stop.wait(60)
        return Unread("it was cancelled")


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "hardentui.features.images.scanning.Scanning",
        HeldScanning,
    )


async def test_a_scan_shows_what_it_does_and_can_be_stopped() -> None:
    async with at_home(some()) as (app, pilot):
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        await pilot.press("S", shows="scanning docker.io/library/alpine:latest")
        await pilot.press("x", shows="Another image is being inspected")
        await pilot.press("escape", shows="Scan of the image stopped")
        assert isinstance(app.screen, ImagesScreen), "esc stops the scan before it leaves"
        assert app.session.around.look is None


async def test_without_a_scanner_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        HeldScanning,
        "trouble",
        "There is no [bold]scanner\x1b[2J here.",
    )
    async with running(make_app(some())) as pilot:
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        await pilot.press("S", shows="no [bold]scanner␛[2J here")


async def test_every_image_is_scanned_and_that_can_be_stopped() -> None:
    async with at_home(some(), (120, 36)) as (app, pilot):
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        await pilot.press("images.scan_all", shows=("scanning 1 of 3: ", "esc stops"))
        await pilot.press("escape", shows="Scan of the image stopped")
        assert app.session.around.look is None


async def test_an_image_that_cannot_be_scanned_keeps_none_of_the_others_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned = []

    def scan(_: object, image: ImageFacts, *__: object) -> Known[ScanReport]:
        scanned.append(image.id)
        return Unread(f"[/x]\x1b[2J number {len(scanned)}")

    monkeypatch.setattr(HeldScanning, "scan", scan)
    async with at_home(some(), (120, 40)) as (_, pilot):
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        await pilot.press("images.scan_all", shows=("[/x]␛[2J number 1", "number 3"))
        assert len(set(scanned)) == 3


async def test_without_a_scanner_the_page_has_the_commands_that_get_one(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(
        "hardentui.features.images.scanning.present",
        lambda: (),
    )
    async with at_home(some(state_directory=lambda: tmp_path), (120, 40)) as (_, pilot):
        await pilot.press(
            "I", shows=("not scanned: this host has no scanner", "https://trivy.dev/")
        )


async def test_on_a_simulated_host_no_image_is_scanned_read_or_reported_on() -> None:
    async with running(make_app(some(simulated=True)), (120, 40)) as pilot:
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        simulated = "This host is simulated"
        for key, why in (
            ("S", simulated),
            ("i", "no file of this machine is read"),
        ):
            await pilot.press(key, shows=why)
            pilot.app.clear_notifications()
            assert isinstance(pilot.app.screen, ImagesScreen), "nobody is asked for a file"


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_report_is_taken_in_and_an_old_one_is_stale_not_clean(
    size: tuple[int, int],
    tmp_path: Path,
) -> None:
    report = deepcopy(TRIVY)
    host = some(state_directory=lambda: tmp_path / "state")
    image = host.answers(host.labels[0])["/images/json"][0]["Id"]
    report["Metadata"]["ImageID"] = f"sha256:{image.removeprefix('sha256:')}"
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    async with at_home(host, size) as (_, pilot):
        await pilot.press("I", shows=("0 inspected", "not scanned"))
        await pilot.press("i", *f"{tmp_path}/absent", "enter")
        await shows(pilot, "cannot be")  # the rest may stand on the next line of the toast
        await pilot.press(
            "i",
            *str(path),
            "enter",
            shows=("The report of trivy", "2 critical"),
        )
        report["CreatedAt"] = "2020-01-01T00:00:00Z"
        path.write_text(json.dumps(report))
        await pilot.press(
            "i",
            *str(path),
            "enter",
            shows="stale 2 critical",
        )
