"""How much of the kernel a container reaches: the known vulnerabilities whose ways in are open to it.

It counts ways in, not holes of this kernel: whether one of them is mended here is the host's
matter. The table is kernel-vulnerabilities.toml beside this module.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from msgspec import Struct, convert, field
from msgspec.structs import replace

from hardentui.lib.seccomp import (
    Access,
    NoFilter,
    SeccompProfile,
    access,
    makes_user_namespaces,
    ways_to_family,
)
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.options import NO_NEW_PRIVILEGES
from hardentui.reading.confinement import filter_of

FIRST_YEAR = 2016
"""Of the vulnerabilities in the table."""
_UNIX = 1  # whose sockets socketpair(2) makes too


class WayIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Vulnerabilities with the same ways in; the table says what each field means."""

    of: str  # the part of the kernel
    source: str
    cves: str
    calls: str = ""
    arguments: Mapping[str, int] = field(default_factory=dict)
    socket: tuple[int, ...] = ()
    capability: str = ""
    user_namespace: bool = False
    set_id: bool = False
    closed_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    distribution: str = ""


class VulnerabilityTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of them, with the date of the table.

    Attributes:
        names: CVE -> the name that everybody knows it by.
        fixed: CVE -> versions of the kernel with the fix, the newest first.
    """

    date: str
    fixed_source: str
    sources: dict[str, str]
    way: tuple[WayIn, ...]
    names: dict[str, str]
    fixed: dict[str, str]

    @property
    def cves(self) -> tuple[str, ...]:
        return tuple(cve for way in self.way for cve in way.cves.split())


class Doors(Struct, frozen=True, kw_only=True):
    """What the kernel lets a container do.

    Attributes:
        filter: None: none is installed.
        capabilities: those that it can have outside of a user namespace that it makes.
        user_namespaces: it can make them.
        set_id: set-id programs take effect.
        sysctls: those of the host that are known.
        distribution: `ID` of the host's os-release; empty if unknown.
    """

    filter: SeccompProfile | None
    capabilities: frozenset[str]
    user_namespaces: bool
    set_id: bool
    sysctls: Mapping[str, str] = field(default_factory=dict)
    distribution: str = ""


class KernelReach(Struct, frozen=True, kw_only=True):
    """How many known vulnerabilities a container reaches.

    Attributes:
        known: how many the table knows.
        by_user_namespace: those of `reached` that it reaches only because it can make user
            namespaces.
    """

    known: int
    reached: int
    by_user_namespace: int


@cache
def table() -> VulnerabilityTable:
    """The shipped table."""
    file = files("hardentui.features.rights") / "kernel-vulnerabilities.toml"
    return convert(tomllib.loads(file.read_text(encoding="utf-8")), VulnerabilityTable)


def kernel_reach(doors: Doors) -> KernelReach:
    reached = within_reach(doors)
    without = within_reach(replace(doors, user_namespaces=False))
    return KernelReach(
        known=len(table().cves),
        reached=len(reached),
        by_user_namespace=len(reached) - len(without),
    )


def doors_of(
    facts: ContainerFacts,
    spec: Spec,
    capabilities: frozenset[str],
    learned: SeccompProfile | None = None,
) -> Doors | None:
    """What is open to a container with this spec; None if its filter is not known.

    Args:
        learned: the filter that it gets; None: the one in force.
    """
    filter_ = learned
    if learned is None:
        in_force = filter_of(facts)
        if isinstance(in_force, Unread) or not isinstance(
            in_force.filter, SeccompProfile | NoFilter
        ):
            return None
        filter_ = in_force.filter if isinstance(in_force.filter, SeccompProfile) else None
    read = known(lambda: facts.host.sysctls, else_={})
    sysctls = {name: value for name, value in read.items() if isinstance(value, str)}
    release = known(lambda: facts.host.os_release, else_={})
    makes = filter_ is None or bool(makes_user_namespaces(filter_))
    return Doors(
        filter=filter_,
        capabilities=capabilities,
        user_namespaces=makes and sysctls.get("user.max_user_namespaces") != "0",
        set_id=not spec[NO_NEW_PRIVILEGES],
        sysctls=sysctls,
        distribution=release.get("ID", ""),
    )


def within_reach(doors: Doors) -> tuple[str, ...]:
    """The vulnerabilities of the table whose ways in are all open."""
    return tuple(cve for way in table().way if is_open(way, doors) for cve in way.cves.split())


def is_open(way: WayIn, doors: Doors) -> bool:
    """Whether all that these vulnerabilities need is open; what is not known counts as open."""
    if way.calls and not _lets_any(way, doors.filter):
        return False
    if way.socket and not makes_socket(doors.filter, *way.socket):
        return False
    if way.capability and not (doors.user_namespaces or way.capability in doors.capabilities):
        return False
    if way.user_namespace and not doors.user_namespaces:
        return False
    if way.set_id and not doors.set_id:
        return False
    if way.distribution and doors.distribution not in ("", way.distribution):
        return False
    closed = any(doors.sysctls.get(name) in values for name, values in way.closed_by.items())
    return not closed or "CAP_SYS_ADMIN" in doors.capabilities


def _lets_any(way: WayIn, filter_: SeccompProfile | None) -> bool:
    arguments = {int(position): value for position, value in way.arguments.items()}
    return any(lets_call(filter_, call, arguments) for call in way.calls.split())


def lets_call(
    filter_: SeccompProfile | None,
    call: str,
    arguments: Mapping[int, int],
) -> bool:
    """Whether the filter lets the call through, with some values of its other arguments."""
    return filter_ is None or access(filter_, call, arguments) is not Access.NEVER


def makes_socket(
    filter_: SeccompProfile | None,
    family: int,
    protocol: int | None = None,
) -> bool:
    """Whether the filter lets a socket of this family be made, in whatever way."""
    if filter_ is None:
        return True
    if family == _UNIX and access(filter_, "socketpair", {0: family}) is not Access.NEVER:
        return True
    ways = ways_to_family(filter_, family)
    if protocol is None or "socketcall (i386)" in ways:
        return bool(ways)
    families = (family, family | 1 << 32)  # the kernel uses the lower 32 bits
    return any(access(filter_, "socket", {0: f, 2: protocol}) is not Access.NEVER for f in families)
