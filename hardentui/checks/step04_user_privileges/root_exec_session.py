"""An exec session has more rights than the container's service.

What it checks:
The `podman exec` sessions that are open now: whether one is privileged, or runs as root or in group 0 in a
container whose main process does not. Also processes that came in past the engine (`nsenter`, `crun exec`):
whether one is root where the service is not, has capabilities that the service cannot have, or has no seccomp
filter. Sessions of the last day that are closed again are counted; Podman does not record their rights.

Why it matters:
A container that was made to run unprivileged loses that the moment somebody opens a root shell in it. What
is typed there can change anything in the container, is not part of its image or unit, and leaves no trace
after a restart. Attackers with access to the engine use exec as a way in; a privileged session leads to the
host.

What may break:
Nothing in the service. Whoever uses the session loses it: ask before you end it, and put what they needed
into the image or the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from hardentui.checks.prelude import *
from hardentui.model.facts import CapabilitySets, Entered, IdRange
from hardentui.model.known import known
from hardentui.options import USER
from hardentui.reading.behaviour import inside
from hardentui.reading.capabilities import short
from hardentui.reading.containers import declared_user, is_root

_FILTER = 2
"""The seccomp mode of a process with a filter."""


def evaluate(facts: ContainerFacts) -> Verdict:
    if not facts.running:
        return not_applicable("the container is not running")
    entered = ask(facts, lambda kernel: kernel.entered)
    strong = _strong(facts, entered) if isinstance(entered, tuple) else ()
    none_open = "ExecIDs" in facts.inspect and not facts.inspect["ExecIDs"]
    sessions = () if none_open else known(lambda: facts.exec_sessions)
    if isinstance(sessions, Unread):
        return _entered(strong) if strong else unknown(sessions.reason)
    bad = [session for session in sessions if session.get("Running", True) and _too_strong(session, facts)]
    effective = plural(len(sessions), "session") if sessions else "no open session"
    if not bad and strong:
        return _entered(strong)
    if not bad and isinstance(entered, Unread):
        return unknown(f"which processes came in from outside is not known: {entered.reason}")
    if not bad:
        return passed(effective=effective, evidence=_closed(facts))
    evidence = tuple(
        Evidence(f"exec session {str(session.get('ID'))[:12]}", _rights(session)) for session in bad
    )
    commands = ("podman top CONTAINER", "kill PID   # the process of the session, on the host")
    return failed(
        f"{plural(len(bad), 'open session has', 'open sessions have')} more rights than the container",
        "",
        effective,
        evidence,
        None,
        commands,
    )


def _strong(facts: ContainerFacts, entered: tuple[Entered, ...]) -> tuple[tuple[Entered, str], ...]:
    """Processes with more rights than the service has, and what they have."""
    kernel = facts.kernel
    if not isinstance(kernel, Kernel):
        return ()
    judged = ((process, ", ".join(_more(kernel, process))) for process in entered)
    return tuple((process, more) for process, more in judged if more)


def _more(kernel: Kernel, process: Entered) -> Iterator[str]:
    if process.uid != kernel.uid and 0 in (process.uid, inside(process.uid, kernel.uid_map)):
        yield "root"
    if more := process.capabilities.effective - kernel.capabilities.bounding:
        yield short(more)
    if kernel.seccomp_mode == _FILTER and process.seccomp_mode != _FILTER:
        yield "no seccomp filter"


def _entered(strong: tuple[tuple[Entered, str], ...]) -> Verdict:
    evidence = tuple(Evidence(f"PID {process.pid} ({process.name})", more) for process, more in strong)
    words = plural(len(strong), "process came in from outside", "processes came in from outside")
    commands = ("kill PID   # the process, on the host",)
    return failed(f"{words} with more rights than the service", "", words, evidence, None, commands)


def _closed(facts: ContainerFacts) -> tuple[Evidence, ...]:
    """Sessions of the last day in Podman's events."""
    events = known(lambda: facts.exec_events, else_=())
    if not events:
        return ()
    return (
        Evidence(
            "events of the last day",
            f"{plural(len(events), 'session')} opened, last at {events[-1]:%H:%M} UTC",
        ),
    )


