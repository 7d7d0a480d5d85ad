"""Known conflicts between a fix and the container it is meant for."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.spec import Spec
from hardentui.options import (
    CAP_DROP,
    CPUS,
    MEMORY,
    MOUNTS,
    NO_NEW_PRIVILEGES,
    PIDS_LIMIT,
    READ_ONLY,
    USER,
    USERNS,
)
from hardentui.options.capabilities import bounding_set
from hardentui.reading.containers import declared_user, is_root, listed, runs_systemd
from hardentui.reading.limits import cgroup_version

_OF_ENTRY_POINTS = frozenset({"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SETGID", "CAP_SETUID"})


def conflicts_of(facts: ContainerFacts, after: Spec, checks: tuple[str, ...]) -> tuple[str, ...]:
    """One sentence for each known conflict of the new spec that the old one does not have."""
    if not checks:
        return ()
    return tuple(text for conflict in _CONFLICTS if (text := conflict(facts, after)))


def _newly(facts: ContainerFacts, after: Spec, option: object) -> bool:
    return option in after and option not in facts.spec


def _user_namespace_and_volumes(facts: ContainerFacts, after: Spec) -> str:
    shifted = [
        mount.destination
        for mount in after[MOUNTS]
        if mount.type in ("volume", "bind")
        and not any(option[:5] in ("U", "idmap") for option in mount.options)
    ]
    if _newly(facts, after, USERNS) and shifted:
        return (
            f"A user namespace shifts IDs: files in {listed(shifted)} will belong to other users. "
            "Mount them with :U, or change their owner once."
        )
    return ""


def _capabilities_and_root(facts: ContainerFacts, after: Spec) -> str:
    left = bounding_set(after, facts.engine.default_capabilities)
    root = is_root(declared_user(facts.replace(spec=after)))
    if _newly(facts, after, CAP_DROP) and root and not left >= _OF_ENTRY_POINTS:
        return (
            "Entrypoints that start as root and then change file owners or users need CHOWN, DAC_OVERRIDE, "
            "SETUID and SETGID; add back those that are missing."
        )
    return ""


def _no_new_privileges_and_setuid(facts: ContainerFacts, after: Spec) -> str:
    if _newly(facts, after, NO_NEW_PRIVILEGES) and after[USER]:
        return "Setuid programs (sudo, ping, su) lose their extra privileges with no-new-privileges."
    return ""


def _systemd_inside(facts: ContainerFacts, after: Spec) -> str:
    if runs_systemd(facts.replace(spec=after)) and (
        _newly(facts, after, READ_ONLY) or _newly(facts, after, CAP_DROP) or _newly(facts, after, USER)
    ):
        return (
            "systemd runs inside this container: it needs root inside, a writable /etc for some units, and "
            "capabilities for the services it starts. Try each of these fixes alone."
        )
    return ""


def _limits_without_controllers(facts: ContainerFacts, after: Spec) -> str:
    limited = [option for option in (MEMORY, CPUS, PIDS_LIMIT) if _newly(facts, after, option)]
    host = known(lambda: facts.engine.info.get("host"), else_=None) or {}
    if not limited or facts.engine.rootless is not True:
        return ""
    if host.get("cgroupVersion") == "v1":
        return "A rootless engine on cgroup v1 ignores limits: they are configured but not enforced."
    return ""


def _systemd_in_a_user_namespace(facts: ContainerFacts, after: Spec) -> str:
    if not runs_systemd(facts) or not _newly(facts, after, USERNS) or cgroup_version(facts) != "v1":
        return ""
    return (
        "systemd runs inside this container, and this host uses cgroup v1, where systemd may exit at once in "
        "its own user namespace. Try that fix alone."
    )


_CONFLICTS: tuple[Callable[[ContainerFacts, Spec], str], ...] = (
    _systemd_inside,
    _systemd_in_a_user_namespace,
    _user_namespace_and_volumes,
    _capabilities_and_root,
    _no_new_privileges_and_setuid,
    _limits_without_controllers,
)
