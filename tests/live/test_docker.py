"""Containers of a real Docker: checked, and moved to Podman with all that they were asked for."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.options.argv import parse_create_command
from tests.conftest import cannot_run
from tests.support.docker import Docker
from tests.support.podman import RELEASE, Bench

pytestmark = [
    pytest.mark.live,
    pytest.mark.long,
    pytest.mark.skipif(bool(RELEASE), reason="Docker is this machine's own"),
]

ASKED = """--network none --init --user 1000:1000 --group-add 5 --cap-drop MKNOD --cap-add SYS_PTRACE
 --device /dev/null:/dev/xx:r --ulimit nofile=100:200 --sysctl net.ipv4.ip_unprivileged_port_start=80
 --cpus 0.5 --security-opt seccomp=unconfined --stop-timeout 3 --restart on-failure:3 --log-opt max-size=10m
 --health-cmd 'true || false' --dns 1.1.1.1 --add-host a:1.2.3.4 -w /tmp --entrypoint /bin/sh --hostname hh
 --shm-size 32m --memory-swap 256m -m 128m --mount type=tmpfs,dst=/t,tmpfs-size=1048576
 --mount type=bind,src=/srv,dst=/s2,readonly,bind-propagation=rslave --mount type=volume,src=v2,dst=/v2
 --tmpfs /tt:rw,size=2m,exec --stop-signal SIGINT -e A=b -e HOME=/x -e PATH=/bin -l some=label"""
KEPT = """--name=tuned --entrypoint=/bin/sh --env=A=b --env=HOME=/x --env=PATH=/bin --workdir=/tmp --init
 --label=some=label --restart=on-failure:3 --stop-signal=SIGINT --stop-timeout=3 --user=1000:1000
 --group-add=5
 --network=none --add-host=a:1.2.3.4 --dns=1.1.1.1 --hostname=hh --volume=/srv:/s2:ro,rslave
 --volume=v2:/v2 --tmpfs=/t:noexec,notmpcopyup,size=1048576 --tmpfs=/tt:exec,notmpcopyup,size=2m
 --device=/dev/null:/dev/xx:r --cap-add=CAP_SYS_PTRACE --cap-drop=CAP_MKNOD --security-opt=seccomp=unconfined
 --sysctl=net.ipv4.ip_unprivileged_port_start=80 --memory=128m --cpus=0.5
 --ulimit=nofile=100:200 --shm-size=32m '--health-cmd=true || false' --log-driver=k8s-file
 --log-opt=max-size=10m"""
"""What Docker does unasked is not there: Podman has defaults of its own, as for the number of tasks."""
SHOP = """--network shop --ip 10.89.77.9 --network-alias web -p 127.0.0.1:8080:80 --restart unless-stopped
 -m 64m
 --pids-limit 100 -v data:/data --read-only --cap-drop ALL --cap-add CHOWN --security-opt no-new-privileges
 -e PASSWORD=made-up --label com.docker.compose.project=shop"""


@pytest.fixture(scope="module")
def docker(podman: Bench) -> Iterator[Docker]:
    """With a container that asked for nothing, one that asked for much, and one that is hardened."""
    if os.geteuid() != 0:
        cannot_run("Docker's daemon takes root")
    with TemporaryDirectory(prefix="hd-", dir="/tmp") as directory:
        engine = Docker(podman, Path(directory))
        try:
            engine.start()
            engine.run("plain", "--network none")
            engine.run("powerful", "--privileged --network host --pid host")
            engine.run("tuned", ASKED, "-c 'sleep 1000'")
            engine.docker(
                "network",
                "create",
                "--subnet",
                "10.89.77.0/24",
                "shop",
            )
            engine.run(
                "shop-web",
                SHOP,
                "sh -c 'echo precious >/data/file; sleep 1000'",
            )
            yield engine
        except subprocess.CalledProcessError as error:
            if "apt-get" in str(error.cmd):
                cannot_run("Debian's archive cannot be reached")
            raise
        finally:
            engine.stop()


def findings(
    docker: Docker,
    capsys: pytest.CaptureFixture[str],
) -> dict[str, dict[str, dict[str, str]]]:
    """Name of a subject -> id of a check -> its finding; what passes is left out."""
    assert main(["check", "--url", docker.url, "--format", "json"]) == 1
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {
        subject["name"]: {finding["check"]: finding for finding in subject["findings"]}
        for subject in report["subjects"]
    }


def test_the_verdicts_are_those_of_the_kernel(
    docker: Docker,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = ("{{json .Config}}", "{{json .HostConfig}}", "{{.State.StartedAt}}")
    look = (
        "inspect",
        "--format",
        "".join(shown),
        "plain",
        "powerful",
        "tuned",
        "shop-web",
    )
    before = docker.docker(*look)
    verdicts = findings(docker, capsys)
    failing = {
        name: {check for check, finding in of_subject.items() if finding["status"] == "fail"}
        for name, of_subject in verdicts.items()
    }
    usual = {
        "root-user",
        "writable-rootfs",
        "no-pids-limit",
        "no-memory-limit",
        "new-privileges-allowed",
    }
    usual |= {"default-capabilities-kept", "docker-default-capabilities", "unbounded-logs"}
    assert usual <= failing["plain"]
    assert {"privileged", "host-pid", "host-network", "unmasked-system-paths"} <= failing[
        "powerful"
    ]
    assert failing["tuned"].isdisjoint(
        {"root-user", "no-memory-limit", "unbounded-logs", "drifted-files"}
    )
    assert {"seccomp-unconfined", "host-takeover-capabilities"} <= failing["tuned"]
    assert failing["shop-web"].isdisjoint(
        (usual | {"sensitive-host-mount"}) - {"root-user", "unbounded-logs"}
    )
    assert "CapEff 14" in verdicts["plain"]["docker-default-capabilities"]["effective"]
    podman_s = {*verdicts["docker"]} | {
        "vulnerable-engine",
        "weak-storage-settings",
        "untrusted-engine-programs",
    }
    assert podman_s & failing["docker"] == set()
    assert {verdicts[os.uname().nodename].get(check, {}).get("status") for check in podman_s} <= {
        "unknown",
        None,
    }
    assert docker.docker(*look) == before, "nothing of it changed"


def test_every_option_is_carried_over(
    docker: Docker,
    tmp_path: Path,
) -> None:
    assert (
        main(
            [
                "fix",
                "tuned",
                "--as-is",
                "--to",
                "run",
                "--url",
                docker.url,
                "-o",
                str(tmp_path),
            ]
        )
        == 0
    )
    script = (tmp_path / "tuned.sh").read_text()
    words = script.partition("exec podman run")[2].partition(";;")[0]
    words = words.replace("--detach", "").replace("\\\n", "")
    written = parse_create_command(["podman", "run", *shlex.split(words)])
    asked = parse_create_command(
        [
            "podman",
            "run",
            *shlex.split(KEPT),
            "localhost/bb:1",
            "-c",
            "sleep 1000",
        ]
    )
    assert written == asked


def test_a_service_with_its_data_runs_under_podman(
    docker: Docker,
    podman: Bench,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = [
        "fix",
        "shop-web",
        "--as-is",
        "--url",
        docker.url,
        "-o",
        str(tmp_path),
    ]
    assert main([*asked, "--to", "quadlet"]) == 0
    told = capsys.readouterr().err
    assert podman.generator() is None or "produces exactly the intended command" in told
    unit = (tmp_path / "shop-web.container").read_text()
    assert "Network=shop.network:alias=web,ip=10.89.77.9" in unit
    assert "Options=isolate=true" in (tmp_path / "shop.network").read_text(), (
        "as separate as under Docker"
    )
    assert main([*asked, "--to", "run"]) == 0
    try:
        docker.docker("stop", "-t", "0", "shop-web")
        docker.docker(
            "network",
            "disconnect",
            "-f",
            "shop",
            "shop-web",
        )
        assert "docker network rm shop" in told, "two networks cannot have the same addresses"
        docker.docker("network", "rm", "shop")
        podman.podman(
            "network",
            "create",
            "--subnet",
            "10.89.77.0/24",
            "shop",
        )
        steps = re.findall(
            r"podman volume create data && .* podman volume import data -",
            told,
        )
        podman.execute("sh", "-c", steps[0])
        podman.execute("sh", str(tmp_path / "shop-web.sh"))
        document = podman.get("/containers/shop-web/json")
        assert (
            podman.podman(
                "exec",
                "shop-web",
                "cat",
                "/data/file",
            )
            == "precious"
        )
        assert document["BoundingCaps"] == ["CAP_CHOWN"]
        host = document["HostConfig"]
        assert (
            host["ReadonlyRootfs"],
            host["Memory"],
            host["PidsLimit"],
        ) == (True, 64 << 20, 100)
        assert document["NetworkSettings"]["Networks"]["shop"]["IPAddress"] == "10.89.77.9"
        assert "PASSWORD=made-up" in document["Config"]["Env"]
    finally:
        podman.remove("shop-web")
        podman.podman("network", "rm", "-f", "shop")


@pytest.mark.parametrize(
    "words",
    [
        ["trial", "plain", "--all"],
        ["harden", "plain", "--try"],
        ["apply", "plain", "--all", "--yes"],
        ["--text"],
    ],
)
def test_nothing_is_tried_or_changed(
    docker: Docker,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*words, "--url", docker.url]) == 3
    told = capsys.readouterr().err
    assert "Docker's containers are only read here" in told
    assert "fix NAME --to quadlet" in told
