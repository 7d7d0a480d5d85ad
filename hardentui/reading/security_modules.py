"""The security module that confines containers, SELinux or AppArmor, and its labels."""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Verdict, not_applicable, unknown
from hardentui.model.known import Known, Unread, known
from hardentui.model.spec import Spec
from hardentui.options import (
    IPC,
    LABEL_DISABLE,
    LABEL_LEVEL,
    LABEL_ROLE,
    LABEL_TYPE,
    LABEL_USER,
    PID,
    PRIVILEGED,
)
from hardentui.reading.containers import ask_or, engine_info

SELINUX, APPARMOR_LSM, NO_LSM = "selinux", "apparmor", "none"
UNCONFINED_TYPES = frozenset(
    {"spc_t", "unconfined_t", "unconfined_service_t", "container_runtime_t", "init_t"}
)
"""SELinux types that do not confine a process; which one applies depends on the policy."""


def looks_like_selinux(label: str) -> bool:
    """`user:role:type[:level]`, as SELinux writes it."""
    return label.count(":") >= 2 and "_r:" in label


def selinux_type(label: str) -> str:
    """The type in an SELinux label; empty if it is not one."""
    words = label.split(":")
    return words[2] if looks_like_selinux(label) else ""


def selinux_switched_off(spec: Spec) -> str:
    """The option that makes Podman run the container without SELinux separation; empty if none does."""
    if spec[LABEL_DISABLE]:
        return "label=disable"
    if spec[LABEL_TYPE]:
        return f"label=type:{spec[LABEL_TYPE]}" if spec[LABEL_TYPE] in UNCONFINED_TYPES else ""
    if any(spec[option] for option in (LABEL_LEVEL, LABEL_ROLE, LABEL_USER)):
        return ""
    if spec[PRIVILEGED]:
        return "privileged"
    return next((f"{o.flag}=host" for o in (PID, IPC) if spec[o] == "host"), "")


def lsm(facts: ContainerFacts) -> Known[str]:
    """The security module that confines containers here: `selinux`, `apparmor` or `none`."""
    if label := ask_or(facts, lambda kernel: kernel.lsm_label, ""):
        return SELINUX if looks_like_selinux(label) else APPARMOR_LSM
    security = engine_info(facts.engine, "security")
    if security.get("selinuxEnabled"):
        return SELINUX
    if security.get("apparmorEnabled"):
        return APPARMOR_LSM
    if facts.inspect.get("ProcessLabel"):
        return SELINUX
    if facts.inspect.get("AppArmorProfile"):
        return APPARMOR_LSM
    modules = known(lambda: facts.host.security_modules)
    if not isinstance(modules, Unread):
        if modules.selinux in ("enforcing", "permissive"):
            return SELINUX
        if modules.apparmor is True:
            return APPARMOR_LSM
        if modules.selinux == "absent" and modules.apparmor is False:
            return NO_LSM
    if "selinuxEnabled" in security or "apparmorEnabled" in security:
        return NO_LSM
    return Unread("the engine's security module is not known")


def without_selinux(facts: ContainerFacts) -> Verdict | None:
    """The verdict of SELinux checks if SELinux does not confine containers; None if it does."""
    return _without(facts, SELINUX, "SELinux")


def without_apparmor(facts: ContainerFacts) -> Verdict | None:
    """The same of AppArmor."""
    if facts.engine.rootless is True:
        return not_applicable("Podman applies no AppArmor profile to rootless containers")
    return _without(facts, APPARMOR_LSM, "AppArmor")


def _without(facts: ContainerFacts, wanted: str, name: str) -> Verdict | None:
    module = lsm(facts)
    if isinstance(module, Unread):
        return unknown(module.reason)
    return None if module == wanted else not_applicable(f"the engine does not use {name}")


def unconfined_by_apparmor(label: str) -> bool:
    """Whether no profile applies; a stack with one confining part is confined."""
    return label in ("", "unconfined") or label.endswith("(unconfined)")
