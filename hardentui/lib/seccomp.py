"""Which system calls a seccomp profile allows: by name, architecture and arguments.

The semantics are those of libseccomp 2.5 and crun 1.x, which build the filter:

- rules with the default action are skipped;
- a rule without conditions clears the conditional rules before it, and nothing after it counts;
- several conditions on one argument become separate rules, so any of them is enough;
- comparisons use all 64 bits of an argument, but for many the kernel uses only the lower 32.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache
from itertools import product
from typing import Any

from msgspec import Struct


class Condition(Struct, frozen=True):
    """One comparison of a system call argument."""

    index: int  # index of the argument, from 0
    operator: str  # `EQ NE LT LE GE GT MASKED_EQ`, as in libseccomp without `SCMP_CMP_`
    value: int  # the value to compare with; the mask for MASKED_EQ
    other: int = 0  # the value under the mask for MASKED_EQ


class SeccompRule(Struct, frozen=True):
    """The action for a call whose arguments meet all conditions: `ALLOW`, `ERRNO`, …"""

    action: str
    conditions: tuple[Condition, ...] = ()
    errno: int | None = None


class SeccompProfile(Struct, frozen=True):
    """The rules that a runtime passes to libseccomp."""

    default: str  # the action for calls without a matching rule
    default_errno: int | None = None  # the error of the default action; None = the runtime's own
    # `X86_64`, `X86`, …: covered besides the native one. Calls through another architecture kill
    # the process.
    architectures: tuple[str, ...] = ()
    # name of a call -> its rules, in the order of the profile
    rules: Mapping[str, tuple[SeccompRule, ...]] = {}


class NoFilter(Struct, frozen=True):
    """No filter is installed. `why` completes "because of …"."""

    why: str


class EngineDefault(Struct, frozen=True):
    """The engine's own profile, which was not read."""


LETS_THROUGH = frozenset({"ALLOW", "LOG", "TRACE", "NOTIFY"})
"""Actions that may allow the call: directly, with a log entry, or as a tracer or supervisor
decides."""
_ALL_BITS = (1 << 64) - 1
_MOST_SAMPLES = 4096
_OPERATORS = frozenset({"EQ", "NE", "LT", "LE", "GE", "GT", "MASKED_EQ"})
_GO_NAMES = {
    "X86_64": "amd64",
    "AARCH64": "arm64",
    "PPC64LE": "ppc64le",
    "S390X": "s390x",
    "RISCV64": "riscv64",
}


class Access(Enum):
    """Whether the filter allows a call: for any arguments, for some, or never."""

    ALWAYS = "always"
    SOMETIMES = "for some arguments"
    NEVER = "never"


class CallGroup(Struct, frozen=True):
    """Calls that Podman's own profile denies, and what they allow an intruder to do."""

    gives: str  # completes "the filter allows what …"
    # name -> capabilities, any of which makes Podman's own profile allow it
    calls: Mapping[str, frozenset[str]]


def _tied(names: str, *capabilities: str) -> dict[str, frozenset[str]]:
    return dict.fromkeys(names.split(), frozenset(capabilities))


