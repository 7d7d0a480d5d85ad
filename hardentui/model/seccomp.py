"""A seccomp filter as data: rules, or a compiled program. `reading.seccomp` evaluates them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Condition(Struct, frozen=True):
    """One comparison of a system call argument.

    Attributes:
        index: index of the argument, from 0.
        operator: `EQ NE LT LE GE GT MASKED_EQ`, as in libseccomp without `SCMP_CMP_`.
        value: the value to compare with; the mask for MASKED_EQ.
        other: the value under the mask for MASKED_EQ.
    """

    index: int
    operator: str
    value: int
    other: int = 0


class SeccompRule(Struct, frozen=True):
    """The action for a call whose arguments meet all conditions: `ALLOW`, `ERRNO`, …"""

    action: str
    conditions: tuple[Condition, ...] = ()
    errno: int | None = None


class SeccompProfile(Struct, frozen=True):
    """The rules that a runtime passes to libseccomp.

    Attributes:
        default: the action for calls without a matching rule.
        default_errno: the error of the default action; None = the runtime's own.
        architectures: `X86_64`, `X86`, …: covered besides the native one. Calls through another architecture
            kill the process.
        rules: name of a call -> its rules, in the order of the profile.
    """

    default: str
    default_errno: int | None = None
    architectures: tuple[str, ...] = ()
    rules: Mapping[str, tuple[SeccompRule, ...]] = {}


class RawFilter(Struct, frozen=True):
    """A compiled BPF program that replaces the rules of the profile.

    Attributes:
        program: instructions of eight bytes each, in the machine's byte order.
        origin: its source, for evidence.
    """

    program: bytes
    origin: str


class NoFilter(Struct, frozen=True):
    """No filter is installed. `why` completes "because of …"."""

    why: str


class EngineDefault(Struct, frozen=True):
    """The engine's own profile, which was not read."""


# The OCI runtime's configuration: the parts of its config.json that no option shows.


class RuntimeConfig(Struct, frozen=True):
    """The runtime's configuration as of the container's last start.

    Attributes:
        annotations: annotations for the runtime (`run.oci.…`), including those of the engine.
        seccomp: the filter that the runtime installs; None if it cannot be parsed.
        sysctl: kernel parameters, including those of the engine's configuration.
        oom_score_adj: as given to the runtime; None = inherited.
        masks: paths that the runtime hides or makes read-only.
        device_rules: what it lets the device filter allow, as the kernel writes it: `b 8:0 rwm`.
        device_filter: it has rules for devices. Podman gives none to a container that is to have a user
            namespace of its own.
        programs: what runs outside the container or as its first process: hooks, and Podman's init.
    """

    annotations: Mapping[str, str] = {}
    seccomp: SeccompProfile | RawFilter | NoFilter | None = None
    sysctl: Mapping[str, str] = {}
    oom_score_adj: int | None = None
    masks: frozenset[str] = frozenset()
    device_rules: frozenset[str] = frozenset()
    device_filter: bool = True
    programs: tuple[str, ...] = ()
