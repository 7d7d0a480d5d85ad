"""Orders of protection: for two specs of one container, whether an option of the second protects it
less.

Each order is a function of (before, after) that returns what the change weakens in a few words
("raises the memory limit"), or nothing. Both sides are the same container with different specs
(`ContainerFacts.planned`), because the effect of an option may depend on the image, the engine and
the other options.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from hardentui.model.facts import ContainerFacts
from hardentui.model.spec import Option
from hardentui.options import *
from hardentui.reading.confinement import selinux_switched_off
from hardentui.reading.containers import declared_user, is_root
from hardentui.reading.networks import mode_of, modes, opened_by_pasta, reach
from hardentui.reading.user_namespaces import asks_for_user_namespace

Order: TypeAlias = Callable[[ContainerFacts, ContainerFacts], str]

_UNLIMITED = float("inf")
_HARMLESS_SYSCTLS = frozenset({"net.ipv4.ip_unprivileged_port_start"})
"""A separate network namespace also has separate low ports."""
_PROTECTING_SYSCTLS = frozenset({"net.ipv4.tcp_syncookies=1", "net.ipv4.tcp_syncookies=2"})


def ranked(rank: Callable[[ContainerFacts], int], what: str) -> Order:
    """A higher rank protects more."""

    def order(before: ContainerFacts, after: ContainerFacts) -> str:
        return what if rank(after) < rank(before) else ""

    return order


def on(option: Option[bool], what: str) -> Order:
    """A switch that protects while it is on."""
    return ranked(lambda facts: int(facts.spec[option]), what)


def off(option: Option[bool], what: str) -> Order:
    """A switch that opens something while it is on."""
    return ranked(lambda facts: -int(facts.spec[option]), what)


def nothing_added(option: Option[tuple[str, ...]]) -> Order:
    """Each added entry weakens protection."""
    return lambda before, after: _more(
        "adds",
        option,
        before,
        after,
    )


def nothing_lost(option: Option[tuple[str, ...]]) -> Order:
    """Each removed entry weakens protection."""
    return lambda before, after: _more(
        "removes",
        option,
        after,
        before,
    )


def _more(
    verb: str,
    option: Option[tuple[str, ...]],
    fewer: ContainerFacts,
    more: ContainerFacts,
) -> str:
    entries = [entry for entry in more.spec[option] if entry not in fewer.spec[option]]
    return f"{verb} {option.flag} {', '.join(entries)}" if entries else ""


def kept(option: Option[Any]) -> Order:
    """Values cannot be compared, so a set value must not change."""

    def order(before: ContainerFacts, after: ContainerFacts) -> str:
        lost = option in before.spec and after.spec[option] != before.spec[option]
        return f"replaces its {option.name}" if lost else ""

    return order


def smaller(option: Option[int]) -> Order:
    """A numeric limit; below 1 means no limit."""

    def order(before: ContainerFacts, after: ContainerFacts) -> str:
        higher = _limit(after.spec[option]) > _limit(before.spec[option])
        return f"raises {option.flag}" if higher else ""

    return order


def _limit(value: float) -> float:
    return value if value > 0 else _UNLIMITED


def memory(before: ContainerFacts, after: ContainerFacts) -> str:
    """Memory, and memory plus swap; by default Podman allows as much swap as memory."""
    if _limit(after.spec[MEMORY]) > _limit(before.spec[MEMORY]):
        return "raises the memory limit"
    return "raises the swap limit" if _with_swap(after) > _with_swap(before) else ""


def _with_swap(facts: ContainerFacts) -> float:
    total = facts.spec[MEMORY_SWAP]
    return 2 * _limit(facts.spec[MEMORY]) if total == 0 else _limit(total)


def processors(before: ContainerFacts, after: ContainerFacts) -> str:
    return "raises the CPU limit" if processors_of(after) > processors_of(before) else ""


def processors_of(facts: ContainerFacts) -> float:
    """What it may use at most, by either way to say so; infinite without a limit."""
    quota = facts.spec[CPU_QUOTA]
    own = quota / (facts.spec[CPU_PERIOD] or 100_000) if quota > 0 else _UNLIMITED
    return min(own, _limit(facts.spec[CPUS]))


def ulimits(before: ContainerFacts, after: ContainerFacts) -> str:
    old, new = _ulimits(before), _ulimits(after)
    for name, values in old.items():
        if name != "host" and name not in new and max(values) < _UNLIMITED:
            return f"removes --ulimit {name}"
        if name in new and any(now > then for now, then in zip(new[name], values, strict=True)):
            return f"raises --ulimit {name}"
    return "adds --ulimit host" if "host" in new and "host" not in old else ""


def _ulimits(facts: ContainerFacts) -> dict[str, tuple[float, float]]:
    limits = {}
    for limit in facts.spec[ULIMIT]:
        name, _, values = limit.partition("=")
        soft, _, hard = values.partition(":")
        limits[name] = (_ulimit(soft), _ulimit(hard or soft))
    return limits


def _ulimit(text: str) -> float:
    return float(text) if text.isdecimal() else _UNLIMITED


def root_user(before: ContainerFacts, after: ContainerFacts) -> str:
    became = is_root(declared_user(after)) and not is_root(declared_user(before))
    return "runs as root" if became else ""


def user_namespace(before: ContainerFacts, after: ContainerFacts) -> str:
    return "weakens its user namespace" if _own_ids(after) < _own_ids(before) else ""


def _own_ids(facts: ContainerFacts) -> int:
    """0: the IDs of the host or its user; 1: a namespace that includes the user, or another's; 2:
    its own."""
    word = facts.spec[USERNS].partition(":")[0]
    if word in ("container", "ns", "keep-id"):
        return 1
    return 2 if asks_for_user_namespace(facts) else 0


def umask(before: ContainerFacts, after: ContainerFacts) -> str:
    texts = (before.spec[UMASK], after.spec[UMASK])  # an invalid umask protects nothing
    was, now = (int(f"0{text}", 8) if set(text) <= set("01234567") else 0 for text in texts)
    return "gives new files wider permissions" if was & ~now else ""


def level(before: ContainerFacts, after: ContainerFacts) -> str:
    """Without an explicit level it gets unique categories."""
    changed = after.spec[LABEL_LEVEL] not in ("", before.spec[LABEL_LEVEL])
    return "sets an SELinux level that other containers may share" if changed else ""


def selinux(before: ContainerFacts, after: ContainerFacts) -> str:
    was, now = selinux_switched_off(before.spec), selinux_switched_off(after.spec)
    if was:
        return ""
    if now:
        return f"turns off SELinux separation ({now})"
    own = before.spec[LABEL_TYPE]
    return f"drops its SELinux type {own}" if own and after.spec[LABEL_TYPE] != own else ""


def namespace(option: Option[str]) -> Order:
    """Ranks: the host's, another container's, one that others may join, its own."""

    def rank(facts: ContainerFacts) -> int:
        word = facts.spec[option].partition(":")[0]
        return {"host": 0, "container": 1, "ns": 1, "pod": 1, "": 2, "shareable": 2, "none": 4}.get(
            word, 3
        )

    return ranked(rank, f"shares its {option.name} namespace more widely")


def network(before: ContainerFacts, after: ContainerFacts) -> str:
    if _network_rank(after) < _network_rank(before):
        return "moves it closer to the host network"
    joined = [value for value in after.spec[NETWORK] if mode_of(value) == "network"]
    if len(joined) > max(1, len(before.spec[NETWORK])):
        return "joins more networks"
    return ""


def _network_rank(facts: ContainerFacts) -> int:
    kinds = modes(facts.spec)
    if "host" in kinds:
        return 0
    if kinds & {"container", "ns"}:
        return 1
    if any(
        word in value
        for value in facts.spec[NETWORK]
        for word in ("host_loopback=true", "--map-gw")
    ):
        return 2
    return 4 if kinds == {"none"} else 3


def ports(before: ContainerFacts, after: ContainerFacts) -> str:
    """Every reachable port was reachable before, from at least as far away."""
    if before.spec[PUBLISH_ALL] or "host" in modes(before.spec):
        return ""
    if after.spec[PUBLISH_ALL]:
        return "publishes every exposed port"
    if (opening := opened_by_pasta(after)) and opening != opened_by_pasta(before):
        return f"opens ports by {opening}"
    for port in after.spec[PUBLISH]:
        if not any(
            _same(port, known) and _far(port) <= _far(known) for known in before.spec[PUBLISH]
        ):
            return f"exposes port {port.argument()} more widely"
    return ""


def _same(port: Port, other: Port) -> bool:
    return (port.container, port.protocol) == (other.container, other.protocol)


def _far(port: Port) -> int:
    return ("loopback", "one", "all").index(reach(port))


def sysctls(before: ContainerFacts, after: ContainerFacts) -> str:
    known = before.spec[SYSCTL]
    added = [pair for pair in after.spec[SYSCTL] if pair not in known]
    added = [pair for pair in added if pair.replace("/", ".") not in _PROTECTING_SYSCTLS]
    added = [
        pair for pair in added if pair.partition("=")[0].replace("/", ".") not in _HARMLESS_SYSCTLS
    ]
    return f"sets the sysctl {', '.join(added)}" if added else ""


def devices(option: Option[tuple[str, ...]]) -> Order:
    """`/dev/x[:inside[:rwm]]`: no more devices, no more access. Privileged mode has all devices."""

    def order(before: ContainerFacts, after: ContainerFacts) -> str:
        if before.spec[PRIVILEGED]:
            return ""
        old = {_device(entry)[0]: _device(entry)[1] for entry in before.spec[option]}
        for entry in after.spec[option]:
            path, rights = _device(entry)
            if not rights <= old.get(path, frozenset()):
                return f"gives more access to the device {path}"
        return ""

    return order


def _device(text: str) -> tuple[str, frozenset[str]]:
    parts = text.split(":")
    rights = parts[-1] if len(parts) > 1 and set(parts[-1]) <= set("rwm") else "rwm"
    return parts[0], frozenset(rights)
