"""A path with its parent directories, and the accounts of the machine."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class AclEntry(Struct, frozen=True):
    """A named user or group of a POSIX access control list."""

    kind: str  # `user` or `group`
    id: int
    rights: int  # 4 read, 2 write, 1 execute, added up, with the mask applied


class PathStep(Struct, frozen=True):
    """A directory, link, socket or file on a path; `path` itself contains no links."""

    path: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o755  # permission bits, including setuid, setgid and sticky
    kind: str = "directory"  # file, directory, link, socket or other
    group_rights: int = 5  # of the owning group; with an ACL, the group bits hold its mask instead
    acl: tuple[AclEntry, ...] = ()


class Account(Struct, frozen=True):
    name: str
    uid: int
    groups: frozenset[int] = frozenset()


class Accounts(Struct, frozen=True):
    """The accounts in this machine's own files, without those of a directory service."""

    # all accounts except root, including service accounts, which an intruder could take over
    people: tuple[Account, ...] = ()
    groups: Mapping[int, str] = field(default_factory=dict)  # gid -> name
