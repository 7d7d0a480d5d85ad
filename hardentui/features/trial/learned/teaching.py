"""Applying what was learned: choices with learned values, the container with learned facts. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from hardentui.features.trial.learned.effects import (
    AF_INET,
    AF_INET6,
    O_CREAT,
    O_TRUNC,
    capabilities,
)
from hardentui.features.trial.learned.started import Reached
from hardentui.features.trial.learned.system_calls import (
    ORDINARY,
    Allowed,
    SocketUse,
    allowed_calls,
    margin,
)
from hardentui.lib.observer.records import CallDetail, CallLog, TouchedFile
from hardentui.model.facts import ContainerFacts, FileChange, SocketEndpoint
from hardentui.model.known import Known, Unread, known
from hardentui.model.plan import Choice, Plan
from hardentui.model.spec import Option
from hardentui.model.trial import (
    CanNeed,
    CapabilityCheck,
    Decision,
    Observation,
    OptionChange,
    Sampled,
)
from hardentui.options import MEMORY, PIDS_LIMIT, SYSCTL, bounding_set
from hardentui.reading.asked_functions import DECIDED, FUNCTIONS, calls_of, capabilities_of
from hardentui.reading.behaviour import runs_as_root
from hardentui.reading.capabilities import used_by_processes
from hardentui.reading.containers import ask_or, listed
from hardentui.reading.layer import by_podman, is_bytecode
from hardentui.reading.mounts import at_or_above

# What a container was seen to need: the result of learning, kept, merged and shown.

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
_SOCK_DGRAM = 2


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
        unknown |= {"calls": log.reason, "outgoing": log.reason}
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


DEFAULT_CAPABILITIES = "default-capabilities-kept"
_MEMORY_STEP = 64 << 20
_PIDS_STEP = 32
_FEWEST_PIDS = 64
TIMES_THE_PEAK = 3


def memory_limit(peak: int) -> int:
    """Bytes: three times the peak, in steps of 64 MiB."""
    return _up(TIMES_THE_PEAK * peak, _MEMORY_STEP)


def pids_limit(peak: int) -> int:
    """Tasks: three times the peak, at least 64, in steps of 32."""
    return _up(max(TIMES_THE_PEAK * peak, _FEWEST_PIDS), _PIDS_STEP)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


_LOW_PORTS = "net.ipv4.ip_unprivileged_port_start"
_MIB = 1 << 20


class PlansLimits(Protocol):
    """Plans of one container: what they limit without anything learned."""

    @property
    def facts(self) -> ContainerFacts: ...
    def plan(self, choices: tuple[Choice, ...]) -> Plan: ...


def taught(
    choices: Iterable[Choice],
    needs: Needs,
    planner: PlansLimits,
) -> tuple[Choice, ...]:
    """The choices; those without user-set values get the learned ones, where these are not tighter
    than what the plan alone would set: a trial is shorter and quieter than everyday use. `planner`:
    of the original, which may have used more than its twin.
    """
    facts = planner.facts
    values: dict[str, Choice] = {}
    if needs.capabilities is not None:
        kept = tuple(sorted(name.removeprefix("CAP_") for name in needs.capability_names))
        values[DEFAULT_CAPABILITIES] = Choice(DEFAULT_CAPABILITIES, (("keep", kept),))
    if needs.memory_peak is not None:
        peak = (
            ask_or(
                facts,
                lambda kernel: kernel.limits.memory_peak,
                None,
            )
            or 0
        )  # the original's
        limit = memory_limit(max(needs.memory_peak, peak))
        if limit > _planned(planner, "no-memory-limit", MEMORY):
            values["no-memory-limit"] = Choice(
                "no-memory-limit", (("memory", f"{limit // _MIB}m"),)
            )
    if needs.pids_peak is not None:
        processes = ask_or(facts, lambda kernel: kernel.processes, ())  # the original's
        limit = pids_limit(max(needs.pids_peak, len(processes)))
        if limit > _planned(planner, "no-pids-limit", PIDS_LIMIT):
            values["no-pids-limit"] = Choice("no-pids-limit", (("limit", limit),))
    return tuple(
        values.get(choice.check, choice) if not choice.parameters else choice for choice in choices
    )


def _planned(
    planner: PlansLimits,
    check: str,
    option: Option[int],
) -> int:
    return planner.plan((Choice(check),)).after[option]


def informed(facts: ContainerFacts, needs: Needs) -> ContainerFacts:
    """The container with the paths it was seen to write."""
    if needs.written is None:
        return facts
    changes = known(lambda: facts.changes, else_=())
    paths = {change.path for change in changes}
    new = tuple(
        FileChange(
            file.path,
            "modified" if file.directory else "added",
            file.directory,
        )
        for file in needs.written
        if file.path not in paths and not is_bytecode(file.path)
    )
    return facts.replace(changes=(*changes, *new))


def low_ports(facts: ContainerFacts) -> int:
    """The first port that anybody may bind in the container's network."""
    for word in facts.spec[SYSCTL]:
        name, _, value = word.partition("=")
        if name == _LOW_PORTS and value.strip().isdecimal():
            return int(value)
    return 1024


