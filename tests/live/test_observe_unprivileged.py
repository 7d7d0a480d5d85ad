"""The supervisor needs no right that the user of a rootless Podman does not have."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from typing import IO

import msgspec
import pytest

from hardentui.features.trial.learned.needs import Needs, needs_of
from hardentui.features.trial.observe.watch import Watch, native_way
from tests.support.observing import BASE, become
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

HELD = frozenset(
    f"CAP_{name}"
    for name in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE", "SETGID", "SETUID")
)
NAME = "watched-unprivileged"
SCRIPT = """
mkdir /d; chown 33:33 /d; chmod 700 /d; echo x > /d/f
httpd -p 80 -f & sleep 0.5; kill $!
su -s /bin/sh nobody -c 'echo z > /tmp/n; mkdir /tmp/p; echo z > /tmp/p/q'
"""


def as_user(
    uid: int,
    work: Callable[[IO[str], IO[str]], None],
) -> tuple[IO[str], IO[str]]:
    """Run `work` in a process of that user; returns what it reads and what it writes."""
    down, up = os.pipe(), os.pipe()
    if os.fork() == 0:
        code = 1
        try:
            become(uid)
            work(os.fdopen(down[0]), os.fdopen(up[1], "w"))
            code = 0
        finally:
            os._exit(code)
    os.close(down[0])
    os.close(up[1])
    return os.fdopen(down[1], "w"), os.fdopen(up[0])


def say(to: IO[str], text: object) -> None:
    to.write(f"{text}\n")
    to.flush()


def test_the_owner_of_the_containers_sees_everything(rootless_podman: Bench) -> None:
    if os.getuid() != 0:
        pytest.skip("as an ordinary user every other test of the observers shows it")
    bench = rootless_podman
    uid = int(bench.execute("id", "-u"))
    assert uid != 0
    directory = tempfile.mkdtemp(
        prefix="hw-",
        dir=bench.directory,
    )
    os.chown(directory, uid, uid)

    def supervise(commands: IO[str], answers: IO[str]) -> None:
        watch = Watch(BASE, HELD, parent=directory)
        watch.open()
        say(answers, watch.profile_path)
        watch.attach(int(commands.readline()))
        say(answers, "attached")
        commands.readline()
        needs = needs_of(watch.finish(), HELD, native=native_way())
        say(answers, msgspec.json.encode(needs).decode())
        watch.close()

    commands, answers = as_user(uid, supervise)
    try:
        profile = f"--security-opt=seccomp={answers.readline().strip()}"
        bench.podman(
            "create",
            "--name",
            NAME,
            profile,
            BUSYBOX,
            "sh",
            "-c",
            SCRIPT,
        )
        bench.podman("init", NAME)
        say(commands, bench.get(f"/containers/{NAME}/json")["State"]["Pid"])
        assert answers.readline() == "attached\n"
        bench.podman("start", NAME)
        bench.podman("wait", NAME)
        say(commands, "finish")
        needs = msgspec.json.decode(answers.readline(), type=Needs)
    finally:
        commands.close()
        answers.close()
        bench.remove(NAME)
        os.wait()
        shutil.rmtree(directory, ignore_errors=True)
    assert needs.capability_names == HELD
    assert all(need.evidence for need in needs.capabilities or ()), needs.capabilities
    assert {file.path for file in needs.written or ()} == {
        "/d",
        "/d/f",
        "/tmp/n",
        "/tmp/p",
        "/tmp/p/q",
    }
    assert needs.listening is not None
    assert {socket.port for socket in needs.listening} == {80}
