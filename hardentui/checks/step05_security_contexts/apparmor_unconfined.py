"""AppArmor does not confine the container.

What it checks:
On a host with AppArmor and a rootful engine: whether the container runs under a profile. It does not with
`apparmor=unconfined` or in privileged mode. For a running container, the label of the main process decides;
a stacked label such as `containers-default-…//&crun (mixed)` counts as confined. Podman applies no profile to
rootless containers, nor on hosts that use SELinux.

Why it matters:
The default profile denies what a container never needs: writing kernel settings below /proc/sys and /sys,
mounting, tracing processes outside. If another barrier fails (a kept capability, a removed mask), the profile
still says no.

What may break:
Programs that mount, trace other processes or change kernel settings from inside. Give them a profile of
their own that allows just that, rather than none.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import APPARMOR, PRIVILEGED
from hardentui.reading.security_modules import unconfined_by_apparmor, without_apparmor


def evaluate(facts: ContainerFacts) -> Verdict:
    without = without_apparmor(facts)
    if without:
        return without
    why = _switched_off(facts.spec)
    return judge(
        ask(facts, lambda kernel: kernel.lsm_label),
        lambda label: (unconfined_by_apparmor(label), label or "no label"),
        declared_bad=bool(why),
        declared=why or f"profile {facts.spec[APPARMOR] or 'of the engine'}",
        reason="the container runs without an AppArmor profile",
        where=proc(facts, "attr/current"),
    )


def _switched_off(spec: Spec) -> str:
    if spec[APPARMOR]:
        return "apparmor=unconfined" if spec[APPARMOR] == "unconfined" else ""
    return "privileged" if spec[PRIVILEGED] else ""


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[APPARMOR] == "unconfined":
        spec = spec.without(APPARMOR)
    if _switched_off(spec):
        raise CannotFix(
            "privileged mode also turns AppArmor off",
            "Fix both at once (add --check privileged), or name a profile.",
        )
    return spec


_APPARMOR = EngineFacts(info={"host": {"security": {"apparmorEnabled": True}}})
_SELINUX = EngineFacts(info={"host": {"security": {"selinuxEnabled": True}}})

CHECK = Check(
    title="Not confined by AppArmor",
    severity=Severity.MEDIUM,  # a layer is missing (CIS 5.2)
    points=4,
    summary="Run the container under an AppArmor profile",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(engine=_APPARMOR),
        container(kernel=Kernel(7, lsm_label="containers-default-0.62.2//&crun (mixed)")),
        container(kernel=Kernel(7, lsm_label="containers-default-0.62.2 (enforce)")),
        container(kernel=Kernel(7, lsm_label="crun (unconfined)"), engine=rootless()),
        container((APPARMOR, "unconfined"), engine=_SELINUX),
    ),
    fails=lambda: (
        container((APPARMOR, "unconfined"), engine=_APPARMOR),
        container(
            (APPARMOR, "unconfined"), kernel=Kernel(7, lsm_label="crun (unconfined)"), engine=_APPARMOR
        ),
        container((PRIVILEGED, True), kernel=Kernel(7, lsm_label="unconfined")),
    ),
    references=("CIS Docker 1.6 5.2", "OWASP Docker rule 6"),
    catalogue="S5-20",
)
