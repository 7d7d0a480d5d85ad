"""A container whose main process is systemd, from the list to the fix and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.podman import Bench
from tests.support.program import hardentui
from tests.support.systemd_image import systemd_image

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
NAME = "systemd-inside"


@pytest.fixture
def server(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # a journal of its own
    image = systemd_image(podman)
    podman.remove(NAME)
    podman.run(NAME, "-t", "-p", "127.0.0.1::80", "-v", f"{NAME}:/srv/data", image)
    yield podman
    kept = podman.podman("ps", "-a", "-q", "--filter", f"name=^{NAME}").split()
    podman.podman("rm", "-f", "-i", "-t", "0", NAME, *kept)
    podman.podman("volume", "rm", "-f", NAME)


def test_it_is_hardened_with_its_own_machine_id_told_and_taken_back(server: Bench) -> None:
    """systemd writes a machine ID into the layer of each container: no reason to refuse the fix."""
    before = server.podman("inspect", "--format", "{{.Id}}", NAME)
    card = json.loads(
        hardentui("harden", NAME, "--url", server.url, "--yes", "--format", "json", ends=0).stdout
    )
    assert card["apply"]["state"] == "done"
    assert any("another machine ID" in note for note in card["notes"])
    assert card["after"]["score"] > card["before"]["score"]
    assert any(line.startswith("root-user: systemd is") for line in card["left_out"])
    kept = {change["check"] for change in card["trial"]["kept"]}
    assert {"new-privileges-allowed", "default-capabilities-kept"} <= kept
    page = server.podman("exec", NAME, "busybox", "wget", "-q", "-O", "-", "http://127.0.0.1/")
    assert page == "it works"
    hardentui("undo", "--yes", ends=0)
    assert server.podman("inspect", "--format", "{{.Id}}", NAME) == before
    assert server.podman("inspect", "--format", "{{.State.Running}}", NAME) == "true"
