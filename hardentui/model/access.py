"""A path with its parent directories, and the accounts of the machine.

`hardentui.host` reads both; `hardentui.reading.access` determines who can access the path.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class AclEntry(Struct, frozen=True):
    """A named user or group of a POSIX access control list.

    Attributes:
        kind: `user` or `group`.
        rights: 4 read, 2 write, 1 execute, added up, with the mask applied.
    """

    kind: str
    id: int
    rights: int


class PathStep(Struct, frozen=True):
    """A directory, link, socket or file on a path; `path` itself contains no links.

    Attributes:
        mode: permission bits, including setuid, setgid and sticky.
        kind: file, directory, link, socket or other.
        group_rights: of the owning group; with an ACL, the group bits hold its mask instead.
        acl: the named entries of its ACL.
    """

    path: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o755
    kind: str = "directory"
    group_rights: int = 5
    acl: tuple[AclEntry, ...] = ()


class Account(Struct, frozen=True):
    """An account and all its groups."""

    name: str
    uid: int
    groups: frozenset[int] = frozenset()


class Accounts(Struct, frozen=True):
    """The accounts in this machine's own files, without those of a directory service.

    Attributes:
        people: all accounts except root, including service accounts, which an intruder could take over.
        groups: gid -> name.
    """

    people: tuple[Account, ...] = ()
    groups: Mapping[int, str] = field(default_factory=dict)
