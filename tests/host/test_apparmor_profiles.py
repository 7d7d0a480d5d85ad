"""The AppArmor profile that `hardentui fix --to apparmor` writes, loaded and enforced by a real
kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.host.machine import Machine

pytestmark = [
    pytest.mark.host,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]

NAME = "confined"
PROFILE = f"hardentui-{NAME}"
DIRECTORY = "/root/profiles"
FLAGS = (
    "--init --network none --read-only --cap-drop all --cap-add chown --cap-add kill "
    "-v confined-data:/data --tmpfs /cache"
)
IMAGE = "localhost/bb:1"


@pytest.fixture(scope="module")
def loaded(machine: Machine) -> Iterator[Machine]:
    """A container that runs under the profile that was made from it."""
    machine.run(f"podman run -d --name {NAME} {FLAGS} {IMAGE}")
    told = page(machine)
    assert told["module"] == "apparmor"
    assert (told["own_policy"], bool(told["commands"])) == (False, True)
    machine.hardentui(f"fix {NAME} --as-is --to apparmor -o {DIRECTORY}")
    machine.run(f"apparmor_parser -r -W {DIRECTORY}/{PROFILE}")
    machine.run(f"podman rm -f -t 0 {NAME}")
    machine.run(f"podman run -d --name {NAME} {FLAGS} --security-opt apparmor={PROFILE} {IMAGE}")
    yield machine
    machine.run(f"podman rm -f -t 0 {NAME}; podman volume rm -f confined-data")
    machine.run(f"apparmor_parser -R {DIRECTORY}/{PROFILE}")


def page(machine: Machine) -> Any:
    (listed,) = json.loads(machine.hardentui(f"check {NAME} --rights --format json"))["containers"]
    return listed["lsm"]


def inside(machine: Machine, command: str) -> int:
    return machine.ends(f"podman exec {NAME} sh -c '{command}'")[0]


def test_the_kernel_enforces_it(loaded: Machine) -> None:
    assert loaded.run(f"podman exec {NAME} cat /proc/self/attr/current") == f"{PROFILE} (enforce)"
    told = page(loaded)
    assert (told["state"], told["label"], told["own_policy"]) == (
        "confined",
        f"{PROFILE} (enforce)",
        True,
    )


@pytest.mark.parametrize(
    "command",
    [
        "echo x >/data/file && cat /data/file",
        "echo x >/cache/file",
        "echo x >/tmp/file",
        "echo x >/dev/null",
        "cat /etc/passwd /proc/self/status",
        "ls / /proc /sys",
        "chown 7:7 /data/file",
        "cp /bin/busybox /data/ls && /data/ls /",
        "sleep 0.1 & kill $!",
    ],
)
def test_what_the_container_declares_goes_on(
    loaded: Machine,
    command: str,
) -> None:
    assert inside(loaded, command) == 0


@pytest.mark.parametrize(
    "command", ["echo x >/etc/made", "mount -t tmpfs x /mnt", "head -c 1 /proc/kcore"]
)
def test_what_it_does_not_declare_is_refused(
    loaded: Machine,
    command: str,
) -> None:
    assert inside(loaded, command) != 0


def test_it_holds_where_other_walls_do_not(loaded: Machine) -> None:
    """The same profile, around a container with a writable root, all capabilities and no masked
    paths."""
    open_flags = (
        "--network none --cap-add all --security-opt unmask=all --security-opt seccomp=unconfined"
    )
    command = f"podman run --rm {open_flags} -v confined-data:/data"
    confined = f"{command} --security-opt apparmor={PROFILE} {IMAGE}"
    unconfined = f"{command} --security-opt apparmor=unconfined {IMAGE}"
    for words in (
        "sh -c 'mkdir -p /mnt && mount -t tmpfs x /mnt'",
        "sh -c 'echo x >/etc/made'",
        "sh -c 'mknod /data/x c 1 3; ls /data/x'",
        "head -c 1 /proc/kcore",
    ):
        assert loaded.ends(f"{confined} {words}")[0] != 0, words
    assert loaded.ends(f"{unconfined} sh -c 'mkdir -p /mnt && mount -t tmpfs x /mnt'")[0] == 0
    assert loaded.ends(f"{unconfined} sh -c 'echo x >/etc/made'")[0] == 0
