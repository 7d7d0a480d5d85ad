"""All observers of one container together, from before its first instruction until after its last."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import threading
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from hardentui.features.trial.observe.arguments import INSPECTED
from hardentui.features.trial.observe.capability_watcher import (
    TRACEFS,
    CapabilityWatcher,
    remove_leftovers,
)
from hardentui.features.trial.observe.inspector import Inspector
from hardentui.host.files import Files, LocalFiles, reason
from hardentui.host.process.activity import own_cgroup, read_activity
from hardentui.host.process.cgroups import CgroupTree, find_cgroups, parse_membership
from hardentui.lib.observer.call_names import NATIVE, SECCOMP_NAMES
from hardentui.lib.observer.calls import CallWatcher, NotWatched, give_to
from hardentui.lib.observer.records import CallLog
from hardentui.lib.seccomp import parse_profile
from hardentui.model.facts import SocketEndpoint
from hardentui.model.known import NOT_READ, Known, Unread
from hardentui.model.trial import CapabilityCheck, Observation, Sampled

_ENDED = Unread("the container had ended before it could be sampled")


class _Seen(Struct):
    """What samples of one container showed, of all its starts."""

    listening: set[SocketEndpoint] = field(default_factory=set)
    memory: int = 0
    pids: int = 0
    samples: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    started: bool = False

    def sampled(self) -> Known[Sampled]:
        if not self.samples:
            return _ENDED if self.started else NOT_READ
        sockets = self.faults.get("sockets")
        return Sampled(
            listening=_sorted(self.listening) if sockets is None else Unread(sockets),
            memory_peak=self.memory or Unread(self.faults.get("memory", _NO_GROUP)),
            pids_peak=self.pids or Unread(self.faults.get("pids", _NO_GROUP)),
        )


class Sampler:
    """Use: `start` when the container has a pid, `finish` when it has ended or is enough. `pid`:
    its main process, even one still waiting to be started: Podman does not name its cgroup then, so
    the cgroup is read from the process. `seen`: of earlier starts, to which this one adds.
    """

    def __init__(
        self,
        pid: int,
        *,
        files: Files | None = None,
        every: float = 0.2,
        seen: _Seen | None = None,
    ) -> None:
        self._pid, self._every = pid, every
        self._files = files or LocalFiles()
        self._seen = seen or _Seen()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run,
            name="hardentui-samples",
            daemon=True,
        )
        self._groups: dict[str, str] = {}

    def start(self) -> None:
        self._seen.started = True
        self._tree = find_cgroups(self._files)
        path = f"/proc/{self._pid}/cgroup"
        try:
            membership = parse_membership(self._files.read_text(path))
        except OSError as error:
            self._seen.faults |= dict.fromkeys(_PEAKS, f"{path}: {reason(error)}")
        else:
            if isinstance(self._tree, CgroupTree):
                own = {each: own_cgroup(self._tree, membership, each) for each in _PEAKS}
                self._groups = {each: group for each, group in own.items() if group is not None}
        self._thread.start()

    def finish(self, patience: float = 5.0) -> Known[Sampled]:
        self._stop.set()
        self._thread.join(timeout=patience)
        return self._seen.sampled()

    def so_far(self) -> Known[Sampled]:
        """The observations so far; the container may continue."""
        return self._seen.sampled()

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
        activity = read_activity(
            self._files,
            self._pid,
            cgroups=self._tree,
        )
        if isinstance(activity.processes, Unread):
            self._seen.faults["processes"] = activity.processes.reason
            return False
        if isinstance(activity.listening, Unread):
            if not self._seen.samples:
                self._seen.faults["sockets"] = activity.listening.reason
        else:
            self._seen.faults.pop("sockets", None)
            self._seen.listening |= set(activity.listening)
        self._seen.pids = max(self._seen.pids, len(activity.processes))
        self._seen.samples += 1
        return True

    def _peaks(self) -> None:
        for controller, names in _PEAKS.items():
            group = self._groups.get(controller)
            for name in names if group is not None else ():
                try:
                    value = int(self._files.read_text(f"{group}/{name}").strip())
                except (OSError, ValueError) as error:
                    if isinstance(error, OSError):
                        self._seen.faults[controller] = f"{group}/{name}: {reason(error)}"
                    continue
                setattr(
                    self._seen,
                    controller,
                    max(getattr(self._seen, controller), value),
                )
                break


_PEAKS = {
    "memory": ("memory.peak", "memory.max_usage_in_bytes", "memory.current"),
    "pids": ("pids.peak", "pids.current"),
}
"""The kernel's own peak value if it keeps one, else the current value."""
_NO_GROUP = "the container has no readable cgroup of its own"


