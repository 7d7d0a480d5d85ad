"""From the system calls that were seen to those that a profile allows: the same, plus a stated
margin.

The margin is what another version of libc, the runtime or the kernel would use in place of what was
seen, and what any program may need although it was not seen: exiting, interruption, memory.
Dangerous calls are never in the margin; they are allowed only if they were seen.

A learned profile consists of its base's rules for the allowed names, so what the base denies stays
denied. Some calls get extra conditions: `socket` and `socketpair` by family, `clone` and `unshare`
without the flags that make namespaces. Families are compared in the low 32 bits only, as the kernel
does: a filter that compares all 64 bits lets `1 << 32 | family` through.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from hardentui.features.trial.learned.effects import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    NETLINK_AUDIT,
    NEW_NAMESPACES,
    NEW_USER,
)
from hardentui.lib.observer.records import CallDetail, CallLog
from hardentui.lib.seccomp import DANGEROUS, LETS_THROUGH, Access, access, parse_profile

LOW_BITS = 0xFFFFFFFF
_ALLOW, _REFUSE, LOGGED = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_LOG"
_FAMILIES, _PROTOCOLS = range(48), range(32)
"""Of sockets, and of netlink: more than any kernel has."""
_GO_NAMES = {"SCMP_ARCH_X86_64": "amd64", "SCMP_ARCH_AARCH64": "arm64"}


class SocketUse(Struct, frozen=True):
    """A kind of socket; `protocol` is None if any is allowed."""

    family: int
    protocol: int | None = None


class Allowed(Struct, frozen=True):
    """What is allowed of what the base allows."""

    names: frozenset[str]  # system calls
    sockets: frozenset[SocketUse] | None = None  # kinds of sockets; None = as in the base
    pairs: frozenset[int] | None = None  # families of `socketpair`; None = as in the base
    # those of `clone clone3 unshare` that may create namespaces. No filter can read the flags of
    # `clone3`: if it may not, it returns ENOSYS, and libc falls back to `clone`.
    new_namespaces: frozenset[str] = frozenset({"clone", "clone3", "unshare"})
    # the machine's own ABI; `others`: other ABIs that programs used
    native: str = "SCMP_ARCH_X86_64"
    others: frozenset[str] = frozenset()


def narrow_profile(
    base: Mapping[str, Any],
    allowed: Allowed,
    held: frozenset[str],
) -> dict[str, Any]:
    """The profile, as a document for containers and for the OCI runtime. `held`: the capabilities
    of the container; some rules of the base depend on them.
    """
    entries = [entry for entry in base.get("syscalls") or () if isinstance(entry, Mapping)]
    denies = base.get("defaultAction") not in _THROUGH
    special = _special(base, allowed, held)
    plain = allowed.names - frozenset(special)
    refusing = [dict(entry) for entry in entries if entry.get("action") not in _THROUGH]
    rules: list[dict[str, Any]]
    if denies:
        rules = [_without(entry, frozenset(special)) for entry in refusing]
        rules += [rule for entry in refusing for rule in _own_refusal(entry, frozenset(special))]
        rules += [
            {**entry, "names": names}
            for entry in entries
            if entry.get("action") in _THROUGH
            and (names := sorted(plain.intersection(_names(entry))))
        ]
    else:  # a call that it has a rule for is denied, for some arguments at least
        ruled = {name for entry in refusing for name in _names(entry)}
        rules = [{"names": sorted(plain - ruled), "action": _ALLOW}]
    rules += [rule for name in sorted(special) for rule in special[name]]
    return {
        "defaultAction": base["defaultAction"] if denies else _REFUSE,
        "defaultErrnoRet": base.get("defaultErrnoRet", errno.EPERM) if denies else errno.ENOSYS,
        "archMap": [
            {
                "architecture": allowed.native,
                "subArchitectures": sorted(allowed.others),
            }
        ],
        "syscalls": [rule for rule in rules if rule["names"]],
    }


def logging_profile(
    base: Mapping[str, Any],
    learned: Mapping[str, Any],
    held: frozenset[str],
    native: str,
) -> dict[str, Any]:
    """The learned profile for a soak: what it refuses and its base allows is allowed and logged.

    What the base denies stays denied. So do `clone3`, where the learned profile has libc fall back,
    and other
    ABIs: libseccomp does not take both actions for one call of a 32-bit ABI.

    Args:
        base: a profile that refuses what it does not list.
        native: the machine's own ABI.
    """
    go_name = _GO_NAMES.get(native, "amd64")
    wide, narrow = (
        parse_profile(
            each,
            capabilities=held,
            architecture=go_name,
        )
        for each in (base, learned)
    )

    def refused(
        name: str,
        arguments: Mapping[int, int] | None = None,
    ) -> bool:
        is_open = access(wide, name, arguments) is not Access.NEVER
        return is_open and access(narrow, name, arguments) is Access.NEVER

    names = {name for name in wide.rules if name != "clone3" and refused(name)}
    rules = [
        {**entry, "names": some, "action": LOGGED}
        for entry in base["syscalls"]
        if entry.get("action") in _THROUGH and (some := sorted(names.intersection(_names(entry))))
    ]
    conditions: list[tuple[str, tuple[dict[str, Any], ...]]]
    conditions = [
        ("socket", (_equal(0, family),)) for family in _FAMILIES if refused("socket", {0: family})
    ]
    if not refused("socket", {0: AF_NETLINK}):
        conditions += [
            ("socket", (_equal(0, AF_NETLINK), _equal(2, protocol)))
            for protocol in _PROTOCOLS
            if refused("socket", {0: AF_NETLINK, 2: protocol})
        ]
    conditions += [
        ("socketpair", (_equal(0, f),)) for f in _FAMILIES if refused("socketpair", {0: f})
    ]
    for name in ("clone", "unshare"):
        bits = (1 << bit for bit in range(32) if NEW_NAMESPACES >> bit & 1)
        conditions += [(name, (_masked(0, bit, bit),)) for bit in bits if refused(name, {0: bit})]
    rules += [
        {**_rule(name, *args), "action": LOGGED} for name, args in conditions if name not in names
    ]
    return {**learned, "syscalls": [*learned["syscalls"], *rules]}


def completed_profile(
    learned: Mapping[str, Any],
    logging: Mapping[str, Any],
    calls: frozenset[str],
) -> dict[str, Any]:
    """The learned profile, with these of the calls that its soak logged."""
    more = [
        {**rule, "names": some, "action": _ALLOW}
        for rule in logging["syscalls"]
        if rule.get("action") == LOGGED and (some := sorted(calls.intersection(_names(rule))))
    ]
    return {**learned, "syscalls": [*learned["syscalls"], *more]}


def calls_let_through(
    document: Mapping[str, Any],
    held: frozenset[str],
    native: str,
) -> frozenset[str]:
    """Names that a profile allows for some arguments at least, on this kind of machine."""
    profile = parse_profile(
        document,
        capabilities=held,
        architecture=_GO_NAMES.get(native, ""),
    )
    return frozenset(name for name in profile.rules if access(profile, name) is not Access.NEVER)


_THROUGH = frozenset(f"SCMP_ACT_{action}" for action in LETS_THROUGH)


def _names(entry: Mapping[str, Any]) -> list[str]:
    return [
        str(name) for name in entry.get("names") or ([entry["name"]] if entry.get("name") else [])
    ]


def _without(
    entry: Mapping[str, Any],
    names: frozenset[str],
) -> dict[str, Any]:
    return {
        **entry,
        "names": [name for name in _names(entry) if name not in names],
    }


def _own_refusal(
    entry: Mapping[str, Any],
    names: frozenset[str],
) -> Iterator[dict[str, Any]]:
    """Rules by which the base denies some arguments of these calls with a specific error. Programs
    depend on
    it: on EINVAL, PAM continues without the kernel's audit socket; on ENOSYS, it denies every
        login.
    """
    conditions = list(entry.get("args") or ())
    refused = [name for name in _names(entry) if name in names]
    if (
        refused
        and conditions
        and all(condition.get("op") == "SCMP_CMP_EQ" for condition in conditions)
    ):
        compared = [_equal(condition["index"], condition["value"]) for condition in conditions]
        yield {**entry, "names": refused, "args": compared}


def _special(
    base: Mapping[str, Any],
    allowed: Allowed,
    held: frozenset[str],
) -> dict[str, list[dict[str, Any]]]:
    """Name -> the rules that replace the base's; a call that it denies gets none."""
    profile = parse_profile(
        base, capabilities=held, architecture=_GO_NAMES.get(allowed.native, "amd64")
    )

    def open_for(
        name: str,
        arguments: Mapping[int, int] | None = None,
    ) -> bool:
        return access(profile, name, arguments) is Access.ALWAYS

    rules: dict[str, list[dict[str, Any]]] = {}
    if "socket" in allowed.names and allowed.sockets is not None:
        kinds = [use for use in _sorted(allowed.sockets) if open_for("socket", _values(use))]
        rules["socket"] = [_socket_rule(use) for use in kinds]
    if "socketpair" in allowed.names and allowed.pairs is not None and open_for("socketpair"):
        rules["socketpair"] = [
            _rule("socketpair", _equal(0, family)) for family in sorted(allowed.pairs)
        ]
    for name in ("clone", "unshare"):
        if name in allowed.names and name not in allowed.new_namespaces and open_for(name):
            rules[name] = [_rule(name, _masked(0, NEW_NAMESPACES, 0))]
    if "clone3" in allowed.names and "clone3" not in allowed.new_namespaces:
        rules["clone3"] = [
            {
                "names": ["clone3"],
                "action": _REFUSE,
                "errnoRet": errno.ENOSYS,
            }
        ]
    return rules


