"""Numbers and names of Linux capabilities, as in capabilities(7), and the sets of a process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from hardentui.model.facts import CapabilitySets

NAMES = tuple(
    f"CAP_{name}"
    for name in [
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "SYS_PACCT",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_NICE",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "MKNOD",
        "LEASE",
        "AUDIT_WRITE",
        "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE",
        "MAC_ADMIN",
        "SYSLOG",
        "WAKE_ALARM",
        "BLOCK_SUSPEND",
        "AUDIT_READ",
        "PERFMON",
        "BPF",
        "CHECKPOINT_RESTORE",
    ]
)
"""Names by number: `NAMES[21]` is CAP_SYS_ADMIN."""


def capability_names(mask: int) -> frozenset[str]:
    """The names of the bits set in `mask`; a bit newer than this list is `CAP_` and its number."""
    return frozenset(
        NAMES[bit] if bit < len(NAMES) else f"CAP_{bit}"
        for bit in range(mask.bit_length())
        if mask >> bit & 1
    )


def capability_sets(*processes: Mapping[str, str]) -> CapabilitySets:
    """The capabilities that any of these processes has, from the lines of its /proc/PID/status.

    Raises:
        LookupError, ValueError: a line is missing, or is not a number.
    """

    def names(key: str) -> frozenset[str]:
        return capability_names(reduce(or_, (int(lines[key], 16) for lines in processes)))

    return CapabilitySets(
        effective=names("CapEff"),
        permitted=names("CapPrm"),
        inheritable=names("CapInh"),
        bounding=names("CapBnd"),
        ambient=names("CapAmb"),
    )
