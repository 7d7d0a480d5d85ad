"""Fixtures on a real Podman, for the whole session: give containers names of your own and remove
them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator, Iterator
from unittest import mock

import pytest

from hardentui.account import trusted
from hardentui.model.host import SubIds
from tests.conftest import cannot_run
from tests.support.images import NGINX, REDIS, ServiceImage, build, missing_package
from tests.support.podman import (
    BUSYBOX,
    TEST_USER,
    Bench,
    BenchFailed,
    missing_programs,
    refused,
    seen_as_hosts,
)


@pytest.fixture(autouse=True)
def _ranges_of_a_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench has a range for `--userns=auto` in files that only it sees."""
    monkeypatch.setattr(
        "hardentui.host.machine.read_sub_ids",
        lambda files, path: (SubIds("containers", 1 << 31, 1 << 20),),
    )


@pytest.fixture(
    scope="session",
    autouse=True,
)
def _host_of_a_release() -> Iterator[None]:
    with seen_as_hosts():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """What another release's Podman does not know is no fault; docs/support.md tells it."""
    try:
        return (yield)
    except subprocess.CalledProcessError as error:
        first = next(iter(str(error.stderr).splitlines()), "")
        if error.cmd[0] == "podman" and refused(first):
            pytest.skip(f"refused: {first.removeprefix('Error: ')}")
        raise


def _bench(user: str = "") -> Iterator[Bench]:
    if command := missing_programs():
        cannot_run(f"a program is missing; run: {command}")
    bench = Bench(user)
    try:
        bench.start()
    except BenchFailed as error:
        bench.stop()
        cannot_run(f"no Podman could be started: {error}")
    try:
        bench.image()
        _prove(bench)
        yield bench
    finally:
        bench.stop()


def _prove(bench: Bench) -> None:
    """Some machines let Podman answer but not run anything (an ordinary user on mixed cgroups v1
    and v2)."""
    try:
        bench.podman(
            "run",
            "--rm",
            "--network",
            "none",
            BUSYBOX,
            "true",
        )
    except subprocess.CalledProcessError as error:
        cannot_run(f"Podman cannot run a container here, try as root: {error.stderr.strip()}")


@pytest.fixture(scope="session")
def podman() -> Iterator[Bench]:
    """A Podman of this user (rootful as root) with the image `localhost/bb:1`."""
    yield from _bench()


@pytest.fixture(scope="session")
def rootless_podman() -> Iterator[Bench]:
    """A rootless Podman with the image `localhost/bb:1`; as root, of a user that exists only
    inside.

    These tests run in one process, which cannot give up root's rights for that user: to it, the
    user counts as root's own. What the program does is in test_strangers.py.
    """
    for bench in _bench(TEST_USER if os.getuid() == 0 else ""):
        ours = {*trusted(), os.stat(bench.socket).st_uid}
        with mock.patch("hardentui.engine.peer.trusted", lambda ours=ours: ours):
            yield bench


@pytest.fixture(params=["podman", "rootless_podman"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """The rootful Podman, then the rootless one."""
    made = request.getfixturevalue(str(request.param))
    assert isinstance(made, Bench)
    return made


@pytest.fixture(scope="session")
def service_image(podman: Bench) -> str:
    """The reference of a real nginx image in `podman`: root, port 80."""
    return _service(podman, NGINX)


@pytest.fixture(scope="session")
def redis_image(podman: Bench) -> str:
    """The reference of a real redis image in `podman`: USER redis, VOLUME /data, port 6379."""
    return _service(podman, REDIS)


def _service(bench: Bench, image: ServiceImage) -> str:
    if command := missing_package(image):
        cannot_run(f"a package is missing; run: {command}")
    build(bench, image)
    return image.reference
