"""The kernel refused it something during the last day.

What it checks:
Lines of the audit log that seccomp, SELinux or AppArmor wrote when they refused this container something
during the last 24 hours.

Why it matters:
Every such line is one of two things. Either an intruder tried something that the service never does, and the
wall held this time: then it is the first and often only sign of them. Or the profile is too tight and the
service has been broken in some corner, unnoticed.

What may break:
Looking breaks nothing. Loosen a profile only when you know what the refused action was for.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.activity import Denial
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Evidence, FixKind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.known import Unreadable
from hardentui.reading.containers import listed
from hardentui.visible import visible
from hardentui.words import plural


def evaluate(facts: ContainerFacts) -> Verdict:
    denials = facts.denials
    if isinstance(denials, Unreadable):
        return unknown(denials.reason)
    if not denials:
        return passed(effective="nothing was refused")
    by = listed(frozenset(denial.by for denial in denials))
    evidence = tuple(Evidence(f"audit log, {one.by}", visible(one.what, 200)) for one in denials[:5])
    return failed(
        f"{plural(len(denials), 'action was', 'actions were')} refused by {by}",
        effective=plural(len(denials), "refusal"),
        evidence=evidence,
        commands=("ausearch -m AVC,SECCOMP -ts today", "journalctl -k -g 'apparmor=\"DENIED\"' --since -1d"),
    )


CHECK = Check(
    title="Recent kernel denials",
    severity=Severity.MEDIUM,
    closer=True,
    summary="Find out whether it was an attack or a profile that is too tight",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (container(denials=()),),
    fails=lambda: (
        container(denials=(Denial("seccomp", "syscall=keyctl comm=x"),)),
        container(denials=(Denial("apparmor", 'operation="open" name="/proc/kcore"'),) * 9),
    ),
    references=("NIST SP 800-190 4.4.4",),
    catalogue="S10-06",
)
