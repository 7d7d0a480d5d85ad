"""The container shares memory with an unrelated container.

What it checks:
Whether the container uses the IPC namespace of another container (`--ipc=container:NAME`, `--ipc=ns:PATH`)
that belongs neither to the same pod nor to the same application. For running containers, the namespaces
themselves are compared, whatever was requested.

Why it matters:
Whoever shares a container's IPC namespace can read and change its shared memory, semaphores, message queues
and /dev/shm. Databases keep their caches there. A vulnerability in one container is then one in both,
without a single packet on the network.

What may break:
Programs that exchange data through shared memory on purpose. Put both into one pod, or give both the same
label `app`, so that the relation is visible.
"""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.checks.prelude import *
from hardentui.model.network import Peer, Peers
from hardentui.options import IPC, LABELS
from hardentui.reading.containers import CONFIGURATION, ask_or, peer_called, pod_of, related, sure


def evaluate(facts: ContainerFacts) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    declared = f"ipc {facts.spec[IPC] or 'default'}"
    sharing = _strangers(facts)
    if sharing:
        names = listed(sharing)
        evidence = (Evidence(proc(facts, "ns/ipc"), f"also the namespace of {names}"),)
        return failed(f"shared memory with {names}", declared, names, evidence)
    asked = _asks_for_stranger(facts, facts.spec[IPC])
    if asked and not isinstance(facts.kernel, Kernel):
        evidence = (Evidence(CONFIGURATION, declared),)
        return failed(f"shared memory with {asked}", declared, "not running", evidence)
    return sure(passed(declared), ask(facts, lambda kernel: kernel.namespaces))


def _strangers(facts: ContainerFacts) -> list[str]:
    """Unrelated containers with the same IPC namespace; host-ipc covers the host's."""
    own = ask_or(facts, lambda kernel: kernel.namespaces.get("ipc"), None)
    if own is None or "ipc" in ask_or(facts, lambda kernel: kernel.shared_namespaces, frozenset()):
        return []
    peers = facts.peers.in_ipc_namespace(own)
    return [peer.name for peer in peers if peer.id != facts.id and not related(facts, peer)]


def _asks_for_stranger(facts: ContainerFacts, asked: str) -> str:
    kind, _, name = asked.partition(":")
    if kind == "ns":
        return name
    if kind != "container" or pod_of(facts):
        return ""
    peer = peer_called(facts, name)
    return "" if peer is not None and related(facts, peer) else name


def remediate(spec: Spec, context: FixContext) -> Spec:
    return spec.without(IPC) if _asks_for_stranger(context.facts.planned(spec), spec[IPC]) else spec


_OWN = "ipc:[4026532000]"
_FRIEND = Peer("2" * 64, "db", app="shop", ipc_namespace=_OWN)
_SHARED = Kernel(7, namespaces={"ipc": _OWN}, shared_namespaces=frozenset())
_MEMBER = {"Config": {"Labels": {"app": "shop"}}}
_ASKED = (IPC, "container:db")

CHECK = Check(
    title="IPC namespace shared with an unrelated container",
    severity=Severity.MEDIUM,  # shared memory of an unrelated service
    points=1,
    compares=True,
    summary="Give the container its own IPC namespace",
    fix=FixKind.RECREATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container(_ASKED, (LABELS, ("app=shop",)), peers=Peers((_FRIEND,)), inspect=_MEMBER, kernel=_SHARED),
        container(peers=Peers((replace(_FRIEND, ipc_namespace="ipc:[1]"),)), kernel=_SHARED),
    ),
    fails=lambda: (
        container(_ASKED, peers=Peers((_FRIEND,))),
        container(_ASKED, peers=Peers((_FRIEND,)), kernel=_SHARED),
        container((IPC, "ns:/proc/812/ns/ipc")),
    ),
    references=("CIS Docker 1.6 5.17", "NIST SP 800-190 4.4.3"),
)
