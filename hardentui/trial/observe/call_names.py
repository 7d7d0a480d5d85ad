"""The name of a system call by its number, for supported machines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from hardentui.trial.observe import numbers_arm, numbers_x86

X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
"""AUDIT_ARCH_… of linux/audit.h: the kernel's name for the ABI of a call."""
_X32 = 0x40000000
"""Set in the number of an x32 call; the architecture is then x86-64."""
SECCOMP_NAMES = {
    X86_64: "SCMP_ARCH_X86_64",
    I386: "SCMP_ARCH_X86",
    AARCH64: "SCMP_ARCH_AARCH64",
    ARM: "SCMP_ARCH_ARM",
}
"""Their names in seccomp profiles."""
X32_NAME = "SCMP_ARCH_X32"
NATIVE: Mapping[str, int] = {"x86_64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}
"""The names of supported machines in uname(2)."""
_TABLES = {
    X86_64: numbers_x86.X86_64,
    I386: numbers_x86.I386,
    AARCH64: numbers_arm.AARCH64,
    ARM: numbers_arm.ARM,
}
_ARM_PRIVATE = {0xF0001: "breakpoint", 0xF0002: "cacheflush", 0xF0005: "set_tls"}
_X32_OWN = tuple(
    """rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace rt_sigpending
    rt_sigtimedwait rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid set_robust_list
    get_robust_list vmsplice move_pages preadv pwritev rt_tgsigqueueinfo recvmmsg sendmmsg
    process_vm_readv process_vm_writev setsockopt getsockopt io_setup io_submit execveat preadv2 pwritev2
    """.split()
)
_X32_FIRST = 512


def call_name(architecture: int, number: int) -> str:
    """The name in seccomp profiles; empty if unknown."""
    if architecture == X86_64 and number & _X32:
        own = (number & ~_X32) - _X32_FIRST
        if 0 <= own < len(_X32_OWN):
            return _X32_OWN[own]
        number &= ~_X32
    if architecture == ARM and number in _ARM_PRIVATE:
        return _ARM_PRIVATE[number]
    return _table(architecture).get(number, "")


def seccomp_name(architecture: int, number: int) -> str:
    """The profile's name of the ABI of a call; empty if unknown."""
    if architecture == X86_64 and number & _X32:
        return X32_NAME
    return SECCOMP_NAMES.get(architecture, "")


@cache
def _table(architecture: int) -> Mapping[int, str]:
    by_number: dict[int, str] = {}
    number = 0
    for line in _TABLES.get(architecture, "").splitlines():
        words = line.split()
        if not line.startswith(" "):
            number, words = int(words[0]), words[1:]
        for name in words:
            by_number[number] = name
            number += 1
    return by_number
