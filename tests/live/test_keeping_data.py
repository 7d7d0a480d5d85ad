"""The commands that apply proposes for data in a container's own layer keep it, with owners and modes."""

from __future__ import annotations

import pytest

from hardentui.workbench.changing.keeping_data import keeping_commands, volume_for
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live
NAME = "keep-data"
SCRIPT = "mkdir -p '/var/my app/d'; echo mine >'/var/my app/d/f'; chown 7:8 '/var/my app/d/f'; sleep 1000"


@pytest.mark.parametrize("kind", ["podman", "rootless_podman"])
def test_what_is_proposed_keeps_owners_and_modes(kind: str, request: pytest.FixtureRequest) -> None:
    bench: Bench = request.getfixturevalue(kind)
    folder = "/var/my app"
    volume = volume_for(NAME, folder)
    bench.run(NAME, BUSYBOX, "sh", "-c", f"umask 077; {SCRIPT}")
    try:
        assert eventually(lambda: "/var/my app/d/f" in bench.podman("diff", NAME))
        for command in keeping_commands(NAME, [folder], rootless=kind == "rootless_podman"):
            bench.execute("sh", "-c", f"cd /; {command}")
        shown = bench.podman(
            "run", "--rm", "-v", f"{volume}:/kept", BUSYBOX, "stat", "-c", "%u:%g %a", "/kept/d/f"
        )
        assert shown == "7:8 600"
    finally:
        bench.remove(NAME)
        bench.podman("volume", "rm", "-f", volume)
