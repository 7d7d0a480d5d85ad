"""A container made through the compatible API, as docker-compose does, is carried over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardentui.__main__ import main
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

NAME = "compose-web"


@pytest.fixture
def web(podman: Bench) -> Iterator[str]:
    body = {"Image": BUSYBOX, "Cmd": ["sleep", "600"], "HostConfig": {"NetworkMode": "none"}}
    made = podman.post_compatible(f"/containers/create?name={NAME}", body)
    podman.post_compatible(f"/containers/{made['Id']}/start")
    yield NAME
    podman.remove(NAME)


def umask(podman: Bench) -> str:
    """What the kernel says of its main process."""
    pid = podman.get(f"/containers/{NAME}/json")["State"]["Pid"]
    result = re.search(r"^Umask:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)
    assert result
    return result[1]


def test_its_umask_stays_what_it_is(
    web: str, podman: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Inspect shows 0000 for "not given": written as such, everybody could write what the container makes."""
    assert podman.get(f"/containers/{web}/json")["Config"]["Umask"] == "0000"
    before = umask(podman)
    assert main(["fix", web, "--as-is", "--url", podman.url, "--to", "run", "-o", str(tmp_path)]) == 0
    script = tmp_path / f"{web}.sh"
    assert "--umask" not in script.read_text()
    podman.remove(web)
    podman.execute("sh", str(script))
    assert umask(podman) == before == "0022"
