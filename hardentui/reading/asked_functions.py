"""What a program can ask the kernel for, by the functions of libc and other libraries that it
imports.

Decided are the functions whose system calls are more than the everyday work (files, time, its own
processes, sockets) that any program may do, and that forbidding protects nobody from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct


class Asked(Struct, frozen=True):
    """The system calls behind a function, and the capabilities that they may need."""

    calls: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()


_ROWS: tuple[tuple[str, str, str], ...] = (
    ("chown fchown lchown fchownat", "chown fchown lchown fchownat", "CHOWN"),
    (
        "setuid seteuid setreuid setresuid setfsuid",
        "setuid setreuid setresuid setfsuid",
        "SETUID",
    ),
    (
        "setgid setegid setregid setresgid setfsgid",
        "setgid setregid setresgid setfsgid",
        "SETGID",
    ),
    ("setgroups initgroups", "setgroups", "SETGID"),
    ("chroot", "chroot", "SYS_CHROOT"),
    ("bind bindresvport", "bind", "NET_BIND_SERVICE"),
    ("mknod mknodat __xmknod __xmknodat", "mknod mknodat", "MKNOD"),
    ("audit_open audit_log_acct_message audit_log_user_message", "", "AUDIT_WRITE"),
    ("pcap_create pcap_open_live libnet_init", "", "NET_RAW"),
    (
        "cap_drop_bound cap_iab_set_proc capng_apply capng_lock capng_change_id",
        "capset",
        "SETPCAP",
    ),
    ("capset cap_set_proc", "capset", ""),
    ("cap_set_file cap_set_fd", "", "SETFCAP"),
    (
        "mlock mlock2 mlockall",
        "mlock mlock2 mlockall munlock munlockall",
        "IPC_LOCK",
    ),
    ("setpriority nice", "setpriority", "SYS_NICE"),
    (
        (
            "sched_setscheduler sched_setparam sched_setattr pthread_setschedparam "
            "pthread_attr_setschedpolicy"
        ),
        "sched_setscheduler sched_setparam sched_setattr",
        "SYS_NICE",
    ),
    ("ioprio_set", "ioprio_set", "SYS_NICE"),
    (
        "mbind set_mempolicy move_pages numa_alloc_onnode",
        "mbind set_mempolicy move_pages",
        "SYS_NICE",
    ),
    (
        "setrlimit setrlimit64 prlimit prlimit64",
        "setrlimit prlimit64",
        "SYS_RESOURCE",
    ),
    ("mount", "mount", "SYS_ADMIN"),
    ("umount umount2", "umount umount2", "SYS_ADMIN"),
    ("pivot_root", "pivot_root", "SYS_ADMIN"),
    ("setns", "setns", "SYS_ADMIN"),
    ("unshare", "unshare", "SYS_ADMIN"),
    ("sethostname setdomainname", "sethostname setdomainname", "SYS_ADMIN"),
    ("swapon swapoff", "swapon swapoff", "SYS_ADMIN"),
    ("quotactl", "quotactl", "SYS_ADMIN"),
    ("fanotify_init", "fanotify_init", "SYS_ADMIN"),
    ("ptrace", "ptrace", "SYS_PTRACE"),
    (
        "process_vm_readv process_vm_writev",
        "process_vm_readv process_vm_writev",
        "SYS_PTRACE",
    ),
    ("open_by_handle_at", "open_by_handle_at name_to_handle_at", "DAC_READ_SEARCH"),
    ("name_to_handle_at", "name_to_handle_at", ""),
    (
        "settimeofday clock_settime adjtime adjtimex ntp_adjtime clock_adjtime stime",
        "settimeofday clock_settime adjtimex clock_adjtime",
        "SYS_TIME",
    ),
    ("acct", "acct", "SYS_PACCT"),
    ("reboot", "reboot", "SYS_BOOT"),
    ("vhangup", "vhangup", "SYS_TTY_CONFIG"),
    ("klogctl", "syslog", "SYSLOG"),
    (
        "init_module finit_module delete_module",
        "init_module finit_module delete_module",
        "SYS_MODULE",
    ),
    ("iopl ioperm", "iopl ioperm", "SYS_RAWIO"),
    ("bpf_prog_load bpf_object__load", "bpf", "BPF"),
    *(
        (f"{functions} {calls}", calls, "")
        for functions, calls in (
            (
                "mq_send mq_receive mq_close",
                "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink",
            ),
            ("", "msgctl msgget msgrcv msgsnd"),
            ("", "semctl semget semop semtimedop"),
            ("", "shmat shmctl shmdt shmget"),
            ("", "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch"),
            (
                "attr_get attr_set attr_copy_file acl_get_file acl_set_file acl_get_fd acl_set_fd",
                "fgetxattr flistxattr fremovexattr fsetxattr getxattr lgetxattr listxattr llistxattr "
                "lremovexattr lsetxattr removexattr setxattr",
            ),
            ("", "timer_create timer_delete timer_getoverrun timer_gettime timer_settime"),
            (
                "io_queue_init io_prep_pread",
                "io_cancel io_destroy io_getevents io_setup io_submit",
            ),
            ("", "splice tee vmsplice"),
            ("", "memfd_create"),
            ("", "pidfd_open pidfd_send_signal"),
            ("", "signalfd signalfd4"),
            ("", "timerfd_create timerfd_gettime timerfd_settime"),
            ("pthread_setaffinity_np", "sched_setaffinity"),
        )
    ),
    ("keyctl add_key request_key keyctl_read", "keyctl add_key request_key", ""),
    ("personality", "personality", ""),
    ("seccomp_load", "seccomp", ""),
    (
        "io_uring_queue_init io_uring_queue_init_params",
        "io_uring_setup io_uring_enter io_uring_register",
        "",
    ),
)
"""Functions, the system calls behind them, and the capability that these may need."""

_NOTABLE = frozenset(
    "add_key keyctl request_key personality seccomp capset name_to_handle_at io_uring_setup".split()
)


def _table() -> Mapping[str, Asked]:
    table: dict[str, Asked] = {}
    for functions, calls, capability in _ROWS:
        names = frozenset({f"CAP_{capability}"} if capability else ())
        for function in functions.split():
            table[function] = Asked(frozenset(calls.split()), names)
    return table


FUNCTIONS = _table()

TOLD_BY_OTHERS = frozenset(
    function
    for function, asked in FUNCTIONS.items()
    if asked.capabilities or asked.calls & _NOTABLE
)
"""What an interpreter or a wide library does only because a script or a caller says so."""

DECIDED = frozenset(call for asked in FUNCTIONS.values() for call in asked.calls)
"""The system calls that are allowed only if they were seen, or a program can ask for them."""

_OTHER_USERS = frozenset({"CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"})
_FOR_OTHER_USERS = frozenset({"CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID"})

GO_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "syscall.Chown": ("chown",),
    "syscall.Fchown": ("chown",),
    "syscall.Lchown": ("chown",),
    "syscall.Fchownat": ("chown",),
    "syscall.Chroot": ("chroot",),
    "syscall.Setuid": ("setuid",),
    "syscall.Setreuid": ("setuid",),
    "syscall.Setresuid": ("setuid",),
    "syscall.Setgid": ("setgid",),
    "syscall.Setregid": ("setgid",),
    "syscall.Setresgid": ("setgid",),
    "syscall.Setgroups": ("setgroups",),
    "syscall.Mount": ("mount",),
    "syscall.Unmount": ("umount",),
    "syscall.Unshare": ("unshare",),
    "syscall.Mknod": ("mknod",),
    "syscall.Bind": ("bind",),
    "syscall.bind": ("bind",),
    "syscall.Mlockall": ("mlockall",),
    "syscall.forkAndExecInChild1": ("chroot", "setuid", "setgid", "setgroups"),
}
"""Functions of Go's own library, also below `golang.org/x/sys/unix`, and their like in C.
Everything everyday comes with Go's runtime, which does without libc."""

