"""How findings add up: from where an attacker comes, as whom, to where. One plain sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hardentui.harden.severity import has_own_user_namespace
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.finding import Finding
from hardentui.options import NETWORK, PRIVILEGED, PUBLISH, USER

_WAYS_TO_THE_HOST = {
    "mounted-engine-socket": "can command the engine through its socket",
    "privileged": "runs privileged",
    "sensitive-host-mount": "can reach directories of the host",
    "host-takeover-capabilities": "holds capabilities that lead to the host",
    "host-pid": "sees and reaches the processes of the host",
    "host-devices": "can use devices of the host",
}
_WEAK_WALLS = {
    "seccomp-unconfined": "no system-call filter",
    "new-privileges-allowed": "set-user-id programs may raise its rights",
    "unmasked-system-paths": "kernel settings are not masked",
    "apparmor-unconfined": "no AppArmor profile",
    "selinux-disabled": "no SELinux separation",
}


class RankedPath(NamedTuple):
    """A container's path, worse ones with the higher danger."""

    danger: int
    name: str
    sentence: str


_WEIGHT: Mapping[str, int] = {
    "mounted-engine-socket": 8,
    "privileged": 8,
    "sensitive-host-mount": 6,
    "host-takeover-capabilities": 6,
    "host-pid": 4,
    "host-devices": 4,
}
"""How far a way leads: the whole host at once, most of it, or a part of it."""


def ranked_paths(
    subjects: Iterable[tuple[ContainerFacts, Iterable[Finding]]], most: int = 3
) -> tuple[RankedPath, ...]:
    """The worst paths of all containers, the worst first; a name decides between equals.

    Danger is how far the ways to the host lead, raised by each missing wall, and doubled for each of: anybody
    can knock (a port on all addresses, or the host's own network), and the process is root of the host. A
    container that does not run is halved: nobody can use it before it is started. Only what has a way to the
    host is ranked.
    """
    found = []
    for facts, findings in subjects:
        findings = tuple(findings)
        failing = {finding.check for finding in findings if finding.failing}
        ways = sum(_WEIGHT[check] for check in failing if check in _WEIGHT)
        sentence = attack_path(facts, findings) if ways else ""
        if not sentence:
            continue
        danger = (ways + sum(check in failing for check in _WEAK_WALLS)) * 4
        danger *= 2 if _is_reachable(facts) else 1
        danger *= 2 if "as root of the host" in _identity(facts) else 1
        found.append(RankedPath(danger if facts.running else danger // 2, facts.name, sentence))
    return tuple(sorted(found, key=lambda path: (-path.danger, path.name))[:most])


def _is_reachable(facts: ContainerFacts) -> bool:
    return "host" in facts.spec[NETWORK] or any(port.on_all_addresses for port in facts.spec[PUBLISH])


def attack_path(facts: ContainerFacts, findings: Iterable[Finding]) -> str:
    """The path through this container, or an empty text when nothing serious adds up."""
    failing = {finding.check for finding in findings if finding.failing}
    ways = [text for check, text in _WAYS_TO_THE_HOST.items() if check in failing]
    walls = [text for check, text in _WEAK_WALLS.items() if check in failing]
    if not ways and not walls:
        return ""
    parts = [part for part in (_entrance(facts), _identity(facts)) if part]
    sentence = ", ".join(parts) or "Whoever gets in"
    return f"{sentence}: {', '.join((ways + walls)[:3])}."


def _entrance(facts: ContainerFacts) -> str:
    if "host" in facts.spec[NETWORK]:
        return "Open on every port of the host"
    ports = [port for port in facts.spec[PUBLISH] if port.on_all_addresses]
    if ports:
        named = ", ".join(f"*:{port.host or 'random'}" for port in ports[:2])
        return f"Reachable from outside on {named}{' and more' if len(ports) > 2 else ''}"
    if facts.spec[PUBLISH]:
        return "Reachable from this host only"
    return "Not published"


def _identity(facts: ContainerFacts) -> str:
    kernel = facts.kernel
    uid = kernel.uid if isinstance(kernel, Kernel) and isinstance(kernel.uid, int) else None
    inside_root = facts.spec[USER].split(":")[0] in ("", "0", "root")
    if uid == 0 and not has_own_user_namespace(facts):
        return "as root of the host"
    if inside_root and facts.engine.rootless is False and not has_own_user_namespace(facts) and uid is None:
        return "as root of the host when it runs"
    if facts.spec[PRIVILEGED] and facts.engine.rootless is False:
        return "with all rights"
    return f"as host user {uid}" if uid is not None else ""
