"""Every system call of a container is seen from its first instruction on, and answered as before."""

from __future__ import annotations

import array
import json
import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from hardentui.features.trial.observe.watch import Watch
from hardentui.lib.observer.calls import NotWatched
from hardentui.lib.observer.records import CallLog
from tests.support.observing import BASE, NAME, in_account, run, watching
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live


def counts(log: CallLog) -> dict[str, tuple[int, int, int]]:
    return {call.name: (call.program, call.runtime, call.refused) for call in log.calls}


@pytest.mark.both
def test_calls_are_counted_and_carried_out(bench: Bench) -> None:
    with watching(bench) as watcher:
        said = run(
            bench,
            watcher,
            "id -u; dd if=/dev/zero of=/dev/null bs=1 count=500 2>&1; mkdir /made && ls -d /made",
        )
        log = watcher.finish()
    assert said.splitlines()[0] == "0"
    assert "500+0 records out" in said
    assert "/made" in said
    result = counts(log)
    assert result["read"][0] >= 500
    assert result["write"][0] >= 500
    assert result["mkdir"] == (1, 0, 0)
    assert log.faults == ()
    assert log.starts == 1
    assert {call.architecture for call in log.calls} == {"SCMP_ARCH_X86_64"}


def test_what_the_runtime_does_is_told_from_what_the_program_does(bench: Bench) -> None:
    with watching(bench) as watcher:
        run(bench, watcher, "true")
        result = counts(watcher.finish())
    assert result["capset"][0] == 0
    assert result["capset"][1] > 0
    assert result["execve"][1] == 1


@pytest.mark.both
def test_a_call_that_the_profile_refuses_is_refused_and_seen(bench: Bench) -> None:
    with watching(bench) as watcher:
        said = run(bench, watcher, "chroot / true; echo $?")
        result = counts(watcher.finish())
    assert said.splitlines()[-1] == "1"
    assert result["chroot"] == (1, 0, 1)


def test_a_program_started_by_exec_is_watched_too(bench: Bench) -> None:
    with watching(bench) as watcher:
        bench.run(
            NAME,
            f"--security-opt=seccomp={watcher.profile_path}",
            BUSYBOX,
            "sleep",
            "60",
        )
        assert (
            bench.podman(
                "exec",
                NAME,
                "sh",
                "-c",
                "rmdir /nowhere; echo ok",
            )
            == "ok"
        )
        bench.remove(NAME)
        log = watcher.finish()
    assert counts(log)["rmdir"] == (1, 0, 0)
    assert log.starts == 2


def test_a_runtime_that_hands_nothing_over_is_told(bench: Bench) -> None:
    with watching(bench) as watcher, pytest.raises(NotWatched, match="hand over the filter"):
        watcher.finish()


@pytest.mark.both
def test_a_filter_of_another_account_is_refused_whatever_it_says(bench: Bench) -> None:
    """With a listener of its own it could make any call a need of the container."""
    if os.getuid() != 0:
        pytest.skip("a second account needs root")
    with watching(bench) as watcher:
        document = json.loads(Path(watcher.profile_path).read_text())
        stranger = bench.account() + 4711
        assert not readable_by(stranger, watcher.profile_path), "the token is no secret"
        os.chmod(document["listenerPath"], 0o666)  # noqa: S103 - as if nothing were closed
        hand_over(
            stranger,
            document["listenerPath"],
            document["listenerMetadata"],
        )
        with pytest.raises(NotWatched):  # else its listener was accepted
            watcher.finish()
        assert any(f"account {stranger}" in fault for fault in watcher.so_far().faults)


def readable_by(uid: int, path: str) -> bool:
    return in_account(uid, lambda: os.close(os.open(path, os.O_RDONLY)))


def hand_over(uid: int, path: str, token: str) -> None:
    """What a runtime sends, from another account: any descriptor will do."""

    def send() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            rights = (
                socket.SOL_SOCKET,
                socket.SCM_RIGHTS,
                array.array("i", [client.fileno()]),
            )
            with suppress(ConnectionError):  # refused
                client.sendmsg([json.dumps({"metadata": token}).encode()], [rights])
                client.recv(1)

    assert in_account(uid, send)


@pytest.mark.both
def test_the_directory_of_the_supervisor_is_closed_to_others(bench: Bench) -> None:
    if os.getuid() != 0:
        pytest.skip("a second account needs root")
    watch = Watch(BASE, frozenset(), account=bench.account())
    watch.open()
    try:
        directory = Path(watch.profile_path).parent
        assert (
            directory.stat().st_uid,
            directory.stat().st_mode & 0o777,
        ) == (
            bench.account(),
            0o700,
        )
        assert in_account(bench.account(), lambda: os.stat(watch.profile_path))
        assert not in_account(bench.account() + 4711, lambda: os.stat(watch.profile_path))
    finally:
        watch.close()
