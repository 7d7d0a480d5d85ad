"""What the seccomp filter of a container allows, and how it differs from the engine's default.
Pure."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from hardentui.features.looking.default_profile import DefaultProfile
from hardentui.lib.seccomp import (
    FAMILIES,
    Access,
    EngineDefault,
    NoFilter,
    OpenCalls,
    SeccompProfile,
    access,
    dangerous_calls,
    makes_user_namespaces,
    ways_to_family,
)
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Known, Unread
from hardentui.reading.confinement import FilterInForce, capabilities_held, filter_of, parsed
from hardentui.reading.containers import ask_or

_NO_FILTER, _FILTER = 0, 2


class FilterKind(StrEnum):
    """The kind of filter on system calls."""

    PROFILE = "profile"
    NONE = "none"
    UNKNOWN = "unknown"


class FamilyWays(Struct, frozen=True):
    """How sockets of a family can be created: `socket`, `socketcall (i386)`…; none = they cannot."""

    family: str
    ways: tuple[str, ...]


class CallTable(Struct, frozen=True):
    """System calls by the filter's decision."""

    open: tuple[str, ...] = ()  # allowed with any arguments
    conditional: tuple[str, ...] = ()  # allowed for some arguments
    refused: tuple[str, ...] = ()


class Against(Struct, frozen=True):
    """Compared with the engine's default profile for a container of the same capabilities."""

    path: str
    # calls that the filter allows and the default does not, or under fewer conditions
    looser: tuple[str, ...]
    stricter: tuple[str, ...]  # the reverse


class SeccompPage(Struct, frozen=True):
    """The filter of one container."""

    container: str
    engine: str
    running: bool
    mode: int | None  # from the kernel: 0 no filter, 2 a filter; None = unknown or not running
    kind: FilterKind
    source: str = ""
    in_force: bool = True  # `source` is what the runtime installed; else what is requested
    why: str = ""  # why there is no filter, or why it is unknown; empty if there is one
    default_action: str = ""  # for a call without a rule
    architectures: tuple[str, ...] = ()  # other ABIs whose calls are allowed
    calls: CallTable = CallTable()
    # calls that it allows and Podman's own profile does not, by their effect
    dangerous: tuple[OpenCalls, ...] = ()
    # dangerous calls that Podman's own profile also allows because of its capabilities
    by_capability: tuple[str, ...] = ()
    families: tuple[FamilyWays, ...] = ()
    # allowed calls that create a user namespace, in which a process has all capabilities
    user_namespaces: tuple[str, ...] = ()
    against: Against | None = None  # the comparison; None with the reason in `not_compared`
    not_compared: str = ""


def seccomp_page(
    facts: ContainerFacts,
    default: Known[DefaultProfile],
) -> SeccompPage:
    """The page of a container; `default` is the engine's own profile."""
    mode = ask_or(facts, lambda kernel: kernel.seccomp_mode, None)
    page = SeccompPage(
        container=facts.name,
        engine=facts.engine.label,
        running=facts.running,
        mode=mode,
        kind=FilterKind.UNKNOWN,
    )
    if mode == _NO_FILTER:
        return replace(
            page,
            kind=FilterKind.NONE,
            source="the kernel",
            why="the kernel applies no filter to its main process",
        )
    held = capabilities_held(facts)
    resolved = _resolved(filter_of(facts), default, held)
    if isinstance(resolved, Unread):
        return replace(page, why=resolved.reason)
    page = replace(
        page,
        source=resolved.source,
        in_force=resolved.in_force,
    )
    if isinstance(resolved.filter, NoFilter):
        if mode == _FILTER:
            return replace(
                page,
                why=f"the kernel runs a filter, but {resolved.source} shows none",
            )
        return replace(
            page,
            kind=FilterKind.NONE,
            why=resolved.filter.why,
        )
    if not isinstance(resolved.filter, SeccompProfile):
        return replace(page, why="the engine's default profile was not read")
    return _judged(
        page,
        resolved.filter,
        default,
        held,
    )


def _resolved(
    read: FilterInForce | Unread,
    default: Known[DefaultProfile],
    held: frozenset[str],
) -> FilterInForce | Unread:
    """The engine's own profile from its file, if only its name is known."""
    if isinstance(read, Unread) or not isinstance(read.filter, EngineDefault):
        return read
    if isinstance(default, Unread):
        return default
    rules = parsed(default.rules, default.path, held)
    return rules if isinstance(rules, Unread) else replace(rules, in_force=False)


