"""What a container was seen to need: from one watched run, merged over several. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from hardentui.features.trial.learned.effects import (
    AF_INET,
    AF_INET6,
    O_CREAT,
    O_TRUNC,
    capabilities,
)
from hardentui.features.trial.learned.system_calls import Allowed, allowed_calls
from hardentui.lib.observer.records import CallDetail, CallLog, TouchedFile
from hardentui.model.facts import SocketEndpoint
from hardentui.model.known import Known, Unread
from hardentui.model.trial import CapabilityCheck, Observation, Sampled
from hardentui.reading.layer import by_podman
from hardentui.reading.mounts import at_or_above

_ACCESS = 0o3
_MAKES = frozenset(
    (
        "creat mkdir mkdirat mknod mknodat link linkat symlink symlinkat bind rename renameat "
        "renameat2"
    ).split()
)
_CHANGES = frozenset(
    "truncate chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat utime utimes utimensat setxattr "
    "lsetxattr fsetxattr removexattr".split()
)
_REMOVES = frozenset({"unlink", "unlinkat", "rmdir"})


class WrittenPath(Struct, frozen=True, rename={"directory": "folder"}):
    """A path of the root file system that a program wrote to, or tried to. `folder`: see
    kept_needs."""

    path: str
    # the path is a directory that was changed itself: its owner, mode or times
    directory: bool = False
    kept: bool = False  # it still existed at the end


def written_files(
    details: Iterable[CallDetail],
    changed: Known[tuple[str, ...]],
    root: str = "/",
) -> tuple[WrittenPath, ...]:
    """What was written to the root file system, from the calls and from what differs at the end.

    Paths on other mounts are left out: they already have a volume or a tmpfs.

    Args:
        changed: paths that differ from the image at the end, according to Podman.
    """
    left = frozenset() if isinstance(changed, Unread) else frozenset(changed)
    by_path: dict[str, WrittenPath] = {}
    for detail in details:
        for file in detail.files:
            if file.mount == root and writes(detail, file):
                directory = file.kind == "directory" and file.exists and detail.call in _CHANGES
                known = by_path.get(file.path)
                by_path[file.path] = WrittenPath(
                    file.path,
                    directory and (known is None or known.directory),
                    kept=file.path in left,
                )
    return tuple(by_path[path] for path in sorted(by_path))


def writes(detail: CallDetail, file: TouchedFile) -> bool:
    """Whether the call fails on a read-only file system."""
    call = detail.call
    if call in ("open", "openat", "openat2"):
        flags = detail.numbers[0] if detail.numbers else 0
        if not file.exists:
            return bool(flags & O_CREAT)
        return file.kind in ("file", "socket") and bool(flags & (_ACCESS | O_TRUNC))
    if call in _MAKES:
        return not file.exists or call.startswith(("rename", "creat"))
    return file.exists and (call in _CHANGES or call in _REMOVES)


def places(written: Iterable[WrittenPath]) -> tuple[str, ...]:
    """The outermost directories that hold what was written."""
    directories = {
        file.path if file.directory else posixpath.dirname(file.path) for file in written
    }
    return tuple(
        directory
        for directory in sorted(directories)
        if not any(other != directory and at_or_above(other, directory) for other in directories)
    )


T = TypeVar("T")

_BY_MODE = frozenset(
    {
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",
        "CAP_FSETID",
    }
)
"""An overlay also checks these for its mounter, so the call and its file are better evidence."""
_ASKED_FIRST = frozenset({"CAP_SETUID", "CAP_SETGID"})
"""The kernel also checks these when the call would be allowed without."""
_MOST_EVIDENCE = 3
_SOCK_STREAM, _SOCK_DGRAM = 1, 2
_SOCK_TYPE = 0xF  # without the flags
_AF_PACKET = 17
_QUEUES = frozenset("mq_open mq_timedreceive mq_timedsend msgget msgrcv msgsnd".split())


class CallEvidence(Struct, frozen=True):
    """Why a capability is needed."""

    call: str  # the system call; empty if only the kernel's check was seen
    subject: str = ""  # the path, port or ids that it was about


class CapabilityNeed(Struct, frozen=True):
    """A capability that the container used."""

    name: str
    evidence: tuple[CallEvidence, ...] = ()


class Needs(Struct, frozen=True, kw_only=True):
    """What was seen to be needed. None = could not be seen; `unknown` says why, by field name."""

    capabilities: tuple[CapabilityNeed, ...] | None = None
    # what a seccomp profile must allow; `seen`: the system calls that were made
    calls: Allowed | None = None
    seen: frozenset[str] = frozenset()
    written: tuple[WrittenPath, ...] | None = None  # what was written to the root file system
    # listening, outgoing: outgoing connections exclude loopback
    listening: tuple[SocketEndpoint, ...] | None = None
    outgoing: tuple[SocketEndpoint, ...] | None = None
    # what shows that it asks others, or may; empty: it only serves
    client: tuple[str, ...] | None = None
    # memory_peak, pids_peak: bytes and tasks
    memory_peak: int | None = None
    pids_peak: int | None = None
    runs: int = 1  # how many times it was watched
    unknown: Mapping[str, str] = {}

    @property
    def places(self) -> tuple[str, ...]:
        """The directories that must be writable."""
        return places(self.written or ())

    @property
    def capability_names(self) -> frozenset[str]:
        return frozenset(need.name for need in self.capabilities or ())


def needs_of(
    observation: Observation,
    held: frozenset[str],
    *,
    native: str,
    low_ports: int = 1024,
) -> Needs:
    """The needs shown by one run, or several merged ones.

    Args:
        held: the capabilities it had; it needs no others.
        native: the machine's own ABI, as named in seccomp profiles.
        low_ports: the first port that anybody may bind in its network.
    """
    unknown: dict[str, str] = {}
    log, sampled = observation.calls, observation.sampled
    calls = None if isinstance(log, Unread) else allowed_calls(log, native=native)
    if isinstance(log, Unread):
        unknown |= {"calls": log.reason, "outgoing": log.reason, "client": log.reason}
    needed = _capabilities(
        log,
        observation.capability_checks,
        held,
        low_ports,
    )
    if isinstance(needed, Unread):
        unknown["capabilities"] = needed.reason
    if isinstance(log, Unread) and isinstance(observation.written, Unread):
        unknown["written"] = observation.written.reason
    return Needs(
        capabilities=None if isinstance(needed, Unread) else needed,
        calls=calls,
        seen=frozenset() if isinstance(log, Unread) else frozenset(call.name for call in log.calls),
        written=None if "written" in unknown else _written(log, observation.written),
        listening=_sampled(sampled, "listening", unknown),
        outgoing=None if isinstance(log, Unread) else _outgoing(log),
        client=None if isinstance(log, Unread) else _client(log),
        memory_peak=_sampled(sampled, "memory_peak", unknown),
        pids_peak=_sampled(sampled, "pids_peak", unknown),
        unknown=unknown,
    )


def merged_needs(first: Needs, second: Needs) -> Needs:
    """Of both runs: what either showed."""
    names = {
        need.name: need
        for need in (
            *(first.capabilities or ()),
            *(second.capabilities or ()),
        )
    }
    written: dict[str, WrittenPath] = {}
    for file in (*(first.written or ()), *(second.written or ())):
        known = written.get(file.path, file)
        written[file.path] = WrittenPath(
            file.path, known.directory and file.directory, known.kept or file.kept
        )
    return replace(
        first,
        capabilities=_if_any(
            first.capabilities, second.capabilities, tuple(names[n] for n in sorted(names))
        ),
        calls=_calls(first.calls, second.calls),
        seen=first.seen | second.seen,
        written=_if_any(
            first.written, second.written, tuple(written[path] for path in sorted(written))
        ),
        listening=_union(first.listening, second.listening),
        outgoing=_union(first.outgoing, second.outgoing),
        client=_union(first.client, second.client),
        memory_peak=max(
            (p for p in (first.memory_peak, second.memory_peak) if p is not None), default=None
        ),
        pids_peak=max(
            (p for p in (first.pids_peak, second.pids_peak) if p is not None), default=None
        ),
        runs=first.runs + second.runs,
        unknown={name: why for name, why in first.unknown.items() if name in second.unknown},
    )


def _if_any(
    first: object,
    second: object,
    both: tuple[T, ...],
) -> tuple[T, ...] | None:
    return None if first is None and second is None else both


def _union(
    first: tuple[T, ...] | None,
    second: tuple[T, ...] | None,
) -> tuple[T, ...] | None:
    return _if_any(
        first,
        second,
        tuple(dict.fromkeys((*(first or ()), *(second or ())))),
    )


def _calls(
    first: Allowed | None,
    second: Allowed | None,
) -> Allowed | None:
    if first is None or second is None:
        return first or second
    sockets = (
        None if first.sockets is None or second.sockets is None else first.sockets | second.sockets
    )
    pairs = None if first.pairs is None or second.pairs is None else first.pairs | second.pairs
    return Allowed(
        names=first.names | second.names,
        sockets=sockets,
        pairs=pairs,
        new_namespaces=first.new_namespaces | second.new_namespaces,
        native=first.native,
        others=first.others | second.others,
    )


def _capabilities(
    log: Known[CallLog],
    checks: Known[tuple[CapabilityCheck, ...]],
    held: frozenset[str],
    low_ports: int,
) -> Known[tuple[CapabilityNeed, ...]]:
    if isinstance(log, Unread) and isinstance(checks, Unread):
        return Unread(f"{log.reason}; {checks.reason}")
    by_name: dict[str, list[CallEvidence]] = {}
    names: frozenset[str] = frozenset()
    if not isinstance(log, Unread):
        names = _BY_MODE | _ASKED_FIRST
        for detail in log.details:
            for name in capabilities(detail, low_ports):
                in_effect = detail.caller.capabilities
                if in_effect is not None and name not in in_effect:
                    # the call failed, or would fail, even with the capability in the bounding set
                    continue
                evidence = by_name.setdefault(name, [])
                if len(evidence) < _MOST_EVIDENCE:
                    evidence.append(CallEvidence(detail.call, subject_of(detail)))
        for name in _of_unread(log.unread):
            by_name.setdefault(name, [])
    for check in () if isinstance(checks, Unread) else checks:
        if check.granted and check.name not in names:
            by_name.setdefault(check.name, [CallEvidence("")])
    return tuple(
        CapabilityNeed(name, tuple(by_name[name])) for name in sorted(by_name) if name in held
    )


def _of_unread(unread: frozenset[str]) -> frozenset[str]:
    """What calls with unreadable arguments may have needed."""
    needed: set[str] = set()
    for call in unread:
        if "chown" in call:
            needed.add("CAP_CHOWN")
        elif call in (
            "open",
            "openat",
            "openat2",
            "unlink",
            "unlinkat",
            "rename",
            "renameat",
            "renameat2",
        ):
            needed.add("CAP_DAC_OVERRIDE")
        elif call == "bind":
            needed.add("CAP_NET_BIND_SERVICE")
        elif "kill" in call:
            needed.add("CAP_KILL")
    return frozenset(needed)


def subject_of(detail: CallDetail) -> str:
    """What a call was about: a path, a port, or its numbers."""
    if detail.files:
        return detail.files[0].path
    if detail.address is not None:
        return f"port {detail.address.port}"
    return " ".join(str(_signed(number)) for number in detail.numbers)


def _signed(number: int) -> int:
    return number - (1 << 32) if 0x80000000 <= number <= 0xFFFFFFFF else number


def _written(
    log: Known[CallLog],
    changed: Known[tuple[str, ...]],
) -> tuple[WrittenPath, ...]:
    """From the calls; if none were seen, from what differs at the end, except what Podman itself
    creates."""
    if not isinstance(log, Unread):
        return written_files(log.details, changed)
    paths = () if isinstance(changed, Unread) else changed
    return tuple(WrittenPath(path, kept=True) for path in sorted(paths) if not by_podman(path))


def _outgoing(log: CallLog) -> tuple[SocketEndpoint, ...]:
    connections: dict[SocketEndpoint, None] = {}
    for detail in log.details:
        address = detail.address
        if (
            detail.call == "connect"
            and address
            and address.family in (AF_INET, AF_INET6)
            and address.port
        ):
            datagrams = detail.numbers[:1] == (_SOCK_DGRAM,)
            connections[
                SocketEndpoint(
                    "udp" if datagrams else "tcp",
                    address.host,
                    address.port,
                )
            ] = None
    return tuple(connection for connection in connections if not _to_itself(connection.address))


def _client(log: CallLog) -> tuple[str, ...]:
    """What shows that it asks others, or may: two of it at once would ask twice."""
    shown = [f"it connects to {each.address} port {each.port}" for each in _outgoing(log)]
    if any(map(_sends_unconnected, log.details)):
        shown.append("it can send datagrams or raw packets")
    if queues := sorted(_QUEUES & {call.name for call in log.calls}):
        shown.append(f"it uses a message queue ({', '.join(queues)})")
    if missed := sorted({"connect", "socket"} & (log.cut | log.unread)):
        shown.append(f"not every call of {', '.join(missed)} was seen")
    return tuple(shown)


def _sends_unconnected(detail: CallDetail) -> bool:
    """A socket of the internet whose packets need no connection."""
    if detail.call != "socket" or len(detail.numbers) < 2:
        return False
    family, kind = detail.numbers[0], detail.numbers[1] & _SOCK_TYPE
    return family == _AF_PACKET or (family in (AF_INET, AF_INET6) and kind != _SOCK_STREAM)


def _to_itself(address: str) -> bool:
    known = ip_address(address.partition("%")[0])
    return known.is_loopback or known.is_unspecified


def _sampled(
    sampled: Known[Sampled],
    name: str,
    unknown: dict[str, str],
) -> Any:
    value = sampled if isinstance(sampled, Unread) else getattr(sampled, name)
    if isinstance(value, Unread):
        unknown[name] = value.reason
        return None
    return value
