"""The cgroup of all twins of one trial: what they may take together, and how they end at once.

Twins have the least of the processor and of the disks whenever somebody else wants them, and the
kernel's OOM killer looks for its victim among them first. The cgroup is made by the engine with the
first twin; its limits are set before the program of that twin runs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, sleep

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, EngineError
from hardentui.features.change.systemctl import Systemctl
from hardentui.features.trial.budget import TwinLimits
from hardentui.host.files import Files
from hardentui.host.process.cgroups import (
    CgroupTree,
    Membership,
    find_cgroups,
    levels_of,
    parse_membership,
)
from hardentui.host.process.free import killed_in
from hardentui.model.known import Unread

PREFIX = "hardentui-"
"""With the number of the trial, the name of its cgroup."""
_CONTROLLERS = ("memory", "pids", "cpu", "blkio", "io")
_LEAST_OF_V2 = {"cpu.weight": "1", "io.weight": "default 1", "io.bfq.weight": "default 1"}
_LEAST_OF_V1 = {"cpu.shares": "2", "blkio.weight": "10", "blkio.bfq.weight": "1"}
_EMPTY_WITHIN = 3.0  # seconds
_PAUSE = 0.1


class TwinCgroup:
    """The cgroup of the twins of one trial.

    Args:
        number: of the trial.
        files: this machine's; None when the engine runs on another one.

    Attributes:
        parent: a value of `--cgroup-parent`; empty where the engine makes no cgroups, or on another
            machine.
        limits: what all twins may take together.
        holds_memory: the kernel keeps them within their memory.
    """

    def __init__(
        self,
        changing: ChangingEngine,
        files: Files | None,
        number: str,
    ) -> None:
        self._changing = changing
        self._files = files
        self._name = f"{PREFIX}{number}"
        self._directories: set[str] = set()
        self.limits = TwinLimits()
        self.holds_memory = False
        manager, controllers = self._manager()
        self._slice = f"{self._name}.slice" if manager == "systemd" else ""
        able = files is not None and bool(controllers)
        self.parent = (self._slice or f"/{self._name}") if able else ""

    def open(self) -> None:
        """Set the limits of a slice; those of another cgroup are set by `hold`."""
        if not self.parent or not self._slice:
            return
        limits = {
            "MemoryMax": self.limits.memory,
            "MemorySwapMax": 0,
            "TasksMax": self.limits.processes,
            "CPUWeight": 1,
            "IOWeight": 1,
        }
        words = [f"{name}={value}" for name, value in limits.items() if value is not None]
        with suppress(ChangeFailed):  # whether it is in force is read from the kernel
            self._systemctl().set_properties(self._slice, words)

    def hold(self, pid: int) -> None:
        """Set the limits that are not in force yet; the first process of a twin shows where.

        Args:
            pid: of a twin whose program does not run yet.
        """
        if not self.parent or self._files is None:
            return
        tree, membership = self._seen(pid)
        if tree is None or membership is None:
            return
        for controller in _CONTROLLERS:
            for directory in self._own(tree, membership, controller):
                self._directories.add(directory)
                self._limit(directory, v1=controller in membership.v1)

    @property
    def kills(self) -> int:
        """How many processes of twins the OOM killer has ended."""
        if self._files is None:
            return 0
        return sum(killed_in(self._files, directory) for directory in self._below())

    def kill(self) -> None:
        """End all twins at once; the engine notices."""
        for directory in self._below():
            if os.path.basename(directory) == "conmon":
                continue
            with suppress(OSError, ValueError):
                with open(f"{directory}/cgroup.procs", encoding="ascii") as file:
                    processes = [int(line) for line in file]
                for process in processes:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(process, signal.SIGKILL)

    def close(self) -> None:
        """Remove the cgroup, which is empty; also one of an earlier process with this number."""
        self.find()
        end = monotonic() + _EMPTY_WITHIN
        while self._directories and monotonic() < end:
            for directory in (*self._below(),):
                with suppress(OSError):
                    os.rmdir(directory)
            self._directories = {place for place in self._directories if os.path.isdir(place)}
            if self._directories:
                sleep(_PAUSE)
        if self._slice and self.parent:
            with suppress(ChangeFailed):
                self._systemctl().forget(self._slice)

    def _manager(self) -> tuple[str, tuple[str, ...]]:
        """Of the engine's cgroups, and the controllers that it may use."""
        try:
            host = self._changing.info().get("host") or {}
        except EngineError:
            return "", ()
        controllers = tuple(host.get("cgroupControllers") or ())
        return str(host.get("cgroupManager") or ""), controllers

    def _systemctl(self) -> Systemctl:
        user = self._changing.account()
        return Systemctl(user or None)

    def _seen(self, pid: int) -> tuple[CgroupTree | None, Membership | None]:
        assert self._files is not None  # noqa: S101 - its callers looked
        tree = find_cgroups(self._files)
        try:
            membership = parse_membership(self._files.read_text(f"/proc/{pid}/cgroup"))
        except OSError:
            return None, None
        return (None if isinstance(tree, Unread) else tree), membership

    def _own(
        self,
        tree: CgroupTree,
        membership: Membership,
        controller: str,
    ) -> Iterator[str]:
        assert self._files is not None  # noqa: S101 - its callers looked
        with suppress(Unread):
            for directory in levels_of(self._files, tree, membership, controller):
                if os.path.basename(directory) in (self._name, self._slice):
                    yield directory

    def _limit(
        self,
        directory: str,
        *,
        v1: bool,
    ) -> None:
        memory, processes = self.limits.memory, self.limits.processes
        least = _LEAST_OF_V1 if v1 else _LEAST_OF_V2
        values = {} if self._slice else dict(least)
        if memory is not None and not self._slice:
            values["memory.limit_in_bytes" if v1 else "memory.max"] = str(memory)
            values["memory.memsw.limit_in_bytes" if v1 else "memory.swap.max"] = (
                str(memory) if v1 else "0"
            )
        if processes is not None and not self._slice:
            values["pids.max"] = str(processes)
        for name, value in values.items():
            with suppress(OSError):
                _write(f"{directory}/{name}", value)
        with suppress(OSError, ValueError):
            name = "memory.limit_in_bytes" if v1 else "memory.max"
            with open(f"{directory}/{name}", encoding="ascii") as file:
                self.holds_memory = memory is not None and int(file.read()) <= memory

    def find(self) -> None:
        """Where it is, if this process has not made it: below the cgroups of the engine's service."""
        if self._files is None or self._directories or not self.parent:
            return
        with suppress(EngineError):
            tree, membership = self._seen(self._changing.service)
            if tree is None or membership is None:
                return
            for controller in _CONTROLLERS:
                with suppress(Unread):
                    for level in levels_of(self._files, tree, membership, controller):
                        directory = f"{level}/{self._name}"
                        if not self._slice and os.path.isdir(directory):
                            self._directories.add(directory)

    def _below(self) -> Iterator[str]:
        """Its directories and those below, the deepest first."""
        for place in sorted(self._directories):
            for directory, _, _ in os.walk(place, topdown=False):
                yield directory


def _write(path: str, value: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.write(handle, value.encode("ascii"))
    finally:
        os.close(handle)
