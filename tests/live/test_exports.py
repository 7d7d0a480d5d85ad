"""What `--to kube` writes is run by a real `podman kube play`, and has what was asked for."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

NAME = "exported"
COMMAND = "echo \"$HOME $$ {{ 1 }} %h\" '$(A)'; sleep 1000"


@pytest.fixture
def played(podman: Bench, tmp_path: Path) -> Iterator[Path]:
    """A directory for files that are played; what they made is taken down again."""
    yield tmp_path
    for file in tmp_path.glob("*.kube.yaml"):
        subprocess.run(
            podman.command(
                "podman",
                "kube",
                "down",
                str(file),
            ),
            capture_output=True,
            check=False,
        )
    podman.remove(NAME)
    podman.execute(
        "sh", "-c", "podman volume rm -f exported-data; podman network rm -f exported-net"
    )


def exported(podman: Bench, *words: str) -> str:
    """What `fix` writes, or prints."""
    return hardentui(
        "fix",
        NAME,
        *words,
        "--to",
        "kube",
        "--url",
        podman.url,
        ends=0,
    ).stdout


def logs(podman: Bench, container: str) -> str:
    done = subprocess.run(
        podman.command("podman", "logs", container), capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def play(podman: Bench, file: Path) -> dict[str, Any]:
    """Run the command at the top of the file; what inspect shows of its container."""
    podman.remove(NAME)
    text = file.read_text()
    commands = [line[4:] for line in text.splitlines() if line.startswith("#   podman ")]
    assert commands[-1].startswith("podman kube play ")
    podman.execute(
        "sh",
        "-ec",
        "\n".join((f"cd {shlex.quote(str(file.parent))}", *commands)),
    )
    pod = next(yaml.safe_load_all(text))
    document: dict[str, Any] = json.loads(
        podman.podman(
            "inspect", f"{pod['metadata']['name']}-{pod['spec']['containers'][0]['name']}"
        )
    )[0]
    return document


def test_a_container_comes_up_as_a_pod(
    podman: Bench,
    played: Path,
) -> None:
    podman.podman("network", "create", "exported-net")
    podman.run(
        NAME,
        *(
            "--network",
            "exported-net",
            "-p",
            "127.0.0.1:18080:80",
            "--memory",
            "64m",
            "--cpus",
            "0.5",
        ),
        *(
            "--cap-drop",
            "all",
            "--cap-add",
            "NET_BIND_SERVICE",
            "--security-opt",
            "no-new-privileges",
        ),
        *(
            "--user",
            "1000:1000",
            "--read-only",
            "-v",
            "exported-data:/data:ro",
            "--tmpfs",
            "/scratch",
        ),
        *(
            "-e",
            "A=y",
            "-e",
            "B={{ x }}: #",
            "--label",
            "a=b",
            "--ulimit",
            "nofile=100:200",
        ),
        *(
            "--add-host",
            "db:10.0.0.5",
            "--dns",
            "1.1.1.1",
            "--dns-option",
            "ndots:2",
            "--hostname",
            "box",
        ),
        *("--restart", "always", "--log-driver", "k8s-file", "--log-opt", "max-size=1mb"),
        *(
            "--health-cmd",
            "true",
            "--health-on-failure",
            "kill",
            "--health-interval",
            "7s",
        ),
        *("--sysctl", "net.ipv4.ip_unprivileged_port_start=0", "--group-add", "5"),
        *(BUSYBOX, "sh", "-c", COMMAND),
    )
    before = json.loads(podman.podman("inspect", NAME))[0]
    exported(
        podman,
        "--as-is",
        "-o",
        str(played),
    )
    after = play(podman, played / f"{NAME}.kube.yaml")
    for field in ("Memory", "CpuQuota", "ReadonlyRootfs", "GroupAdd", "CapAdd"):
        assert after["HostConfig"][field] == before["HostConfig"][field], field
    for field in ("BoundingCaps", "EffectiveCaps"):
        assert after[field] in (before[field], ["CAP_NET_BIND_SERVICE"]), field
    assert after["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
    assert after["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert after["HostConfig"]["LogConfig"]["Size"] == "1MB"
    assert after["Config"]["Cmd"] == before["Config"]["Cmd"] == ["sh", "-c", COMMAND]
    assert after["Config"]["User"] == "1000:1000"
    assert {"A=y", "B={{ x }}: #"} <= set(after["Config"]["Env"])
    assert after["Config"]["Labels"]["a"] == "b"
    assert after["Config"]["Healthcheck"]["Interval"] == 7_000_000_000
    assert after["Config"]["HealthcheckOnFailureAction"] == "restart"
    limits = {limit["Name"]: limit for limit in after["HostConfig"]["Ulimits"]}
    assert (
        limits["RLIMIT_NOFILE"]["Soft"],
        limits["RLIMIT_NOFILE"]["Hard"],
    ) == (100, 200)
    (mount,) = (mount for mount in after["Mounts"] if mount["Destination"] == "/data")
    assert (mount["Name"], mount["RW"]) == ("exported-data", False)
    assert {"/scratch", "/run", "/tmp", "/var/tmp"} <= after["HostConfig"]["Tmpfs"].keys()
    pod = json.loads(podman.podman("pod", "inspect", f"{NAME}-pod"))
    infra = (pod[0] if isinstance(pod, list) else pod)["InfraConfig"]
    assert infra["Networks"] == ["exported-net"]
    assert infra["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]}
    assert infra["HostAdd"] == ["db:10.0.0.5"]
    assert (infra["DNSServer"], infra["DNSOption"]) == (["1.1.1.1"], ["ndots:2"])
    assert eventually(lambda: logs(podman, after["Id"]).strip() == "/ 1 {{ 1 }} %h $(A)")


def test_a_hardened_container_is_admitted_and_runs(
    podman: Bench,
    played: Path,
) -> None:
    podman.run(
        NAME,
        "--user",
        "1000",
        "-p",
        "18081:8000",
        BUSYBOX,
        "sleep",
        "1000",
    )
    exported(podman, "--all", "-o", str(played))
    file = played / f"{NAME}.kube.yaml"
    assert 'Admitted by Pod Security "restricted".' in file.read_text()
    after = play(podman, file)
    assert after["State"]["Running"] is True
    assert not after["EffectiveCaps"]
    assert after["HostConfig"]["ReadonlyRootfs"] is True


def test_a_rootless_container_comes_up_as_a_pod(
    rootless_podman: Bench,
    tmp_path: Path,
) -> None:
    podman = rootless_podman
    podman.run(
        NAME,
        "--user",
        "1000",
        "--cap-drop",
        "all",
        "-e",
        "A=1",
        BUSYBOX,
        "sleep",
        "1000",
    )
    try:
        directory = podman.directory / "kube"
        directory.mkdir()
        file = directory / f"{NAME}.kube.yaml"
        file.write_text(exported(podman, "--as-is"))
        directory.chmod(0o755)
        after = play(podman, file)
        assert after["State"]["Running"] is True
        assert not after["EffectiveCaps"]
        assert "A=1" in after["Config"]["Env"]
    finally:
        podman.execute(
            "sh",
            "-c",
            f"podman kube down {shlex.quote(str(file))} || true",
        )
        podman.remove(NAME)


def test_a_profile_of_its_own_is_found(
    podman: Bench,
    played: Path,
) -> None:
    profile = podman.directory / "own.json"
    profile.write_text(
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls":'
        ' [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
    )
    podman.run(
        NAME, "--security-opt", f"seccomp={profile}", BUSYBOX, "sh", "-c", "mkdir /x; sleep 1000"
    )
    exported(
        podman,
        "--as-is",
        "-o",
        str(played),
    )
    after = play(podman, played / f"{NAME}.kube.yaml")
    assert eventually(lambda: "Operation not permitted" in logs(podman, after["Id"]))


def test_a_pod_keeps_what_starts_first_and_what_it_mounts(
    podman: Bench,
    tmp_path: Path,
) -> None:
    pod = "exported-pod"
    podman.podman(
        "pod",
        "create",
        "--name",
        pod,
        "-v",
        "exported-data:/data",
    )
    try:
        for number in ("1", "2"):
            first = ("--pod", pod, "--init-ctr", "always")
            appends = ("sh", "-c", f"echo {number} >> /data/order")
            podman.podman(
                "create",
                "--name",
                f"{NAME}-{number}",
                *first,
                BUSYBOX,
                *appends,
            )
        podman.podman(
            "create",
            "--name",
            NAME,
            "--pod",
            pod,
            "--init",
            BUSYBOX,
            "sleep",
            "1000",
        )
        exported(
            podman,
            "--as-is",
            "-o",
            str(tmp_path),
        )
        podman.podman(
            "pod",
            "rm",
            "-f",
            "-t",
            "0",
            pod,
        )
        podman.podman("volume", "rm", "exported-data")
        after = play(podman, tmp_path / f"{pod}.kube.yaml")
        assert after["HostConfig"]["Init"] is True
        order = podman.podman(
            "exec",
            f"{pod}-{NAME}",
            "cat",
            "/data/order",
        )
        assert order.split() == ["1", "2"]
    finally:
        podman.execute(
            "sh", "-c", f"podman pod rm -f -t 0 {pod}; podman volume rm -f exported-data"
        )
