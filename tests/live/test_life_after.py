"""Services that were hardened with a shallow probe go on working: files, reloads, logs, load, restarts."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardentui.__main__ import main
from tests.conftest import cannot_run
from tests.support.images import build, missing_package
from tests.support.lived_services import NAME, SERVICES, LivedService, address, month_of_work
from tests.support.podman import Bench

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

TABLE = logging.getLogger(__name__)
"""Shown with `--log-cli-level=INFO`."""
SHORT = ("uploads",)
"""What lost data once: it runs daily."""


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    podman.remove(NAME)
    yield podman
    for name in podman.podman("ps", "-a", "--format", "{{.Names}}").split():
        if name.startswith(NAME):
            podman.remove(name)
    for volume in podman.podman("volume", "ls", "-q").split():
        if volume.startswith(NAME):
            podman.podman("volume", "rm", "-f", volume)
    podman.podman("network", "rm", "-f", f"{NAME}-net")


@pytest.mark.parametrize(
    "service",
    [
        pytest.param(service, id=service.name, marks=() if service.name in SHORT else pytest.mark.long)
        for service in SERVICES
    ],
)
def test_a_hardened_service_goes_on_working(bench: Bench, service: LivedService, tmp_path: Path) -> None:
    image = service.image()
    if command := missing_package(image):
        cannot_run(f"a package is missing; run: {command}")
    build(bench, image)
    bench.run(NAME, *service.options, image.reference)
    assert all(service.work(bench, address(bench)).values()), "it does not work before"
    bench.remove(NAME)
    bench.run(NAME, *service.options, image.reference)

    probe = f"bash -c 'exec 3<>/dev/tcp/$TWIN_IP/{service.port}'"
    arguments = ["--learn", "--probe", probe, "--format", "json", "-o", str(tmp_path)]
    assert main(["trial", NAME, "--url", bench.url, "--all", *arguments]) == 0
    trial = json.loads((tmp_path / "trial.json").read_text())
    assert main(["apply", NAME, "--url", bench.url, "--trial", str(tmp_path / "trial.json"), "--yes"]) == 0
    document = bench.get(f"/containers/{NAME}/json")
    assert document["HostConfig"]["ReadonlyRootfs"], trial["left_out"]

    told = json.dumps([trial["not_exercised"], trial["left_out"], trial["decide"]])
    broken = [part for part, well in month_of_work(bench, service).items() if not well and part not in told]
    TABLE.info(
        "%s: %s rounds, %s s, broken: %s", service.name, len(trial["rounds"]), trial["seconds"], broken
    )
    assert broken == []
    if service.reloads:
        assert "reload" in trial["exercised"]
    if service.log:
        assert "log rotation" in trial["exercised"]
    assert "restart" in trial["exercised"]
