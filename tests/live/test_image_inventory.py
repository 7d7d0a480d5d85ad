"""The inventory and the list of changes of images and containers that a real Podman made."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import quote

import pytest

from hardentui.checks import check_by_id
from hardentui.checks.prelude import container
from hardentui.lib.image import ImageInventory
from hardentui.lib.image.inventory import read_inventory
from hardentui.model.check import Parameters
from hardentui.model.facts import FileChange
from hardentui.model.finding import Status
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

IMAGE = "localhost/inventory:1"
KINDS = ("modified", "added", "deleted")  # how the API numbers them
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----"


def inventory(podman: Bench, image: str) -> ImageInventory:
    connection = http.client.HTTPConnection("d", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(podman.socket)
        name = quote(image, safe="")
        connection.request(
            "GET",
            f"/v5.0.0/libpod/images/{name}/get?format=docker-archive",
        )
        answer = connection.getresponse()
        assert answer.status == 200
        return read_inventory(answer)
    finally:
        connection.close()


def commit(
    podman: Bench,
    base: str,
    script: str,
    reference: str,
) -> None:
    """A layer on top of `base` that a shell script makes."""
    podman.run(
        "inventory",
        "--network",
        "none",
        base,
        "sh",
        "-c",
        script,
    )
    podman.podman("wait", "inventory")
    podman.podman(
        "commit",
        "-q",
        "inventory",
        reference,
    )
    podman.remove("inventory")


def test_layers_of_a_real_image_are_laid_on_each_other(podman: Bench) -> None:
    lower = f"mkdir -p /root/.ssh /etc; echo '{KEY}' > /root/.ssh/id_rsa; "
    lower += "cp /bin/busybox /bin/gcc; chmod 4755 /bin/gcc"
    upper = (
        "rm -r /root/.ssh; rm /bin/gcc; echo ID=alpine > /etc/os-release; touch /open; chmod "
        "666 /open"
    )
    try:
        commit(
            podman,
            BUSYBOX,
            lower,
            "localhost/inventory:0",
        )
        commit(
            podman,
            "localhost/inventory:0",
            upper,
            IMAGE,
        )
        below, seen = inventory(podman, "localhost/inventory:0"), inventory(podman, IMAGE)
    finally:
        podman.podman(
            "rmi",
            "-f",
            "-i",
            IMAGE,
            "localhost/inventory:0",
        )
    assert below.gaps == seen.gaps == ()
    assert [(file.path, file.what) for file in below.privileged_files] == [
        ("/bin/gcc", "setuid root")
    ]
    assert [(file.path, file.layer, file.deleted) for file in seen.credentials] == [
        ("/root/.ssh/id_rsa", 2, True)
    ]
    assert seen.privileged_files == ()
    assert "/bin/gcc" not in [file.path for file in seen.tools]
    assert "/open" in [file.path for file in seen.world_writable]
    assert seen.release == {"ID": "alpine"}
    assert len(seen.layers) == 3


def test_what_podman_changes_itself_is_no_drift(podman: Bench) -> None:
    check = check_by_id("drifted-files")
    assert check is not None
    parameters = Parameters(check.parameters)
    podman.run(
        "drift",
        "--network",
        "none",
        "--tmpfs",
        "/srv/work",
        BUSYBOX,
        "sleep",
        "600",
    )
    try:
        quiet = changes(podman, "drift")
        facts = container(inspect=podman.get("/containers/drift/json"))
        assert check.verdict(facts.replace(changes=quiet), parameters).status is Status.PASS
        podman.podman(
            "exec",
            "drift",
            "sh",
            "-c",
            "echo x > /bin/new",
        )
        loud = changes(podman, "drift")
        verdict = check.verdict(facts.replace(changes=loud), parameters)
        assert verdict.status is Status.FAIL
        assert [proof.where for proof in verdict.evidence] == ["/bin/new"]
    finally:
        podman.remove("drift")


def changes(podman: Bench, name: str) -> tuple[FileChange, ...]:
    result = podman.get(f"/containers/{name}/changes") or []
    return tuple(FileChange(change["Path"], KINDS[change["Kind"]]) for change in result)
