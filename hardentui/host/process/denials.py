"""Denials by the kernel's protections, and the container that each belongs to.

Sources are auditd's log if there is one, else the kernel's journal, else the kernel's buffer, which
drops
lines: what it shows counts, what it lacks is unknown. A line names the denied process; most lines
are read after that process has ended, so its container can only be identified by a label or user id
that no other container has. Denials that may belong to a container are counted, never guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from hardentui.host.commands import Run
from hardentui.host.files import Files, names, reason, there
from hardentui.model.facts import Denial, IdRange, Kernel
from hardentui.model.known import Unread, known, need
from hardentui.words import plural

DAY = timedelta(days=1)

_AUDIT_DIRECTORY = "/var/log/audit"
_AUDIT_LOGS = ("audit.log", "audit.log.1", "audit.log.2", "audit.log.3", "audit.log.4")
_LOG_LIMIT = 64 << 20
_JOURNALS = ("/var/log/journal", "/run/log/journal")
JOURNAL = (
    *(
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output=json",
        "--output-fields=MESSAGE",
        "--since=-24h",
    ),
    *("--lines=20000", "_TRANSPORT=kernel", "+", "_TRANSPORT=audit"),
)
_SECONDS = 5.0
_MOST = 20_000

_STAMP = r"audit\((\d+)(?:\.\d+)?:\d+\)"
_PAIR = r'(\w+)=("[^"]*"|\S+)'
_AVC = r"avc:\s+denied\s+(\{[^}]*\})"
_SECCOMP = r"type=(?:1326|SECCOMP)\b|^SECCOMP "
_ONLY_LOGGED = frozenset({"0x7ffc0000", "0x7fff0000"})
"""SECCOMP_RET_LOG, used to learn profiles, and SECCOMP_RET_ALLOW: the call was executed."""
_LEVEL = r":s\d[^\s:]*(?::c[\d,.c]+)?$"


class Refusal(Struct, frozen=True):
    by: str
    what: str
    pid: int
    command: str  # the kernel's short name of the process
    label: str  # the SELinux context or AppArmor profile of the process; empty if the line has none
    uid: int | None  # the user id on the host; None if the line has none


def read_refusals(
    files: Files,
    run: Run,
    now: datetime,
    *,
    root: bool,
) -> tuple[Refusal, ...]:
    """The denials of the last day on this machine, oldest first; raises Unread.

    `root`: whether we are root; others cannot see the kernel's messages, and the journal does not
    report that it hides them.
    """
    if not root:
        raise Unread("only root can see what the kernel denied")
    lines = (
        _audit_lines(files, now)
        if there(files, f"{_AUDIT_DIRECTORY}/audit.log")
        else _journal(files, run)
    )
    oldest = (now - DAY).timestamp()
    refusals = (refusal for line in lines if (refusal := parse(line, oldest)))
    return tuple(refusal for _, refusal in zip(range(_MOST), refusals, strict=False))


def _audit_lines(files: Files, now: datetime) -> list[str]:
    """The lines of auditd's files of the last day, newest file first."""
    lines: list[str] = []
    for name in _AUDIT_LOGS:
        try:
            text = files.read_text(f"{_AUDIT_DIRECTORY}/{name}", _LOG_LIMIT)
        except FileNotFoundError:
            break
        except OSError as error:
            raise Unread(f"{_AUDIT_DIRECTORY}/{name}: {reason(error)}") from None
        lines = text.splitlines() + lines
        first = re.search(_STAMP, text[:500])
        if first and float(first[1]) < (now - DAY).timestamp():
            break
    return lines


def _journal(files: Files, run: Run) -> list[str]:
    if not any(names(files, directory) for directory in _JOURNALS):
        return _kernel_buffer(run)
    return list(_messages(need(run(JOURNAL, _SECONDS))))


def _kernel_buffer(run: Run) -> list[str]:
    """Denials in the kernel's buffer; raises Unread if it shows none, because it is small and drops
    lines."""
    without = "this host has neither an audit log nor a journal"
    answer = run(("dmesg",), _SECONDS)
    if isinstance(answer, Unread):
        raise Unread(f"{without}, and {answer.reason}")
    refusals = [line for line in answer.splitlines() if parse(line) is not None]
    if not refusals:
        raise Unread(f"{without}; the kernel's buffer shows no denial, but it drops lines")
    return refusals