DANGEROUS: tuple[CallGroup, ...] = (
    CallGroup(
        "puts code into the kernel",
        {
            **_tied(
                "init_module finit_module delete_module create_module query_module",
                "CAP_SYS_MODULE",
            ),
            **_tied("kexec_load kexec_file_load"),
        },
    ),
    CallGroup(
        "runs programs in the kernel and watches other processes",
        {
            **_tied("bpf", "CAP_BPF", "CAP_SYS_ADMIN"),
            **_tied("perf_event_open", "CAP_PERFMON", "CAP_SYS_ADMIN"),
            **_tied("lookup_dcookie", "CAP_SYS_ADMIN"),
            **_tied("kcmp process_madvise", "CAP_SYS_PTRACE"),
        },
    ),
    CallGroup(
        "acts without consulting the filter again",
        _tied("io_uring_setup io_uring_enter io_uring_register"),
    ),
    CallGroup(
        "pauses the kernel in the middle of its work, as exploits need", _tied("userfaultfd")
    ),
    CallGroup(
        "opens files that no mount shows",
        _tied("open_by_handle_at", "CAP_DAC_READ_SEARCH"),
    ),
    CallGroup(
        "reaches keyrings that all containers share",
        _tied("add_key request_key"),
    ),
    CallGroup(
        "reaches hardware",
        {
            **_tied("iopl ioperm", "CAP_SYS_RAWIO"),
            **_tied("pciconfig_read pciconfig_write pciconfig_iobase"),
        },
    ),
    CallGroup(
        "is old kernel code that hardly anyone maintains",
        _tied("uselib _sysctl nfsservctl vm86 vm86old"),
    ),
)
"""From what Podman's profile denies (containers-common 0.62) and why: seccomp(2), man pages of the
calls, and the list in Docker's documentation, "Significant syscalls blocked by the default
profile". Without `fanotify_init`, which newer profiles allow: without CAP_SYS_ADMIN the kernel
tells only of changes to files that a process can reach anyway, and opens none."""


def parse_profile(
    document: Mapping[str, Any],
    *,
    capabilities: frozenset[str] = frozenset(),
    architecture: str = "amd64",
) -> SeccompProfile:
    """Parse a JSON profile: `linux.seccomp` of an OCI configuration, or a file with Podman's
    additions.

    Args:
        capabilities: select rules with `includes.caps` and `excludes.caps`.
        architecture: Go's name of the architecture; selects rules with `includes.arches`.

    Raises:
        ValueError: it is not a valid profile.
    """
    default = document.get("defaultAction")
    if not isinstance(default, str):
        raise ValueError("no defaultAction")
    rules: dict[str, list[SeccompRule]] = {}
    for entry in _list(document.get("syscalls")):
        if not isinstance(entry, Mapping):
            raise ValueError("a rule is not a mapping")
        if not _applies(entry, capabilities, architecture):
            continue
        action = _bare(entry.get("action"), "SCMP_ACT_")
        errno = _number(entry.get("errnoRet"))
        for conditions in _alternatives(tuple(map(_condition, _list(entry.get("args"))))):
            rule = SeccompRule(action, conditions, errno)
            for name in _list(entry.get("names")) or [entry.get("name")]:
                rules.setdefault(str(name), []).append(rule)
    return SeccompProfile(
        default=_bare(default, "SCMP_ACT_"),
        default_errno=_number(document.get("defaultErrnoRet")),
        architectures=_architectures(document, architecture),
        rules={name: tuple(of_call) for name, of_call in rules.items()},
    )


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise ValueError("a list is expected")
    return list(value)


def _bare(value: object, prefix: str) -> str:
    return str(value).removeprefix(prefix)


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int) else None


def _condition(entry: Mapping[str, Any]) -> Condition:
    operator = _bare(entry.get("op"), "SCMP_CMP_")
    if operator not in _OPERATORS:
        raise ValueError(f"unknown operator: {operator}")
    value, other = int(entry.get("value") or 0), int(entry.get("valueTwo") or 0)
    return Condition(
        int(entry.get("index") or 0),
        operator,
        value & _ALL_BITS,
        other & _ALL_BITS,
    )


def _alternatives(conditions: tuple[Condition, ...]) -> tuple[tuple[Condition, ...], ...]:
    """Split several conditions on one argument into separate rules, as runtimes do."""
    if len({condition.index for condition in conditions}) == len(conditions):
        return (conditions,)
    return tuple((condition,) for condition in conditions)


def _applies(
    entry: Mapping[str, Any],
    capabilities: frozenset[str],
    architecture: str,
) -> bool:
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    if architecture in (excludes.get("arches") or ()) or capabilities & {
        *(excludes.get("caps") or ())
    }:
        return False
    wanted = includes.get("arches")
    return (not wanted or architecture in wanted) and capabilities >= {
        *(includes.get("caps") or ())
    }


