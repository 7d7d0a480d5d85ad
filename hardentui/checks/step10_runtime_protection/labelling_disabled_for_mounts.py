"""SELinux labelling was turned off to make a mount work.

What it checks:
On a host with SELinux: whether the container has `label=disable` together with bind mounts. It is the usual
workaround when a mounted directory is denied, and the wrong one.

Why it matters:
One directory had to be made readable; instead, every file on the host was. SELinux no longer restricts the
container at all, just because of one label that a single letter (`:Z`) would have fixed.

What may break:
The mounted files are denied until they have the right label: add `:Z` (this container only) or `:z` (shared)
for directories that belong to the container. For system directories and sockets, let udica write a type for
this container and set it in the parameter `type`.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import LABEL_DISABLE, LABEL_TYPE, MOUNTS, Mount
from hardentui.reading.mounts import host_mounts, shown
from hardentui.reading.security_modules import selinux_type, without_selinux


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    without = without_selinux(facts)
    if without:
        return without
    mounts = [source.mount for source in host_mounts(facts)]
    if not facts.spec[LABEL_DISABLE]:
        return passed("label=disable is not set")
    if not mounts:
        return passed("label=disable, but no bind mounts", reason="see selinux-disabled")
    live = ask(facts, lambda kernel: kernel.lsm_label)
    effective = live if isinstance(live, str) else ""
    evidence = [Evidence("--security-opt", "label=disable"), Evidence("Mounts", shown(mounts))]
    if selinux_type(effective):
        evidence.append(Evidence(proc(facts, "attr/current"), effective))
    return failed(
        "SELinux is off for every host file because of a mount", "label=disable", effective, tuple(evidence)
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
    severity=Severity.MEDIUM,  # SELinux does not protect this mount
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
