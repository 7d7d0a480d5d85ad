"""Trials of containers however they were made: by the API, by a Quadlet, in a pod, with the volumes
of another, with secrets, health checks, user namespaces; running and stopped, rootful and rootless.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from podman import PodmanClient

from tests.live.test_trial import leftovers, untouched
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import told
from tests.support.started_units import start_units
from tests.support.waiting import eventually

LONG = pytest.mark.long
"""One of each kind runs in CI; `make test-long` runs all."""
pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

NAME = "origin-web"
OTHER = "origin-other"
VOLUME = "origin-data"
POD = "origin-pod"
SECRET = "origin-secret"
FIXES = ("--check", "writable-rootfs", "--check", "new-privileges-allowed")
SERVE = "test -e /data/page || echo new >/data/page; exec httpd -f -p 80 -h /data"
PAGE = "curl -fsS -m 2 http://$TWIN_IP:80/page | grep -qx precious"
Try = Callable[..., Any]


@pytest.fixture
def bench(bench: Bench) -> Iterator[Bench]:
    yield bench
    bench.podman(
        "pod",
        "rm",
        "-f",
        "-i",
        "-t",
        "0",
        POD,
    )
    bench.remove(NAME, OTHER)
    bench.podman("volume", "rm", "-f", VOLUME)
    bench.podman("secret", "rm", "-i", SECRET)
    assert leftovers(bench) == ""


@pytest.fixture
def works(bench: Bench) -> Try:
    """Two fixes are tried, kept and proven; the original and all images have to be as before."""

    def run(*arguments: str) -> Any:
        images = ("images", "-a", "-q", "--no-trunc")
        before, there = untouched(bench, NAME), bench.podman(*images)
        document = told(
            "trial",
            NAME,
            "--url",
            bench.url,
            *FIXES,
            *arguments,
            ends=0,
        )
        assert untouched(bench, NAME) == before, "the original was touched"
        assert bench.podman(*images) == there
        assert {proven["check"]: proven["status"] for proven in document["proof"]} == {
            "writable-rootfs": "pass",
            "new-privileges-allowed": "pass",
        }, document
        return document

    return run


def filled_volume(bench: Bench) -> None:
    bench.podman("volume", "create", VOLUME)
    bench.podman(
        "run", "--rm", "-v", f"{VOLUME}:/data", BUSYBOX, "sh", "-c", "echo precious >/data/page"
    )


@pytest.mark.parametrize(
    "state",
    [
        "running",
        pytest.param("stopped", marks=LONG),
        pytest.param("created", marks=LONG),
    ],
)
def test_made_through_the_api(
    bench: Bench,
    works: Try,
    state: str,
) -> None:
    filled_volume(bench)
    with PodmanClient(base_url=bench.url) as client:
        container = client.containers.create(
            BUSYBOX,
            ["sh", "-c", SERVE],
            name=NAME,
            volumes={VOLUME: {"bind": "/data", "mode": "rw"}},
            environment={"DB_PASSWORD": "hunter2hunter2"},
            ports={"80/tcp": 18081},
            cap_drop=["MKNOD"],
            init=True,
        )
        if state != "created":
            container.start()
    if state == "stopped":
        bench.podman("stop", "-t", "0", NAME)
    assert bench.get(f"/containers/{NAME}/json")["Config"].get("CreateCommand") is None
    document = works("--probe", PAGE)
    assert "hunter2" not in json.dumps(document)


QUADLET = f"""[Container]
Image={BUSYBOX}
ContainerName={NAME}
Exec=sh -c "(sleep 0.5; touch /tmp/ready) & exec httpd -f -p 80 -h /data"
RunInit=true
Volume={VOLUME}:/data
PublishPort=18082:80
Environment=A=b
HealthCmd=test -e /tmp/ready
HealthInterval=2s
HealthOnFailure=kill

[Service]
Restart=always

[Install]
WantedBy=default.target
"""


def test_made_by_the_command_of_a_quadlet(
    bench: Bench,
    works: Try,
) -> None:
    filled_volume(bench)
    start_units(
        bench,
        {f"{NAME}.container": QUADLET},
        [NAME],
    )
    command = bench.get(f"/containers/{NAME}/json")["Config"]["CreateCommand"]
    assert {"--replace", "--rm", "--sdnotify=conmon"} <= set(command)
    document = works("--probe", PAGE)
    assert document["baseline"]["how"] == "health"


@pytest.mark.both
def test_a_secret_as_a_file_and_as_a_variable(
    bench: Bench,
    works: Try,
) -> None:
    bench.execute(
        "sh",
        "-c",
        f"printf hushhush | podman secret create {SECRET} -",
    )
    secrets = (
        "--secret",
        f"{SECRET},mode=0400",
        "--secret",
        f"{SECRET},type=env,target=KEY",
    )
    read = f"test $(cat /run/secrets/{SECRET}) = hushhush && test $KEY = hushhush"
    bench.run(
        NAME,
        *secrets,
        BUSYBOX,
        "sh",
        "-c",
        f"{read} && exec httpd -f -p 80",
    )
    assert "hushhush" not in json.dumps(works())


@pytest.mark.both
@pytest.mark.parametrize(
    "namespace",
    [
        "auto",
        pytest.param("keep-id", marks=LONG),
        pytest.param("keep-id:uid=7,gid=8", marks=LONG),
    ],
)
def test_a_user_namespace(
    bench: Bench,
    works: Try,
    namespace: str,
) -> None:
    flags = (f"--userns={namespace}",)
    bench.podman("volume", "create", VOLUME)
    bench.podman(
        "run", "--rm", *flags, "-v", f"{VOLUME}:/data:U", BUSYBOX,
        "sh", "-c", "echo precious >/data/page; chmod 600 /data/page",
    )  # fmt: skip
    serve = "cat /data/page && exec httpd -f -p 8080 -h /data"
    bench.run(
        NAME,
        *flags,
        "-v",
        f"{VOLUME}:/data:U",
        BUSYBOX,
        "sh",
        "-c",
        serve,
    )
    assert eventually(lambda: "precious" in bench.podman("logs", NAME))
    works("--probe", PAGE.replace(":80/", ":8080/"))
