"""SELinux does not confine the container.

What it checks:
On a host with SELinux: whether the container runs in a confined domain (container_t or a custom one). The
separation is off with `label=disable`, in privileged mode, with a type such as spc_t, and silently with
`--pid=host` and `--ipc=host`. For a running container, the label of the main process decides.

Why it matters:
SELinux is the barrier that held in many container escapes: a process of type container_t cannot read or write
host files even as root, because they carry other labels. With spc_t or without a label, a vulnerability in
the runtime, a leaked file descriptor or a careless mount is enough to reach every file on the host.

What may break:
Bind mounts without `:Z` or `:z` are then denied, as host files should be; relabel the directories that belong
to the container. Host sockets and devices may need a custom policy, which udica can write.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import LABEL_DISABLE, LABEL_TYPE, PID, PRIVILEGED
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
    why = selinux_switched_off(facts.spec)
    return judge(
        ask(facts, lambda kernel: kernel.lsm_label),
        lambda label: (selinux_type(label) in (UNCONFINED_TYPES | {""}), label or "no label"),
        declared_bad=bool(why),
        declared=why or f"type {facts.spec[LABEL_TYPE] or 'container_t'}",
        reason="SELinux does not separate the container from the host",
        where=proc(facts, "attr/current"),
    )


def remediate(spec: Spec, context: FixContext) -> Spec:
    spec = spec.without(LABEL_DISABLE)
    if spec[LABEL_TYPE] in UNCONFINED_TYPES:
        spec = spec.without(LABEL_TYPE)
    left = selinux_switched_off(spec)
    if left:
        raise CannotFix(
            f"{left} also turns SELinux off", "Fix that first; a custom type also turns it back on."
        )
    return spec


_SELINUX = EngineFacts(info={"host": {"security": {"selinuxEnabled": True}}})
_APPARMOR = EngineFacts(info={"host": {"security": {"selinuxEnabled": False, "apparmorEnabled": True}}})

CHECK = Check(
    title="Not confined by SELinux",
    severity=Severity.MEDIUM,  # a layer is missing
    points=4,
    summary="Let SELinux confine the container",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(engine=_SELINUX),
        container(kernel=Kernel(7, lsm_label="system_u:system_r:container_t:s0:c1,c2")),
        container((LABEL_DISABLE, True), engine=_APPARMOR),
    ),
    fails=lambda: (
        container((LABEL_DISABLE, True), engine=_SELINUX),
        container((LABEL_TYPE, "spc_t"), engine=_SELINUX),
        container((PID, "host"), engine=_SELINUX),
        container((PRIVILEGED, True), kernel=Kernel(7, lsm_label="system_u:system_r:spc_t:s0")),
    ),
    references=("CIS Docker 1.6 5.3", "OWASP Docker rule 6"),
    catalogue="S5-18",
)