# What is kept although it was not seen: its programs can ask for it. A probe exercises a part of a
# service, so the decision never depends on how much a probe shows.

_PRIVILEGES = Choice("new-privileges-allowed")
_OF_THE_SYSTEM = frozenset(
    "chage chfn chsh expiry gpasswd mount newgidmap newgrp newuidmap passwd ssh-agent ssh-keysign su umount"
    " unix_chkpwd unix_update utempter wall write".split()
)
"""Set-id programs of nearly every image, for people who log in: a service of root gains nothing by
them."""


class CanAsk(Struct, frozen=True):
    """What the programs of a container can ask for."""

    capabilities: frozenset[str]  # of those that it has
    # system calls that matter to an intruder; the ordinary ones are always kept
    calls: frozenset[str]
    functions: Mapping[str, frozenset[str]] = {}  # program -> functions that it imports
    unknown: Mapping[str, str] = {}  # program -> why what it asks for is not known
    set_id: tuple[str, ...] = ()  # programs with set-id bits or file capabilities


def can_ask(reached: Reached, facts: ContainerFacts) -> CanAsk:
    """What is not known stays as the engine grants it by default."""
    defaults = facts.engine.default_capabilities
    held = bounding_set(facts.spec, defaults)
    capabilities: frozenset[str] = frozenset()
    if runs_as_root(facts, facts.spec) or reached.set_id:
        functions = (name for names in reached.functions.values() for name in names)
        capabilities = (defaults if reached.unknown else capabilities_of(functions)) & held
    calls = (
        DECIDED
        if reached.unknown
        else calls_of(name for n in reached.functions.values() for name in n)
    )
    return CanAsk(
        capabilities,
        calls,
        reached.functions,
        reached.unknown,
        reached.set_id,
    )


def keeping(
    choices: Iterable[Choice],
    ask: CanAsk,
    needs: Needs | None,
    facts: ContainerFacts,
) -> tuple[Choice, ...]:
    """The choices; the fix of the default capabilities keeps what was seen and what can be asked
    for.

    Without learning, an unknown program leaves it to the fix's own guess.
    """
    if ask.unknown and (needs is None or needs.capabilities is None):
        return tuple(choices)
    seen = frozenset[str]() if needs is None else needs.capability_names
    kept = ask.capabilities | seen | used_by_processes(facts).keys()
    words = tuple(sorted(name.removeprefix("CAP_") for name in kept))
    taught = Choice(DEFAULT_CAPABILITIES, (("keep", words),))
    return tuple(taught if choice == Choice(DEFAULT_CAPABILITIES) else choice for choice in choices)


def left_to_decide(
    choices: tuple[Choice, ...],
    ask: CanAsk,
    planner: PlansLimits,
) -> tuple[tuple[Choice, ...], tuple[Decision, ...]]:
    """The choices without no-new-privileges, and the question, if its programs can start others
    with set-id bits of their own: those would lose them.
    """
    names = [name for name in ask.set_id if name not in _OF_THE_SYSTEM]
    if not names or _PRIVILEGES not in choices:
        return choices, ()
    changes = tuple(
        OptionChange(
            change.option,
            change.before,
            change.after,
            change.checks,
        )
        for change in planner.plan((_PRIVILEGES,)).changes
    )
    why = f"it can start {listed(names)}, which would lose the rights of its set-id bits"
    rest = tuple(choice for choice in choices if choice != _PRIVILEGES)
    return rest, (Decision(_PRIVILEGES.check, changes, why),)


def widened(allowed: Allowed, ask: CanAsk) -> Allowed:
    """What a profile must allow with what can be asked for."""
    more = ORDINARY | ask.calls
    if allowed.others:
        more |= margin(more, other_ways=True)
    sockets = allowed.sockets
    if sockets is not None:
        sockets |= {SocketUse(AF_INET), SocketUse(AF_INET6)}
    made = {"unshare"} & ask.calls
    return replace(
        allowed,
        names=allowed.names | more,
        sockets=sockets,
        new_namespaces=allowed.new_namespaces | made,
    )


def can_need(ask: CanAsk, needs: Needs) -> tuple[CanNeed, ...]:
    """What is kept only because of what the programs can ask for, by capability, then all system
    calls."""
    unseen = ask.capabilities - needs.capability_names
    programs = sorted(
        ask.functions, key=lambda program: -len(capabilities_of(ask.functions[program]) & unseen)
    )
    kept = []
    for capability in sorted(unseen):
        program = next(
            (p for p in programs if capability in capabilities_of(ask.functions[p])),
            "",
        )
        names = ask.functions.get(program, frozenset())
        functions = tuple(sorted(name for name in names if capability in capabilities_of({name})))
        kept.append(
            CanNeed(
                program,
                functions,
                capability=capability.removeprefix("CAP_"),
            )
        )
    for program, names in ask.functions.items():
        calls = calls_of(names) - needs.seen
        if calls:
            asking = tuple(sorted(name for name in names if FUNCTIONS[name].calls & calls))
            kept.append(CanNeed(program, asking, syscalls=tuple(sorted(calls))))
    return tuple(kept)