def _architectures(
    document: Mapping[str, Any],
    architecture: str,
) -> tuple[str, ...]:
    names = [_bare(name, "SCMP_ARCH_") for name in _list(document.get("architectures"))]
    for entry in _list(document.get("archMap")):
        own = _bare(entry.get("architecture"), "SCMP_ARCH_")
        if _GO_NAMES.get(own) == architecture:
            names += [
                own,
                *(_bare(name, "SCMP_ARCH_") for name in entry.get("subArchitectures") or ()),
            ]
    return tuple(dict.fromkeys(names))


def access(
    profile: SeccompProfile,
    call: str,
    arguments: Mapping[int, int] | None = None,
) -> Access:
    """Whether the filter allows a call whose other arguments can be anything.

    If rules contradict each other for the same arguments, libseccomp's compilation order would
    decide; the result is then SOMETIMES.
    """
    default = profile.default in LETS_THROUGH
    rules = _in_force(profile, call)
    if not rules:
        return Access.ALWAYS if default else Access.NEVER
    given = tuple(sorted((arguments or {}).items()))
    return _access(tuple(rules), given, default)


@lru_cache(maxsize=1024)
def _access(
    rules: tuple[SeccompRule, ...],
    given: tuple[tuple[int, int], ...],
    default: bool,
) -> Access:
    """Cached, because the containers of a host share a few filters."""
    answers = {_lets_through(rules, values, default) for values in _samples(rules, dict(given))}
    if answers == {Access.ALWAYS}:
        return Access.ALWAYS
    return Access.NEVER if answers == {Access.NEVER} else Access.SOMETIMES


def answer(
    profile: SeccompProfile,
    call: str,
    arguments: Mapping[int, int],
) -> tuple[str, int | None]:
    """The action and error number of the filter for a call with all arguments given.

    If rules contradict each other, the denying one counts.
    """
    hits = [
        rule
        for rule in _in_force(profile, call)
        if all(_meets(condition, arguments) for condition in rule.conditions)
    ]
    for rule in sorted(hits, key=lambda rule: rule.action in LETS_THROUGH):
        return rule.action, rule.errno
    return profile.default, profile.default_errno


def has_conditions(profile: SeccompProfile, call: str) -> bool:
    """Whether the result for a call depends on its arguments."""
    return any(rule.conditions for rule in _in_force(profile, call))


def _in_force(profile: SeccompProfile, call: str) -> list[SeccompRule]:
    default = profile.default, profile.default_errno
    kept: list[SeccompRule] = []
    for rule in profile.rules.get(call, ()):
        if (rule.action, rule.errno) == default or rule.action == profile.default == "ALLOW":
            continue
        if kept and not kept[0].conditions:
            break  # a rule without conditions covers all arguments
        kept = [*kept, rule] if rule.conditions else [rule]
    return kept


def _lets_through(
    rules: Iterable[SeccompRule],
    values: Mapping[int, int],
    default: bool,
) -> Access:
    answers = {
        rule.action in LETS_THROUGH
        for rule in rules
        if all(_meets(condition, values) for condition in rule.conditions)
    } or {default}
    if len(answers) == 2:
        return Access.SOMETIMES
    return Access.ALWAYS if answers == {True} else Access.NEVER


def _meets(condition: Condition, values: Mapping[int, int]) -> bool:
    actual, wanted = values.get(condition.index, 0), condition.value
    match condition.operator:
        case "EQ":
            return actual == wanted
        case "NE":
            return actual != wanted
        case "LT":
            return actual < wanted
        case "LE":
            return actual <= wanted
        case "GE":
            return actual >= wanted
        case "GT":
            return actual > wanted
    return actual & wanted == condition.other


