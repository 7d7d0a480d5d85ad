"""The programs of the containers that run now, by their monitors (conmon) and the runtime's configuration.

An engine's settings show what it would run. `podman --runtime`, `--conmon`, `--hooks-dir` and `--init-path`
name other programs for one container, and settings may have changed since it was created.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec
from msgspec import Struct

from hardentui.host.files.config import ROOT_ONLY, examine
from hardentui.host.files.reader import Files
from hardentui.host.process.table import HostProcess
from hardentui.host.process.tree import parse_status
from hardentui.model.access import Accounts
from hardentui.model.configuration import FileFact
from hardentui.model.host import Program
from hardentui.model.known import Known, Unreadable

_RUNTIME, _BUNDLE, _NAME, _AT_EXIT = "-r", "-b", "-n", "--exit-command"
"""Flags of conmon(8)."""
_INIT = "/run/podman-init"
_SYSTEM_PLACES = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/")


class ContainerMonitor(Struct, frozen=True):
    """A conmon of an engine of this host.

    Attributes:
        uid: the account of the engine.
        bundle: the directory of the runtime's configuration.
    """

    uid: int
    container: str
    program: str
    runtime: str
    bundle: str
    at_exit: str


class _BundleHook(Struct):
    path: str = ""


class _BundleMount(Struct):
    destination: str = ""
    source: str = ""


class _Bundle(Struct):
    hooks: dict[str, list[_BundleHook] | None] | None = None
    mounts: list[_BundleMount] | None = None


def monitors(files: Files, processes: Known[tuple[HostProcess, ...]]) -> Iterator[ContainerMonitor]:
    """The monitors among the processes; a process inside a container cannot pose as one."""
    for process in () if isinstance(processes, Unreadable) else processes:
        words = process.words
        given = {flag: word for flag, word in pairwise(words) if flag in (_RUNTIME, _BUNDLE, _NAME, _AT_EXIT)}
        bundle, runtime = given.get(_BUNDLE, ""), given.get(_RUNTIME, "")
        if not bundle.endswith("/userdata") or not runtime.startswith("/"):
            continue
        try:
            uid = files.stat(f"/proc/{process.pid}").uid
            status = parse_status(files.read_text(f"/proc/{process.pid}/status"))
        except (OSError, ValueError):
            continue  # it has ended
        if len(status.get("NSpid", "").split()) > 1:
            continue  # it runs in a PID namespace below ours
        yield ContainerMonitor(uid, given.get(_NAME, ""), words[0], runtime, bundle, given.get(_AT_EXIT, ""))


def read_programs_of_containers(
    files: Files, processes: Known[tuple[HostProcess, ...]], accounts: Accounts | None = None
) -> tuple[Program, ...]:
    """What engines of this host run for their running containers, each program once.

    Of a rootless engine, the account's choice is known, as in `account_programs`. A configuration that this
    user cannot read adds nothing: then only the programs in the monitor's command line are known.
    """
    programs: dict[tuple[str, str, int], Program] = {}
    for monitor in monitors(files, processes):
        for role, path in _named_by(files, monitor):
            key = (role, path, monitor.uid)
            if key in programs:
                continue
            fact = examine(files, path, ROOT_ONLY | {monitor.uid}, accounts=accounts)
            if isinstance(fact, FileFact) and fact.kind == "file":
                usual = monitor.uid != 0 or role == "init program" or path.startswith(_SYSTEM_PLACES)
                programs[key] = Program(role, fact, usual, f"container {monitor.container}")
    return tuple(programs.values())


def _named_by(files: Files, monitor: ContainerMonitor) -> Iterator[tuple[str, str]]:
    yield "runtime", monitor.runtime
    yield "conmon", monitor.program
    if monitor.at_exit:
        yield "engine", monitor.at_exit
    try:
        document = msgspec.json.decode(files.read_bytes(f"{monitor.bundle}/config.json"), type=_Bundle)
    except (OSError, msgspec.MsgspecError):
        return
    for hooks in (document.hooks or {}).values():
        for hook in hooks or ():
            yield "hook program", hook.path
    for mount in document.mounts or ():
        if mount.destination == _INIT:
            yield "init program", mount.source
