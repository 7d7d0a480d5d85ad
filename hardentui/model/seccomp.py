"""A seccomp filter as data: rules, or a compiled program. `reading.seccomp` says what they do."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Condition(Struct, frozen=True):
    """One comparison of an argument of a call.

    Attributes:
        index: which argument, from 0.
        operator: `EQ NE LT LE GE GT MASKED_EQ`, libseccomp's names without `SCMP_CMP_`.
        value: what it is compared with; the mask for MASKED_EQ.
        other: the value under the mask for MASKED_EQ.
    """

    index: int
    operator: str
    value: int
    other: int = 0


class SeccompRule(Struct, frozen=True):
    """What happens to a call whose arguments meet all conditions; `action` is `ALLOW`, `ERRNO`, …"""

    action: str
    conditions: tuple[Condition, ...] = ()
    errno: int | None = None


class SeccompProfile(Struct, frozen=True):
    """The rules that a runtime hands to libseccomp.

    Attributes:
        default: the action for calls without a rule that fits.
        default_errno: the error that the default action gives; None = the runtime's own.
        architectures: `X86_64`, `X86`, …: what the filter covers besides the machine's own. A call by way of
            another one ends the process.
        rules: name of a call -> its rules in the order of the profile.
    """

    default: str
    default_errno: int | None = None
    architectures: tuple[str, ...] = ()
    rules: Mapping[str, tuple[SeccompRule, ...]] = {}


class RawFilter(Struct, frozen=True):
    """A compiled BPF program that replaces the rules of the profile.

    Attributes:
        program: instructions of eight bytes each, in the machine's byte order.
        origin: where it comes from, for evidence.
    """

    program: bytes
    origin: str


class NoFilter(Struct, frozen=True):
    """Nothing stands between the container and the system calls. `why` completes "because of …"."""

    why: str


class EngineDefault(Struct, frozen=True):
    """The engine's own profile, which was not read."""
