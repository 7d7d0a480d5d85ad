"""Whether a container's IDs are mapped to different IDs on the host."""

from __future__ import annotations

from hardentui.model.facts import (
    ContainerFacts,
    Kernel,
)
from hardentui.model.known import Unread, known
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import GIDMAP, SUBUIDNAME, UIDMAP, USERNS
from hardentui.reading.containers import ask_or, is_planned, section

_AUTOMATIC = "containers"
"""The user whose ID ranges `--userns=auto` of the rootful engine takes."""


_ACCOUNT_SINCE = Version(5, 5)
"""Podman 5.4 takes these ranges without an account of that name, 5.8 does not."""


_OWN_NAMESPACE = frozenset({"auto", "keep-id", "nomap", "private"})
_OF_ROOTLESS = "keep-id"
"""For root, its map is that of the host (podman-run(1), `--userns`)."""


def own_user_namespace(facts: ContainerFacts) -> bool:
    """Whether the container has its own user namespace, without the host's root.

    The kernel's answer counts, otherwise the declaration. A namespace that maps to UID or GID 0 on
    the host does not count, because it includes the host's root. With a rootless engine, IDs are
    always different.
    """
    if facts.engine.rootless is True:
        return not ask_or(
            facts,
            lambda kernel: kernel.host_user_namespace,
            False,
        )
    shared = ask_or(
        facts,
        lambda kernel: kernel.host_user_namespace,
        None,
    )
    if shared is None:
        return asks_for_user_namespace(facts)
    return not shared and not known(
        lambda: maps_root_of_host(facts), else_=_declares_root(facts.spec)
    )


def maps_root_of_host(facts: ContainerFacts) -> bool:
    """Whether a user namespace of the rootful engine maps an ID to UID or GID 0 on the host.

    Raises:
        Unread: it is running, and its maps cannot be read.
    """
    if facts.engine.rootless is True:
        return False
    kernel = facts.kernel
    if not isinstance(kernel, Kernel):
        return _declares_root(facts.spec)
    return any(line.outside == 0 for line in kernel.uid_map) or any(
        line.outside == 0 for line in kernel.gid_map
    )


def asks_for_user_namespace(facts: ContainerFacts) -> bool:
    """Whether the container declares its own user namespace, without the host's root in it."""
    spec = facts.spec
    if facts.engine.rootless is not True and _declares_root(spec):
        return False
    if spec[USERNS]:
        kind = spec[USERNS].partition(":")[0]
        as_host = kind == _OF_ROOTLESS and facts.engine.rootless is False
        return kind in _OWN_NAMESPACE and not as_host
    if UIDMAP in spec or SUBUIDNAME in spec:
        return True
    hidden = USERNS in spec.unknowable and not is_planned(facts)
    return hidden and section(facts.inspect, "HostConfig").get("UsernsMode") == "private"


def _declares_root(spec: Spec) -> bool:
    """Whether a requested map, `INSIDE:OUTSIDE[:SIZE]`, starts at UID or GID 0 on the host."""
    maps = [*spec[UIDMAP], *spec[GIDMAP]]
    words = (word.partition("=") for word in spec[USERNS].partition(":")[2].split(","))
    maps += [value for name, _, value in words if name in ("uidmapping", "gidmapping")]
    if not maps:
        return False
    outside = (text.split(":")[1] for text in maps if ":" in text)
    return any(number.isdecimal() and int(number) == 0 for number in outside)


def uid_inside(kernel: Kernel, uid: int) -> int:
    """The UID in the container for a host UID.

    Raises:
        Unread: the map is unread, or does not have it.
    """
    for line in kernel.uid_map:
        if line.outside <= uid < line.outside + line.size:
            return line.inside + uid - line.outside
    raise Unread(f"host UID {uid} is not in the UID map")


def options_of_new_volume(
    facts: ContainerFacts,
    spec: Spec,
) -> tuple[str, ...]:
    """Options of a volume created for a container, so that its files keep their owners: with
    `userns=auto` they would belong to host IDs that the next container does not get again.
    """
    if asks_for_user_namespace(facts.planned(spec)) and facts.engine.rootless is False:
        return ("idmap",)
    return ()


def no_range_for(namespace: str, facts: ContainerFacts) -> str:
    """Why the host cannot give a container `--userns=auto[:size=N]`; empty if it can, or if
    unknown."""
    if facts.engine.rootless is not False or not facts.engine.local:
        return ""
    read = {
        "/etc/subuid": known(lambda: facts.host.subuids),
        "/etc/subgid": known(lambda: facts.host.subgids),
    }
    held = {
        path: sum(sub_ids.size for sub_ids in ranges if sub_ids.owner == _AUTOMATIC)
        for path, ranges in read.items()
        if not isinstance(ranges, Unread)
    }
    wanted = namespace.partition("size=")[2].partition(",")[0]
    needed = int(wanted) if wanted.isdecimal() else 1
    small = [path for path, size in held.items() if size < needed]
    if not small:
        names = {user.name for user in known(lambda: facts.host.users, else_=())}
        if facts.engine.version < _ACCOUNT_SINCE or not names or _AUTOMATIC in names:
            return ""
        return f"this Podman takes that range only with an account {_AUTOMATIC}: useradd -r {_AUTOMATIC}"
    files = " and ".join(small)
    if not any(held[path] for path in small):
        return (
            f"there is no range for the user {_AUTOMATIC} in {files}, so the container would "
            "not start"
        )
    return f"the range of the user {_AUTOMATIC} in {files} has fewer than {needed} IDs"
