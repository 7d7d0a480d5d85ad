"""Containers of which every system call is watched."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hardentui.lib.observer.calls import CallWatcher, NotWatched
from hardentui.lib.seccomp import parse_profile
from tests.support.podman import BUSYBOX, Bench

BASE: dict[str, Any] = json.loads(Path("/usr/share/containers/seccomp.json").read_text())
NAME = "watched-calls"


@contextmanager
def watching(
    bench: Bench,
    capabilities: frozenset[str] = frozenset(),
    **options: Any,
) -> Iterator[CallWatcher]:
    """Watches the container `NAME`. `options`: of the watcher."""
    directory = Path(
        tempfile.mkdtemp(
            prefix="hw-",
            dir=bench.directory,
        )
    )
    directory.chmod(0o755)
    profile = parse_profile(BASE, capabilities=capabilities)
    watcher = CallWatcher(
        str(directory),
        BASE,
        profile,
        account=bench.account(),
        **options,
    )
    watcher.start()
    try:
        yield watcher
    finally:
        bench.remove(NAME)
        with suppress(NotWatched):
            watcher.finish()
        shutil.rmtree(directory)


def run(
    bench: Bench,
    watcher: CallWatcher,
    script: str,
    *options: str,
) -> str:
    """Create, prepare, start and wait; returns what the script printed."""
    watched = (
        f"--security-opt=seccomp={watcher.profile_path}",
        *options,
    )
    bench.podman(
        "create",
        "--name",
        NAME,
        *watched,
        BUSYBOX,
        "sh",
        "-c",
        script,
    )
    for verb in ("init", "start", "wait"):
        bench.podman(verb, NAME)
    return bench.podman("logs", NAME)


def become(uid: int) -> None:
    """Of a child process: it is that account's from now on."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def in_account(uid: int, work: Callable[[], object]) -> bool:
    """Whether `work` succeeds in a process of that account."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            become(uid)
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
