"""From a call and its arguments to its needs: a capability, or a writable place.

The rules are those of capabilities(7) and of the kernel's permission checks, applied as if the
caller had no capability at all: the check that fails then shows what it needs. A call that is not
in the table needs none.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping

from hardentui.features.trial.learned.permission_bits import allowed
from hardentui.lib.observer.records import CallDetail, Caller, TouchedFile

READ, WRITE, SEARCH = 4, 2, 1


NOBODY = 0xFFFFFFFF
"""-1 as an id: leave it unchanged."""
O_CREAT, O_TRUNC, O_NOATIME = 0o100, 0o1000, 0o1000000
_ACCESS = 0o3
AF_INET, AF_INET6, AF_NETLINK, AF_PACKET = 2, 10, 16, 17
SOCK_RAW, SOCK_TYPE = 3, 0xF
NETLINK_AUDIT = 9
NEW_NAMESPACES = 0x7E020000
"""CLONE_NEW… except CLONE_NEWTIME, which is not a flag of clone."""
NEW_USER = 0x10000000
_REAL_TIME = frozenset({1, 2, 6})  # SCHED_FIFO, SCHED_RR, SCHED_DEADLINE
_NETWORK_OPTIONS = frozenset(
    {(1, 36), (1, 33), (0, 19), (41, 75)}
)  # SO_MARK, SO_RCVBUFFORCE, …TRANSPARENT
_SETS_INTERFACE = frozenset(
    {
        0x890B,
        0x890C,
        0x8914,
        0x8916,
        0x8918,
        0x891A,
        0x891C,
        0x891E,
        0x8922,
        0x8923,
        0x8924,
    }
)

Names = frozenset[str]
_NONE: Names = frozenset()


def capabilities(detail: CallDetail, low_ports: int = 1024) -> Names:
    """The capabilities that this call needs. `low_ports`: the first port that anybody may bind
    (net.ipv4.ip_unprivileged_port_start).
    """
    rule = _RULES.get(detail.call)
    if rule is not None:
        return rule(detail)
    if detail.call == "bind":
        address = detail.address
        low = (
            address is not None
            and address.family in (AF_INET, AF_INET6)
            and 0 < address.port < low_ports
        )
        return _caps("NET_BIND_SERVICE") if low else _making(detail)
    return _ALWAYS.get(detail.call, _NONE)


def _caps(*names: str) -> Names:
    return frozenset(f"CAP_{name}" for name in names)


def _number(
    detail: CallDetail,
    place: int,
    otherwise: int = 0,
) -> int:
    return detail.numbers[place] if place < len(detail.numbers) else otherwise


def _reaching(file: TouchedFile) -> Names:
    return _NONE if file.searchable else _caps("DAC_OVERRIDE")


def _opening(detail: CallDetail) -> Names:
    flags = O_CREAT | O_TRUNC | 1 if detail.call == "creat" else _number(detail, 0)
    needed: Names = _NONE
    for file in detail.files:
        needed |= _reaching(file)
        if not file.exists:
            needed |= _into(file, detail.caller) if flags & O_CREAT else _NONE
            continue
        if file.kind == "link":
            continue
        wanted = {0: READ, 1: WRITE, 2: READ | WRITE}.get(flags & _ACCESS, READ | WRITE)
        wanted |= WRITE if flags & O_TRUNC else 0
        if not allowed(
            file.mode,
            (file.uid, file.gid),
            detail.caller,
            wanted,
        ):
            needed |= _caps("DAC_OVERRIDE")
        if flags & O_NOATIME and _of_another(file, detail.caller):
            needed |= _caps("FOWNER")
    return needed


def _into(file: TouchedFile, caller: Caller) -> Names:
    """Creating or removing a name in the directory."""
    owner = (file.directory_uid, file.directory_gid) if file.exists else (file.uid, file.gid)
    mode = file.directory_mode if file.exists else file.mode
    return _NONE if allowed(mode, owner, caller, WRITE | SEARCH) else _caps("DAC_OVERRIDE")


def _making(detail: CallDetail) -> Names:
    return frozenset().union(
        *(
            _reaching(file) | (_into(file, detail.caller) if not file.exists else _NONE)
            for file in detail.files
        )
    )


def _device(detail: CallDetail) -> Names:
    kind = stat.S_IFMT(_number(detail, 0))
    return _making(detail) | (_caps("MKNOD") if kind in (stat.S_IFCHR, stat.S_IFBLK) else _NONE)


def _removing(detail: CallDetail) -> Names:
    needed: Names = _NONE
    for file in detail.files:
        if not file.exists:
            if detail.call.startswith("rename"):
                needed |= _reaching(file) | _into(file, detail.caller)
            continue
        needed |= _reaching(file) | _into(file, detail.caller)
        sticky = file.directory_mode & stat.S_ISVTX and file.directory_uid != detail.caller.uid
        if sticky and _of_another(file, detail.caller):
            needed |= _caps("FOWNER")
    return needed


def _of_another(file: TouchedFile, caller: Caller) -> bool:
    return file.exists and file.uid not in (-1, caller.uid)


def _owner(detail: CallDetail) -> Names:
    uid, gid = _number(detail, 0, NOBODY), _number(detail, 1, NOBODY)
    caller = detail.caller
    needed: Names = _NONE
    for file in detail.files:
        needed |= _reaching(file)
        if not file.exists:
            continue
        known = file.uid != -1
        mine = file.uid == caller.uid if known else uid in (NOBODY, caller.uid)
        if uid != NOBODY and not (mine and uid == (file.uid if known else caller.uid)):
            needed |= _caps("CHOWN")
        same_group = file.gid == gid if known else False
        member = gid in (caller.gid, *caller.groups) or same_group
        if gid != NOBODY and not (mine and member):
            needed |= _caps("CHOWN")
    return needed


def _mode(detail: CallDetail) -> Names:
    mode = _number(detail, 0)
    needed: Names = _NONE
    for file in detail.files:
        needed |= _reaching(file)
        if _of_another(file, detail.caller):
            needed |= _caps("FOWNER")
        foreign_group = file.gid not in (-1, detail.caller.gid, *detail.caller.groups)
        if mode & stat.S_ISGID and file.exists and foreign_group:
            needed |= _caps("FSETID")
    return needed


def _times(detail: CallDetail) -> Names:
    """Setting given times needs the owner; setting "now" needs write access."""
    given = bool(_number(detail, 0))
    needed: Names = _NONE
    for file in detail.files:
        needed |= _reaching(file)
        if not _of_another(file, detail.caller):
            continue
        if given:
            needed |= _caps("FOWNER")
        elif not allowed(
            file.mode,
            (file.uid, file.gid),
            detail.caller,
            WRITE,
        ):
            needed |= _caps("DAC_OVERRIDE")
    return needed


def _attribute(detail: CallDetail) -> Names:
    if detail.text == "security.capability":
        return _caps("SETFCAP")
    if detail.text.startswith(("trusted.", "security.")):
        return _caps("SYS_ADMIN")
    foreign = any(_of_another(file, detail.caller) for file in detail.files)
    return _caps("FOWNER") if foreign and detail.text.startswith("system.posix_acl") else _NONE


def _to_users(detail: CallDetail) -> Names:
    own = detail.caller.uids | {detail.caller.uid, NOBODY}
    return _NONE if set(detail.numbers) <= own else _caps("SETUID")


def _to_groups(detail: CallDetail) -> Names:
    own = detail.caller.gids | {detail.caller.gid, NOBODY}
    return _NONE if set(detail.numbers) <= own else _caps("SETGID")


def _process_control(detail: CallDetail) -> Names:
    drop_bounding, secure_bits = 24, 28
    return _caps("SETPCAP") if _number(detail, 0) in (drop_bounding, secure_bits) else _NONE


def _foreign(detail: CallDetail) -> bool:
    """It targets a process whose real and saved user differ from its own."""
    return any(uid not in detail.caller.uids for uid in detail.target_uids if uid != -1)


def _if_foreign(name: str) -> Callable[[CallDetail], Names]:
    return lambda detail: _caps(name) if _foreign(detail) else _NONE


def _priority(detail: CallDetail) -> Names:
    value = _number(detail, 1)
    raised = value >= 0x80000000  # a negative number: higher CPU priority than others
    return _caps("SYS_NICE") if raised or _foreign(detail) else _NONE


def _scheduler(detail: CallDetail) -> Names:
    real_time = _number(detail, 0) & 0xFF in _REAL_TIME
    return _caps("SYS_NICE") if real_time or _foreign(detail) else _NONE


def _socket(detail: CallDetail) -> Names:
    family, kind = _number(detail, 0), _number(detail, 1) & SOCK_TYPE
    raw = family == AF_PACKET or (kind == SOCK_RAW and family in (AF_INET, AF_INET6))
    if family == AF_NETLINK and _number(detail, 2) == NETLINK_AUDIT:
        return _caps("AUDIT_WRITE")
    return _caps("NET_RAW") if raw else _NONE


def _socket_option(detail: CallDetail) -> Names:
    level, option = _number(detail, 0), _number(detail, 1)
    return _caps("NET_ADMIN") if (level, option) in _NETWORK_OPTIONS else _NONE


def _namespaces(detail: CallDetail) -> Names:
    flags = _number(detail, 0)
    wanted = flags & NEW_NAMESPACES and not flags & NEW_USER
    return _caps("SYS_ADMIN") if wanted else _NONE


def _control(detail: CallDetail) -> Names:
    file_flags = _number(detail, 0) in (0x40086602, 0x401C5820)
    # reading addresses needs nothing and has its own numbers: those that set are even, below 0x8920
    return _caps("NET_ADMIN") if not file_flags and _number(detail, 0) in _SETS_INTERFACE else _NONE


def _clock(detail: CallDetail) -> Names:
    modes = detail.numbers[-1] & 0xFFFFFFFF if detail.numbers else 0
    return _caps("SYS_TIME") if modes else _NONE


_ALWAYS: Mapping[str, Names] = {
    **dict.fromkeys(
        (
            *(
                "mount",
                "umount2",
                "pivot_root",
                "mount_setattr",
                "move_mount",
                "fsopen",
                "fsmount",
                "fspick",
            ),
            *(
                "setns",
                "sethostname",
                "setdomainname",
                "quotactl",
                "swapon",
                "swapoff",
                "fanotify_init",
            ),
        ),
        _caps("SYS_ADMIN"),
    ),
    "chroot": _caps("SYS_CHROOT"),
    "setgroups": _caps("SETGID"),
    **dict.fromkeys(
        ("reboot", "kexec_load", "kexec_file_load"),
        _caps("SYS_BOOT"),
    ),
    **dict.fromkeys(("settimeofday", "clock_settime"), _caps("SYS_TIME")),
    "acct": _caps("SYS_PACCT"),
    "bpf": _caps("BPF"),
    "perf_event_open": _caps("PERFMON"),
    **dict.fromkeys(
        ("init_module", "finit_module", "delete_module"),
        _caps("SYS_MODULE"),
    ),
    **dict.fromkeys(("iopl", "ioperm"), _caps("SYS_RAWIO")),
    "vhangup": _caps("SYS_TTY_CONFIG"),
    "syslog": _caps("SYSLOG"),
    "open_by_handle_at": _caps("DAC_READ_SEARCH"),
}

_RULES: Mapping[str, Callable[[CallDetail], Names]] = {
    **dict.fromkeys(("open", "openat", "openat2", "creat"), _opening),
    **dict.fromkeys(
        ("mkdir", "mkdirat", "link", "linkat", "symlink", "symlinkat"),
        _making,
    ),
    **dict.fromkeys(("mknod", "mknodat"), _device),
    **dict.fromkeys(
        ("unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2"),
        _removing,
    ),
    **dict.fromkeys(("chown", "lchown", "fchown", "fchownat"), _owner),
    **dict.fromkeys(("chmod", "fchmod", "fchmodat", "fchmodat2"), _mode),
    **dict.fromkeys(("utime", "utimes", "utimensat"), _times),
    **dict.fromkeys(
        ("setxattr", "lsetxattr", "fsetxattr", "removexattr"),
        _attribute,
    ),
    **dict.fromkeys(
        ("setuid", "setreuid", "setresuid", "setfsuid"),
        _to_users,
    ),
    **dict.fromkeys(
        ("setgid", "setregid", "setresgid", "setfsgid"),
        _to_groups,
    ),
    "prctl": _process_control,
    **dict.fromkeys(("kill", "tkill", "tgkill"), _if_foreign("KILL")),
    **dict.fromkeys(
        ("ptrace", "process_vm_readv", "process_vm_writev"),
        _if_foreign("SYS_PTRACE"),
    ),
    "setpriority": _priority,
    **dict.fromkeys(("sched_setscheduler", "sched_setparam"), _scheduler),
    "socket": _socket,
    "setsockopt": _socket_option,
    **dict.fromkeys(("unshare", "clone", "clone3"), _namespaces),
    "ioctl": _control,
    **dict.fromkeys(("adjtimex", "clock_adjtime"), _clock),
}
