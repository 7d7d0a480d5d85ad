"""The kernel denied the container something in the last day.

What it checks:
Audit log entries that seccomp, SELinux or AppArmor wrote when they denied this container something in the
last 24 hours.

Why it matters:
Every such entry means one of two things. Either an intruder tried something that the service never does, and
the barrier held this time: then it is the first and often only sign of them. Or the profile is too tight, and
some part of the service has been broken unnoticed.

What may break:
Looking breaks nothing. Relax a profile only when you know what the denied action was for.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import Denial


def evaluate(facts: ContainerFacts) -> Verdict:
    denials = facts.denials
    if not denials:
        return passed(effective="no denials")
    by = listed(frozenset(denial.by for denial in denials))
    evidence = tuple(Evidence(f"audit log, {denial.by}", visible(denial.what, 200)) for denial in denials[:5])
    return failed(
        f"{plural(len(denials), 'action was', 'actions were')} denied by {by}",
        effective=plural(len(denials), "denial"),
        evidence=evidence,
        commands=("ausearch -m AVC,SECCOMP -ts today", "journalctl -k -g 'apparmor=\"DENIED\"' --since -1d"),
    )


CHECK = Check(
    title="Recent kernel denials",
    severity=Severity.MEDIUM,  # something tries what it may not, or a profile is wrong
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
