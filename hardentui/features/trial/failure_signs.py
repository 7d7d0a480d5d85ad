"""What was denied, and which relaxation would allow it. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from msgspec import Struct

from hardentui.features.trial.configuration import (
    CapabilityBack,
    Loosening,
    Raised,
    WritableDirectory,
)
from hardentui.features.trial.learned.effects import capabilities
from hardentui.features.trial.learned.needs import subject_of, writes
from hardentui.lib.observer.records import CallLog
from hardentui.model.known import Known, Unread
from hardentui.options import *
from hardentui.reading.layer import is_bytecode
from hardentui.visible import visible

_SHOWN = 160


class FailureSign(Struct, frozen=True):
    """Evidence of why it fails."""

    text: str
    loosening: Loosening | None = None  # the relaxation that would help, if known
    blames: str = ""  # the option named as the reason


_ASK_TO_WRITE = frozenset({"access", "faccessat", "faccessat2"})


def of_calls(
    log: Known[CallLog],
    low_ports: int = 1024,
) -> Iterator[FailureSign]:
    """The evidence in the calls of a twin: those that need a capability that their caller lacks,
    and those that write where nothing can be written. `low_ports`: the first port that anybody may
    bind.
    """
    for detail in () if isinstance(log, Unread) else log.details:
        about = visible(f"{detail.call} {subject_of(detail)}", _SHOWN)
        for name in sorted(
            capabilities(detail, low_ports) - (detail.caller.capabilities or frozenset())
        ):
            yield FailureSign(
                f"{about} needs {name.removeprefix('CAP_')}",
                CapabilityBack(name),
            )
        for file in detail.files:
            if is_bytecode(file.path):
                continue
            if file.read_only and (detail.call in _ASK_TO_WRITE or writes(detail, file)):
                yield FailureSign(
                    f"{about}: read-only file system", WritableDirectory(directory_of(file.path))
                )


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
        wanted = (
            "the user containers needs an account and a free range in /etc/subuid and /etc/subgid"
        )
        yield FailureSign(
            f"Podman has no IDs for it: {wanted}; the doctor says more", blames=USERNS.name
        )


def of_log(log: str) -> Iterator[FailureSign]:
    """The evidence in a program's messages."""
    for line in log.splitlines():
        shown = visible(line.strip(), _SHOWN)
        if _EROFS.search(line):
            for path in _PATH.findall(line)[-1:]:
                if is_bytecode(path):
                    continue
                directory = path.rstrip("/") if path.endswith("/") else directory_of(path)
                yield FailureSign(shown, WritableDirectory(directory))
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
