"""Attack paths: who a container runs as, who can reach it, and how it leads to the host.

One sentence per container, ranked across containers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from msgspec import Struct

from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Status
from hardentui.model.gain import Reach
from hardentui.model.host import ApiService
from hardentui.model.mount import HostMount
from hardentui.model.spec import Port
from hardentui.options import PRIVILEGED
from hardentui.reading.capabilities import HOST_TAKEOVER, granted, short
from hardentui.reading.containers import is_infra, listed, pod_of
from hardentui.reading.foothold import host_uid, is_engine_user, is_root_of_host
from hardentui.reading.mounts import at_or_above
from hardentui.reading.networks import (
    modes_of,
    on_host_network,
    ports_of_pod,
    published,
    publishes_more,
    reach,
)
from hardentui.reading.sensitive_mounts import sensitive_mounts
from hardentui.reading.sockets import control_sockets, engine_mounts, reachable_api
from hardentui.reading.user_namespaces import own_user_namespace


class RankedPath(Struct, frozen=True):
    """The attack path of a container; a higher danger is worse."""

    danger: int
    name: str
    sentence: str  # about the container, without its name
    engine: str = ""
    id: str = ""
    also: tuple[str, ...] = ()  # names of other containers of this engine with the same path
    checks: tuple[str, ...] = ()  # the failing checks on the path


Words: TypeAlias = "Callable[[ContainerFacts, Finding], str]"
"""What a way allows, as a verb phrase with the container as subject."""


def _privileged(facts: ContainerFacts, finding: Finding) -> str:
    where = " within its user namespace" if own_user_namespace(facts) else ""
    if facts.spec[PRIVILEGED]:
        return f"is privileged{where}"
    return f"has all the privileges of privileged mode{where}"


def _socket(facts: ContainerFacts, finding: Finding) -> str:
    paths = list(dict.fromkeys(mount.path for mount in engine_mounts(facts)))
    nearest = [
        path
        for path in paths
        if not any(at_or_above(path, other) for other in paths if other != path)
    ]
    if not nearest and isinstance(api := reachable_api(facts), ApiService):
        return f"can control the engine through {api.address}"
    if is_engine_user(facts):
        return f"can control the engine through {', '.join(nearest)}"
    return f"has the engine's socket mounted ({', '.join(nearest)})"


def _control_socket(facts: ContainerFacts, finding: Finding) -> str:
    worst = control_sockets(facts)[0]
    power = worst.service.power.value if worst.service else "command a service of the host"
    if is_engine_user(facts):
        return f"can {power} through {worst.path}"
    return f"has a socket of the host mounted ({worst.path}), through which one can {power}"


def _mounts(facts: ContainerFacts, finding: Finding) -> str:
    exposed = sensitive_mounts(facts)
    mounts = [sensitive.mount for sensitive in exposed]
    written = any(sensitive.written for sensitive in exposed)
    paths = (
        "all files"
        if any(mount.path == "/" for mount in mounts)
        else listed([m.path for m in mounts])
    )
    if is_engine_user(facts):
        return f"can {'write' if written else 'read'} {paths} of the host"
    return f"has {paths} of the host mounted{', writable' if written else ''}"


def _capabilities(facts: ContainerFacts, finding: Finding) -> str:
    names = granted(facts) & HOST_TAKEOVER
    what = "a capability that leads" if len(names) == 1 else "capabilities that lead"
    where = "the host" if not own_user_namespace(facts) else "the host, within its user namespace"
    return f"has {what} to {where} ({short(names)})"


def _devices(facts: ContainerFacts, finding: Finding) -> str:
    return f"can use {listed(finding.verdict.things) or 'every device of the host'}"


def _always(words: str) -> Words:
    return lambda facts, finding: words


_WAYS: Mapping[str, Words] = {
    "privileged": _privileged,
    "mounted-engine-socket": _socket,
    "mounted-control-socket": _control_socket,
    "sensitive-host-mount": _mounts,
    "host-takeover-capabilities": _capabilities,
    "host-devices": _devices,
    "open-device-cgroup": _always("can create and open device files for the host's disks"),
    "unmasked-system-paths": _always("can change the kernel's settings through /proc/sys"),
    "host-pid": _always("sees the processes of the host"),
}
"""Checks whose failure is a way to the host, in the order of telling them."""
_ONLY_AT_ONCE = frozenset({"open-device-cgroup", "unmasked-system-paths"})
"""These are ways where nothing further is needed; else they are missing barriers."""
_PART_OF_PRIVILEGED = frozenset(
    {
        "host-takeover-capabilities",
        "host-devices",
        "open-device-cgroup",
        "unmasked-system-paths",
    }
)
_MISSING_BARRIERS = {
    "seccomp-unconfined": "can make every system call",
    "unmasked-system-paths": "can reach hidden parts of /proc and /sys",
    "apparmor-unconfined": "has no AppArmor profile",
    "selinux-disabled": "is not separated by SELinux",
    "new-privileges-allowed": "lets setuid programs raise its privileges",
}
_MOST_WORDS = 3
_AT_ONCE = 4
"""The weight of what is had without a further step."""


def ranked_paths(
    subjects: Iterable[tuple[ContainerFacts, Iterable[Finding]]],
) -> tuple[RankedPath, ...]:
    """The paths to the host, worst first; ties are broken by name.

    The danger is the sum of what the ways to the host give, each halved for every further step that
    it takes, plus one for each missing barrier. It doubles if other machines can reach the container
    (a port on all addresses, or the host's network), and again if its process is root on the host.
    It is halved for a container that is not running. Only containers with a way to the host are
    ranked. Containers of an engine with the same path, whether root on the host or not, are merged
    into one, shown for the worst.
    """
    alike: dict[
        tuple[str, bool, tuple[str, ...], tuple[str, ...]], list[tuple[int, ContainerFacts]]
    ] = {}
    for facts, findings in subjects:
        failing = _failing(findings)
        ways = _ways(facts, failing)
        if ways:
            root = is_root_of_host(facts)
            words = tuple(_WAYS[check](facts, failing[check]) for check in ways)
            danger = _danger(facts, failing, ways)
            alike.setdefault((facts.engine.label, root, ways, words), []).append((danger, facts))
    ranked = []
    for (engine, _, ways, words), members in alike.items():
        (danger, worst), *others = sorted(members, key=lambda member: (-member[0], member[1].name))
        also = tuple(sorted(facts.name for _, facts in others))
        sentence = _sentence(worst, words)
        ranked.append(
            RankedPath(
                danger,
                worst.name,
                sentence,
                engine,
                worst.id,
                also,
                ways,
            )
        )
    return tuple(sorted(ranked, key=lambda path: (-path.danger, path.name, path.engine)))


def way_to_host(
    facts: ContainerFacts,
    findings: Iterable[Finding],
) -> str:
    """The worst way to the host in a few words, with the container as subject; empty if there is
    none."""
    failing = _failing(findings)
    return next(
        (_WAYS[check](facts, failing[check]) for check in _ways(facts, failing)),
        "",
    )


def attack_path(
    facts: ContainerFacts,
    findings: Iterable[Finding],
) -> str:
    """The attack path of this container; empty if there is no serious one."""
    failing = _failing(findings)
    words = [_WAYS[check](facts, failing[check]) for check in _ways(facts, failing)]
    if words:
        return _sentence(facts, words)
    root = is_root_of_host(facts)
    gains = {"new-privileges-allowed"} if root else set()  # root has nothing left to gain
    words = [text for check, text in _MISSING_BARRIERS.items() if check in failing.keys() - gains]
    if not words and root and failing.keys() & {"root-user", "host-user-namespace"}:
        return f"{_beginning(facts)}: whoever breaks out is root on the host."
    return _sentence(facts, words) if words else ""


class AttackStops(Struct, frozen=True):
    """The same, stop by stop."""

    entrance: str  # from where it can be reached; empty if that is unknown
    container: str  # who its processes are
    ways: tuple[str, ...]  # each leads to the host
    at_once: bool  # without a hole of the kernel


def attack_stops(
    facts: ContainerFacts,
    findings: Iterable[Finding],
) -> AttackStops:
    failing = _failing(findings)
    ways = tuple(_WAYS[check](facts, failing[check]) for check in _ways(facts, failing))
    missing = tuple(text for check, text in _MISSING_BARRIERS.items() if check in failing)
    who = "as root of the host" if is_root_of_host(facts) else _host_user(facts)
    return AttackStops(
        _entrance(facts),
        f"{facts.name} {who}".rstrip(),
        ways or missing,
        bool(ways),
    )


def causes(
    facts: ContainerFacts,
    findings: Iterable[Finding],
) -> tuple[str, ...]:
    """The failing checks that hand over the host, without those that another of them brings."""
    failing = _failing(findings)
    at_once = tuple(check for check in _ways(facts, failing) if failing[check].takes_over)
    return at_once or tuple(check for check, finding in failing.items() if finding.takes_over)


def _failing(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings if finding.verdict.status is Status.FAIL}


def _ways(
    facts: ContainerFacts,
    failing: Mapping[str, Finding],
) -> tuple[str, ...]:
    """The failing checks that lead to the host, without those implied by another."""
    ways = {
        check
        for check in _WAYS.keys() & failing.keys()
        if failing[check].gained.steps <= (0 if check in _ONLY_AT_ONCE else 1)
    }
    if "privileged" in ways:
        ways -= _PART_OF_PRIVILEGED
    if {"mounted-engine-socket", "sensitive-host-mount"} <= ways:
        sockets = {mounted.mount.destination for mounted in engine_mounts(facts)}
        mounts = [mounted.mount for mounted in sensitive_mounts(facts)]
        if {mount.destination for mount in mounts} <= sockets:  # the mounts that hold the socket
            ways.discard(
                "mounted-engine-socket" if _is_everything(mounts) else "sensitive-host-mount"
            )
    if "mounted-control-socket" in ways and "mounted-engine-socket" in ways:
        ways.discard("mounted-control-socket")  # the engine gives all that and more
    return tuple(check for check in _WAYS if check in ways)


def _is_everything(mounts: Iterable[HostMount]) -> bool:
    """Whether the host's root directory is mounted writable."""
    return any(mount.path == "/" and mount.written for mount in mounts)


def _danger(
    facts: ContainerFacts,
    failing: Mapping[str, Finding],
    ways: Iterable[str],
) -> int:
    gained = [failing[check].gained for check in ways]
    danger = sum(each.gain * _AT_ONCE >> each.steps for each in gained)
    danger += sum(check in failing for check in _MISSING_BARRIERS)
    danger *= 2 if reach_of(facts) is Reach.EVERYWHERE else 1
    danger *= 2 if is_root_of_host(facts) else 1
    return danger if facts.running else danger // 2


def _sentence(facts: ContainerFacts, words: Iterable[str]) -> str:
    *first, last = tuple(words)[:_MOST_WORDS]
    return f"{_beginning(facts)}: it {', '.join(first)}{' and ' if first else ''}{last}."


def _beginning(facts: ContainerFacts) -> str:
    """Who it runs as and who can reach it."""
    runs = "Runs" if facts.running else "Would run"
    who = "as root of the host" if is_root_of_host(facts) else _host_user(facts)
    return ", ".join(part for part in (f"{runs} {who}".rstrip(), _entrance(facts)) if part)


def _entrance(facts: ContainerFacts) -> str:
    if on_host_network(facts) is True:
        return "on the host's own network"
    if "none" in modes_of(facts):
        return "without a network"
    ports = _ports(facts)
    if ports is None:
        return ""
    if publishes_more(facts):
        return "with every exposed port published on every address"
    for wanted, where in (
        ("all", "published on every address"),
        ("one", "published on one address"),
    ):
        reached = [port for port in ports if reach(port) == wanted]
        if reached:
            named = list(dict.fromkeys(map(_named, reached)))
            more = " and more" if len(named) > 3 else ""
            return (
                f"{where} ({'port' if len(named) == 1 else 'ports'} {', '.join(named[:3])}{more})"
            )
    return "published on this host only" if ports else "not published"


def _named(port: Port) -> str:
    return (port.host or "of Podman's choice") + (
        "" if port.protocol == "tcp" else f"/{port.protocol}"
    )


def _ports(facts: ContainerFacts) -> tuple[Port, ...] | None:
    """Its published ports, including its pod's; None if they belong to another container or are
    unknown."""
    if modes_of(facts) & {"container", "ns"}:
        return None
    if not pod_of(facts) or is_infra(facts):
        return published(facts)
    return None if facts.pod is None else ports_of_pod(facts.pod)


def reach_of(facts: ContainerFacts) -> Reach:
    """From where it can be reached, by its network and its published ports."""
    if on_host_network(facts) is True or publishes_more(facts):
        return Reach.EVERYWHERE
    if "none" in modes_of(facts):
        return Reach.NOWHERE
    return max(
        (_REACHES[reach(port)] for port in _ports(facts) or ()),
        default=Reach.CONTAINERS,
    )


_REACHES = {
    "all": Reach.EVERYWHERE,
    "one": Reach.ONE_ADDRESS,
    "loopback": Reach.THIS_HOST,
}


def _host_user(facts: ContainerFacts) -> str:
    uid = host_uid(facts)
    return "" if uid is None else f"as user {uid} of the host"
