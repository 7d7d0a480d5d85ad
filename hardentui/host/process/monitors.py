"""The programs that engines run for the containers of this host now, by the monitors (conmon) of these.

An engine's settings show what it would run. `podman --runtime` and `--conmon` name other programs for one
container, and settings may have changed since it was created.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

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
_SYSTEM_PLACES = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/")


class ContainerMonitor(Struct, frozen=True):
    """A conmon of an engine of this host.

    Attributes:
        uid: the account of the engine.
        container: the name of its container.
        engine: the program that conmon runs when the container ends; may be empty.
    """

    uid: int
    container: str
    program: str
    runtime: str
    engine: str


def monitors(files: Files, processes: Known[tuple[HostProcess, ...]]) -> Iterator[ContainerMonitor]:
    """The monitors among the processes: one of those in the same storage with the same programs.

    A process inside a container cannot pose as one.
    """
    seen: set[tuple[str, ...]] = set()
    for process in () if isinstance(processes, Unreadable) else processes:
        flags = (_RUNTIME, _BUNDLE, _NAME, _AT_EXIT)
        given = {flag: word for flag, word in pairwise(process.words) if flag in flags}
        bundle, runtime = given.get(_BUNDLE, ""), given.get(_RUNTIME, "")
        if not bundle.endswith("/userdata") or not runtime.startswith("/"):
            continue
        storage = bundle.rsplit("/", 2)[0]  # below it, each container has a directory
        key = (storage, process.words[0], runtime, given.get(_AT_EXIT, ""))
        if key in seen:
            continue
        try:
            uid = files.stat(f"/proc/{process.pid}").uid
            status = parse_status(files.read_text(f"/proc/{process.pid}/status"))
        except (OSError, ValueError):
            continue  # it has ended
        if len(status.get("NSpid", "").split()) > 1:
            continue  # it runs in a PID namespace below ours
        seen.add(key)
        yield ContainerMonitor(uid, given.get(_NAME, ""), process.words[0], runtime, key[-1])


def read_programs_of_containers(
    files: Files, processes: Known[tuple[HostProcess, ...]], accounts: Accounts | None = None
) -> tuple[Program, ...]:
    """What engines of this host run for their running containers, each program once.

    Of a rootless engine, the account's choice is known, as in `account_programs`. What the runtime's
    configuration of a container names (hooks, init) is a finding of that container.
    """
    programs: dict[tuple[str, str, int], Program] = {}
    for monitor in monitors(files, processes):
        roles = {"runtime": monitor.runtime, "conmon": monitor.program, "engine": monitor.engine}
        for role, path in roles.items():
            key = (role, path, monitor.uid)
            if not path or key in programs:
                continue
            fact = examine(files, path, ROOT_ONLY | {monitor.uid}, accounts=accounts)
            if isinstance(fact, FileFact) and fact.kind == "file":
                usual = monitor.uid != 0 or path.startswith(_SYSTEM_PLACES)
                programs[key] = Program(role, fact, usual, f"container {monitor.container}")
    return tuple(programs.values())