APPLETS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("chown", "chgrp", "cp", "mv", "tar", "cpio", "install", "adduser", "dpkg"), ("chown",)
    ),
    **dict.fromkeys(
        "su login setuidgid chpst crond httpd tcpsvd udpsvd inetd start-stop-daemon".split(),
        ("setuid", "setgid", "setgroups", "bind"),
    ),
    **dict.fromkeys(
        ("ftpd", "telnetd", "chroot"), ("chroot", "setuid", "setgid", "setgroups", "bind")
    ),
    **dict.fromkeys(
        ("nc", "tftpd", "dnsd", "ntpd", "udhcpd", "syslogd"),
        ("bind",),
    ),
    "mount": ("mount",),
    "umount": ("umount",),
    "unshare": ("unshare",),
    "nsenter": ("setns",),
    "mknod": ("mknod",),
    "setpriv": ("cap_drop_bound", "capset"),
    "nice": ("nice",),
    "chrt": ("sched_setscheduler",),
    "hostname": ("sethostname",),
    "date": ("settimeofday",),
}
"""Commands of a busybox, which is one program for all of them, and what each can ask for."""


def capabilities_of(functions: Iterable[str]) -> frozenset[str]:
    """What these functions may need.

    A program that works for several users opens, changes and ends what belongs to them, although no
    function shows it: it may need to ignore permissions, to act as an owner, and to stop their
    processes.
    """
    needed: set[str] = set()
    for function in functions:
        needed |= FUNCTIONS[function].capabilities
    if needed & _OTHER_USERS:
        needed |= _FOR_OTHER_USERS
    if "CAP_SETUID" in needed:
        needed.add("CAP_KILL")
    return frozenset(needed)


def everyday(functions: Iterable[str]) -> frozenset[str]:
    """Those that need no capability and are of little use to an intruder."""
    return frozenset(functions) - TOLD_BY_OTHERS


def calls_of(functions: Iterable[str]) -> frozenset[str]:
    return frozenset(call for function in functions for call in FUNCTIONS[function].calls)
