"""The container sees processes outside itself.

What it checks:
Whether the container shares the PID namespace of the host (`--pid=host`), or of a container that belongs to
another pod or application. For a running container, the namespace is compared with the host's.

Why it matters:
In the host's namespace, every process on the machine is visible: command lines and, for the same user, also
environment variables with passwords and open files through /proc. Root can kill or debug these processes,
and /proc/1/root is the host's filesystem. Podman also silently turns off SELinux separation for such a
container.

What may break:
Monitoring agents, debuggers and init-like tools that watch host processes see only their own. If they need
the host's view by design, run them on the host, or waive the finding with a reason.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.network import Peer, Peers
from hardentui.options import LABELS, PID
from hardentui.reading.containers import peer_called, pod_of, related
from hardentui.reading.mounts import own_user_namespace


def evaluate(facts: ContainerFacts) -> Verdict:
    asked = facts.spec[PID]
    foreign = _is_foreign(facts, asked)
    seen = ask(facts, lambda kernel: kernel.shared_namespaces)
    of_host = "pid" in seen if isinstance(seen, frozenset) else asked == "host"
    severity = Severity.MEDIUM if own_user_namespace(facts) else Severity.HIGH
    if not of_host:
        severity = Severity.MEDIUM

    def assess(shared: frozenset[str]) -> tuple[bool, str]:
        if "pid" in shared:
            return True, "the host's PID namespace"
        return foreign, "not the host's PID namespace"

    return judge(
        seen,
        assess,
        declared_bad=asked == "host" or foreign,
        declared=f"pid {asked or _by_default(facts)}",
        reason="sees the processes of " + ("the host" if of_host else "an unrelated container"),
        where=proc(facts, "ns/pid"),
        severity=severity,
    )


def _by_default(facts: ContainerFacts) -> str:
    """The namespace without `--pid`: in a pod that shares it, the members see each other's processes."""
    shared = (facts.pod or {}).get("SharedNamespaces") or ()
    return "of its pod" if "pid" in shared else "private"


def _is_foreign(facts: ContainerFacts, asked: str) -> bool:
    """Whether it is the namespace of an unrelated container."""
    kind, _, name = asked.partition(":")
    if kind == "ns":
        return True
    if kind != "container" or pod_of(facts):
        return False
    peer = peer_called(facts, name)
    return peer is None or not related(facts, peer)


def remediate(spec: Spec, context: FixContext) -> Spec:
    bad = spec[PID] == "host" or _is_foreign(context.facts.planned(spec), spec[PID])
    return spec.without(PID) if bad else spec


_FRIEND = Peer("2" * 64, "db", app="shop")
_MEMBER = {"Config": {"Labels": {"app": "shop"}}}

CHECK = Check(
    title="Sees processes outside the container",
    severity=Severity.HIGH,  # root's processes can be killed; their memory is one capability away
    points=9,
    compares=True,
    summary="Give the container its own PID namespace",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container(kernel=Kernel(7, shared_namespaces=frozenset({"net"}))),
        container((PID, "container:db"), (LABELS, ("app=shop",)), peers=Peers((_FRIEND,)), inspect=_MEMBER),
    ),
    fails=lambda: (
        container((PID, "host")),
        container((PID, "host"), kernel=Kernel(7, shared_namespaces=frozenset({"pid"}))),
        container((PID, "ns:/proc/1/ns/pid"), kernel=Kernel(7, shared_namespaces=frozenset({"pid"}))),
        container((PID, "container:db"), peers=Peers((_FRIEND,))),
    ),
    references=("CIS Docker 1.6 5.16", "NIST SP 800-190 4.4.3"),
    catalogue="S5-15",
)
