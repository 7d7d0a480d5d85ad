"""The names of capabilities."""

from __future__ import annotations

CAPABILITIES_BY_NUMBER = tuple(
    f"CAP_{name}"
    for name in (
        "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
        "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT "
        "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE "
        "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ "
        "PERFMON BPF CHECKPOINT_RESTORE"
    ).split()
)
"""As in capabilities(7): `CAPABILITIES_BY_NUMBER[21]` is CAP_SYS_ADMIN."""
ALL_CAPABILITIES = frozenset(CAPABILITIES_BY_NUMBER)
"""Every capability that Linux 6 knows."""

STOCK_CAPABILITIES = frozenset(
    "CAP_" + name
    for name in (
        "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT"
    ).split()
)
"""Podman's built-in default, without options or containers.conf."""


def capability_name(text: str) -> str:
    """`net_raw` -> `CAP_NET_RAW`; `all` in any case stays `all`."""
    upper = text.strip().upper()
    if upper in ("ALL", "CAP_ALL"):
        return "all"
    return upper if upper.startswith("CAP_") else "CAP_" + upper
