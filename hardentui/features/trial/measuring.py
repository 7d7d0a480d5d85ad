"""What a trial needs and what the host has left, measured before its first twin.

A twin is taken to need what its original holds now. What cannot be measured is told, and then only
the watch over the original protects it (see `original_watch`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, EngineError
from hardentui.features.change.inspected import pid_of
from hardentui.features.trial.budget import NoRoom, limits_of, line_of, why_no_room
from hardentui.features.trial.harmless import LARGEST_LOG, user_wide
from hardentui.features.trial.twin_mounts import has_user_namespace
from hardentui.features.trial.twins import TwinMaker
from hardentui.host.files import Files
from hardentui.host.process.cgroups import (
    CgroupTree,
    Membership,
    find_cgroups,
    levels_of,
    parse_membership,
)
from hardentui.host.process.free import (
    Left,
    handles_of_host,
    memory_above,
    memory_of_host,
    own_level,
    processes_above,
    processes_of_host,
    working_set,
)
from hardentui.host.process.users import UserTasks, tasks_of_user
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.known import Unread, known
from hardentui.model.trial import BudgetLine, Resource
from hardentui.options import NETWORK
from hardentui.reading.containers import ask_or

_MB = 1 << 20
_MEMORY_BESIDES = 24 * _MB  # of a twin: its monitor, its runtime, its start
_DISK_BESIDES = 16 * _MB  # of a twin: what it writes to its own layer
_TASKS_BESIDES = 8
_HANDLES_BESIDES = 64
_COUNTS_APART = (5, 14)
"""The kernel that counts what a user has per user namespace; user_namespaces(7)."""
_ALL_IDS = 4294967295


class Measured(Struct, frozen=True):
    """The budget of one trial."""

    lines: tuple[BudgetLine, ...] = ()
    unknown: tuple[str, ...] = ()  # what could not be measured, and why
    # id of a container -> the IDs of the user namespace that its twin gets of its own
    own_users: Mapping[str, int] = {}


class _Used(Struct):
    """What originals hold now."""

    memory: int = 0
    tasks: int = 0
    handles: int = 0


def measure(
    changing: ChangingEngine,
    files: Files | None,
    everybody: Sequence[ContainerFacts],
    maker: TwinMaker,
    *,
    tried: int,
) -> Measured:
    """Measure for twins of these containers, which run at the same time.

    Args:
        everybody: the tried ones first.
        tried: of how many the volumes are copied.

    Raises:
        EngineError: Podman does not answer.
        KeyboardInterrupt: the trial was stopped.
    """
    if files is None:
        return Measured(unknown=("what is free on another machine is not known",))
    measuring = _Measuring(changing, files, everybody)
    own_users = {facts.id: count for facts in everybody if (count := measuring.own_users(facts))}
    maker.own_users = own_users
    lines: list[BudgetLine] = []
    unknown: list[str] = []
    parts: tuple[Callable[[], Iterable[BudgetLine]], ...] = (
        measuring.memory,
        measuring.processes,
        measuring.handles,
        lambda: measuring.users(own_users),
        lambda: measuring.disk(maker, tried),
    )
    for part in parts:
        try:
            lines += part()
        except Unread as unread:
            unknown.append(unread.reason)
    return Measured(tuple(lines), tuple(unknown), own_users)


def hold_to_budget(
    changing: ChangingEngine,
    files: Files | None,
    everybody: Sequence[ContainerFacts],
    maker: TwinMaker,
    *,
    tried: int,
) -> Measured:
    """Measure, and hold all twins that a maker will make to what they may take.

    Raises:
        NoRoom: they do not fit.
        EngineError: Podman does not answer.
        KeyboardInterrupt: the trial was stopped.
    """
    measured = measure(changing, files, everybody, maker, tried=tried)
    if why := why_no_room(measured.lines):
        raise NoRoom(f"Nothing was tried. {why}", measured.lines)
    maker.cgroup.limits = limits_of(measured.lines)
    maker.cgroup.open()
    return measured


def least_of_a_trial(
    changing: ChangingEngine,
    files: Files,
) -> tuple[BudgetLine, ...]:
    """What the smallest twin needs, as far as it can be measured. Raises EngineError."""
    lines: list[BudgetLine] = []
    with suppress(Unread):
        lines += _lines(Resource.MEMORY, _MEMORY_BESIDES, (memory_of_host(files),))
    graph = str((changing.info().get("store") or {}).get("graphRoot") or "")
    with suppress(ChangeFailed):
        for room in changing.copying.weigh((), (graph,)).rooms if graph else ():
            needed = LARGEST_LOG + _DISK_BESIDES
            lines.append(line_of(Resource.DISK, needed, room.free, room.size, f"in {graph}"))
    return tuple(lines)


class _Measuring:
    """Reads what originals use and what is left.

    Args:
        everybody: the originals.
    """

    def __init__(
        self,
        changing: ChangingEngine,
        files: Files,
        everybody: Sequence[ContainerFacts],
    ) -> None:
        self._changing = changing
        self._files = files
        self._everybody = everybody
        tree = find_cgroups(files)
        self._tree = None if isinstance(tree, Unread) else tree
        self._used = _Used()
        for facts in everybody:
            self._add(facts)

    def memory(self) -> Iterator[BudgetLine]:
        needed = self._used.memory + _MEMORY_BESIDES * len(self._everybody)
        left = (memory_of_host(self._files), *self._above(memory_above))
        return _lines(Resource.MEMORY, needed, left)

    def processes(self) -> Iterator[BudgetLine]:
        needed = self._used.tasks + _TASKS_BESIDES * len(self._everybody)
        left = (processes_of_host(self._files), *self._above(processes_above))
        return _lines(Resource.PROCESSES, needed, left)

    def handles(self) -> Iterator[BudgetLine]:
        needed = self._used.handles + _HANDLES_BESIDES * len(self._everybody)
        return _lines(Resource.HANDLES, needed, (handles_of_host(self._files),))

    def users(self, own_users: Mapping[str, int]) -> Iterator[BudgetLine]:
        """Where an original and its twin are counted together, per user of the host."""
        for facts in self._everybody:
            if facts.id not in own_users:
                for tasks in self._limited(facts):
                    yield self._line_of_user(facts, tasks)

    def disk(
        self,
        maker: TwinMaker,
        tried: int,
    ) -> Iterator[BudgetLine]:
        """What is copied into volumes of the engine, and the layers and logs of the twins."""
        sources: list[str] = []
        for at, facts in enumerate(self._everybody):
            sources += maker.copied(facts, copy_volumes=at < tried)
        try:
            places = [self._place(source) for source in sources]
            store = maker.store()
            graph = store.get("graphRoot", "")
            volumes = store.get("volumePath") or graph
            if not graph:
                raise Unread("where the engine stores its layers is not known")
            weighed = self._changing.copying.weigh(
                [place for place in places if place], (volumes, graph), stop=maker.stop
            )
        except EngineError as error:
            raise Unread(error.title.rstrip(".")) from None
        copied = sum(weight.size for weight in weighed.weights)
        count = sum(weight.files for weight in weighed.weights)
        layers = (LARGEST_LOG + _DISK_BESIDES) * len(self._everybody)
        first, second = weighed.rooms
        together = first.device == second.device
        for room, path, needed in (
            (first, volumes, copied + layers * together),
            *(() if together else ((second, graph, layers),)),
        ):
            where = f"in {path}"
            yield line_of(Resource.DISK, needed, room.free, room.size, where)
            if room.files:
                yield line_of(Resource.FILES, count, room.free_files, room.files, where)

    def own_users(self, facts: ContainerFacts) -> int:
        """How many IDs a user namespace of its own needs, if its twin must be counted apart; 0 if
        it need not, or cannot be."""
        users = self._users(facts)
        if users == frozenset() or has_user_namespace(facts.spec):
            return 0
        tight = any(not self._line_of_user(facts, tasks).fits for tasks in self._limited(facts))
        if not (user_wide(facts.spec) or tight) or not self._can_be_apart(facts, users):
            return 0
        if facts.engine.rootless is not True:
            return _ALL_IDS
        ranges = ask_or(facts, lambda kernel: kernel.uid_map, ())
        return sum(line.size for line in ranges)

    def _can_be_apart(
        self,
        facts: ContainerFacts,
        users: frozenset[int] | None,
    ) -> bool:
        """A namespace counts for whoever made it too: for a rootless engine that is its account."""
        first = facts.spec[NETWORK][0] if facts.spec[NETWORK] else ""
        joined = bool(facts.pod) or first.startswith(("container:", "ns:"))
        of_engine = facts.engine.rootless is True and (
            users is None or self._changing.account() in users
        )
        return _kernel() >= _COUNTS_APART and not joined and not of_engine

    def _users(self, facts: ContainerFacts) -> frozenset[int] | None:
        """The users of its processes on this host, but root, whom nothing limits; None if unknown."""
        kernel = known(lambda: facts.kernel)
        if not isinstance(kernel, Kernel):
            return None
        users = {ask_or(facts, lambda kernel: kernel.uid, 0)}
        users |= ask_or(facts, lambda kernel: kernel.other_uids, frozenset())
        return frozenset(users - {0})

    def _limited(self, facts: ContainerFacts) -> Iterator[UserTasks]:
        """Those of its users who may not have as many processes as they like."""
        if not has_user_namespace(facts.spec):
            for user in sorted(self._users(facts) or ()):
                tasks = tasks_of_user(self._files, user)
                if tasks.limit is not None:
                    yield tasks

    def _line_of_user(
        self,
        facts: ContainerFacts,
        tasks: UserTasks,
    ) -> BudgetLine:
        assert tasks.limit is not None  # noqa: S101 - only who has a limit is asked about
        needed = _tasks_in(self._files, pid_of(facts.inspect)) + _TASKS_BESIDES
        where = f"for user {tasks.user} of this host, all of whose processes nproc counts"
        free = tasks.limit - tasks.count
        return line_of(Resource.PROCESSES, needed, free, tasks.limit, where)

    def _add(self, facts: ContainerFacts) -> None:
        pid = pid_of(facts.inspect)
        membership = self._membership(pid) if pid else None
        if membership is None or self._tree is None:
            return
        with suppress(Unread):
            own = own_level(levels_of(self._files, self._tree, membership, "memory"))
            if own:
                self._used.memory += working_set(self._files, own, v1="memory" in membership.v1)
        self._used.tasks += _tasks_in(self._files, pid)
        self._used.handles += _handles_in(self._files, pid)

    def _membership(self, pid: int) -> Membership | None:
        try:
            return parse_membership(self._files.read_text(f"/proc/{pid}/cgroup"))
        except OSError:
            return None

    def _above(
        self,
        left: Callable[[Files, CgroupTree, Membership], Iterable[Left]],
    ) -> Iterator[Left]:
        """In the cgroups above the tried container; above the engine's service if it is stopped."""
        pid = pid_of(self._everybody[0].inspect) or self._changing.service
        membership = self._membership(pid) if pid else None
        if membership is not None and self._tree is not None:
            yield from left(self._files, self._tree, membership)

    def _place(self, source: str) -> str:
        """The directory behind what is copied; empty for a file."""
        if not source.startswith("/"):
            return self._changing.volumes.directory(source)
        path = os.path.normpath(source)
        with suppress(OSError):
            return path if stat.S_ISDIR(self._files.stat(path).mode) else ""
        return ""


def _lines(
    resource: Resource,
    needed: int,
    left: Iterable[Left],
) -> Iterator[BudgetLine]:
    for each in left:
        yield line_of(resource, needed, each.free, each.total, each.where)


def _processes_of(files: Files, pid: int) -> Iterator[int]:
    """The process and its descendants."""
    waiting = [pid] if pid else []
    while waiting:
        process = waiting.pop()
        yield process
        with suppress(OSError, ValueError):
            for thread in files.list_dir(f"/proc/{process}/task"):
                children = files.read_text(f"/proc/{process}/task/{thread}/children")
                waiting += [int(word) for word in children.split()]


def _tasks_in(files: Files, pid: int) -> int:
    count = 0
    for process in _processes_of(files, pid):
        with suppress(OSError):
            count += len(files.list_dir(f"/proc/{process}/task"))
    return count


def _handles_in(files: Files, pid: int) -> int:
    count = 0
    for process in _processes_of(files, pid):
        try:
            count += len(files.list_dir(f"/proc/{process}/fd"))
        except OSError:
            count += _HANDLES_BESIDES
    return count


def _kernel() -> tuple[int, ...]:
    words = os.uname().release.partition("-")[0].split(".")
    return tuple(int(word) for word in words[:2] if word.isdecimal())
