"""What was denied, and which relaxation would allow it. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from msgspec import Struct

from hardentui.features.trial.configuration import CapabilityBack, Loosening, Raised, WritableDirectory
from hardentui.options import NO_NEW_PRIVILEGES, USERNS
from hardentui.visible import visible

_SHOWN = 160


class FailureSign(Struct, frozen=True):
    """Evidence of why it fails.

    Attributes:
        loosening: the relaxation that would help, if known.
        blames: the option named as the reason.
    """

    text: str
    loosening: Loosening | None = None
    blames: str = ""


_BY_CALL: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (r"l?f?chown(at|32)?", "EPERM", ("CHOWN",)),
    (r"set(re|res|fs)?uid(32)?", "EPERM", ("SETUID",)),
    (r"set(re|res|fs)?gid(32)?|setgroups(32)?", "EPERM", ("SETGID",)),
    (r"bind", "EACCES", ("NET_BIND_SERVICE",)),
    (r"f?chmod(at2?)?|utimensat|utimes?|futimesat", "EPERM", ("FOWNER",)),
    (r"kill|tkill|tgkill|pidfd_send_signal|rt_sigqueueinfo", "EPERM", ("KILL",)),
    (r"chroot", "EPERM", ("SYS_CHROOT",)),
    (r"mknod(at)?", "EPERM", ("MKNOD",)),
    (r"socket", "EPERM", ("NET_RAW",)),
    (r"prctl", "EPERM", ("SETPCAP",)),
    (r"capset", "EPERM", ("SETPCAP",)),
    (r"f?l?setxattr", "EPERM", ("SETFCAP",)),
    (r"mount|umount2?|pivot_root|unshare|setns|sethostname|setdomainname|clone3?", "EPERM", ("SYS_ADMIN",)),
    (r"setpriority|sched_setscheduler|sched_setaffinity|ioprio_set|nice", "EPERM|EACCES", ("SYS_NICE",)),
    (r"setrlimit|prlimit64", "EPERM", ("SYS_RESOURCE",)),
    (r"mlock2?|mlockall|shmctl", "EPERM|ENOMEM", ("IPC_LOCK",)),
    (r"ptrace|process_vm_readv", "EPERM", ("SYS_PTRACE",)),
    (r"clock_settime|settimeofday|adjtimex|clock_adjtime", "EPERM", ("SYS_TIME",)),
    (r"open(at2?)?|creat|access|faccessat2?|mkdir(at)?|rmdir|unlink(at)?|rename(at2?)?|link(at)?|symlink(at)?"
     r"|stat(x|fs)?|newfstatat|lstat|readlink(at)?|execve(at)?|chdir|truncate|getdents(64)?|connect",
     "EACCES", ("DAC_OVERRIDE",)),
)  # fmt: skip
_WRITES = re.compile(
    r"open(at2?)?|creat|mkdir(at)?|rmdir|unlink(at)?|rename(at2?)?|link(at)?|symlink(at)?|mknod(at)?|bind"
    r"|l?f?chown(at)?|f?chmod(at2?)?|utimensat|truncate|access|faccessat2?"
)


class RefusedCall(Struct, frozen=True):
    """A failed system call; `path` is the file it concerned, if any."""

    call: str
    error: str
    path: str = ""


def of_call(refused: RefusedCall, size: str) -> Iterator[FailureSign]:
    """The evidence in one denied call; `size` is that of a tmpfs."""
    about = f" {visible(refused.path, _SHOWN)}" if refused.path else ""
    text = f"{refused.call}{about}: {refused.error}"
    if refused.error == "EROFS":
        if refused.path.startswith("/") and _WRITES.fullmatch(refused.call):
            yield FailureSign(text, WritableDirectory(directory_of(refused.path), size=size))
        return
    if refused.error == "ENOSPC":
        yield FailureSign(text)
        return
    for calls, errors, capabilities in _BY_CALL:
        if re.fullmatch(calls, refused.call) and re.fullmatch(errors, refused.error):
            for name in capabilities:
                yield FailureSign(text, CapabilityBack(f"CAP_{name}"))


def directory_of(path: str) -> str:
    return posixpath.dirname(posixpath.normpath(path))


_NOT_PERMITTED = (
    r"(operation not permitted|permission denied|not permitted|\(1: |\(13: |errno 1\b|eperm|eacces)"
)
_IN_LOG: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(words + r".*" + _NOT_PERMITTED, re.IGNORECASE), names)
    for words, names in (
        (r"(chown|changing ownership|change owner|ownership of)", ("CHOWN",)),
        (r"(setgid|set ?groups|initgroups|setresgid|setegid|switching group|change group)", ("SETGID",)),
        (r"(setuid|setresuid|seteuid|setreuid|change user|switch.*user|drop.*privileges)", ("SETUID",)),
        (r"(su-exec|gosu|setpriv|failed switching to|cannot set (user|group)s? id)", ("SETUID", "SETGID")),
        (r"(bind|listen|could not.*(socket|port)|address.*:\d{1,3}\b)", ("NET_BIND_SERVICE",)),
        (r"(chmod|changing permissions|set.*permissions|utime)", ("FOWNER",)),
        (r"(chroot)", ("SYS_CHROOT",)),
        (r"(mknod)", ("MKNOD",)),
        (r"\b(kill)\b", ("KILL",)),
        (r"(raw socket|icmp|socket)", ("NET_RAW",)),
        (r"(mkdir|open|creat|cannot (access|read|write|remove|stat)|unlink|rename|touch)", ("DAC_OVERRIDE",)),
    )
)  # fmt: skip
_EROFS = re.compile(r"read-only file ?system|erofs|\(30: ", re.IGNORECASE)
_PATH = re.compile(r"(/[A-Za-z0-9_.@%+=~-]+(?:/[A-Za-z0-9_.@%+=~-]+)*/?)")
_NO_FORK = re.compile(
    r"(fork|thread|clone|pthread_create).*(resource temporarily unavailable|errno 11|eagain)", re.I
)
_NO_NEW_PRIVILEGES = re.compile(r"no.new.privileges|effective uid is not 0", re.IGNORECASE)
"""sudo's messages about it, from versions with and without knowledge of the flag."""
_NO_MEMORY = re.compile(
    r"(cannot allocate memory|out of memory|std::bad_alloc|outofmemoryerror)", re.IGNORECASE
)


