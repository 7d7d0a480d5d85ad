"""Capabilities that allow taking over the host.

What it checks:
Whether the container's processes have, or can get, one of SYS_ADMIN, SYS_MODULE, SYS_RAWIO, SYS_PTRACE,
DAC_READ_SEARCH, BPF, MAC_ADMIN, MAC_OVERRIDE. The bounding sets of the running
processes decide.

Why it matters:
SYS_ADMIN, SYS_MODULE, SYS_RAWIO and DAC_READ_SEARCH are each a way out by themselves: mount the host's disk,
load a kernel module, read any file by its handle; so is SYS_PTRACE if the host's processes are visible. The
others remove a barrier: SELinux or AppArmor rules, the programs in the kernel. An attacker who is root in a
container with one of them needs no kernel vulnerability. A user namespace removes most of the danger, since
the capability then counts only for what belongs to that namespace.

What may break:
The feature that the capability was added for: mounting (SYS_ADMIN), debuggers and profilers (SYS_PTRACE), raw
hardware access, kernel tracing. Often there is a smaller right: a volume instead of a mount, PERFMON instead
of SYS_ADMIN, a helper on the host.
"""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.checks.examples import DEFAULT_CAPABILITIES
from hardentui.checks.prelude import *
from hardentui.model.facts import CapabilitySets
from hardentui.options import CAP_ADD, CAP_DROP, PID, PRIVILEGED
from hardentui.reading.behaviour import about_dropping
from hardentui.reading.capabilities import HOST_TAKEOVER, drop_group, granted, judge_group


def evaluate(facts: ContainerFacts) -> Verdict:
    verdict = judge_group(facts, HOST_TAKEOVER)
    if verdict.status is Status.FAIL and not _alone(facts):
        return replace(verdict, severity=Severity.HIGH)
    return verdict


def _alone(facts: ContainerFacts) -> bool:
    """Whether one of them is enough to reach the host; tracing also needs to see the host's processes."""
    held = granted(facts)
    return bool(held & _ALONE) or ("CAP_SYS_PTRACE" in held and _sees_host_processes(facts))


def _sees_host_processes(facts: ContainerFacts) -> bool:
    shared = ask(facts, lambda kernel: kernel.shared_namespaces)
    return "pid" in shared if isinstance(shared, frozenset) else facts.spec[PID] == "host"


def remediate(spec: Spec, context: FixContext) -> Spec:
    return drop_group(spec, context.facts, HOST_TAKEOVER)


_ALONE = frozenset({"CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_DAC_READ_SEARCH"})
_LIVE = CapabilitySets(bounding=frozenset({"CAP_SYS_ADMIN", "CAP_CHOWN"}))

CHECK = Check(
    title="Capabilities that allow host takeover",
    severity=Severity.CRITICAL,  # the capability itself leads to the host
    points=2,
    takes_over=True,
    summary="Drop the capabilities that allow host takeover",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=about_dropping,
    passes=lambda: (
        container(),
        container((CAP_DROP, ("all",)), kernel=Kernel(7, capabilities=CapabilitySets())),
    ),
    fails=lambda: (
        container((CAP_ADD, ("SYS_ADMIN", "NET_ADMIN"))),
        container((CAP_ADD, ("all",))),
        container((CAP_ADD, ("cap_sys_admin",)), kernel=Kernel(7, capabilities=_LIVE)),
        container(engine=rootful(default_capabilities=DEFAULT_CAPABILITIES | {"CAP_SYS_PTRACE"})),
        container((PRIVILEGED, True)),
    ),
    references=("CIS Docker 1.6 5.4", "OWASP Docker rule 3"),
    catalogue="S8-02",
    contextual=True,
)
