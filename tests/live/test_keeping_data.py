"""The commands that apply proposes for data in a container's own layer keep it, with owners and modes."""

from __future__ import annotations

import pytest

from hardentui.features.apply.apply_wishes import keeping_commands
from hardentui.writers.context import volume_for
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live
NAME = "keep-data"
DIRECTORY = "/var/my app [1.*]"
SCRIPT = 'mkdir -p "$0/d"; ln -s d "$0/l"; echo mine >"$0/d/f"; chown -R 7:8 "$0"; chmod 750 "$0"; sleep 1000'


@pytest.mark.parametrize("kind", ["podman", "rootless_podman"])
def test_what_is_proposed_keeps_owners_and_modes(kind: str, request: pytest.FixtureRequest) -> None:
    bench: Bench = request.getfixturevalue(kind)
    volume = volume_for(NAME, DIRECTORY)
    bench.run(NAME, BUSYBOX, "sh", "-c", f"umask 077; {SCRIPT}", DIRECTORY)
    try:
        assert eventually(lambda: f"{DIRECTORY}/d/f" in bench.podman("diff", NAME))
        for command in keeping_commands(NAME, [DIRECTORY], rootless=kind == "rootless_podman"):
            bench.execute("sh", "-c", f"cd /; {command}")
        shown = bench.podman(
            "run", "--rm", "-v", f"{volume}:/kept", BUSYBOX,
            "stat", "-c", "%n %u:%g %a", "/kept", "/kept/d", "/kept/l/f",
        )  # fmt: skip
        assert shown.splitlines() == ["/kept 7:8 750", "/kept/d 7:8 700", "/kept/l/f 7:8 600"]
    finally:
        bench.remove(NAME)
        bench.podman("volume", "rm", "-f", volume)