def _samples(
    rules: Iterable[SeccompRule],
    given: Mapping[int, int],
) -> Iterable[Mapping[int, int]]:
    """Arguments on both sides of every comparison, which together produce every possible result."""
    points: dict[int, set[int]] = {}
    for rule in rules:
        for condition in rule.conditions:
            near = points.setdefault(condition.index, {0, 1, 1 << 32, _ALL_BITS})
            if condition.operator == "MASKED_EQ":
                near |= {
                    condition.other,
                    condition.other | (~condition.value & _ALL_BITS),
                    condition.other ^ (condition.value & -condition.value),
                }
            else:
                near |= {
                    condition.value,
                    max(0, condition.value - 1),
                    min(_ALL_BITS, condition.value + 1),
                }
                near.add((condition.value + (1 << 32)) & _ALL_BITS)
    for index, value in given.items():
        points[index] = {value}
    indexes = sorted(points)
    for count, values in enumerate(product(*(sorted(points[index]) for index in indexes))):
        if count >= _MOST_SAMPLES:
            return
        yield dict(zip(indexes, values, strict=True))


class OpenCalls(Struct, frozen=True):
    """Dangerous calls of one group that a filter allows."""

    gives: str
    calls: tuple[str, ...]


def dangerous_calls(
    profile: SeccompProfile,
    capabilities: frozenset[str] = frozenset(),
) -> tuple[OpenCalls, ...]:
    """Calls that the filter allows, at least for some arguments, but Podman's own profile does not.
    `capabilities`: of the container; Podman's profile allows some calls with them.
    """
    open_calls = []
    for group in DANGEROUS:
        names = tuple(
            name
            for name, tied in group.calls.items()
            if not tied & capabilities and access(profile, name) is not Access.NEVER
        )
        if names:
            open_calls.append(OpenCalls(group.gives, names))
    return tuple(open_calls)


AF_ALG, AF_VSOCK = 38, 40
FAMILIES: Mapping[str, int] = {"AF_ALG": AF_ALG, "AF_VSOCK": AF_VSOCK}
"""Socket families that bypass the container's network: the kernel crypto API, and the hypervisor.
"""


def ways_to_family(
    profile: SeccompProfile,
    family: int,
) -> tuple[str, ...]:
    """How a socket of a family can be created: `socket`, `socket (upper bits set)`, `socketcall
    (i386)`.

    The kernel uses the lower 32 bits of the family, a filter compares all 64, so `socket(1<<32 |
    40)` is a separate way. The arguments of a 32-bit `socketcall` are in memory, which a filter
    cannot read.
    """
    ways = []
    if access(profile, "socket", {0: family}) is not Access.NEVER:
        ways.append("socket")
    if access(profile, "socket", {0: family | 1 << 32}) is not Access.NEVER:
        ways.append("socket (upper bits set)")
    if "X86" in profile.architectures and _opens_socketcall(profile):
        ways.append("socketcall (i386)")
    return tuple(ways)


def _opens_socketcall(profile: SeccompProfile) -> bool:
    """Whether a socket of any family can be created with the 32-bit call.

    libseccomp allows that as soon as a rule allows one family for `socket`: it cannot check the
    conditions of such a rule there, and omits them. Only a rule for `socketcall` itself blocks it.
    """
    rules = _in_force(profile, "socketcall")
    if rules and not rules[0].conditions:
        return rules[0].action in LETS_THROUGH
    sockets = _in_force(profile, "socket")
    return profile.default in LETS_THROUGH or any(
        rule.action in LETS_THROUGH for rule in (*rules, *sockets)
    )


_NEW_USER = 0x10000000  # CLONE_NEWUSER


def makes_user_namespaces(profile: SeccompProfile) -> tuple[str, ...]:
    """The calls that give a process its own user namespace, with all capabilities in it.

    `clone3` reads its flags from memory, so only a rule for the whole call blocks it.
    """
    ways = [
        call
        for call in ("unshare", "clone")
        if access(profile, call, {0: _NEW_USER}) is not Access.NEVER
        or access(profile, call, {0: _NEW_USER | 17}) is not Access.NEVER  # with SIGCHLD
    ]
    return (
        *ways,
        *(("clone3",) if access(profile, "clone3") is not Access.NEVER else ()),
    )
