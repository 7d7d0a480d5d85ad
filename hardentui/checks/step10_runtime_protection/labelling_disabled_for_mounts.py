"""SELinux was switched off to make a mount work.

What it checks:
On a host with SELinux: whether the container has `label=disable` together with bind mounts. It is the usual
way out when a mounted directory is refused, and the wrong one.

Why it matters:
One directory should have been made readable; instead every file of the host was. SELinux no longer keeps
the container from anything, only because of one label that a single letter (`:Z`) would have put right.

What may break:
The mounted files are refused until they carry the right label: add `:Z` (this container only) or `:z`
(shared) for directories that belong to the container. For directories of the system, and for sockets, have
udica write a type for this container and give it as parameter `type`.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, EngineFacts
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.options import LABEL_DISABLE, LABEL_TYPE, MOUNTS, Mount
from hardentui.reading.containers import SELINUX, ask, lsm, proc, selinux_type
from hardentui.reading.mounts import host_mounts, shown


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    module = lsm(facts)
    if isinstance(module, Unreadable):
        return unknown(module.reason)
    if module != SELINUX:
        return not_applicable("the engine does not use SELinux")
    mounts = [one.mount for one in host_mounts(facts)]
    if not facts.spec[LABEL_DISABLE]:
        return passed("label=disable is not set")
    if not mounts:
        return passed("label=disable, but no bind mounts", reason="judged by selinux-disabled")
    live = ask(facts, lambda kernel: kernel.lsm_label)
    effective = live if isinstance(live, str) else ""
    evidence = [Evidence("--security-opt", "label=disable"), Evidence("Mounts", shown(mounts))]
    if selinux_type(effective):
        evidence.append(Evidence(proc(facts, "attr/current"), effective))
    return failed(
        "every file of the host was opened for one mount", "label=disable", effective, tuple(evidence)
    )


def remediate(spec: Spec, context: FixContext) -> Spec:
    own_type = context.parameters.text("type")
    spec = spec.without(LABEL_DISABLE)
    return spec.with_(LABEL_TYPE, own_type) if own_type else spec


_SELINUX = EngineFacts(info={"host": {"security": {"selinuxEnabled": True}}})
_NONE = EngineFacts(info={"host": {"security": {"selinuxEnabled": False}}})
_BIND = (MOUNTS, (Mount("bind", "/srv/web", "/w"),))

CHECK = Check(
    title="SELinux labelling disabled for a mount",
    severity=Severity.MEDIUM,
    summary="Turn SELinux labelling back on and label the mounted directories",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"type": ""},
    takes={"type": "selinux-type"},
    passes=lambda: (
        container(_BIND, engine=_SELINUX),
        container((LABEL_DISABLE, True), _BIND, engine=_NONE),
    ),
    fails=lambda: (container((LABEL_DISABLE, True), _BIND, engine=_SELINUX),),
    references=("CIS Docker 1.6 5.3", "OWASP Docker rule 6"),
    catalogue="S10-10",
)