def _messages(answer: str) -> Iterator[str]:
    for line in answer.splitlines():
        try:
            message = json.loads(line)["MESSAGE"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # garbage from firmware, not an audit line
        if isinstance(message, str):
            yield message


def parse(line: str, oldest: float = 0.0) -> Refusal | None:
    """A line of the audit log or the kernel; None if it is not a denial, or older than `oldest`."""
    stamp = re.search(_STAMP, line)
    if stamp and float(stamp[1]) < oldest:
        return None
    pairs = {name: value.strip('"') for name, value in re.findall(_PAIR, line)}
    if re.search(_SECCOMP, line):
        if pairs.get("code") in _ONLY_LOGGED:
            return None
        return _refusal(
            "seccomp", pairs, f"system call {pairs.get('syscall', '?')}", pairs.get("subj", "")
        )
    if pairs.get("apparmor") == "DENIED":
        what = " ".join(pairs[name] for name in ("operation", "name") if name in pairs)
        return _refusal(
            "apparmor",
            pairs,
            what,
            pairs.get("profile", ""),
        )
    denied = re.search(_AVC, line)
    if denied and pairs.get("permissive") != "1":
        what = " ".join(
            (
                denied[1],
                pairs.get("tclass", ""),
                pairs.get("name", ""),
            )
        ).strip()
        return _refusal(
            "selinux",
            pairs,
            what,
            pairs.get("scontext", ""),
        )
    return None


def _refusal(
    by: str,
    pairs: dict[str, str],
    what: str,
    label: str,
) -> Refusal | None:
    pid, uid = pairs.get("pid", ""), pairs.get("uid", pairs.get("fsuid", ""))
    if not pid.isdecimal():
        return None
    command = pairs.get("comm", "")
    name = f"{what}, by {command}" if command else what
    return Refusal(
        by,
        name,
        int(pid),
        command,
        label,
        int(uid) if uid.isdecimal() else None,
    )


def denials_of(
    refusals: tuple[Refusal, ...],
    files: Files,
    kernel: Kernel,
    process_label: str,
) -> tuple[Denial, ...]:
    """The denials of one container.

    Args:
        process_label: its SELinux label from Podman; no other container has the same categories.

    Raises:
        Unread: none is certainly its own but some may be.
    """
    processes = known(lambda: kernel.processes)
    if isinstance(processes, Unread):
        raise Unread(f"its processes are not known: {processes.reason}")
    running = {process.pid: process.name for process in processes}
    mine: list[Denial] = []
    perhaps = 0
    for refusal in refusals:
        belongs = _belongs(
            refusal,
            running,
            files,
            kernel,
            process_label,
        )
        if belongs is None:
            perhaps += 1
        elif belongs:
            mine.append(Denial(refusal.by, refusal.what))
    if perhaps and not mine:
        count = plural(perhaps, "denial")
        raise Unread(f"{count} of the last day may be its own: the process has ended since")
    return tuple(mine)


def _belongs(
    refusal: Refusal,
    running: dict[int, str],
    files: Files,
    kernel: Kernel,
    process_label: str,
) -> bool | None:
    """None if it may belong to the container."""
    categories = categories_of(process_label)
    if categories:  # SELinux: each container has its own label, and every line contains it
        return categories_of(refusal.label) == categories if refusal.label else None
    if refusal.pid in running:
        return refusal.command in ("", running[refusal.pid]) or None
    if there(files, f"/proc/{refusal.pid}"):
        return False  # it lives, elsewhere
    profile = known(lambda: kernel.lsm_label)
    if refusal.label and isinstance(profile, str) and not _same_profile(refusal.label, profile):
        return False
    lines = known(lambda: kernel.uid_map)
    if refusal.uid is not None and isinstance(lines, tuple) and not _mapped(refusal.uid, lines):
        return False
    return None


def categories_of(label: str) -> str:
    """The part of an SELinux label unique to one container: `c12,c34`."""
    level = re.search(_LEVEL, label)
    return level[0].rpartition(":")[2] if level and ":c" in level[0] else ""


def _same_profile(label: str, current: str) -> bool:
    """AppArmor writes the mode after the name, and a stack of profiles with //&."""
    return label.partition(" ")[0] in (
        current.partition(" ")[0],
        *current.partition(" ")[0].split("//&"),
    )


def _mapped(uid: int, uid_map: tuple[IdRange, ...]) -> bool:
    return any(line.outside <= uid < line.outside + line.size for line in uid_map)
