"""Two unrelated containers carry the same SELinux categories.

What it checks:
On a host with SELinux: whether the categories in the container's label (`s0:c12,c815`) are also those of a
container of another pod or application, or whether the level was forced to a bare `s0` without categories.
Containers that SELinux does not confine at all are covered by `selinux-disabled`.

Why it matters:
All containers run in the same SELinux domain; only the categories keep them apart. With equal categories, a
process in one may open the other's files and signal its processes as far as ordinary permissions allow, and
both are often root. A level without categories is below all of them.

What may break:
Containers that share files through a common level lose access to what the other one labelled with `:Z`. Use
`:z` for a directory shared by several containers, or put them into one pod, which has one level.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.network import Peer, Peers
from hardentui.options import LABEL_LEVEL, PRIVILEGED
from hardentui.reading.containers import is_planned, related
from hardentui.reading.security_modules import (
    UNCONFINED_TYPES,
    selinux_switched_off,
    selinux_type,
    without_selinux,
)


def evaluate(facts: ContainerFacts) -> Verdict:
    without = without_selinux(facts)
    if without:
        return without
    label = _label(facts)
    if selinux_type(label) in UNCONFINED_TYPES if label else selinux_switched_off(facts.spec):
        return not_applicable("SELinux does not confine the container (see selinux-disabled)")
    forced = facts.spec[LABEL_LEVEL]
    declared = f"level {forced or 'chosen by Podman'}"
    level = _level(label) or forced
    evidence = (Evidence(proc(facts, "attr/current"), label or declared),)
    if level and not _categories(level) and (forced or label):
        return failed("the level has no categories", declared, label, evidence)
    if not level:
        return passed(declared, reason="Podman picks categories that no other container has")
    same = [
        peer.name
        for peer in facts.peers.with_categories(frozenset(_categories(level).split(",")))
        if peer.id != facts.id and not related(facts, peer)
    ]
    if same:
        return failed(f"the same categories as {listed(same)}", declared, label, evidence)
    return passed(declared, label, evidence)


def _label(facts: ContainerFacts) -> str:
    """The live label, otherwise the one that Podman recorded; empty for a plan."""
    live = ask(facts, lambda kernel: kernel.lsm_label)
    if isinstance(live, str) and live:
        return live
    return "" if is_planned(facts) else str(facts.inspect.get("ProcessLabel") or "")


def _level(label: str) -> str:
    return label.split(":", 3)[3] if label.count(":") >= 3 else ""


def _categories(level: str) -> str:
    return level.partition(":")[2]


def remediate(spec: Spec, context: FixContext) -> Spec:
    return spec.without(LABEL_LEVEL)


_SELINUX = EngineFacts(info={"host": {"security": {"selinuxEnabled": True}}})
_PEER = Peer("2" * 64, "db", process_label="system_u:system_r:container_t:s0:c1,c2", pod="p")
_PEERS = Peers((_PEER,))

CHECK = Check(
    title="SELinux categories shared between containers",
    severity=Severity.MEDIUM,  # SELinux does not keep these containers apart
    compares=True,
    summary="Let Podman choose the SELinux level",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(engine=_SELINUX, peers=_PEERS),
        container(kernel=Kernel(7, lsm_label="system_u:system_r:container_t:s0:c3,c4"), peers=_PEERS),
        container((LABEL_LEVEL, "s0:c1,c2"), engine=_SELINUX, peers=_PEERS, inspect={"Pod": "p"}),
        container((PRIVILEGED, True), engine=_SELINUX),
    ),
    fails=lambda: (
        container((LABEL_LEVEL, "s0:c2,c1"), engine=_SELINUX, peers=_PEERS),
        container((LABEL_LEVEL, "s0"), engine=_SELINUX),
    ),
    references=("NIST SP 800-190 4.3.4",),
    catalogue="S5-19",
)
