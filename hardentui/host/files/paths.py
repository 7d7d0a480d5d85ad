"""Paths with all parent directories, their ACLs, and the accounts of the machine: the facts about access."""

from __future__ import annotations

import errno
import stat
import struct
from typing import Final

from hardentui.host.files.reader import Files, FileStat
from hardentui.model.access import Account, Accounts, AclEntry, PathStep

_ACL: Final = "system.posix_acl_access"
_ACL_VERSION = 2
_USER, _GROUP_OWNER, _GROUP, _MASK = 0x02, 0x04, 0x08, 0x10
_MOST_LINKS = 40
_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFSOCK: "socket",
}
_PLACEHOLDERS = ("nologin", "false", "sync", "shutdown", "halt")


def walk(files: Files, path: str) -> tuple[tuple[PathStep, ...], FileStat]:
    """Every step from / to a path, following links, without ACLs; and the stat of the object.

    Raises:
        OSError: a part is missing or cannot be inspected.
    """
    waiting = [part for part in path.split("/") if part]
    current, status = "/", files.stat("/")
    steps = [_step(current, status)]
    links = 0
    while waiting:
        part = waiting.pop(0)
        if part in (".", ".."):
            current = current.rpartition("/")[0] or "/" if part == ".." else current
            status = files.stat(current)
            continue
        candidate = f"{current.rstrip('/')}/{part}"
        status = files.stat(candidate, follow=False)
        steps.append(_step(candidate, status))
        if not stat.S_ISLNK(status.mode):
            current, status = candidate, status
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, "too many symbolic links", path)
        target = files.read_link(candidate)
        waiting = [part for part in target.split("/") if part] + waiting
        if target.startswith("/"):
            current, status = "/", files.stat("/")
    once = tuple(dict.fromkeys(steps))
    last = _step(current, status)
    return (*(step for step in once if step != last), last), status


def _step(path: str, status: FileStat) -> PathStep:
    mode = stat.S_IMODE(status.mode)
    kind = _KINDS.get(stat.S_IFMT(status.mode), "other")
    return PathStep(path, status.uid, status.gid, mode, kind, mode >> 3 & 7)


def with_acls(files: Files, way: tuple[PathStep, ...]) -> tuple[PathStep, ...]:
    """The same steps with their ACLs."""
    return tuple(_with_acl(files, step) for step in way)


def _with_acl(files: Files, step: PathStep) -> PathStep:
    if step.kind == "link":
        return step
    try:
        value = files.read_attribute(step.path, _ACL)
    except OSError:
        # no ACL, a file system without ACLs, or not recorded: the mode's group bits apply to the owning group
        return step
    group_rights, acl = parse_acl(value, step.group_rights)
    return PathStep(step.path, step.uid, step.gid, step.mode, step.kind, group_rights, acl)


def parse_acl(value: bytes, group_rights: int) -> tuple[int, tuple[AclEntry, ...]]:
    """Rights of the owning group, and the named entries, from the bytes of `system.posix_acl_access`.

    The format is that of the kernel's posix_acl_xattr.h: a version, then (tag, rights, id), little endian.
    Any other format leaves the owning group unchanged.
    """
    if len(value) < 4 or struct.unpack_from("<I", value)[0] != _ACL_VERSION:
        return group_rights, ()
    entries = list(struct.iter_unpack("<HHI", value[4 : 4 + (len(value) - 4) // 8 * 8]))
    mask = next((rights for tag, rights, _ in entries if tag == _MASK), 7)
    owner = next((rights & mask for tag, rights, _ in entries if tag == _GROUP_OWNER), group_rights)
    named = tuple(
        AclEntry("user" if tag == _USER else "group", number, rights & mask)
        for tag, rights, number in entries
        if tag in (_USER, _GROUP)
    )
    return owner, named


def read_accounts(files: Files) -> Accounts | None:
    """The accounts of /etc/passwd with their groups; None if they cannot be read.

    An account with a no-login shell is in root's group only if /etc/group lists it: some distributions give
    `sync`, `halt` and `operator` that primary group, and nobody acts as them.
    """
    try:
        accounts = files.read_text("/etc/passwd")
        groups = files.read_text("/etc/group")
    except OSError:
        return None
    names: dict[int, str] = {}
    members: dict[str, set[int]] = {}
    for fields in _fields(groups, 4):
        if fields[2].isdigit():
            names[int(fields[2])] = fields[0]
            for member in fields[3].split(","):
                members.setdefault(member.strip(), set()).add(int(fields[2]))
    people = []
    for fields in _fields(accounts, 7):
        if not fields[2].isdigit() or not fields[3].isdigit() or int(fields[2]) == 0:
            continue
        primary = int(fields[3])
        inside = set(members.get(fields[0], ()))
        if primary or not fields[6].endswith(_PLACEHOLDERS):
            inside.add(primary)
        people.append(Account(fields[0], int(fields[2]), frozenset(inside)))
    return Accounts(tuple(people), names)


def _fields(content: str, least: int) -> list[list[str]]:
    rows = (line.split(":") for line in content.splitlines())
    return [row for row in rows if len(row) >= least and row[0]]