def _sorted(uses: Iterable[SocketUse]) -> list[SocketUse]:
    return sorted(
        uses,
        key=lambda use: (
            use.family,
            -1 if use.protocol is None else use.protocol,
        ),
    )


def _values(use: SocketUse) -> dict[int, int]:
    return {
        0: use.family,
        **({} if use.protocol is None else {2: use.protocol}),
    }


def _socket_rule(use: SocketUse) -> dict[str, Any]:
    conditions = [_equal(0, use.family)]
    if use.protocol is not None:
        conditions.append(_equal(2, use.protocol))
    rule = _rule("socket", *conditions)
    if use == SocketUse(AF_NETLINK, NETLINK_AUDIT):
        rule["includes"] = {"caps": ["CAP_AUDIT_WRITE"]}
    return rule


def _rule(name: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {
        "names": [name],
        "action": _ALLOW,
        "args": list(conditions),
    }


def _equal(index: int, value: int) -> dict[str, Any]:
    """Compares the 32 bits that the kernel uses."""
    return _masked(index, LOW_BITS, value)


def _masked(
    index: int,
    mask: int,
    value: int,
) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


AF_UNIX = 1
NETLINK_ROUTE = 0
_NEW_TIME = 0x80
"""A flag of `unshare` and `clone3` only: for `clone` it is a part of the signal's number."""
_NAMESPACE_CALLS = frozenset({"clone", "clone3", "unshare"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RUNTIME = _words(
    """brk capget capset chdir clock_nanosleep clone close close_range epoll_create1 epoll_ctl epoll_pwait
    eventfd2 execve exit exit_group faccessat2 fchdir fcntl fstat fstatfs futex getcwd getdents64 getpid
    getppid gettid kill madvise mmap mprotect munmap nanosleep newfstatat openat pipe2 poll ppoll prctl
    pselect6 read readlinkat rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield
    set_robust_list set_tid_address setgid setgroups setresgid setresuid setsid setuid sigaltstack statx
    tgkill umask wait4 waitid write"""
)
"""Calls of crun and runc between the filter and the program, whichever runtime comes next."""

ALWAYS = _words(
    """access arch_prctl brk clock_getres clock_gettime clock_nanosleep close exit exit_group faccessat
    faccessat2 fcntl fstat futex getegid geteuid getgid getpid getppid getrandom gettid gettimeofday getuid
    kill lseek madvise membarrier mmap mprotect mremap munmap nanosleep newfstatat poll ppoll prlimit64
    pread64 read readlink readlinkat restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn
    sched_yield set_robust_list set_tid_address sigaltstack stat statx sysinfo tgkill time uname write
    writev"""
)
"""Calls that any program may need: loading libraries, waiting, exiting, failing an assertion."""

FAMILIES: tuple[frozenset[str], ...] = tuple(
    map(
        _words,
        (
            "open openat openat2 creat",
            "stat lstat fstat newfstatat statx",
            "statfs fstatfs",
            "access faccessat faccessat2",
            "readlink readlinkat",
            "getdents getdents64",
            "mkdir mkdirat",
            "rmdir unlink unlinkat",
            "rename renameat renameat2",
            "link linkat",
            "symlink symlinkat",
            "mknod mknodat",
            "chmod fchmod fchmodat fchmodat2",
            "chown fchown lchown fchownat",
            "utime utimes futimesat utimensat",
            "truncate ftruncate",
            "read readv pread64 preadv preadv2",
            "write writev pwrite64 pwritev pwritev2",
            "fsync fdatasync sync_file_range",
            "sendfile splice copy_file_range",
            "dup dup2 dup3",
            "pipe pipe2",
            "poll ppoll",
            "select pselect6",
            "epoll_create epoll_create1",
            "epoll_wait epoll_pwait epoll_pwait2",
            "inotify_init inotify_init1",
            "signalfd signalfd4",
            "eventfd eventfd2",
            "timerfd_create timerfd_settime timerfd_gettime",
            "timer_create timer_settime timer_gettime timer_delete timer_getoverrun",
            "accept accept4",
            "recvfrom recvmsg recvmmsg",
            "sendto sendmsg sendmmsg",
            "socket bind connect listen getsockname getpeername getsockopt setsockopt shutdown",
            "fork vfork clone clone3",
            "wait4 waitid",
            "execve execveat",
            "kill tkill tgkill",
            "getrlimit setrlimit prlimit64",
            "setuid setreuid setresuid",
            "setgid setregid setresgid",
            "setgroups getgroups",
            "getpgrp getpgid setpgid getsid setsid",
            "sched_getaffinity sched_setaffinity",
            "alarm setitimer getitimer",
            "nanosleep clock_nanosleep pause",
            "mlock mlock2 munlock",
            "shmget shmat shmdt shmctl",
            "semget semop semctl semtimedop",
            "io_setup io_submit io_getevents io_destroy io_cancel",
        ),
    )
)
"""Equivalent calls: which one a program uses is up to its libc."""

RISKY = frozenset(name for group in DANGEROUS for name in group.calls) | _words(
    """acct chroot fsconfig fsmount fsopen fspick keyctl memfd_secret mount mount_setattr move_mount
    name_to_handle_at open_tree personality pidfd_getfd pivot_root process_vm_readv process_vm_writev ptrace
    quotactl reboot seccomp setns settimeofday syslog umount umount2 unshare"""
)
"""Allowed only if they were seen, whatever the margin says."""

ORDINARY = _words(
    """accept accept4 access alarm bind brk capget chdir chmod chown clock_getres clock_gettime
    clock_nanosleep clone clone3 close close_range connect copy_file_range creat dup dup2 dup3
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve
    execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2
    fchown fchownat fcntl fdatasync flock fork fstat fstatfs fsync ftruncate futex futimesat getcpu
    getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp
    getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname
    getsockopt gettid gettimeofday getuid ioctl kill lchown link linkat listen lseek lstat madvise
    membarrier mincore mkdir mkdirat mknod mknodat mmap mprotect mremap msync munmap nanosleep
    newfstatat open openat openat2 pause pipe pipe2 poll ppoll prctl pread64 preadv preadv2 prlimit64
    pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg
    recvmsg rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_yield select sendfile sendmmsg sendmsg sendto setgid setgroups setitimer
    setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid shutdown
    sigaltstack socket socketpair stat statfs statx symlink symlinkat sync sync_file_range syncfs
    sysinfo tgkill time times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork
    wait4 waitid write writev"""
)
"""Work with files, sockets, time, memory and its own processes: what any service may do one day,
and what forbidding protects nobody from. Capabilities, not these calls, decide about other users'
files."""

_OTHER_WAYS = _words(
    """_llseek _newselect fstatat64 ipc mmap2 recv send sigaction signal sigprocmask sigreturn socketcall
    ugetrlimit umount waitpid set_thread_area get_thread_area set_tls"""
)
"""Additional calls of 32-bit programs."""


def allowed_calls(log: CallLog, *, native: str) -> Allowed:
    """What a profile must allow for the calls that were seen."""
    seen = frozenset(call.name for call in log.calls if call.program + call.runtime > call.refused)
    others = frozenset(
        call.architecture for call in log.calls if call.architecture.startswith("SCMP_ARCH_")
    )
    others -= {native}
    names = seen | margin(seen, other_ways=bool(others))
    unknown = log.cut | log.unread
    return Allowed(
        names=names,
        sockets=None if others or "socket" in unknown else _sockets(log.details),
        pairs=None if others or "socketpair" in unknown else _pairs(log.details),
        new_namespaces=_makers_of_namespaces(log.details) | (_NAMESPACE_CALLS & unknown),
        native=native,
        others=others,
    )


def margin(
    seen: frozenset[str],
    *,
    other_ways: bool = False,
) -> frozenset[str]:
    """What is allowed beyond what was seen. `other_ways`: 32-bit programs ran; many of their calls
    have separate names.
    """
    calls = set(RUNTIME | ALWAYS)
    for family in FAMILIES:
        if seen & family:
            calls |= family
    if other_ways:
        calls |= _OTHER_WAYS
        names = calls | seen
        calls |= {f"{name}{suffix}" for name in names for suffix in ("32", "64", "_time64")}
    return frozenset(calls) - RISKY - seen


def _sockets(details: Iterable[CallDetail]) -> frozenset[SocketUse]:
    """The kinds that were created; both IP versions, and netlink for libc."""
    made = [
        detail.numbers for detail in details if detail.call == "socket" and len(detail.numbers) == 3
    ]
    families = {numbers[0] for numbers in made} | {AF_UNIX}
    if families & {AF_INET, AF_INET6}:
        families |= {AF_INET, AF_INET6}
    uses = {SocketUse(family) for family in families - {AF_NETLINK}}
    protocols = {numbers[2] for numbers in made if numbers[0] == AF_NETLINK} | {NETLINK_ROUTE}
    return frozenset(uses | {SocketUse(AF_NETLINK, protocol) for protocol in protocols})


def _pairs(details: Iterable[CallDetail]) -> frozenset[int]:
    made = {
        detail.numbers[0] for detail in details if detail.call == "socketpair" and detail.numbers
    }
    return frozenset(made | {AF_UNIX})


def _makers_of_namespaces(details: Iterable[CallDetail]) -> frozenset[str]:
    flags = NEW_NAMESPACES | NEW_USER
    return frozenset(
        detail.call
        for detail in details
        if detail.call in _NAMESPACE_CALLS
        and detail.numbers
        and detail.numbers[0] & (flags if detail.call == "clone" else flags | _NEW_TIME)
    )
