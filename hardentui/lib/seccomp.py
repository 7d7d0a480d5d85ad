"""Which system calls a seccomp profile allows: by name, architecture and arguments.

The semantics are those of libseccomp 2.5 and crun 1.x, which build the filter:

- rules with the default action are skipped;
- a rule without conditions clears the conditional rules before it, and nothing after it counts;
- several conditions on one argument become separate rules, so any of them is enough;
- comparisons use all 64 bits of an argument, but for many the kernel uses only the lower 32.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from itertools import product
from typing import Any

from msgspec import Struct

# A filter as data: rules, or a compiled program.


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
    """The rules that a runtime passes to libseccomp.

    Attributes:
        architectures: `X86_64`, `X86`, …: covered besides the native one. Calls through another architecture
            kill the process.
        rules: name of a call -> its rules, in the order of the profile.
    """

    default: str  # the action for calls without a matching rule
    default_errno: int | None = None  # the error of the default action; None = the runtime's own
    architectures: tuple[str, ...] = ()
    rules: Mapping[str, tuple[SeccompRule, ...]] = {}


class RawFilter(Struct, frozen=True):
    """A compiled BPF program that replaces the rules of the profile."""

    program: bytes  # instructions of eight bytes each, in the machine's byte order
    origin: str  # its source, for evidence


class NoFilter(Struct, frozen=True):
    """No filter is installed. `why` completes "because of …"."""

    why: str


class EngineDefault(Struct, frozen=True):
    """The engine's own profile, which was not read."""


# An interpreter for compiled seccomp filters: the result for one system call.
#
# Instructions are those of classic BPF as seccomp(2) allows them: linux/filter.h, linux/bpf_common.h. `A`
# is the accumulator, `X` the index register, and there are sixteen words of memory.

AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 = 0xC000003E, 0x40000003
_LETS_THROUGH = frozenset({0x7FFF0000, 0x7FFC0000, 0x7FF00000, 0x7FC00000})  # ALLOW, LOG, TRACE, USER_NOTIF
_MOST_STEPS = 4096  # the kernel's own limit for the length of a program, which has no loops
_WORD = 0xFFFFFFFF

X86_64_NUMBERS = {
    name: int(number)
    for name, _, number in (
        word.partition("=")
        for word in (
            "_sysctl=156 add_key=248 bpf=321 clone=56 clone3=435 create_module=174 delete_module=176 "
            "finit_module=313 init_module=175 io_uring_enter=426 io_uring_register=427 io_uring_setup=425 "
            "ioperm=173 iopl=172 kcmp=312 kexec_file_load=320 kexec_load=246 lookup_dcookie=212 "
            "nfsservctl=180 open_by_handle_at=304 perf_event_open=298 process_madvise=440 "
            "query_module=178 request_key=249 socket=41 unshare=272 uselib=134 userfaultfd=323"
        ).split()
    )
}
"""System call numbers on x86-64 (asm/unistd_64.h), which never change."""
I386_SOCKETCALL = 102


def lets_through(
    program: bytes, number: int, arguments: Sequence[int] = (), architecture: int = AUDIT_ARCH_X86_64
) -> bool:
    """Whether the program allows a call with these arguments (0 by default).

    Raises:
        ValueError: the kernel would not accept it as a seccomp filter.
    """
    if not program or len(program) % 8:
        raise ValueError("its length is not a multiple of eight bytes")
    order = "<" if sys.byteorder == "little" else ">"
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack(f"{order}iIQ6Q", number, architecture, 0, *values)
    words = struct.unpack(f"{order}16I", data)
    code = [struct.unpack_from(f"{order}HBBI", program, at) for at in range(0, len(program), 8)]
    return _run(code, words) & 0xFFFF0000 in _LETS_THROUGH


def _run(code: list[tuple[int, int, int, int]], data: tuple[int, ...]) -> int:
    accumulator = index = at = 0
    memory = [0] * 16
    for _ in range(_MOST_STEPS):
        if not 0 <= at < len(code):
            raise ValueError("it jumps outside itself")
        operation, if_true, if_false, constant = code[at]
        at += 1
        kind = operation & 0x07
        if kind == 0x06:  # return
            return accumulator if operation & 0x18 == 0x10 else constant
        if kind in (0x00, 0x01):  # load A, load X
            value = _loaded(operation, constant, data, memory)
            accumulator, index = (value, index) if kind == 0x00 else (accumulator, value)
        elif kind in (0x02, 0x03):  # store A, store X
            memory[constant & 15] = accumulator if kind == 0x02 else index
        elif kind == 0x04:
            accumulator = _computed(operation & 0xF0, accumulator, index if operation & 0x08 else constant)
        elif kind == 0x05:
            if operation & 0xF0 == 0:  # always
                at += constant
            else:
                other = index if operation & 0x08 else constant
                at += if_true if _holds(operation & 0xF0, accumulator, other) else if_false
        elif operation & 0x80:  # 0x87: A = X, 0x07: X = A
            accumulator = index
        else:
            index = accumulator
    raise ValueError("it does not end")


