"""The SBOM of an image, written from the list of images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hardentui.tui.screens.images import ImagesScreen
from hardentui.tui.screens.job import JobScreen
from tests.tui.replayed import some
from tests.tui.support import drawn, make_app, running, shows, until


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_an_image_is_read_and_its_sbom_is_written(size: tuple[int, int], tmp_path: Path) -> None:
    app = make_app(some())
    directory = tmp_path / "sboms"
    async with running(app, size) as pilot:
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        await pilot.press("b", *str(directory), "enter")
        await until(pilot, lambda: isinstance(app.screen, JobScreen) and "CycloneDX" in drawn(app))
        text = " ".join(drawn(app).split())
        assert "lists 0 packages" in text, "dash has no version in its database"
        assert "missing 1 packages have no name or version" in text
        (written,) = directory.iterdir()
        assert json.loads(written.read_text())["bomFormat"] == "CycloneDX"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ImagesScreen))
        await shows(pilot, "1 inspected")


async def test_reading_for_an_sbom_can_be_stopped(tmp_path: Path) -> None:
    host = some()
    host.reading.clear()
    app = make_app(host)
    async with running(app, (120, 36)) as pilot:
        await pilot.press("I", shows=("0 inspected", "alpine:latest"))
        await pilot.press("b", *str(tmp_path / "sboms"), "enter", shows="esc stops")
        await pilot.press("escape")
        host.reading.set()
        await until(pilot, lambda: drawn(app).endswith("Stopped."))
        assert not (tmp_path / "sboms").exists()


async def test_a_simulated_host_has_no_image_to_read() -> None:
    async with running(make_app(some(simulated=True)), (120, 36)) as pilot:
        await pilot.press("I", shows=("inspected", "alpine:latest"))
        await pilot.press("b", shows="This host is simulated")
