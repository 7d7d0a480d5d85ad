"""The life of a service, in a few seconds on a twin: clients, a reload, a rotated log.

A trial that only starts a service shows what starting needs. What a twin did here, and what it did
not, is a part of the trial's result.
"""

from __future__ import annotations

import os
import posixpath
import signal
from collections.abc import Iterator, Mapping
from time import monotonic, sleep
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import EngineError
from hardentui.features.change.inspected import pid_of, stop_signal
from hardentui.features.change.wait import Expectation
from hardentui.features.trial.clients import given_work, tcp_ports
from hardentui.features.trial.stage import Stage
from hardentui.features.trial.twins import Twin
from hardentui.host.files import Files, reason
from hardentui.model.trial import NotExercised
from hardentui.visible import visible

RELOAD, ROTATION, STOP, RESTART = "reload", "log rotation", "stop", "restart"
_UNSEEN: dict[int, str] = {
    **dict.fromkeys((22, 110, 143, 389, 636, 993, 995), "login"),
    21: "login and transfers",
    **dict.fromkeys((25, 465, 587), "delivery of mail"),
    **dict.fromkeys((1433, 3306, 5432, 9042, 27017), "login and queries"),
    **dict.fromkeys(
        (80, 443, 3000, 5000, 8000, 8080, 8443),
        "requests that change data",
    ),
}
"""Port -> the usual work there that needs an account or data of its own, so no twin is given it."""
_LOAD = NotExercised("load", "a trial is short")
_REOPENS_WITHIN = 3.0
_PAUSE = 0.2
_A_MOMENT = 0.4  # seconds in which a program that takes SIGHUP for its end is gone
_MOST_PROCESSES, _MOST_DESCRIPTORS = 64, 256
_INITS = ("catatonit", "tini", "dumb-init", "podman-init", "docker-init")
_LOG_ENDINGS = (".log", "_log", "-log", ".err")
_WRITES = os.O_WRONLY | os.O_RDWR


class Habits(Struct, frozen=True):
    """What the unchanged twin does when asked, so that a hardened one is asked for no more."""

    reloads: bool = False  # it handles SIGHUP and goes on
    log: str = ""  # a log file that it opens again after a rotation; empty = none
    not_exercised: tuple[NotExercised, ...] = ()  # what it is not asked for, and why


class Lived(Struct, frozen=True):
    """What a twin did, what could not be asked of it, and what it did not survive (empty if it
    works)."""

    exercised: tuple[str, ...] = ()
    missing: tuple[NotExercised, ...] = ()
    why: str = ""


def habits_of(
    stage: Stage,
    twin: Twin,
    expected: Expectation,
) -> Habits:
    """Find out what an unchanged, ready twin does. It is started again if a signal ended it.

    Raises:
        EngineError: it does not start again.
    """
    files = stage.files
    if files is None:
        far = "the engine is on another machine"
        return Habits(
            not_exercised=(
                NotExercised(RELOAD, far),
                NotExercised(ROTATION, far),
                _LOAD,
            )
        )
    missing = []
    reloads, log = False, ""
    if not handles(files, twin.pid, signal.SIGHUP):
        missing.append(NotExercised(RELOAD, "it does not handle SIGHUP"))
    elif why := _reloaded(stage, twin, expected):
        missing.append(NotExercised(RELOAD, f"SIGHUP is no reload for it: {why}"))
        twin.start()
        stage.wait(twin, expected)
    else:
        reloads = True
    logs = tuple(open_logs(files, twin.pid))
    if not logs:
        missing.append(NotExercised(ROTATION, "it keeps no log file open"))
    elif why := _renamed(stage, twin, logs[0]) or _reopened(
        stage, twin, expected, logs[0], reloads=reloads
    ):
        missing.append(NotExercised(ROTATION, why))
    else:
        log = logs[0]
    ports = tcp_ports(files, twin)
    unseen = dict.fromkeys(_UNSEEN[port] for port in sorted(ports) if port in _UNSEEN)
    missing += [NotExercised(what, "it needs an account or data of its own") for what in unseen]
    return Habits(reloads, log, (*missing, _LOAD))


def live(
    stage: Stage,
    twin: Twin,
    expected: Expectation,
    habits: Habits,
) -> Lived:
    """Lead a ready twin through what the unchanged one does; it is not stopped here."""
    done = ["probe"] if expected.probes else []
    files = stage.files
    if files is None:
        return Lived(tuple(done))
    done += given_work(files, twin)
    if habits.reloads:
        if why := _reloaded(stage, twin, expected):
            return Lived(tuple(done), why=f"after SIGHUP: {why}")
        done.append(RELOAD)
    missing = []
    if habits.log:
        if why := _renamed(stage, twin, habits.log):
            missing.append(NotExercised(ROTATION, why))
        elif why := _reopened(
            stage,
            twin,
            expected,
            habits.log,
            reloads=habits.reloads,
        ):
            return Lived(tuple(done), why=f"after its log was rotated: {why}")
        else:
            done.append(ROTATION)
    if habits.reloads or habits.log:
        given_work(files, twin)
        if why := stage.wait(twin, expected).why:
            return Lived(tuple(done), why=why)
    return Lived(tuple(dict.fromkeys(done)), tuple(missing))


