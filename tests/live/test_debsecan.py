"""The real debsecan on an image with the package database of a real Debian.

Debian's own data cannot be fetched on the test machine; a file in its format stands for it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import threading
import zlib
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.host.asker import asker
from hardentui.images.inventory import read_inventory
from hardentui.model.known import Unread
from hardentui.scanners import present as debsecan
from hardentui.tui.app import HardenApp
from tests.conftest import cannot_run
from tests.support.podman import BUSYBOX, Bench
from tests.support.schemas import validated
from tests.tui.support import Driver, drawn, running, until
from tests.unit.scanners.recorded import TRIVY, TRIVY_VERSION

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

IMAGE = "localhost/debian-packages:1"
STATUS = Path("/var/lib/dpkg/status")


@pytest.fixture(scope="module")
def debian_image(podman: Bench) -> Iterator[str]:
    if not STATUS.exists() or "VERSION_CODENAME" not in Path("/etc/os-release").read_text():
        cannot_run("this host is no Debian with a code name")
    tar = podman.directory / "tmp" / "debian.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(STATUS, "var/lib/dpkg/status")
        archive.add("/usr/lib/os-release", "usr/lib/os-release")
    podman.import_image(tar, IMAGE, ())
    yield IMAGE
    podman.podman("rmi", "-f", IMAGE)


@pytest.fixture
def mirror(tmp_path: Path) -> str:
    """bash has a hole with a repair, zlib1g one without, dpkg none that matters to this version."""
    if not shutil.which("debsecan"):
        cannot_run("debsecan is missing; run: sudo apt-get install --no-install-recommends debsecan")
    lines = (
        "VERSION 1\nCVE-2026-0001,,shell\nCVE-2026-0002,,zip\nCVE-2026-0003,,old\n\n"
        "bash,0,SHRF,9999,\nzlib,1,S   ,,\ndpkg,2,SM  ,0.1,\n\n\n"
    )
    release = dict(
        line.split("=", 1) for line in Path("/usr/lib/os-release").read_text().splitlines() if "=" in line
    )
    (tmp_path / "mirror").mkdir()
    path = tmp_path / "mirror" / release["VERSION_CODENAME"].strip('"')
    path.write_bytes(zlib.compress(lines.encode()))
    return f"file://{tmp_path}/mirror"


def test_what_debsecan_finds_is_stored_with_the_date_of_its_data(
    podman: Bench,
    debian_image: str,
    mirror: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    command = ["images", debian_image, "--scan", "--scanner", "debsecan", "--offline", "--format", "json"]
    assert main([*command, "--url", podman.url]) == 4, "without a mirror there is nothing to compare with"
    assert "needs a mirror of its data" in capsys.readouterr().err
    assert main([*command, "--data", mirror, "--url", podman.url]) == 0
    scan = validated(json.loads(capsys.readouterr().out))["images"][0]["scan"]
    result = {
        (vulnerability["id"], vulnerability["package"], vulnerability["severity"], vulnerability["fixed_in"])
        for vulnerability in scan["vulnerabilities"]
    }
    assert ("CVE-2026-0001", "bash", "high", "9999") in result
    assert ("CVE-2026-0002", "zlib1g", "unknown", "") in result
    assert not any(vulnerability["id"] == "CVE-2026-0003" for vulnerability in scan["vulnerabilities"])
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "bash"], capture_output=True, text=True)
    assert {
        vulnerability["installed"]
        for vulnerability in scan["vulnerabilities"]
        if vulnerability["package"] == "bash"
    } == {version.stdout}
    assert datetime.now(UTC) - datetime.fromisoformat(scan["database"]) < timedelta(minutes=5)
    assert any("only Debian packages" in gap for gap in scan["gaps"])


def test_an_image_of_another_distribution_is_not_scanned(podman: Bench, mirror: str, tmp_path: Path) -> None:
    archive = tmp_path / "bb.tar"
    podman.podman("save", "-o", str(podman.directory / "tmp" / "bb.tar"), BUSYBOX)
    archive.write_bytes((podman.directory / "tmp" / "bb.tar").read_bytes())
    result = debsecan.scan_debsecan(str(archive), asker(threading.Event()), offline=True, data=mirror)
    assert result == Unread("debsecan knows only Debian releases, and this image contains no distribution")
    with archive.open("rb") as file:
        assert read_inventory(file).installed == ()


# --- in the terminal UI -------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: str) -> Path:
    """debsecan's settings, which name the mirror; no scanner but debsecan on the path."""
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    path = tmp_path / "debsecan.conf"
    path.write_text(f"REPORT=true\nSOURCE={mirror}\n")
    monkeypatch.setattr("hardentui.scanners.present.SETTINGS", str(path))
    return path


async def _go_to_the_image(pilot: Driver) -> None:
    """Down to its row: the page then names it."""
    for _ in range(50):
        if re.search(rf"names\s+{re.escape(IMAGE)}", drawn(pilot.app)):
            return
        await pilot.press("down")
        await pilot.pause()
    raise AssertionError(f"no row has the page of {IMAGE}:\n{drawn(pilot.app)}")


def app_of(podman: Bench) -> HardenApp:
    return HardenApp(lambda: FirstLook.open(Selection(url=podman.url)), environ={})


async def test_the_real_debsecan_scans_the_image_under_the_cursor(
    podman: Bench, debian_image: str, settings: Path
) -> None:
    app = app_of(podman)
    async with running(app, (160, 50)) as pilot:
        await until(pilot, lambda: app.session.host is not None, 30)
        await pilot.press("I", shows=debian_image)
        await _go_to_the_image(pilot)
        await pilot.press("n")
        await until(pilot, lambda: "1 high" in drawn(app), 90)
        text = " ".join(drawn(app).split())
        assert "scanned debsecan, " in text
        assert "CVE-2026-0001 high: bash" in text
        assert "only Debian packages were compared" in text
        _make_old(settings)
        await pilot.press("n")
        await until(pilot, lambda: "the scanner's database was" in " ".join(drawn(app).split()), 90)
        assert "stale" in drawn(app), "a mirror that nobody renewed for years proves nothing"


def _make_old(settings: Path) -> None:
    """The mirror that they name was never renewed."""
    for file in Path(settings.read_text().rpartition("file://")[2].strip()).iterdir():
        os.utime(file, (0, 0))


async def test_recorded_words_of_trivy_reach_the_list(
    podman: Bench, debian_image: str, settings: Path, tmp_path: Path
) -> None:
    """Trivy cannot be had on the test machine: a script reads the archive and prints what it said once."""
    report = deepcopy(TRIVY)
    del report["CreatedAt"]
    script = tmp_path / "bin" / "trivy"
    script.write_text(
        f"#!/bin/sh\nif [ \"$1\" = version ]; then\ncat <<'END'\n{json.dumps(TRIVY_VERSION)}\nEND\nelse\n"
        f"tar xOf \"$3\" manifest.json > /dev/null || exit 1\ncat <<'END'\n{json.dumps(report)}\nEND\nfi\n"
    )
    script.chmod(0o755)
    app = app_of(podman)
    async with running(app, (160, 50)) as pilot:
        await until(pilot, lambda: app.session.host is not None, 30)
        await pilot.press("I", shows=debian_image)
        await _go_to_the_image(pilot)
        await pilot.press("n")
        await until(pilot, lambda: "scanned trivy, " in " ".join(drawn(app).split()), 60)
        assert "CVE-2019-14697" in drawn(app)