def _user(session: Mapping[str, Any]) -> str:
    return str(section(session, "ProcessConfig").get("user") or "")


def _too_strong(session: Mapping[str, Any], facts: ContainerFacts) -> bool:
    """Privileged, or root or in root's group where the service is not. Without the kernel's answer, names
    decide; a session without a user runs as the container's user."""
    if section(session, "ProcessConfig").get("privileged") or _in_group_0(session, facts):
        return True
    uid, kernel = facts.exec_uids.get(str(session.get("ID"))), facts.kernel
    if isinstance(kernel, Kernel) and uid is not None:
        return inside(uid, kernel.uid_map) == 0 and inside(kernel.uid, kernel.uid_map) != 0
    user = _user(session)
    return bool(user) and is_root(user) and not is_root(declared_user(facts))


def _in_group_0(session: Mapping[str, Any], facts: ContainerFacts) -> bool:
    """Whether the session was given group 0 and the service, an ordinary user, does not have it."""
    if _user(session).partition(":")[2] not in ("0", "root") or is_root(declared_user(facts)):
        return False
    kernel = facts.kernel
    if not isinstance(kernel, Kernel):
        return declared_user(facts).partition(":")[2] not in ("", "0", "root")
    maps = known(lambda: kernel.gid_map, else_=())
    zero = next((line.outside - line.inside for line in maps if line.inside == 0), 0)
    return zero not in (kernel.gid, *known(lambda: kernel.groups, else_=()))


def _rights(session: Mapping[str, Any]) -> str:
    privileged = "privileged, " if section(session, "ProcessConfig").get("privileged") else ""
    return f"{privileged}user {_user(session) or 'of the container'}"


def _example(*sessions: Mapping[str, Any]) -> ContainerFacts:
    return container(
        (USER, "1001"),
        kernel=Kernel(7, entered=()),
        inspect={"ExecIDs": [session["ID"] for session in sessions]},
        exec_sessions=sessions,
    )


_SHELL = Entered(9, "sh", 1001, CapabilitySets(), _FILTER)


def _with(process: Entered) -> Kernel:
    whole = (IdRange(0, 0, 4294967295),)
    rights = CapabilitySets(bounding=frozenset({"CAP_CHOWN"}))
    return Kernel(7, uid=1001, uid_map=whole, capabilities=rights, seccomp_mode=_FILTER, entered=(process,))


CHECK = Check(
    title="Exec session with more rights than the service",
    severity=Severity.MEDIUM,  # a person's session, not the service
    summary="End the session and move what it was for into the image or the configuration",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        _example(),
        _example({"ID": "ab", "ProcessConfig": {"user": "1001", "privileged": False}}),
        container(),
        _example({"ID": "ac", "ProcessConfig": {"user": "1001:0", "privileged": False}}).replace(
            kernel=Kernel(7, uid=1001, gid=0, entered=()),
        ),
        _example().replace(exec_events=(datetime(2025, 12, 31, 23, 5, tzinfo=UTC),)),
        _example().replace(kernel=_with(_SHELL)),
    ),
    fails=lambda: (
        _example({"ID": "ab", "ProcessConfig": {"user": "root", "privileged": False}}),
        _example({"ID": "cd", "ProcessConfig": {"user": "", "privileged": True}}),
        _example({"ID": "ce", "ProcessConfig": {"user": "1001:0", "privileged": False}}).replace(
            kernel=Kernel(7, uid=1001, gid=1001, entered=()),
        ),
        _example({"ID": "ef", "ProcessConfig": {"user": "toor", "privileged": False}}).replace(
            kernel=Kernel(7, uid=1001, uid_map=(IdRange(0, 0, 4294967295),), entered=()),
            exec_uids={"ef": 0},
        ),
        _example().replace(kernel=_with(replace(_SHELL, uid=0))),
        _example().replace(kernel=_with(replace(_SHELL, seccomp_mode=0))),
        _example().replace(
            kernel=_with(replace(_SHELL, capabilities=CapabilitySets(frozenset({"CAP_SYS_ADMIN"})))),
        ),
    ),
    references=("CIS Docker 1.6 5.23", "CIS Docker 1.6 5.24", "NIST SP 800-190 4.4.5"),
    catalogue="S4-06",
)
