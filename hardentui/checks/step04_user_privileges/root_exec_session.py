"""An exec session has more rights than the container's service.

What it checks:
The `podman exec` sessions that are open now: whether one is privileged, or runs as root in a container whose
main process does not. Sessions of the last day that are closed again are counted; Podman does not record
their rights.

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

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from hardentui.checks.examples import container
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts, IdRange, Kernel
from hardentui.model.finding import Evidence, Severity, Verdict, failed, not_applicable, passed, unknown
from hardentui.model.fix import FixKind, Risk
from hardentui.model.known import Unreadable
from hardentui.options import USER
from hardentui.reading.containers import declared_user, is_root, section
from hardentui.reading.user_namespace import uid_inside
from hardentui.words import plural


def evaluate(facts: ContainerFacts) -> Verdict:
    if not facts.running:
        return not_applicable("the container is not running")
    if "ExecIDs" in facts.inspect and not facts.inspect["ExecIDs"]:
        return passed(effective="no open session", evidence=_closed(facts))
    sessions = facts.exec_sessions
    if isinstance(sessions, Unreadable):
        return unknown(sessions.reason)
    bad = [session for session in sessions if session.get("Running", True) and _too_strong(session, facts)]
    effective = plural(len(sessions), "session")
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


def _closed(facts: ContainerFacts) -> tuple[Evidence, ...]:
    """Sessions of the last day in Podman's events."""
    events = facts.exec_events
    if isinstance(events, Unreadable) or not events:
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
    """Privileged, or root where the service is not. Without the kernel's answer, names decide; a session
    without a user runs as the container's user."""
    if section(session, "ProcessConfig").get("privileged"):
        return True
    kernel = facts.kernel
    main = kernel.uid if isinstance(kernel, Kernel) else None
    uid = facts.exec_uids.get(str(session.get("ID")))
    if isinstance(kernel, Kernel) and uid is not None and isinstance(main, int):
        return uid_inside(kernel, uid) == 0 and uid_inside(kernel, main) != 0
    user = _user(session)
    return bool(user) and is_root(user) and not is_root(declared_user(facts))


def _rights(session: Mapping[str, Any]) -> str:
    privileged = "privileged, " if section(session, "ProcessConfig").get("privileged") else ""
    return f"{privileged}user {_user(session) or 'of the container'}"


def _example(*sessions: Mapping[str, Any]) -> ContainerFacts:
    return container(
        (USER, "1001"),
        kernel=Kernel(7),
        inspect={"ExecIDs": [session["ID"] for session in sessions]},
        exec_sessions=sessions,
    )


CHECK = Check(
    title="Exec session with more rights than the service",
    severity=Severity.HIGH,
    closer=True,
    summary="End the session and move what it was for into the image or the configuration",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        _example(),
        _example({"ID": "ab", "ProcessConfig": {"user": "1001", "privileged": False}}),
        container(),
        replace(_example(), exec_events=(datetime(2025, 12, 31, 23, 5, tzinfo=UTC),)),
    ),
    fails=lambda: (
        _example({"ID": "ab", "ProcessConfig": {"user": "root", "privileged": False}}),
        _example({"ID": "cd", "ProcessConfig": {"user": "", "privileged": True}}),
        replace(
            _example({"ID": "ef", "ProcessConfig": {"user": "toor", "privileged": False}}),
            kernel=Kernel(7, uid=1001, uid_map=(IdRange(0, 0, 4294967295),)),
            exec_uids={"ef": 0},
        ),
    ),
    references=("CIS Docker 1.6 5.23", "CIS Docker 1.6 5.24", "NIST SP 800-190 4.4.5"),
    catalogue="S4-06",
)
