"""The running container no longer matches its image.

What it checks:
Which files in the container differ from its image, outside volumes, files that Podman itself writes, and
places for temporary data (parameter `expected`, a list of paths). A running program that was not in the image
is reported first. If the list of changes was not read, the answer is unknown.

Why it matters:
A container should be a fixed copy of its image. Files that appear at run time are how most attacks look
from outside: a downloaded miner, a web shell next to the site, a changed password file, a library that
loads itself everywhere. Harmless changes matter too: the next update deletes them, and nobody scans them.

What may break:
Recreating the container from its image deletes these changes: look at them first, and copy data to a volume.
If you suspect an intruder, save the evidence before that (`podman export`). A read-only root (see
writable-rootfs) prevents it from happening again.
"""

from __future__ import annotations

import shlex

from hardentui.checks.prelude import *
from hardentui.model.facts import FileChange, Process
from hardentui.options import PASSWD, READ_ONLY, USER, USERNS, VOLUMES_FROM
from hardentui.reading.containers import ask_or, declared_user, is_root

_EXPECTED = ("/tmp", "/var/tmp", "/run", "/var/run", "/dev", "/proc", "/sys", "/var/cache", "/var/log")  # noqa: S108
_BY_PODMAN = frozenset({"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"})
_PROGRAMS = ("/bin", "/sbin", "/lib", "/lib64", "/usr", "/opt", "/etc", "/root")
_WITH_READ_ONLY = ("/run", "/tmp", "/var/tmp")  # noqa: S108 - Podman mounts them and makes their directories
_SHOWN = 12


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    foreign = _foreign_programs(facts)
    expected = (*parameters.texts("expected"), *_accounts_by_podman(facts))
    changes = _meaningful(facts.changes, expected, _mounted(facts))
    if not changes and not foreign:
        return passed(f"{plural(len(facts.changes), 'change')}, none unexpected")
    if not foreign and facts.spec[VOLUMES_FROM] and not ask_or(facts, lambda kernel: kernel.mounts, ()):
        return unknown("a mount that it takes from another container looks like a change, and was not read")
    evidence = tuple(Evidence(process.executable, f"runs as PID {process.pid}") for process in foreign)
    evidence += tuple(Evidence(change.path, change.kind) for change in changes[:_SHOWN])
    if len(changes) > _SHOWN:
        evidence += (Evidence("podman diff", f"and {len(changes) - _SHOWN} more"),)
    commands = (f"podman diff {shlex.quote(facts.name)}",)
    if foreign:
        reason = "a program is running that was not in the image"
        return failed(reason, evidence=evidence, severity=Severity.CRITICAL, commands=commands)
    programs = any(_below(change.path, _PROGRAMS) for change in changes)
    severity = Severity.HIGH if programs else Severity.MEDIUM
    reason = f"{plural(len(changes), 'file differs', 'files differ')} from the image"
    return failed(reason, evidence=evidence, severity=severity, commands=commands)


def _accounts_by_podman(facts: ContainerFacts) -> tuple[str, ...]:
    """Podman adds a user that it is given by number, and one of `keep-id`, to the container's accounts."""
    numeric = declared_user(facts).partition(":")[0].isdecimal() and not is_root(declared_user(facts))
    added = numeric or facts.spec[USERNS].startswith("keep-id")
    return ("/etc/passwd", "/etc/group") if added and facts.spec[PASSWD] else ()


def _meaningful(
    changes: tuple[FileChange, ...], expected: tuple[str, ...], mounted: tuple[str, ...]
) -> tuple[FileChange, ...]:
    """Changes that matter: not directories that only contain another change, and nothing expected."""
    holders = {parent for change in changes for parent in _parents(change.path)}
    return tuple(
        change
        for change in changes
        if not (change.path in holders and change.kind == "modified")
        and not (change.path in _BY_PODMAN and change.kind != "deleted")
        and not _below(change.path, (*expected, *mounted))
        and not _holds_mount(change, mounted)
    )


def _parents(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts))]


def _below(path: str, directories: tuple[str, ...]) -> bool:
    return any(path == directory or path.startswith(f"{directory.rstrip('/')}/") for directory in directories)


def _holds_mount(change: FileChange, mounted: tuple[str, ...]) -> bool:
    """Podman creates the directories of mount points, and touches those of its own files."""
    targets = (*mounted, *_BY_PODMAN)
    return change.kind != "deleted" and any(
        target.startswith(f"{change.path.rstrip('/')}/") for target in targets
    )


def _mounted(facts: ContainerFacts) -> tuple[str, ...]:
    """Mount points, according to inspect and the kernel, and those that come with a read-only root."""
    mounts = facts.inspect.get("Mounts") or ()
    tmpfs = (facts.inspect.get("HostConfig") or {}).get("Tmpfs") or {}
    table = ask_or(facts, lambda kernel: kernel.mounts, ())
    live = (row.point for row in table if row.point != "/")
    with_read_only = _WITH_READ_ONLY if facts.spec[READ_ONLY] else ()
    return (*(str(mount.get("Destination")) for mount in mounts), *tmpfs, *live, *with_read_only)


def _foreign_programs(facts: ContainerFacts) -> tuple[Process, ...]:
    """Processes whose program was added after the start, or deleted while running."""
    added = {change.path for change in facts.changes if change.kind != "deleted"}
    return tuple(
        p
        for p in ask_or(facts, lambda kernel: kernel.processes, ())
        if p.executable.removesuffix(" (deleted)") in added
    )


_QUIET = (
    FileChange("/etc", "modified"),
    FileChange("/etc/hosts", "added"),
    FileChange("/run/nginx.pid", "added"),
)
_SHELL = FileChange("/usr/share/nginx/html/up.php", "added")
_ACCOUNTS = (FileChange("/etc/passwd", "modified"), FileChange("/etc/group", "modified"))
_MINER = FileChange("/usr/bin/kdevtmpfsi", "added")

CHECK = Check(
    title="Files differ from the image",
    severity=Severity.HIGH,  # changed programs are what an intruder leaves
    summary="Review the changes, then recreate the container from its image with a read-only root filesystem",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    parameters={"expected": _EXPECTED},
    passes=lambda: (
        container(changes=()),
        container(changes=_QUIET),
        container((USER, "1000"), changes=_ACCOUNTS),
    ),
    fails=lambda: (
        container(changes=_ACCOUNTS),
        container(changes=(*_QUIET, _SHELL)),
        container(
            changes=(_MINER,),
            kernel=Kernel(pid=812, processes=(Process(901, "kdevtmpfsi", "/usr/bin/kdevtmpfsi"),)),
        ),
    ),
    references=("NIST SP 800-190 4.4.4", "CSVS 3.10"),
    catalogue="S7-07",
)
