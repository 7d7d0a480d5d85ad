"""From the system calls that were seen to those that a profile allows: the same, plus a stated margin.

The margin is what another version of libc, the runtime or the kernel would use in place of what was
seen, and what any program may need although it was not seen: exiting, interruption, memory.
Dangerous calls are never in the margin; they are allowed only if they were seen.
"""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.model.observation import CallDetail, CallLog
from hardentui.reading.seccomp import DANGEROUS
from hardentui.trial.learned.effects import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    NEW_NAMESPACES,
    NEW_USER,
)
from hardentui.trial.learned.narrow_profile import Allowed, SocketUse

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
    setpgid setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid shutdown
    sigaltstack socket socketpair stat statfs statx symlink symlinkat sync sync_file_range syncfs
    sysinfo tgkill time times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork
    wait4 waitid write writev"""
)
"""Work with files, sockets, time, memory and its own processes: what any service may do one day, and what
forbidding protects nobody from. Capabilities, not these calls, decide about other users' files."""

_OTHER_WAYS = _words(
    """_llseek _newselect fstatat64 ipc mmap2 recv send sigaction signal sigprocmask sigreturn socketcall
    ugetrlimit umount waitpid set_thread_area get_thread_area set_tls"""
)
"""Additional calls of 32-bit programs."""


def allowed_calls(log: CallLog, *, native: str) -> Allowed:
    """What a profile must allow for the calls that were seen."""
    seen = frozenset(call.name for call in log.calls if call.program + call.runtime > call.refused)
    others = frozenset(call.architecture for call in log.calls if call.architecture.startswith("SCMP_ARCH_"))
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


def margin(seen: frozenset[str], *, other_ways: bool = False) -> frozenset[str]:
    """What is allowed beyond what was seen.

    Args:
        other_ways: 32-bit programs ran; many of their calls have separate names.
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
    made = [detail.numbers for detail in details if detail.call == "socket" and len(detail.numbers) == 3]
    families = {numbers[0] for numbers in made} | {AF_UNIX}
    if families & {AF_INET, AF_INET6}:
        families |= {AF_INET, AF_INET6}
    uses = {SocketUse(family) for family in families - {AF_NETLINK}}
    protocols = {numbers[2] for numbers in made if numbers[0] == AF_NETLINK} | {NETLINK_ROUTE}
    return frozenset(uses | {SocketUse(AF_NETLINK, protocol) for protocol in protocols})


def _pairs(details: Iterable[CallDetail]) -> frozenset[int]:
    made = {detail.numbers[0] for detail in details if detail.call == "socketpair" and detail.numbers}
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