def _judged(
    page: SeccompPage,
    profile: SeccompProfile,
    default: Known[DefaultProfile],
    held: frozenset[str],
) -> SeccompPage:
    dangerous = dangerous_calls(profile, held)
    families = {name: ways_to_family(profile, number) for name, number in FAMILIES.items()}
    listed = _names(dangerous)
    page = replace(
        page,
        kind=FilterKind.PROFILE,
        dangerous=dangerous,
        by_capability=tuple(
            name for name in _names(dangerous_calls(profile)) if name not in listed
        ),
        families=tuple(FamilyWays(name, ways) for name, ways in families.items()),
        user_namespaces=makes_user_namespaces(profile),
    )
    own = _profile(default, held)
    names = _every_name(profile, own)
    page = replace(
        page,
        default_action=profile.default,
        architectures=profile.architectures,
        calls=_calls(profile, names),
    )
    if isinstance(own, Unread) or isinstance(default, Unread):
        why = own if isinstance(own, Unread) else default
        return replace(
            page,
            not_compared=why.reason if isinstance(why, Unread) else "",
        )
    return replace(page, against=_against(profile, own, default.path, names))


def _names(groups: tuple[OpenCalls, ...]) -> tuple[str, ...]:
    return tuple(name for group in groups for name in group.calls)


def _profile(
    default: Known[DefaultProfile],
    held: frozenset[str],
) -> Known[SeccompProfile]:
    if isinstance(default, Unread):
        return default
    profile = parsed(default.rules, default.path, held)
    if isinstance(profile, Unread):
        return profile
    assert isinstance(profile.filter, SeccompProfile)  # noqa: S101 - `parsed` gives nothing else
    return profile.filter


def _every_name(
    profile: SeccompProfile,
    own: Known[SeccompProfile],
) -> tuple[str, ...]:
    """Every call named by one of the profiles or our tables: no profile lists calls it does not
    know."""
    names = {
        *profile.rules,
        "socket",
        "clone",
        "clone3",
        *_names(dangerous_calls(SeccompProfile("ALLOW"))),
    }
    if isinstance(own, SeccompProfile):
        names |= {*own.rules}
    return tuple(sorted(names))


def _calls(profile: SeccompProfile, names: tuple[str, ...]) -> CallTable:
    by: dict[Access, list[str]] = {kind: [] for kind in Access}
    for name in names:
        by[access(profile, name)].append(name)
    return CallTable(
        tuple(by[Access.ALWAYS]),
        tuple(by[Access.SOMETIMES]),
        tuple(by[Access.NEVER]),
    )


_ORDER = {Access.NEVER: 0, Access.SOMETIMES: 1, Access.ALWAYS: 2}


def _against(
    profile: SeccompProfile,
    own: SeccompProfile,
    path: str,
    names: tuple[str, ...],
) -> Against:
    ranks = {
        name: (
            _ORDER[access(profile, name)],
            _ORDER[access(own, name)],
        )
        for name in names
    }
    return Against(
        path,
        tuple(name for name, (ours, theirs) in ranks.items() if ours > theirs),
        tuple(name for name, (ours, theirs) in ranks.items() if ours < theirs),
    )


def summary(page: SeccompPage) -> tuple[str, ...]:
    """Conclusions, as sentences."""
    if page.kind is FilterKind.NONE:
        return (f"No filter: {page.why}. Every system call is allowed.",)
    if page.kind is FilterKind.UNKNOWN:
        return (f"The filter is unknown: {page.why}.",)
    lines = [f"The filter comes from {page.source}."]
    if not page.in_force:
        lines.append("This is the requested filter; the installed one could not be read.")
    if page.kind is FilterKind.PROFILE:
        calls = page.calls
        lines.append(
            f"{len(calls.open)} system calls are open, {len(calls.conditional)} for some arguments, "
            f"{len(calls.refused)} of the known ones are refused; others: {page.default_action}."
        )
    if page.against is not None:
        same = not page.against.looser and not page.against.stricter
        lines.append(
            f"The same as the default profile {page.against.path}."
            if same
            else f"Compared with the default profile {page.against.path}: {len(page.against.looser)} looser, "
            f"{len(page.against.stricter)} stricter."
        )
    elif page.not_compared:
        lines.append(f"Not compared with the default profile: {page.not_compared}.")
    return tuple(lines)
