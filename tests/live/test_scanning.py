"""Scans of images of a real Podman. The scanner is a script that reads the real archive and prints
recorded output of Trivy: neither Trivy nor Grype can be had on the test machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.features.images.scanning import Scanning, ScanProgress
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.host.asking import CANCELLED
from hardentui.model.facts import ImageFacts
from tests.support.podman import BUSYBOX, Bench
from tests.support.schemas import validated
from tests.support.waiting import eventually
from tests.unit.scanners.recorded import CLAIR, TRIVY, TRIVY_VERSION

pytestmark = pytest.mark.live

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    (tmp_path / "bin").mkdir()

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--url", podman.url])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def scanner(directory: Path, script: str) -> None:
    path = directory / "bin" / "trivy"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_an_image_is_handed_over_as_an_archive_and_the_result_is_stored(
    call: Call,
    podman: Bench,
    tmp_path: Path,
) -> None:
    report = deepcopy(TRIVY)
    del report["CreatedAt"]
    scanner(
        tmp_path,
        'if [ "$1" = version ]; then\n'
        f"cat <<'END'\n{json.dumps(TRIVY_VERSION)}\nEND\nelse\n"
        f'tar xOf "$3" manifest.json > {tmp_path}/manifest || exit 1\n'
        f"env > {tmp_path}/environment\n"
        f"cat <<'END'\n{json.dumps(report)}\nEND\nfi",
    )
    code, out, err = call(
        "images",
        "bb",
        "--scan",
        "--format",
        "json",
    )
    assert (code, err) == (0, "")
    scan = validated(json.loads(out))["images"][0]["scan"]
    assert [vulnerability["id"] for vulnerability in scan["vulnerabilities"]] == [
        "CVE-2019-14697",
        "CVE-2019-14697",
    ]
    assert scan["database"].startswith("2026-11-22")
    assert json.loads((tmp_path / "manifest").read_text())[0]["Layers"]
    assert podman.socket not in (tmp_path / "environment").read_text()
    assert list((tmp_path / "cache").rglob("*.tar")) == []
    podman.run(
        "scanned",
        BUSYBOX,
        "sleep",
        "600",
    )
    try:
        words = ("check", "scanned", "--check", "fixable-vulnerabilities", "--format", "json")
        assert eventually(lambda: "2 critical vulnerabilities have a fix" in call(*words)[1])
    finally:
        podman.remove("scanned")


def test_a_scanner_that_fails_leaves_the_image_not_scanned(
    call: Call,
    tmp_path: Path,
) -> None:
    scanner(tmp_path, "echo 'FATAL no database' >&2; exit 1")
    code, out, err = call("images", "bb", "--scan")
    assert code == 4
    assert "not scanned: trivy ended with status 1: FATAL no database" in err
    assert "not scanned" in out
    assert list((tmp_path / "state").rglob("*.json")) == []


def test_a_report_of_a_registry_is_taken_in_for_the_image_of_that_digest(
    call: Call,
    podman: Bench,
    tmp_path: Path,
) -> None:
    path = tmp_path / "clair.json"
    path.write_text(json.dumps(CLAIR))
    code, _, err = call("images", "--import", str(path))
    assert code == 2
    assert "no image here has that ID or digest" in err
    digest = podman.podman(
        "image",
        "inspect",
        BUSYBOX,
        "--format",
        "{{.Digest}}",
    )
    path.write_text(json.dumps({**CLAIR, "manifest_hash": digest}))
    code, out, err = call("images", "--import", str(path))
    assert code == 0
    assert "the report of clair is stored" in err
    assert "1 high" in out


def test_a_scan_that_is_cancelled_leaves_nothing(
    call: Call,
    podman: Bench,
    tmp_path: Path,
) -> None:
    scanner(tmp_path, f"echo $$ > {tmp_path}/pid; sleep 60")
    stop = threading.Event()
    seen: list[str] = []

    def told(progress: ScanProgress) -> None:
        seen.append(progress.phase)
        if progress.phase == "scanning":
            threading.Timer(0.3, stop.set).start()

    bench = Workbench.open(Selection(url=podman.url))
    try:
        images = [report.about for report in bench.surroundings.images()]
        image = next(
            image for image in images if isinstance(image, ImageFacts) and BUSYBOX in image.names
        )
        scanning = Scanning(bench.parts)
        result = scanning.scan(
            image,
            scanning.scanner(),
            told,
            stop,
        )
    finally:
        bench.close()
    assert result == CANCELLED
    assert seen[0] == "fetching"
    assert list((tmp_path / "cache").rglob("*.tar")) == []
    assert list((tmp_path / "state").rglob("*.json")) == []
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
