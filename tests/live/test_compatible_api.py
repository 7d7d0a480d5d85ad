"""A container made through the compatible API, as docker-compose does, is carried over; Docker is named."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hardentui.__main__ import main
from tests.conftest import cannot_run
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

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


GET_DOCKER = """set -e
apt-get download -qq docker.io containerd runc
for package in *.deb; do dpkg-deb -x "$package" .; done
"""
RUN_DOCKER = """set -e
mount -t tmpfs none /run
PATH="$1/usr/sbin:$1/usr/bin:$PATH"
exec dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/docker.sock" \
    --bridge none --iptables=false --ip6tables=false --storage-driver vfs
"""


@pytest.mark.long
def test_a_real_docker_is_told_from_podman(capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() != 0:
        cannot_run("Docker's daemon takes root")
    with TemporaryDirectory(prefix="hd-", dir="/tmp") as directory:
        words = ["unshare", "--mount", "--net", "sh", "-c", RUN_DOCKER, "sh", directory]
        got = subprocess.run(["sh", "-c", GET_DOCKER], cwd=directory, capture_output=True, check=False)
        if got.returncode:
            cannot_run("Debian's archive cannot be reached")
        daemon = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert eventually(Path(directory, "docker.sock").exists)
            assert main(["check", "--url", f"unix://{directory}/docker.sock"]) == 3
        finally:
            daemon.terminate()
            daemon.wait(60)
    told = capsys.readouterr().err
    assert "Docker answers there: HardenTUI reads and changes containers of Podman only." in told
    assert "docs/at-rest.md" in told
