"""What the processes of a container are to the files and services of the host.

Whoever breaks into a service has its rights: those of its user, of its capabilities, and what a
setuid program adds while new privileges are allowed.
"""

from __future__ import annotations

from enum import IntEnum

from hardentui.model.facts import CapabilitySets, ContainerFacts
from hardentui.model.mount import ReachableSocket
from hardentui.options import CAP_ADD, NO_NEW_PRIVILEGES, USERNS
from hardentui.reading.capabilities import live_sets
from hardentui.reading.containers import ask_or, declared_user, is_root
from hardentui.reading.user_namespaces import own_user_namespace

_WRITE = 0o2


class Foothold(IntEnum):
    """What an intruder is on the host; ordered."""

    NOBODY = 0  # an ordinary user without capabilities, who cannot gain any
    USER = 1  # an ordinary user, whom a setuid program or a capability may make the owner
    OWNER = 2  # root of the host, or the user of a rootless engine: the engine's files are theirs


def foothold(facts: ContainerFacts) -> Foothold:
    """Of the main process and of what it can become; what is not known counts as worse."""
    if is_engine_user(facts):
        return Foothold.OWNER
    if facts.engine.rootless is not True and own_user_namespace(facts):
        return Foothold.NOBODY  # not even root inside owns anything on the host
    if _is_root_inside(facts) and facts.engine.rootless is not False:
        return Foothold.OWNER
    if _no_new_privileges(facts) and not _held(facts):
        return Foothold.NOBODY
    return Foothold.USER


def is_root_of_host(facts: ContainerFacts) -> bool:
    """Whether its process is UID 0 of the host."""
    if own_user_namespace(facts):
        return False
    uid = host_uid(facts)
    if uid is not None:
        return 0 in (
            uid,
            *ask_or(facts, lambda kernel: kernel.other_uids, ()),
        )
    return is_root(declared_user(facts)) and facts.engine.rootless is False


def is_engine_user(facts: ContainerFacts) -> bool:
    """Whether it owns the files of the engine's user: root on the host, or the user of a rootless
    engine.

    A rootless user's own ID is mapped as a single ID; all others come from its subordinate IDs, in
    ranges.
    """
    if is_root_of_host(facts):
        return True
    if facts.engine.rootless is not True:
        return False
    lines = ask_or(facts, lambda kernel: kernel.uid_map, ())
    return any(line.size == 1 and line.outside == host_uid(facts) for line in lines)


def host_uid(facts: ContainerFacts) -> int | None:
    """The UID of its main process on the host; None if unknown."""
    return ask_or(facts, lambda kernel: kernel.uid, None)


def may_connect(
    facts: ContainerFacts,
    socket: ReachableSocket,
) -> bool | None:
    """Whether its user, as it is now, may connect to a socket; None if that is not known.

    unix(7): connecting needs write permission on the socket itself.
    """
    if socket.mode is None:
        return None
    if is_root_of_host(facts):
        return True
    uid, groups = _uid(facts), _groups(facts)
    if uid is None:
        return None
    if uid == socket.owner:
        return bool(socket.mode >> 6 & _WRITE)
    if groups is None:
        return None if socket.mode >> 3 & _WRITE else bool(socket.mode & _WRITE)
    if socket.group in groups:
        return bool(socket.mode >> 3 & _WRITE)
    return bool(socket.mode & _WRITE)


def _uid(facts: ContainerFacts) -> int | None:
    """Its UID on the host, also before it runs where that is plain."""
    uid = host_uid(facts)
    if uid is not None:
        return uid
    user = declared_user(facts).partition(":")[0]
    plain = facts.engine.rootless is False and not own_user_namespace(facts)
    return int(user) if plain and user.isdecimal() else None


def _groups(facts: ContainerFacts) -> frozenset[int] | None:
    """Its groups on the host; None if they are not known."""
    gid = ask_or(facts, lambda kernel: kernel.gid, None)
    groups = ask_or(facts, lambda kernel: kernel.groups, None)
    return None if gid is None or groups is None else frozenset({gid, *groups})


def _is_root_inside(facts: ContainerFacts) -> bool:
    """Whether it is declared to be root inside, with the usual map of a rootless engine."""
    mapped = facts.spec[USERNS].partition(":")[0] in ("auto", "nomap")
    return host_uid(facts) is None and is_root(declared_user(facts)) and not mapped


def _no_new_privileges(facts: ContainerFacts) -> bool:
    in_force = ask_or(
        facts,
        lambda kernel: kernel.no_new_privileges,
        None,
    )
    return facts.spec[NO_NEW_PRIVILEGES] if in_force is None else in_force


def _held(facts: ContainerFacts) -> bool:
    """Whether its user has capabilities of its own."""
    sets = live_sets(facts)
    if isinstance(sets, CapabilitySets):
        return bool(sets.effective | sets.permitted | sets.ambient)
    return bool(facts.spec[CAP_ADD]) or is_root(declared_user(facts))
