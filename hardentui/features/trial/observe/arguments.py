"""The relevant arguments of system calls. Positions count from 0."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

CURRENT_DIRECTORY = -1
"""Instead of a directory descriptor: a relative path starts in the current directory."""


AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW = 0x100, 0x400


O_NOFOLLOW = 0x20000


class ArgumentShape(Struct, frozen=True):
    """What to read of a call."""

    numbers: tuple[int, ...] = ()  # plain arguments
    # (place of the directory's descriptor or CURRENT_DIRECTORY, place of the path)
    paths: tuple[tuple[int, int], ...] = ()
    handle: int | None = None  # place of the descriptor of a file that it changes
    follow: bool = True  # the last part of the path is followed where it is a link
    flags: tuple[int, int] | None = None  # (place, bit) of a flag that inverts `follow`
    address: int | None = None  # place of the pointer to a socket's address; its length comes next
    # (place, kind) of its target process: `process`, `thread` or `group`
    target: tuple[int, str] | None = None
    text: int | None = None  # place of a pointer to a name
    # place of a pointer to 64-bit numbers, and how many are read
    behind: tuple[int, int] | None = None
    only: Mapping[int, frozenset[int]] = {}  # place -> relevant values; for others nothing is read
    unless_zero: tuple[int, ...] = ()  # places of pointers of which only non-null counts, as 1


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _here(place: int) -> tuple[tuple[int, int], ...]:
    return ((CURRENT_DIRECTORY, place),)


_NOFOLLOW = AT_SYMLINK_NOFOLLOW


_TO_WRITE = frozenset({2, 3, 6, 7})  # W_OK, also with others


_INTERFACE_REQUESTS = frozenset(range(0x890B, 0x8960))  # SIOCADDRT … SIOCSIF…: addresses and routes


_FILE_FLAGS = frozenset({0x40086602, 0x401C5820})  # FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR


SHAPES: Mapping[str, ArgumentShape] = {
    # files
    "open": ArgumentShape(
        numbers=(1, 2),
        paths=_here(0),
        flags=(1, O_NOFOLLOW),
    ),
    "openat": ArgumentShape(
        numbers=(2, 3),
        paths=((0, 1),),
        flags=(2, O_NOFOLLOW),
    ),
    "openat2": ArgumentShape(
        paths=((0, 1),),
        behind=(2, 2),
    ),
    "creat": ArgumentShape(numbers=(1,), paths=_here(0)),
    "truncate": ArgumentShape(paths=_here(0)),
    "access": ArgumentShape(
        paths=_here(0),
        only={1: _TO_WRITE},
    ),
    "faccessat": ArgumentShape(
        paths=((0, 1),),
        only={2: _TO_WRITE},
    ),
    "faccessat2": ArgumentShape(
        paths=((0, 1),),
        only={2: _TO_WRITE},
    ),
    "mkdir": ArgumentShape(
        numbers=(1,),
        paths=_here(0),
        follow=False,
    ),
    "mkdirat": ArgumentShape(
        numbers=(2,),
        paths=((0, 1),),
        follow=False,
    ),
    "mknod": ArgumentShape(
        numbers=(1,),
        paths=_here(0),
        follow=False,
    ),
    "mknodat": ArgumentShape(
        numbers=(2,),
        paths=((0, 1),),
        follow=False,
    ),
    "rmdir": ArgumentShape(paths=_here(0), follow=False),
    "unlink": ArgumentShape(paths=_here(0), follow=False),
    "unlinkat": ArgumentShape(paths=((0, 1),), follow=False),
    "rename": ArgumentShape(
        paths=(*_here(0), *_here(1)),
        follow=False,
    ),
    "renameat": ArgumentShape(
        paths=((0, 1), (2, 3)),
        follow=False,
    ),
    "renameat2": ArgumentShape(
        paths=((0, 1), (2, 3)),
        follow=False,
    ),
    "link": ArgumentShape(paths=_here(1), follow=False),
    "linkat": ArgumentShape(paths=((2, 3),), follow=False),
    "symlink": ArgumentShape(paths=_here(1), follow=False),
    "symlinkat": ArgumentShape(paths=((1, 2),), follow=False),
    "chmod": ArgumentShape(numbers=(1,), paths=_here(0)),
    "fchmod": ArgumentShape(numbers=(1,), handle=0),
    "fchmodat": ArgumentShape(numbers=(2,), paths=((0, 1),)),
    "fchmodat2": ArgumentShape(
        numbers=(2,),
        paths=((0, 1),),
        flags=(3, _NOFOLLOW),
    ),
    "chown": ArgumentShape(
        numbers=(1, 2),
        paths=_here(0),
    ),
    "lchown": ArgumentShape(
        numbers=(1, 2),
        paths=_here(0),
        follow=False,
    ),
    "fchown": ArgumentShape(numbers=(1, 2), handle=0),
    "fchownat": ArgumentShape(
        numbers=(2, 3),
        paths=((0, 1),),
        flags=(4, _NOFOLLOW),
    ),
    "utime": ArgumentShape(
        paths=_here(0),
        unless_zero=(1,),
    ),
    "utimes": ArgumentShape(
        paths=_here(0),
        unless_zero=(1,),
    ),
    "utimensat": ArgumentShape(
        paths=((0, 1),),
        unless_zero=(2,),
        flags=(3, _NOFOLLOW),
    ),
    "setxattr": ArgumentShape(paths=_here(0), text=1),
    "lsetxattr": ArgumentShape(
        paths=_here(0),
        text=1,
        follow=False,
    ),
    "fsetxattr": ArgumentShape(handle=0, text=1),
    "removexattr": ArgumentShape(paths=_here(0), text=1),
    "ioctl": ArgumentShape(
        numbers=(1,),
        only={1: _INTERFACE_REQUESTS | _FILE_FLAGS},
    ),
    "open_by_handle_at": ArgumentShape(),
    # identity
    "setuid": ArgumentShape(numbers=(0,)),
    "setgid": ArgumentShape(numbers=(0,)),
    "setreuid": ArgumentShape(numbers=(0, 1)),
    "setregid": ArgumentShape(numbers=(0, 1)),
    "setresuid": ArgumentShape(numbers=(0, 1, 2)),
    "setresgid": ArgumentShape(numbers=(0, 1, 2)),
    "setfsuid": ArgumentShape(numbers=(0,)),
    "setfsgid": ArgumentShape(numbers=(0,)),
    "setgroups": ArgumentShape(numbers=(0,)),
    "prctl": ArgumentShape(
        numbers=(0, 1), only={0: frozenset({24, 28, 47})}
    ),  # drop bounding, secure bits, ambient
    # network
    "socket": ArgumentShape(numbers=(0, 1, 2)),
    "socketpair": ArgumentShape(numbers=(0, 1, 2)),
    "bind": ArgumentShape(address=1),
    "connect": ArgumentShape(address=1),
    "setsockopt": ArgumentShape(numbers=(1, 2)),
    # other processes
    "kill": ArgumentShape(
        numbers=(1,),
        target=(0, "process"),
    ),
    "tkill": ArgumentShape(
        numbers=(1,),
        target=(0, "thread"),
    ),
    "tgkill": ArgumentShape(
        numbers=(2,),
        target=(0, "process"),
    ),
    "ptrace": ArgumentShape(
        numbers=(0,),
        target=(1, "process"),
    ),
    "process_vm_readv": ArgumentShape(target=(0, "process")),
    "process_vm_writev": ArgumentShape(target=(0, "process")),
    "setpriority": ArgumentShape(
        numbers=(0, 2),
        target=(1, "process"),
    ),
    "sched_setscheduler": ArgumentShape(
        numbers=(1,),
        target=(0, "process"),
    ),
    "sched_setparam": ArgumentShape(target=(0, "process")),
    "ioprio_set": ArgumentShape(numbers=(0, 2)),
    "setrlimit": ArgumentShape(numbers=(0,), behind=(1, 2)),
    "prlimit64": ArgumentShape(numbers=(1,), behind=(2, 2)),
    # the machine and its namespaces
    "clone": ArgumentShape(numbers=(0,)),
    "clone3": ArgumentShape(behind=(0, 1)),
    "unshare": ArgumentShape(numbers=(0,)),
    "setns": ArgumentShape(numbers=(1,)),
    "clock_adjtime": ArgumentShape(numbers=(0,), behind=(1, 1)),
    "adjtimex": ArgumentShape(behind=(0, 1)),
    "mlockall": ArgumentShape(numbers=(0,)),
    "shmctl": ArgumentShape(
        numbers=(1,),
        only={1: frozenset({11, 12})},
    ),  # SHM_LOCK, SHM_UNLOCK
    "syslog": ArgumentShape(numbers=(0,)),
    **{
        name: ArgumentShape()
        for name in _names(
            "chroot mount umount2 pivot_root mount_setattr move_mount open_tree fsopen fsmount fspick "
            "sethostname setdomainname reboot settimeofday clock_settime acct quotactl swapon swapoff bpf "
            "perf_event_open init_module finit_module delete_module iopl ioperm vhangup fanotify_init "
            "mlock mlock2 kcmp process_madvise nice sched_setattr keyctl add_key request_key userfaultfd "
            "io_uring_setup kexec_load kexec_file_load memfd_secret"
        )
    },
}


OPENS = frozenset({"open", "openat", "openat2"})


CHANGES_IDENTITY = frozenset(
    _names(
        "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups "
        "execve execveat exit exit_group capset"
    )
)
"""These calls invalidate what is remembered about a caller."""


INSPECTED = frozenset(SHAPES) | CHANGES_IDENTITY | {f"{name}32" for name in SHAPES}


def plain_name(call: str) -> str:
    """`chown32` of 32-bit machines is the `chown` of others."""
    return call.removesuffix("32") if call.endswith("32") else call
