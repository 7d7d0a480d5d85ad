"""Which security module confines a container, with which label, and a dedicated policy for it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from hardentui.model.facts import (
    CapabilitySets,
    ContainerFacts,
    Kernel,
    NotRunning,
)
from hardentui.model.file_names import safe_file_name
from hardentui.model.known import Known, Unread, known
from hardentui.options import APPARMOR, LABEL_TYPE
from hardentui.reading.capabilities import (
    declared_set,
    live_sets,
)
from hardentui.reading.confinement import (
    APPARMOR_LSM,
    SELINUX,
    UNCONFINED_TYPES,
    lsm,
    selinux_switched_off,
    selinux_type,
)
from hardentui.reading.host_words import to_install
from hardentui.visible import command_word
from hardentui.words import own_command
from hardentui.writers.profiles import AppArmorProfile, apparmor_profile


class Confinement(StrEnum):
    """How a container is confined."""

    CONFINED = "confined"
    COMPLAINING = "only logged"
    UNCONFINED = "unconfined"
    NONE = "no security module"
    UNKNOWN = "unknown"


class LsmPage(Struct, frozen=True):
    """The security module's hold on one container."""

    container: str
    engine: str
    running: bool
    module: str  # `selinux`, `apparmor`, `none`; empty when it is not known
    state: Confinement
    # of the main process, as reported by the kernel; empty if it is not running or has none
    label: str = ""
    asked: str = ""
    why: str = ""
    own_policy: bool = False
    # how to create and use a dedicated policy; none without a module
    commands: tuple[str, ...] = ()
    # an AppArmor profile from what it declares; None if AppArmor does not confine it
    profile: AppArmorProfile | None = None


def lsm_page(facts: ContainerFacts) -> LsmPage:
    """The page of a container."""
    module = lsm(facts)
    if isinstance(module, Unread):
        return _page(
            facts,
            "",
            Confinement.UNKNOWN,
            module.reason,
        )
    if module == SELINUX:
        return _selinux(facts)
    if module == APPARMOR_LSM:
        return _apparmor(facts)
    return _page(
        facts,
        "none",
        Confinement.NONE,
        "this kernel has neither SELinux nor AppArmor, so only capabilities and seccomp confine it",
    )


def _page(
    facts: ContainerFacts,
    module: str,
    state: Confinement,
    why: str,
    **more: object,
) -> LsmPage:
    return LsmPage(
        facts.name,
        facts.engine.label,
        not isinstance(facts.kernel, NotRunning),
        module,
        state,
        why=why,
        **more,  # type: ignore[arg-type]
    )


def _label(facts: ContainerFacts) -> Known[str]:
    kernel = facts.kernel
    return known(lambda: kernel.lsm_label) if isinstance(kernel, Kernel) else ""


def _selinux(facts: ContainerFacts) -> LsmPage:
    label = _label(facts)
    off = selinux_switched_off(facts.spec)
    asked = off or f"type {facts.spec[LABEL_TYPE] or 'container_t'}"
    commands = _udica(facts)
    if isinstance(label, Unread):
        return _page(
            facts, SELINUX, Confinement.UNKNOWN, label.reason, asked=asked, commands=commands
        )
    kind = selinux_type(label)
    unconfined = kind in UNCONFINED_TYPES if kind else bool(off)
    mode = known(lambda: facts.host.security_modules.selinux, else_="")
    if unconfined:
        state, why = Confinement.UNCONFINED, "SELinux does not restrict it"
    elif mode == "permissive":
        state, why = Confinement.COMPLAINING, "SELinux is permissive: denials are only logged"
    else:
        state, why = Confinement.CONFINED, f"it runs as {kind or asked}"
    own = (
        bool(kind)
        and kind not in ("container_t", "container_init_t", "container_kvm_t")
        and not unconfined
    )
    return _page(
        facts,
        SELINUX,
        state,
        why,
        label=label,
        asked=asked,
        own_policy=own,
        commands=() if own else commands,
    )


def _udica(facts: ContainerFacts) -> tuple[str, ...]:
    """udica writes a policy from the output of inspect: mounts, ports, capabilities."""
    name = command_word(facts.name, "NAME")
    policy = safe_file_name(facts.name).replace(".", "_").replace("-", "_") + "_policy"
    return (
        to_install(known(lambda: facts.host.os_release, else_={}), "udica"),
        f"podman inspect {name} > {policy}.json",
        f"sudo udica -j {policy}.json {policy}",
        f"sudo semodule -i {policy}.cil /usr/share/udica/templates/base_container.cil",
        f"podman run --security-opt label=type:{policy}.process …   (as udica prints it)",
    )


def _apparmor(facts: ContainerFacts) -> LsmPage:
    if facts.engine.rootless is True:
        why = "Podman applies no AppArmor profile to rootless containers"
        return _page(
            facts,
            APPARMOR_LSM,
            Confinement.UNCONFINED,
            why,
        )
    label = _label(facts)
    asked = facts.spec[APPARMOR] or "the engine's profile"
    profile = _profile(facts)
    commands = (
        own_command(
            facts.engine.found_with,
            "fix",
            command_word(facts.name, "NAME"),
            *("--as-is", "--to", "apparmor", "-o", "."),
        ),
        f"sudo install -m 0644 {profile.name} /etc/apparmor.d/",
        f"sudo apparmor_parser -r -W /etc/apparmor.d/{profile.name}",
        f"podman run --security-opt apparmor={profile.name} IMAGE",
    )
    more: dict[str, object] = {"asked": asked, "commands": commands, "profile": profile}
    if isinstance(label, Unread):
        return _page(
            facts,
            APPARMOR_LSM,
            Confinement.UNKNOWN,
            label.reason,
            **more,
        )
    name = label.partition(" ")[0]
    own = bool(name) and name != "unconfined" and not name.startswith("containers-default")
    if own:
        more |= {"commands": ()}
    running = facts.running
    if running and name in ("", "unconfined"):
        state, why = Confinement.UNCONFINED, "it runs under no profile"
    elif label.endswith("(complain)"):
        state, why = Confinement.COMPLAINING, "its profile is in complain mode"
    elif label.endswith("(unconfined)"):
        state, why = Confinement.UNCONFINED, "its profile is unconfined"
    elif running:
        state, why = Confinement.CONFINED, f"it runs under {name}"
    else:
        state, why = Confinement.UNKNOWN, "it is not running, so its profile is unknown"
    return _page(
        facts,
        APPARMOR_LSM,
        state,
        why,
        label=label,
        own_policy=own,
        **more,
    )


def _profile(facts: ContainerFacts) -> AppArmorProfile:
    """For what the container declares, narrowed to what it really has."""
    sets = live_sets(facts)
    held = sets.bounding if isinstance(sets, CapabilitySets) else declared_set(facts)
    return apparmor_profile(facts.name, facts.spec, held)
