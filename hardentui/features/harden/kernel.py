"""How much of the kernel a container reaches: the known vulnerabilities whose ways in are open to it.

It counts ways in, not holes of this kernel: whether one of them is mended here is the host's matter.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

from msgspec import Struct, convert

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.seccomp import NoFilter, SeccompProfile
from hardentui.model.spec import Spec
from hardentui.options import NO_NEW_PRIVILEGES
from hardentui.reading.seccomp import Access, access, makes_user_namespaces, ways_to_family
from hardentui.reading.system_calls import filter_of

_UNIX = 1  # whose sockets socketpair(2) makes too


class Need(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Vulnerabilities with the same ways in; kernel-vulnerabilities.toml says what each means.

    Attributes:
        of: the part of the kernel.
    """

    of: str
    source: str
    cves: str
    calls: str = ""
    socket: tuple[int, ...] = ()
    capability: str = ""
    user_namespace: bool = False
    set_id: bool = False


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of them, with the date of the table."""

    date: str
    sources: dict[str, str]
    need: tuple[Need, ...]


class Doors(Struct, frozen=True, kw_only=True):
    """What the kernel lets a container do.

    Attributes:
        filter: None: none is installed.
    """

    filter: SeccompProfile | None
    capabilities: frozenset[str]
    user_namespaces: bool
    set_id: bool


@lru_cache(maxsize=1)
def table() -> Table:
    """The shipped table."""
    text = (files("hardentui.features.harden") / "kernel-vulnerabilities.toml").read_text(encoding="utf-8")
    return convert(tomllib.loads(text), Table)


def doors_of(
    facts: ContainerFacts, spec: Spec, capabilities: frozenset[str], learned: SeccompProfile | None = None
) -> Doors | None:
    """What is open to a container with this spec; None if its filter is not known.

    Args:
        learned: the filter that it gets; None: the one in force.
    """
    filter_ = learned
    if learned is None:
        in_force = filter_of(facts)
        if isinstance(in_force, Unread) or not isinstance(in_force.filter, SeccompProfile | NoFilter):
            return None
        filter_ = in_force.filter if isinstance(in_force.filter, SeccompProfile) else None
    most = known(lambda: facts.host.sysctls.get("user.max_user_namespaces", ""), else_="")
    makes = most != "0" and (filter_ is None or bool(makes_user_namespaces(filter_)))
    return Doors(
        filter=filter_,
        capabilities=capabilities,
        user_namespaces=makes,
        set_id=not spec[NO_NEW_PRIVILEGES],
    )


def within_reach(doors: Doors) -> tuple[str, ...]:
    """The vulnerabilities of the table whose ways in are all open."""
    return tuple(cve for need in table().need if _open(need, doors) for cve in need.cves.split())


def _open(need: Need, doors: Doors) -> bool:
    if need.calls and not any(_lets(doors.filter, call) for call in need.calls.split()):
        return False
    if need.socket and not _makes(doors.filter, *need.socket):
        return False
    if need.capability and need.capability not in doors.capabilities and not doors.user_namespaces:
        return False
    return (doors.user_namespaces or not need.user_namespace) and (doors.set_id or not need.set_id)


def _lets(filter_: SeccompProfile | None, call: str) -> bool:
    return filter_ is None or access(filter_, call) is not Access.NEVER


def _makes(filter_: SeccompProfile | None, family: int, protocol: int | None = None) -> bool:
    if filter_ is None:
        return True
    if family == _UNIX and access(filter_, "socketpair", {0: family}) is not Access.NEVER:
        return True
    ways = ways_to_family(filter_, family)
    if protocol is None or "socketcall (i386)" in ways:
        return bool(ways)
    families = (family, family | 1 << 32)  # the kernel uses the lower 32 bits
    return any(access(filter_, "socket", {0: f, 2: protocol}) is not Access.NEVER for f in families)