_NO_IDS = re.compile(r"not enough (unused|available) IDs|maximum value allowed with userns=auto")


def of_engine(error: str) -> Iterator[FailureSign]:
    """The evidence in what Podman says when it cannot create or start the container."""
    if _NO_IDS.search(error):
        wanted = "the user containers needs an account and a free range in /etc/subuid and /etc/subgid"
        yield FailureSign(
            f"Podman has no IDs for it: {wanted}; hardentui doctor says more", blames=USERNS.name
        )


def of_log(log: str, size: str) -> Iterator[FailureSign]:
    """The evidence in a program's messages."""
    for line in log.splitlines():
        shown = visible(line.strip(), _SHOWN)
        if _EROFS.search(line):
            for path in _PATH.findall(line)[-1:]:
                directory = path.rstrip("/") if path.endswith("/") else directory_of(path)
                yield FailureSign(shown, WritableDirectory(directory, size=size))
            continue
        if _NO_NEW_PRIVILEGES.search(line):
            yield FailureSign(shown, blames=NO_NEW_PRIVILEGES.name)
        if _NO_FORK.search(line):
            yield FailureSign(shown, Raised("pids-limit", 4))
        if _NO_MEMORY.search(line):
            yield FailureSign(shown, Raised("memory", 2))
        for pattern, names in _IN_LOG:
            if pattern.search(line):
                yield from (FailureSign(shown, CapabilityBack(f"CAP_{name}")) for name in names)
                break
