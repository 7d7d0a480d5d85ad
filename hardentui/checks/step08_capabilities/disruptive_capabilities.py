"""Capabilities that can disrupt the host or its neighbours.

What it checks:
Whether the container's processes have, or can get, one of NET_ADMIN, SYS_TIME, SYS_BOOT, SYSLOG,
AUDIT_CONTROL, AUDIT_READ, SYS_RESOURCE, PERFMON, LINUX_IMMUTABLE, IPC_OWNER, IPC_LOCK, SYS_NICE, LEASE,
CHECKPOINT_RESTORE, SYS_TTY_CONFIG, SYS_PACCT, WAKE_ALARM, BLOCK_SUSPEND. The bounding sets of the running
processes decide.

Why it matters:
They do not lead to the host by themselves, but they can harm it: set the clock (which breaks certificates and
logs), reboot, read or silence the audit log, take another process's PID, read kernel messages and addresses,
exceed limits, redirect or sniff traffic on the container's networks. Old kernel vulnerabilities that need
NET_ADMIN are among the most exploited.

What may break:
VPNs, firewalls and network tools need NET_ADMIN, time servers SYS_TIME, real-time audio SYS_NICE, stores of
secrets IPC_LOCK, some databases SYS_NICE, IPC_LOCK or SYS_RESOURCE (most only complain and continue). Keep
only the one that is really needed.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import CapabilitySets
from hardentui.options import CAP_ADD, PRIVILEGED
from hardentui.reading.behaviour import about_dropping
from hardentui.reading.capabilities import DISRUPTIVE, drop_group, judge_group


def evaluate(facts: ContainerFacts) -> Verdict:
    return judge_group(facts, DISRUPTIVE)


def remediate(spec: Spec, context: FixContext) -> Spec:
    return drop_group(spec, context.facts, DISRUPTIVE)


_QUIET = CapabilitySets(bounding=frozenset({"CAP_CHOWN"}))

CHECK = Check(
    title="Capabilities that can disrupt host or neighbours",
    severity=Severity.MEDIUM,  # can disturb, not take over: clock, locked memory, its own network
    points=5,
    summary="Drop the disruptive capabilities",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=about_dropping,
    passes=lambda: (container(), container(kernel=Kernel(7, capabilities=_QUIET))),
    fails=lambda: (
        container((CAP_ADD, ("NET_ADMIN", "NET_RAW"))),
        container((CAP_ADD, ("ALL",))),
        container((PRIVILEGED, True)),
    ),
    references=("CIS Docker 1.6 5.4", "OWASP Docker rule 3"),
    catalogue="S8-03",
    contextual=True,
)
