"""Watches the original and its stack while twins run, and ends the trial when one of them suffers.

One thread looks at the disks, ten times a second, since a twin may fill one in the next, and at the
kernel; another asks Podman and the probes, which may take their time. At the first sign all twins
are killed, and the trial's stop sign is set.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from time import monotonic
from typing import Any

from msgspec import Struct

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import EngineError, NotFound, OriginalSuffers
from hardentui.features.change.inspected import pid_of
from hardentui.features.change.probe import is_slow
from hardentui.features.change.service_operator import probe_once
from hardentui.features.sections import size_text
from hardentui.features.trial.budget import line_of
from hardentui.features.trial.twin_cgroup import TwinCgroup
from hardentui.host.files import Files
from hardentui.host.process.cgroups import CgroupTree, find_cgroups, levels_of, parse_membership
from hardentui.host.process.free import (
    Left,
    killed_in,
    memory_above,
    memory_of_host,
    own_level,
)
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread
from hardentui.model.trial import BudgetLine, Resource
from hardentui.options import MOUNTS
from hardentui.visible import visible

_LOOKS_EVERY = 0.5  # seconds
_ASKS_EVERY = 2.0
_PROBES_EVERY = 5.0
_TICK = 0.1
_PART_OF_RESERVE = 2
"""The trial ends when less than this part of the reserve is left."""
_SLOW_ANSWERS = 2  # one after the other


class _Place(Struct, frozen=True):
    """Where an original writes, on a file system with a fixed size.

    Attributes:
        path: of this machine.
        least: what may be left there while twins run: bytes, and files.
    """

    path: str
    least: tuple[int, int]


class _Original(Struct):
    """One container that is watched, as it was before the first twin."""

    facts: ContainerFacts
    pid: int
    started: str  # when, as Podman tells it
    restarts: int
    healthy: bool
    cgroup: str  # its directory of memory; empty if unknown
    killed: int  # processes in it that the OOM killer had ended
    places: tuple[_Place, ...] = ()
    comes_and_goes: bool = False
    watched: bool = True


class _StopSign(threading.Event):
    """Set by itself, or with another one."""

    def __init__(self, outer: threading.Event) -> None:
        super().__init__()
        self._outer = outer

    def is_set(self) -> bool:
        return super().is_set() or self._outer.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        end = None if timeout is None else monotonic() + timeout
        while not self.is_set():
            left = _TICK if end is None else min(_TICK, end - monotonic())
            if left <= 0:
                return False
            super().wait(left)
        return True


class OriginalWatch:
    """A context manager around everything that runs twins.

    Args:
        files: this machine's; None when the engine runs on another one.
        originals: the tried containers and those that get twins too; who does not run is left out.
        beside: the rest of their stack, and of their networks; those may come and go.
        outer: the stop sign of whoever wants the trial.
        probes: commands that the tried container, the first original, answers.

    Attributes:
        stop: the stop sign of the trial: set with `outer`, and when an original suffers.
        suffering: why the trial was ended, one sentence; empty if it was not.
    """

    def __init__(
        self,
        changing: ChangingEngine,
        files: Files | None,
        originals: Sequence[ContainerFacts],
        outer: threading.Event,
        *,
        beside: Sequence[ContainerFacts] = (),
        probes: Sequence[str] = (),
    ) -> None:
        self._engine = changing.engine
        self._files = files
        self._originals = [
            _original(files, facts, comes_and_goes=facts in beside)
            for facts in (*originals, *beside)
            if facts.running
        ]
        self._probed = originals[0].name if originals and originals[0].running else ""
        self._probes = tuple(probes)
        self._budget: tuple[BudgetLine, ...] = ()
        self._cgroup: TwinCgroup | None = None
        self._over = threading.Event()
        self._slow = 0
        self._usual: dict[str, float] = {}
        self.stop = _StopSign(outer)
        self.suffering = ""
        self._threads = [
            threading.Thread(target=work, name="hardentui-original", daemon=True)
            for work in (self._look_again, self._ask_again)
        ]

    def __enter__(self) -> OriginalWatch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(_ASKS_EVERY)

    def over(
        self,
        cgroup: TwinCgroup,
        budget: Iterable[BudgetLine],
    ) -> None:
        """The twins that are about to run, and what they may take."""
        self._budget = tuple(budget)
        self._cgroup = cgroup

    def look(self) -> None:
        """Look once more at all of them, after the last twin. Raises OriginalSuffers."""
        if not self.suffering:
            with suppress(EngineError), closing(ChangingEngine(self._engine)) as changing:
                for seen in (
                    self._scarce_disk,
                    self._seen_by_kernel,
                    lambda: self._seen_by_engine(changing),
                ):
                    self._judge(seen)
        self.raise_if_suffering()

    def raise_if_suffering(self) -> None:
        """Raises OriginalSuffers if one was seen to suffer."""
        if self.suffering:
            raise OriginalSuffers(
                self.suffering,
                "The twins are removed. Try it when less is going on, or on another host.",
            )

    def _look_again(self) -> None:
        self._repeat((0.0, self._scarce_disk), (_LOOKS_EVERY, self._seen_by_kernel))

    def _ask_again(self) -> None:
        with suppress(EngineError), closing(ChangingEngine(self._engine)) as changing:
            self._repeat(
                (_ASKS_EVERY, lambda: self._seen_by_engine(changing)),
                (_PROBES_EVERY, lambda: self._seen_by_probes(changing)),
            )

    def _repeat(self, *turns: tuple[float, Callable[[], Iterator[str]]]) -> None:
        """Until the trial is over: (seconds at least from one look to the next, look) of each."""
        due = [0.0] * len(turns)
        while not self._over.wait(_TICK):
            for number, (pause, seen) in enumerate(turns):
                begun = monotonic()
                if begun >= due[number] and not self.suffering and self._cgroup is not None:
                    self._judge(seen)
                    due[number] = monotonic() + max(pause, 5 * (monotonic() - begun))

    def _judge(self, seen: Callable[[], Iterator[str]]) -> None:
        try:
            why = next(seen(), "")
        except (OSError, EngineError, Unread):
            return  # what cannot be read now says nothing
        if why and not self.suffering:
            self.suffering = f"The trial was ended: {why}."
            self.stop.set()
            if self._cgroup is not None:
                self._cgroup.kill()

    def _seen_by_kernel(self) -> Iterator[str]:
        if self._files is None:
            return
        for original in self._watched():
            name = visible(original.facts.name, 80)
            if original.cgroup and killed_in(self._files, original.cgroup) > original.killed:
                yield f"the kernel's OOM killer ended a process of {name}"
        yield from self._scarce_memory()

    def _scarce_memory(self) -> Iterator[str]:
        if self._files is None:
            return
        least = {
            line.where: line.reserve // _PART_OF_RESERVE
            for line in self._budget
            if line.resource is Resource.MEMORY
        }
        for left in self._memory_left():
            if left.free < least.get(left.where, 0):
                yield f"only {size_text(max(0, left.free))} of memory are left {left.where}"

    def _memory_left(self) -> Iterator[Left]:
        if self._files is None:
            return
        yield memory_of_host(self._files)
        tree = find_cgroups(self._files)
        for original in self._watched()[:1]:
            if not isinstance(tree, Unread):
                text = self._files.read_text(f"/proc/{original.pid}/cgroup")
                yield from memory_above(self._files, tree, parse_membership(text))

    def _scarce_disk(self) -> Iterator[str]:
        for original in self._watched():
            for place in original.places:
                with suppress(OSError):
                    (size, _), (files, _) = _rooms(place.path)
                    name = f"the disk that {visible(original.facts.name, 80)} writes to"
                    if size < place.least[0]:
                        yield f"only {size_text(size)} are left on {name}"
                    if files < place.least[1]:
                        yield f"only {files} more files can be made on {name}"

    def _seen_by_engine(self, changing: ChangingEngine) -> Iterator[str]:
        for original in self._watched():
            name = visible(original.facts.name, 80)
            try:
                document = changing.containers.inspect(original.facts.id)
            except NotFound:
                original.watched = False
                if not original.comes_and_goes:
                    yield f"{name} is gone"
                continue
            state = document.get("State") or {}
            code = int(state.get("ExitCode") or 0)
            if int(document.get("RestartCount") or 0) > original.restarts:
                yield f"{name} was restarted"
            elif state.get("Running") and str(state.get("StartedAt") or "") != original.started:
                yield f"{name} was started again"
            elif not state.get("Running") and code == 0:
                original.watched = False  # its work is done, or somebody stopped it
            elif not state.get("Running"):
                killed = ": out of memory" if state.get("OOMKilled") else ""
                yield f"{name} ended with exit code {code}{killed}"
            elif original.healthy and _health(document) == "unhealthy":
                yield f"{name} is unhealthy"

    def _seen_by_probes(self, changing: ChangingEngine) -> Iterator[str]:
        """Its own answers, compared with the first ones; a probe that fails at first says nothing."""
        for command in self._probes if self._probed else ():
            begun = monotonic()
            answered = probe_once(changing.containers, command, self._probed).succeeded
            seconds = monotonic() - begun
            if command not in self._usual:
                self._usual[command] = seconds if answered else 0.0
                continue
            usual = self._usual[command]
            if not usual:
                continue
            slow = not answered or is_slow(seconds, usual)
            self._slow = self._slow + 1 if slow else 0
            if self._slow >= _SLOW_ANSWERS:
                name = visible(self._probed, 80)
                took = (
                    f"takes {seconds:.1f} s to answer" if answered else "does not answer any more"
                )
                yield f"{name} {took} (before: {usual:.1f} s)"

    def _watched(self) -> list[_Original]:
        return [original for original in self._originals if original.watched]


def _original(
    files: Files | None,
    facts: ContainerFacts,
    *,
    comes_and_goes: bool,
) -> _Original:
    document = facts.inspect
    pid = pid_of(document)
    cgroup = _memory_cgroup(files, pid)
    return _Original(
        facts=facts,
        pid=pid,
        started=str((document.get("State") or {}).get("StartedAt") or ""),
        restarts=int(document.get("RestartCount") or 0),
        healthy=_health(document) == "healthy",
        cgroup=cgroup,
        killed=killed_in(files, cgroup) if files is not None and cgroup else 0,
        places=tuple(_places(facts, pid)) if files is not None and pid else (),
        comes_and_goes=comes_and_goes,
    )


def _memory_cgroup(files: Files | None, pid: int) -> str:
    if files is None or not pid:
        return ""
    tree: CgroupTree | Unread = find_cgroups(files)
    if isinstance(tree, Unread):
        return ""
    try:
        membership = parse_membership(files.read_text(f"/proc/{pid}/cgroup"))
        return own_level(levels_of(files, tree, membership, "memory"))
    except (OSError, Unread):
        return ""


def _places(facts: ContainerFacts, pid: int) -> Iterator[_Place]:
    """Its root file system and what it mounts to write."""
    root = f"/proc/{pid}/root"
    paths = [f"{root}/."]
    for mount in facts.spec[MOUNTS]:
        if not mount.read_only and mount.type in ("bind", "volume"):
            paths.append(f"{root}{os.path.normpath(mount.destination)}")
    for path in paths:
        with suppress(OSError):
            size, files = _rooms(path)
            yield _Place(path, (_least(Resource.DISK, *size), _least(Resource.FILES, *files)))


def _rooms(path: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """(what is free, the whole): of the bytes and of the files of a file system."""
    status = os.statvfs(path)
    block = status.f_frsize
    return (
        (status.f_bavail * block, status.f_blocks * block),
        (status.f_favail, status.f_files),
    )


def _least(resource: Resource, free: int, total: int) -> int:
    """Half of what stays in reserve, or of what is free before the first twin: a disk may be nearly
    full already, with nothing of a twin on it. 0 where there is no limit."""
    reserve = line_of(resource, 0, free, total, "").reserve if total else 0
    return min(reserve, free) // _PART_OF_RESERVE


def _health(document: Mapping[str, Any]) -> str:
    state = document.get("State") or {}
    health = state.get("Health") or state.get("Healthcheck") or {}
    return str(health.get("Status") or "")