def _loaded(operation: int, constant: int, data: tuple[int, ...], memory: list[int]) -> int:
    mode = operation & 0xE0
    if mode == 0x20 and constant % 4 == 0 and constant < 64:
        return data[constant // 4]
    if mode == 0x00:
        return constant
    if mode == 0x60:
        return memory[constant & 15]
    if mode == 0x80:
        return 64  # the length of seccomp_data
    raise ValueError("it loads from an address that is not allowed in a seccomp filter")


def _computed(operation: int, left: int, right: int) -> int:
    if operation in (0x30, 0x90) and right == 0:
        raise ValueError("it divides by zero")
    results = {
        0x00: left + right,
        0x10: left - right,
        0x20: left * right,
        0x30: left // (right or 1),
        0x40: left | right,
        0x50: left & right,
        0x60: left << (right & 31),
        0x70: left >> (right & 31),
        0x80: -left,
        0x90: left % (right or 1),
        0xA0: left ^ right,
    }
    if operation not in results:
        raise ValueError("it has an instruction that is not allowed in a seccomp filter")
    return results[operation] & _WORD


def _holds(operation: int, left: int, right: int) -> bool:
    if operation == 0x10:
        return left == right
    if operation == 0x20:
        return left > right
    if operation == 0x30:
        return left >= right
    if operation == 0x40:
        return bool(left & right)
    raise ValueError("it has a jump that is not allowed in a seccomp filter")


LETS_THROUGH = frozenset({"ALLOW", "LOG", "TRACE", "NOTIFY"})
"""Actions that may allow the call: directly, with a log entry, or as a tracer or supervisor decides."""
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
    """Calls that Podman's own profile denies, and what they allow an intruder to do.

    Attributes:
        calls: name -> capabilities, any of which makes Podman's own profile allow it.
    """

    gives: str  # completes "the filter allows what …"
    calls: Mapping[str, frozenset[str]]


def _tied(names: str, *capabilities: str) -> dict[str, frozenset[str]]:
    return dict.fromkeys(names.split(), frozenset(capabilities))


DANGEROUS: tuple[CallGroup, ...] = (
    CallGroup(
        "puts code into the kernel",
        {
            **_tied("init_module finit_module delete_module create_module query_module", "CAP_SYS_MODULE"),
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
        "acts without consulting the filter again", _tied("io_uring_setup io_uring_enter io_uring_register")
    ),
    CallGroup("pauses the kernel in the middle of its work, as exploits need", _tied("userfaultfd")),
    CallGroup("opens files that no mount shows", _tied("open_by_handle_at", "CAP_DAC_READ_SEARCH")),
    CallGroup("reaches keyrings that all containers share", _tied("add_key request_key")),
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
"""From what Podman's profile denies (containers-common 0.62) and why: seccomp(2), man pages of the calls, and
the list in Docker's documentation, "Significant syscalls blocked by the default profile". Without
`fanotify_init`, which newer profiles allow: without CAP_SYS_ADMIN the kernel tells only of changes to files
that a process can reach anyway, and opens none."""


def parse_profile(
    document: Mapping[str, Any],
    *,
    capabilities: frozenset[str] = frozenset(),
    architecture: str = "amd64",
) -> SeccompProfile:
    """Parse a JSON profile: `linux.seccomp` of an OCI configuration, or a file with Podman's additions.

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
    return Condition(int(entry.get("index") or 0), operator, value & _ALL_BITS, other & _ALL_BITS)


def _alternatives(conditions: tuple[Condition, ...]) -> tuple[tuple[Condition, ...], ...]:
    """Split several conditions on one argument into separate rules, as runtimes do."""
    if len({condition.index for condition in conditions}) == len(conditions):
        return (conditions,)
    return tuple((condition,) for condition in conditions)


def _applies(entry: Mapping[str, Any], capabilities: frozenset[str], architecture: str) -> bool:
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    if architecture in (excludes.get("arches") or ()) or capabilities & {*(excludes.get("caps") or ())}:
        return False
    wanted = includes.get("arches")
    return (not wanted or architecture in wanted) and capabilities >= {*(includes.get("caps") or ())}


def _architectures(document: Mapping[str, Any], architecture: str) -> tuple[str, ...]:
    names = [_bare(name, "SCMP_ARCH_") for name in _list(document.get("architectures"))]
    for entry in _list(document.get("archMap")):
        own = _bare(entry.get("architecture"), "SCMP_ARCH_")
        if _GO_NAMES.get(own) == architecture:
            names += [own, *(_bare(name, "SCMP_ARCH_") for name in entry.get("subArchitectures") or ())]
    return tuple(dict.fromkeys(names))


def access(profile: SeccompProfile, call: str, arguments: Mapping[int, int] | None = None) -> Access:
    """Whether the filter allows a call whose other arguments can be anything.

    If rules contradict each other for the same arguments, libseccomp's compilation order would decide; the
    result is then SOMETIMES.
    """
    default = profile.default in LETS_THROUGH
    rules = _in_force(profile, call)
    if not rules:
        return Access.ALWAYS if default else Access.NEVER
    given = tuple(sorted((arguments or {}).items()))
    return _access(tuple(rules), given, default)


@lru_cache(maxsize=1024)
def _access(rules: tuple[SeccompRule, ...], given: tuple[tuple[int, int], ...], default: bool) -> Access:
    """Cached, because the containers of a host share a few filters."""
    answers = {_lets_through(rules, values, default) for values in _samples(rules, dict(given))}
    if answers == {Access.ALWAYS}:
        return Access.ALWAYS
    return Access.NEVER if answers == {Access.NEVER} else Access.SOMETIMES


def answer(profile: SeccompProfile, call: str, arguments: Mapping[int, int]) -> tuple[str, int | None]:
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


def _lets_through(rules: Iterable[SeccompRule], values: Mapping[int, int], default: bool) -> Access:
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


def _samples(rules: Iterable[SeccompRule], given: Mapping[int, int]) -> Iterable[Mapping[int, int]]:
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
                near |= {condition.value, max(0, condition.value - 1), min(_ALL_BITS, condition.value + 1)}
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
    profile: SeccompProfile, capabilities: frozenset[str] = frozenset()
) -> tuple[OpenCalls, ...]:
    """Calls that the filter allows, at least for some arguments, but Podman's own profile does not.

    Args:
        capabilities: of the container; Podman's profile allows some calls with them.
    """
    return open_groups(lambda call: access(profile, call) is not Access.NEVER, capabilities)


def open_groups(lets_through: Callable[[str], bool], capabilities: frozenset[str]) -> tuple[OpenCalls, ...]:
    """The DANGEROUS groups, each with the calls for which `lets_through(name)` is true."""
    open_calls = []
    for group in DANGEROUS:
        names = tuple(
            name for name, tied in group.calls.items() if not tied & capabilities and lets_through(name)
        )
        if names:
            open_calls.append(OpenCalls(group.gives, names))
    return tuple(open_calls)


AF_ALG, AF_VSOCK = 38, 40
FAMILIES: Mapping[str, int] = {"AF_ALG": AF_ALG, "AF_VSOCK": AF_VSOCK}
"""Socket families that bypass the container's network: the kernel crypto API, and the hypervisor."""


def ways_to_family(profile: SeccompProfile, family: int) -> tuple[str, ...]:
    """How a socket of a family can be created: `socket`, `socket (upper bits set)`, `socketcall (i386)`.

    The kernel uses the lower 32 bits of the family, a filter compares all 64, so `socket(1<<32 | 40)` is a
    separate way. The arguments of a 32-bit `socketcall` are in memory, which a filter cannot read.
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

    libseccomp allows that as soon as a rule allows one family for `socket`: it cannot check the conditions of
    such a rule there, and omits them. Only a rule for `socketcall` itself blocks it.
    """
    rules = _in_force(profile, "socketcall")
    if rules and not rules[0].conditions:
        return rules[0].action in LETS_THROUGH
    sockets = _in_force(profile, "socket")
    return profile.default in LETS_THROUGH or any(rule.action in LETS_THROUGH for rule in (*rules, *sockets))


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
    return (*ways, *(("clone3",) if access(profile, "clone3") is not Access.NEVER else ()))
