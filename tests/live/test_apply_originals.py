"""Apply on originals that are harder to replace: pods, fixed addresses, stopped ones, rootless,
secrets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.test_apply import NAME, Site
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.live,
    pytest.mark.long,
    pytest.mark.timeout(300),
]
FIXES = ("--check", "writable-rootfs", "--check", "new-privileges-allowed", "--yes")
SLEEP = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")


class Caller(Site):
    """Runs `hardentui` against a bench."""

    def __call__(
        self,
        *arguments: str,
        ends: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        where = ("--url", self.bench.url) if arguments[0] == "apply" else ()
        return self.run(*arguments, *where, ends=ends)

    def there_and_back(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """The container before, hardened, and after the undo."""
        before = self.inspect()
        self("apply", NAME, *FIXES, ends=0)
        hardened = self.inspect()
        assert hardened["Id"] != before["Id"]
        assert hardened["HostConfig"]["ReadonlyRootfs"] is True
        self("undo", "--yes", ends=0)
        after = self.inspect()
        assert after["Id"] == before["Id"]
        assert after["State"]["Running"] == before["State"]["Running"]
        return before, hardened, after


@pytest.fixture
def call(podman: Bench, tmp_path: Path) -> Iterator[Caller]:
    yield Caller(podman, tmp_path)
    _tidy(podman)


@pytest.fixture
def call_rootless(
    rootless_podman: Bench,
    tmp_path: Path,
) -> Iterator[Caller]:
    yield Caller(rootless_podman, tmp_path)
    _tidy(rootless_podman)


def _tidy(bench: Bench) -> None:
    bench.remove(
        NAME,
        *bench.podman(
            "ps",
            "-a",
            "-q",
            "--filter",
            f"name=^{NAME}",
        ).split(),
    )
    bench.podman(
        "pod",
        "rm",
        "-f",
        "-i",
        "-t",
        "0",
        f"{NAME}-pod",
    )
    bench.podman(
        "network",
        "rm",
        "-f",
        f"{NAME}-net",
    )
    bench.podman(
        "secret",
        "rm",
        "-i",
        f"{NAME}-secret",
    )


def test_a_fixed_address_and_aliases_stay(call: Caller) -> None:
    network = f"{NAME}-net"
    call.bench.podman(
        "network",
        "create",
        "--subnet",
        "10.78.9.0/24",
        network,
    )
    call.bench.run(
        NAME,
        "--network",
        f"{network}:ip=10.78.9.44,alias=shop",
        BUSYBOX,
        *SLEEP,
    )
    before, hardened, after = call.there_and_back()
    for document in (before, hardened, after):
        connected = document["NetworkSettings"]["Networks"][network]
        assert connected["IPAddress"] == "10.78.9.44"
        assert "shop" in connected["Aliases"]


def test_a_member_of_a_pod_stays_one(call: Caller) -> None:
    call.bench.podman(
        "pod",
        "create",
        "--name",
        f"{NAME}-pod",
    )
    call.bench.run(
        NAME,
        "--pod",
        f"{NAME}-pod",
        BUSYBOX,
        *SLEEP,
    )
    before, hardened, after = call.there_and_back()
    assert before["Pod"] == hardened["Pod"] == after["Pod"] != ""


def test_a_container_that_does_not_run_is_replaced_and_not_started(call: Caller) -> None:
    call.bench.podman(
        "create",
        "--name",
        NAME,
        BUSYBOX,
        *SLEEP,
    )
    _, hardened, after = call.there_and_back()
    assert hardened["State"]["Running"] is False
    assert after["State"]["Running"] is False


def test_secrets_and_variables_stay_and_are_not_shown(call: Caller) -> None:
    secret = f"{NAME}-secret"
    call.bench.execute(
        "sh",
        "-c",
        f"printf topsecret | podman secret create {secret} -",
    )
    call.bench.run(
        NAME,
        "--secret",
        secret,
        "-e",
        "DB_PASSWORD=hunter2hunter2",
        BUSYBOX,
        *SLEEP,
    )
    shown = call(
        "apply",
        NAME,
        *FIXES,
        "--format",
        "json",
        ends=0,
    )
    assert (
        call.bench.podman(
            "exec",
            NAME,
            "cat",
            f"/run/secrets/{secret}",
        )
        == "topsecret"
    )
    assert "DB_PASSWORD=hunter2hunter2" in call.inspect()["Config"]["Env"]
    told = (
        shown.stdout
        + shown.stderr
        + call("journal").stdout
        + call("journal", "--format", "json").stdout
    )
    assert "hunter2" not in told
    assert call("undo", "--yes").returncode == 0


def test_rootless(call_rootless: Caller) -> None:
    call_rootless.bench.run(
        NAME,
        "-v",
        f"{NAME}-data:/data",
        BUSYBOX,
        *SLEEP,
    )
    before, hardened, _ = call_rootless.there_and_back()
    assert hardened["Mounts"][0]["Name"] == before["Mounts"][0]["Name"]


def test_an_image_name_that_means_another_image_by_now_brings_no_update(call: Caller) -> None:
    reference = "localhost/apply-moved:1"
    call.bench.podman("tag", BUSYBOX, reference)
    call.bench.run(NAME, reference, *SLEEP)
    before = call.inspect()
    call.bench.podman(
        "commit",
        "-q",
        NAME,
        "localhost/apply-other:1",
    )
    call.bench.podman("untag", reference, reference)
    call.bench.podman(
        "tag",
        "localhost/apply-other:1",
        reference,
    )
    try:
        done = call("apply", NAME, *FIXES, ends=0)
        assert "now another image" in done.stderr
        assert call.inspect()["Image"] == before["Image"]
        assert call("undo", "--yes").returncode == 0
    finally:
        call.bench.remove(NAME)
        call.bench.podman(
            "rmi",
            "-f",
            "localhost/apply-other:1",
            reference,
        )


def test_made_through_the_api_with_what_nobody_can_know_is_refused_or_complete(
    call: Caller,
) -> None:
    spec = {
        "image": BUSYBOX,
        "name": NAME,
        "command": list(SLEEP),
        "stop_timeout": 0,
    }
    spec["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}
    identity = call.bench.post("/containers/create", spec)["Id"]
    call.bench.post(f"/containers/{identity}/start")
    done = call("apply", NAME, *FIXES)
    ttl = call.bench.podman(
        "exec",
        NAME,
        "cat",
        "/proc/sys/net/ipv4/ip_default_ttl",
    )
    assert ttl == "77", "either it is left alone, or its sysctl goes along"
    assert done.returncode in (0, 2), done.stderr
    if done.returncode == 2:
        assert "would be lost" in done.stderr


def test_a_database_keeps_its_data_there_and_back(
    call: Caller,
    redis_image: str,
) -> None:
    """In the anonymous volume that its image asks for; what is written meanwhile is there
    afterwards too."""
    call.bench.podman(
        "run",
        "-d",
        "--name",
        NAME,
        redis_image,
    )

    def ask(*words: str) -> str:
        networks = call.inspect()["NetworkSettings"]["Networks"]
        return call.bench.execute(
            "redis-cli",
            "-h",
            networks["podman"]["IPAddress"],
            *words,
        )

    assert eventually(lambda: "PONG" in ask("ping"))
    ask("set", "key", "written before")
    ask("save")
    done = call(
        "apply",
        NAME,
        "--likely",
        "--yes",
        "--format",
        "json",
        ends=0,
    )
    (entry,) = json.loads(done.stdout)["entries"]
    assert {proof["status"] for proof in entry["proof"]} == {"pass"}
    assert ask("get", "key") == "written before"
    ask("set", "key", "written after")
    ask("save")
    call("undo", "--yes", ends=0)
    assert eventually(lambda: ask("get", "key") == "written after")


def test_what_a_trial_showed_to_work_is_applied(
    call: Caller,
    service_image: str,
    tmp_path: Path,
) -> None:
    call.bench.podman(
        "run",
        "-d",
        "--name",
        NAME,
        "--stop-timeout",
        "2",
        service_image,
    )
    words = (
        "trial",
        NAME,
        "--check",
        "default-capabilities-kept",
        "--check",
        "writable-rootfs",
    )
    call(
        *words,
        "--url",
        call.bench.url,
        "--patience",
        "10",
        "-o",
        str(tmp_path / "tried"),
        ends=0,
    )
    call(
        "apply",
        NAME,
        "--trial",
        str(tmp_path / "tried" / "trial.json"),
        "--yes",
        "--discard-data",
        ends=0,
    )
    hardened = call.inspect()
    assert hardened["HostConfig"]["ReadonlyRootfs"] is True
    assert len(hardened["EffectiveCaps"] or ()) < 11
    assert call("undo", "--yes").returncode == 0


def test_a_network_that_the_plan_brings_goes_with_it(call: Caller) -> None:
    call.bench.run(NAME, BUSYBOX, *SLEEP)
    networks = call.bench.podman(
        "network",
        "ls",
        "--format",
        "{{.Name}}",
    ).split()
    done = call(
        "apply",
        NAME,
        "--check",
        "default-network",
        "--format",
        "json",
        "--yes",
        ends=0,
    )
    (proof,) = json.loads(done.stdout)["entries"][0]["proof"]
    assert (proof["check"], proof["status"]) == ("default-network", "pass")
    (brought,) = set(
        call.bench.podman(
            "network",
            "ls",
            "--format",
            "{{.Name}}",
        ).split()
    ) - set(networks)
    assert list(call.inspect()["NetworkSettings"]["Networks"]) == [brought]
    call("undo", "--yes", ends=0)
    assert (
        call.bench.podman(
            "network",
            "ls",
            "--format",
            "{{.Name}}",
        ).split()
        == networks
    )