def _sorted(connections: set[SocketEndpoint]) -> tuple[SocketEndpoint, ...]:
    return tuple(
        sorted(
            connections,
            key=lambda connection: (
                connection.protocol,
                connection.port,
                connection.address,
            ),
        )
    )


def native_way() -> str:
    """The seccomp profile's name of this machine; empty without a table of its system calls."""
    number = NATIVE.get(platform.machine())
    return "" if number is None else SECCOMP_NAMES[number]


class Watch:
    """Use: `open`; create the container with the seccomp profile at `profile_path` (if it is not
    empty); for each start `attach` between Podman's init and start; stop the container; `finish`;
    `close`.

    Args:
        base: the seccomp profile in force on it, as JSON; None = its system calls are not watched.
        held: its capabilities.
        account: the engine's uid; by default ours.
        parent: where the directory for the supervisor's socket is created; the engine must reach
            it.
    """

    def __init__(
        self,
        base: Mapping[str, Any] | None,
        held: frozenset[str],
        *,
        account: int | None = None,
        parent: str | None = None,
        files: Files | None = None,
        tracefs: str = TRACEFS,
    ) -> None:
        self._base, self._held, self._parent = base, held, parent
        self._account = os.geteuid() if account is None else account
        self._files = files or LocalFiles()
        self._tracefs = tracefs
        self._directory = ""
        self._calls: CallWatcher | None = None
        self._no_calls = Unread("there is no seccomp profile to watch it with")
        self._attached: list[tuple[Sampler, CapabilityWatcher]] = []
        self._seen = _Seen()
        self._checks: Known[tuple[CapabilityCheck, ...]] = NOT_READ

    @property
    def profile_path(self) -> str:
        """The profile that makes its calls visible; empty if that is impossible."""
        return "" if self._calls is None else self._calls.profile_path

    def open(self) -> None:
        """Start to wait for the container; leftovers of a killed session in the kernel are removed."""
        remove_leftovers(self._tracefs)
        if self._base is None:
            return
        if not native_way():
            self._no_calls = Unread(
                f"system calls of {platform.machine()} machines are not in our tables"
            )
            return
        try:
            self._directory = tempfile.mkdtemp(
                prefix="hardentui-",
                dir=self._parent,
            )
            give_to(self._directory, self._account)
            rules = parse_profile(
                self._base,
                capabilities=self._held,
                architecture=_go_name(),
            )
            calls = CallWatcher(
                self._directory,
                self._base,
                rules,
                account=self._account,
                inspect=Inspector(),
                inspected=INSPECTED,
            )
            calls.start()
        except OSError as error:
            self._no_calls = Unread(f"{error.filename or self._directory}: {reason(error)}")
            return
        except ValueError as error:
            self._no_calls = Unread(f"its seccomp profile cannot be parsed: {error}")
            return
        self._calls = calls

    def attach(self, pid: int) -> None:
        """Watch a start of the container: `pid` is its main process, which waits to become the
        program."""
        self._settle()
        sampler, tracer = (
            Sampler(
                pid,
                files=self._files,
                seen=self._seen,
            ),
            CapabilityWatcher(self._tracefs),
        )
        sampler.start()
        tracer.start([pid])
        self._attached.append((sampler, tracer))

    def finish(
        self,
        written: Known[tuple[str, ...]] = NOT_READ,
    ) -> Observation:
        """What was seen; the container must have ended. `written`: paths of its root file system
        that differ from the image, according to Podman.
        """
        self._settle()
        return Observation(
            calls=self._log(),
            sampled=self._seen.sampled(),
            capability_checks=self._checks,
            written=written,
        )

    def close(self) -> None:
        """Stop everything and remove what was created, also after a failure."""
        self._settle()
        self._log(patience=1.0)
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = ""

    def _log(self, patience: float = 5.0) -> Known[CallLog]:
        if self._calls is None:
            return self._no_calls
        try:
            return self._calls.finish(patience)
        except NotWatched as error:
            return Unread(str(error))

    def _settle(self) -> None:
        """Take over the observations of a start that has ended."""
        while self._attached:
            sampler, tracer = self._attached.pop()
            sampler.finish()
            checks = tracer.finish(self._held)
            if isinstance(self._checks, Unread):
                self._checks = checks
            elif not isinstance(checks, Unread):
                self._checks = (*self._checks, *checks)


def _go_name() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine(), "amd64"
    )