def handles(files: Files, pid: int, number: int) -> bool:
    """Whether a signal reaches a handler of the main process, or waits to be read by it."""
    for process in _past_inits(files, pid):
        try:
            status = files.read_text(f"/proc/{process}/status")
        except OSError:
            return False
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        taken = int(fields.get("SigCgt", "0"), 16) | int(fields.get("SigBlk", "0"), 16)
        return bool(taken >> (number - 1) & 1)
    return False


def stops_when_told(files: Files, document: Mapping[str, Any]) -> bool:
    """Whether its main process takes its stop signal: for process 1 the kernel drops it otherwise."""
    number, pid = stop_signal(document), pid_of(document)
    return number == signal.SIGKILL or not pid or handles(files, pid, number)


def _past_inits(files: Files, pid: int) -> Iterator[int]:
    """The main process, past an init that only passes signals on."""
    for _ in range(4):
        try:
            name = files.read_text(f"/proc/{pid}/comm").strip()
        except OSError:
            return
        below = _children(files, pid)
        if name not in _INITS or len(below) != 1:
            yield pid
            return
        pid = below[0]


def _children(files: Files, pid: int) -> tuple[int, ...]:
    try:
        return tuple(
            int(word) for word in files.read_text(f"/proc/{pid}/task/{pid}/children").split()
        )
    except OSError:
        return ()


def _reloaded(
    stage: Stage,
    twin: Twin,
    expected: Expectation,
) -> str:
    """Send SIGHUP; why it does not work afterwards. It is judged again at the end of its life."""
    stage.changing.containers.kill(twin.id, signal="HUP")
    return stage.wait(
        twin,
        replace(expected, settle=min(expected.settle, _A_MOMENT)),
    ).why


def open_logs(files: Files, pid: int) -> Iterator[str]:
    """The log files that its processes have open for writing, as the container sees them."""
    seen: set[str] = set()
    for process in _processes(files, pid):
        for path in _written_by(files, process):
            if path not in seen and _is_log(path):
                seen.add(path)
                yield path


def _processes(files: Files, pid: int) -> Iterator[int]:
    waiting = [pid]
    for _ in range(_MOST_PROCESSES):
        if not waiting:
            return
        process = waiting.pop(0)
        yield process
        waiting += _children(files, process)


def _written_by(files: Files, pid: int) -> Iterator[str]:
    try:
        descriptors = files.list_dir(f"/proc/{pid}/fd")[:_MOST_DESCRIPTORS]
    except OSError:
        return
    for descriptor in descriptors:
        try:
            path = files.read_link(f"/proc/{pid}/fd/{descriptor}")
            flags = files.read_text(f"/proc/{pid}/fdinfo/{descriptor}")
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in flags.splitlines() if ":\t" in line)
        if int(fields.get("flags", "0"), 8) & _WRITES:
            yield path


def _is_log(path: str) -> bool:
    elsewhere = not path.startswith("/") or path.startswith(("/dev/", "/proc/", "/sys/"))
    if elsewhere or path.endswith(" (deleted)"):
        return False
    return path.endswith(_LOG_ENDINGS) or not {"log", "logs"}.isdisjoint(
        posixpath.dirname(path).split("/")
    )


def _renamed(stage: Stage, twin: Twin, path: str) -> str:
    """Rename its log, as logrotate does; why that is impossible.

    From outside a user namespace a file on its tmpfs cannot be renamed (EOVERFLOW), but in the
    container.
    """
    try:
        _rename(twin.pid, path, path + ".1")
    except OSError as error:
        why = f"{visible(path, 120)} cannot be renamed: {reason(error)}"
    else:
        return ""
    words = ("mv", path, path + ".1")
    try:
        code, _ = stage.changing.containers.run_inside(
            twin.id,
            words,
            user="0",
        )
    except EngineError:
        return why
    return why if code else ""


def _reopened(
    stage: Stage,
    twin: Twin,
    expected: Expectation,
    path: str,
    *,
    reloads: bool,
) -> str:
    """Tell it that its log was rotated; why it does not work, or not log, afterwards."""
    files = stage.files
    if reloads and (why := _reloaded(stage, twin, expected)):
        return why
    end = monotonic() + _REOPENS_WITHIN
    while files is not None and path not in open_logs(files, twin.pid):
        if monotonic() >= end:
            return f"it does not open {visible(path, 120)} again"
        given_work(files, twin)  # some open their log with the next request
        sleep(_PAUSE)
    return ""


def _rename(pid: int, path: str, new: str) -> None:
    """Rename a file in the twin: step by step below its own root, and never through a link."""
    handles = [os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for name in filter(None, posixpath.dirname(path).split("/")):
            step = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            handles.append(os.open(name, step, dir_fd=handles[-1]))
        here = handles[-1]
        os.rename(
            posixpath.basename(path), posixpath.basename(new), src_dir_fd=here, dst_dir_fd=here
        )
    finally:
        for handle in handles:
            os.close(handle)
