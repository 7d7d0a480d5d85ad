"""A path with every folder on the way to it, and the accounts of the machine: who may do what with it.

`hardentui.host` reads both; `hardentui.reading.access` answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class AclEntry(Struct, frozen=True):
    """A named user or group of a POSIX access control list.

    Attributes:
        kind: `user` or `group`.
        rights: 4 read, 2 write, 1 execute, added up; the mask is applied already.
    """

    kind: str
    id: int
    rights: int


class PathStep(Struct, frozen=True):
    """A folder, link, socket or file on the way to a path; `path` itself holds no link.

    Attributes:
        mode: permission bits, set-id and sticky bits included.
        kind: file, directory, link, socket or other.
        group_rights: of the owning group; with an ACL they differ from the group bits, which are its mask.
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
    """An account and every group that it is in."""

    name: str
    uid: int
    groups: frozenset[int] = frozenset()


class Accounts(Struct, frozen=True):
    """The accounts of this machine, as its own files tell. Those of a directory service are not seen.

    Attributes:
        people: all accounts but root, services included: what took one over acts as it.
        groups: gid -> name.
    """

    people: tuple[Account, ...] = ()
    groups: Mapping[int, str] = field(default_factory=dict)
