"""The container shares memory or the host name with the host.

What it checks:
Whether the container uses the host's IPC namespace (`--ipc=host`) or UTS namespace (`--uts=host`). For a
running container, the namespaces are compared with the host's.

Why it matters:
In the host's IPC namespace, /dev/shm, shared memory and message queues of all other programs are open:
browsers, databases and agents keep data there, and whoever can write to it can manipulate them. Podman also
silently turns off SELinux separation for such a container. With the host's UTS namespace and SYS_ADMIN, the
host name can be changed, which confuses logs and certificates; by itself that is a minor issue.

What may break:
Programs that exchange data with the host through shared memory (some databases, graphics and GPU workloads).
Run both sides as containers of one pod, which share an IPC namespace only with each other.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import IPC, UTS


def evaluate(facts: ContainerFacts) -> Verdict:
    ipc, uts = facts.spec[IPC], facts.spec[UTS]
    live = ask(facts, lambda kernel: kernel.shared_namespaces)
    memory = "ipc" in live if isinstance(live, frozenset) else ipc == "host"

    def assess(shared: frozenset[str]) -> tuple[bool, str]:
        both = [kind for kind in ("ipc", "uts") if kind in shared]
        return bool(both), f"shared with the host: {', '.join(both) or 'neither ipc nor uts'}"

    return judge(
        live,
        assess,
        declared_bad="host" in (ipc, uts),
        declared=f"ipc {ipc or 'default'}, uts {uts or 'default'}",
        reason="the host's shared memory is accessible" if memory else "the host name can be changed",
        where=proc(facts, "ns/ipc, ns/uts"),
        severity=Severity.HIGH if memory else Severity.LOW,
    )


def remediate(spec: Spec, context: FixContext) -> Spec:
    return spec.without(*(option for option in (IPC, UTS) if spec[option] == "host"))


CHECK = Check(
    title="Shares the host's IPC or UTS namespace",
    severity=Severity.HIGH,  # shared memory of the host's services can be read and written
    points=1,
    summary="Give the container its own IPC and UTS namespaces",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container((IPC, "private"), kernel=Kernel(7, shared_namespaces=frozenset())),
    ),
    fails=lambda: (
        container((IPC, "host")),
        container((UTS, "host")),
        container((IPC, "host"), (UTS, "host"), kernel=Kernel(7, shared_namespaces=frozenset({"ipc"}))),
    ),
    references=("CIS Docker 1.6 5.17", "CIS Docker 1.6 5.21", "NIST SP 800-190 4.4.3"),
    catalogue="S5-16",
)
