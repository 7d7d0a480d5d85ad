"""Samples of /proc and the cgroup of a running container, until it ends."""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Iterator

from msgspec import Struct, field

from hardentui.host.files.reader import Files, LocalFiles, reason
from hardentui.host.process.activity import read_activity
from hardentui.host.process.capabilities import capability_names
from hardentui.host.process.cgroups import (
    CgroupTree,
    Membership,
    cgroup_directory,
    find_cgroups,
    parse_membership,
)
from hardentui.model.facts import Process
from hardentui.model.known import Known, Unreadable
from hardentui.model.observation import Sampled, SocketEndpoint
from hardentui.trial.observe.connections import established
from hardentui.trial.observe.processes import IdMap, id_maps

_ENDED = Unreadable("the container had ended before it could be sampled")
_OF_RUNTIME = ("crun", "runc:", "3")
"""Names of the runtime's own process before it becomes the program."""


class _Seen(Struct):
    listening: set[SocketEndpoint] = field(default_factory=set)
    outgoing: set[SocketEndpoint] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    uids: set[int] = field(default_factory=set)
    capabilities: set[str] = field(default_factory=set)
    memory: int = 0
    pids: int = 0
    samples: int = 0
    faults: dict[str, str] = field(default_factory=dict)


class Sampler:
    """Use: `start` when the container has a pid, `finish` when it has ended or is enough.

    Args:
        pid: its main process, even one still waiting to be started: Podman does not name its cgroup then,
            so the cgroup is read from the process.
    """

    def __init__(self, pid: int, *, files: Files | None = None, every: float = 0.2) -> None:
        self._pid, self._every = pid, every
        self._cgroup_path = ""
        self._files = files or LocalFiles()
        self._seen = _Seen()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hardentui-samples", daemon=True)
        self._groups: dict[str, str] = {}
        self._users: IdMap | None = None

    def start(self) -> None:
        tree, membership = find_cgroups(self._files), self._membership()
        if isinstance(tree, CgroupTree) and isinstance(membership, Membership):
            self._cgroup_path = next(filter(None, map(_own_path, membership.paths())), "")
            for controller in ("memory", "pids"):
                self._groups[controller] = _own_group(tree, membership, controller)
        self._tree = tree
        self._thread.start()

    def finish(self, patience: float = 5.0) -> Known[Sampled]:
        self._stop.set()
        self._thread.join(timeout=patience)
        return self.so_far() if self._seen.samples else _ENDED

    def so_far(self) -> Sampled:
        """The observations so far; the container may continue."""
        seen = self._seen
        sockets = seen.faults.get("sockets")
        return Sampled(
            listening=_sorted(seen.listening) if sockets is None else Unreadable(sockets),
            outgoing=_sorted(seen.outgoing) if sockets is None else Unreadable(sockets),
            memory_peak=seen.memory or Unreadable(seen.faults.get("memory", _NO_GROUP)),
            pids_peak=seen.pids or Unreadable(seen.faults.get("pids", _NO_GROUP)),
            programs=tuple(sorted(seen.programs)),
            uids=frozenset(tuple(seen.uids)),
            capabilities=frozenset(tuple(seen.capabilities)),
            samples=seen.samples,
        )

    def _run(self) -> None:
        while True:
            last = self._stop.is_set()
            try:
                if not self._sample():
                    return
            except OSError:
                return  # it has ended
            if last:
                return
            self._stop.wait(self._every)

    def _sample(self) -> bool:
        """Take one sample; False if the container has ended."""
        self._peaks()
        activity = read_activity(self._files, self._pid, self._cgroup_path, self._tree)
        if isinstance(activity.processes, Unreadable):
            self._seen.faults["processes"] = activity.processes.reason
            return False
        if isinstance(activity.listening, Unreadable):
            if not self._seen.samples:
                self._seen.faults["sockets"] = activity.listening.reason
        else:
            listening = {
                SocketEndpoint(socket.protocol, socket.address, socket.port) for socket in activity.listening
            }
            self._seen.listening |= listening
            ports = {socket.port for socket in self._seen.listening}
            self._seen.outgoing |= set(established(self._files, self._pid, ports))
        for process in activity.processes:
            self._process(process)
        self._seen.pids = max(self._seen.pids, len(activity.processes))
        self._seen.samples += 1
        return True

    def _process(self, process: Process) -> None:
        if process.name.startswith(_OF_RUNTIME[:2]) or process.name == _OF_RUNTIME[2]:
            return
        self._seen.programs.add(process.name)
        try:
            if self._users is None:
                self._users = id_maps(self._pid)[0]
            status = self._files.read_text(f"/proc/{process.pid}/status")
        except OSError:
            return
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        self._seen.uids |= {self._users.inside(int(word)) for word in lines.get("Uid", "").split()[1:2]}
        self._seen.capabilities |= capability_names(int(lines.get("CapEff", "0"), 16))

    def _peaks(self) -> None:
        for controller, names in _PEAKS.items():
            group = self._groups.get(controller, "")
            for name in names if group else ():
                try:
                    value = int(self._files.read_text(f"{group}/{name}").strip())
                except (OSError, ValueError) as error:
                    if isinstance(error, OSError):
                        self._seen.faults[controller] = f"{group}/{name}: {reason(error)}"
                    continue
                setattr(self._seen, controller, max(getattr(self._seen, controller), value))
                break

    def _membership(self) -> Known[Membership]:
        path = f"/proc/{self._pid}/cgroup"
        try:
            return parse_membership(self._files.read_text(path))
        except OSError as error:
            return Unreadable(f"{path}: {reason(error)}")


_PEAKS = {
    "memory": ("memory.peak", "memory.max_usage_in_bytes", "memory.current"),
    "pids": ("pids.peak", "pids.current"),
}
"""The kernel's own peak value if it keeps one, else the current value."""
_NO_GROUP = "the container has no readable cgroup of its own"


def _sorted(connections: set[SocketEndpoint]) -> tuple[SocketEndpoint, ...]:
    return tuple(
        sorted(connections, key=lambda connection: (connection.protocol, connection.port, connection.address))
    )


def _own_group(tree: CgroupTree, membership: Membership, controller: str) -> str:
    """The directory of the container's own cgroup; empty if unknown.

    Its parents include others, and systemd as the main process moves itself into a child.
    """
    path = membership.v1.get(controller, membership.unified or "")
    hierarchy = tree.v1.get(controller) if controller in membership.v1 else tree.unified
    if hierarchy is None or not path:
        return ""
    own = _own_path(path)
    return (cgroup_directory(hierarchy, own) or "") if own else ""


def _own_path(path: str) -> str:
    """The part of a cgroup's path that Podman created for the container; empty if there is none."""
    return next((part for part in _upwards(path) if posixpath.basename(part).startswith("libpod-")), "")


def _upwards(path: str) -> Iterator[str]:
    while path not in ("/", ""):
        yield path
        path = posixpath.dirname(path)
