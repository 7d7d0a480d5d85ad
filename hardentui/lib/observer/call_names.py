"""The name of a system call by its number, for supported machines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
"""AUDIT_ARCH_… of linux/audit.h: the kernel's name for the ABI of a call."""
SECCOMP_NAMES = {
    X86_64: "SCMP_ARCH_X86_64",
    I386: "SCMP_ARCH_X86",
    AARCH64: "SCMP_ARCH_AARCH64",
    ARM: "SCMP_ARCH_ARM",
}
"""Their names in seccomp profiles."""
NATIVE: Mapping[str, int] = {"x86_64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}
"""The names of supported machines in uname(2)."""
_FILES = {X86_64: "x86_64", I386: "i386", AARCH64: "aarch64", ARM: "arm"}
"""Numbers of system calls, which the kernel never changes; made by tools/system_call_numbers.py. A line
that is not indented begins with the number of its first call; those after it follow one another."""
_ARM_PRIVATE = {0xF0001: "breakpoint", 0xF0002: "cacheflush", 0xF0005: "set_tls"}


def call_name(architecture: int, number: int) -> str:
    """The name in seccomp profiles; empty if unknown."""
    if architecture == ARM and number in _ARM_PRIVATE:
        return _ARM_PRIVATE[number]
    return _table(architecture).get(number, "")


@cache
def _table(architecture: int) -> Mapping[int, str]:
    by_number: dict[int, str] = {}
    number = 0
    if architecture not in _FILES:
        return {}
    file = Path(__file__).with_name("system_calls") / f"{_FILES[architecture]}.txt"
    for line in file.read_text(encoding="ascii").splitlines():
        words = line.split()
        if not line.startswith(" "):
            number, words = int(words[0]), words[1:]
        for name in words:
            by_number[number] = name
            number += 1
    return by_number
