"""The interface through which everything on the host is read, and the reasons for failures.

`LocalFiles` reads this machine. `RecordedFiles` reads from a document: the simulated host and saved
facts. `RecordingFiles` reads through another one and records the results, without secrets.
"""

from __future__ import annotations

import copy
import errno
import os
import pwd
import stat
import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

from msgspec import Struct

from hardentui.model.configuration import FileFact, Missing
from hardentui.model.known import Known, Unread, known
from hardentui.model.path_steps import Account, Accounts, AclEntry, PathStep
from hardentui.reading.access import open_spots
from hardentui.regular_files import names_in, read_regular
from hardentui.toml_document import read_toml


@lru_cache(maxsize=8)
def parsed(text: str) -> Mapping[str, Any]:
    """The document in a text, cached by text, so callers must not change it.

    The files that come with Podman are six hundred lines of comments, which are blanked before
    parsing, and every engine reads them.

    Raises:
        TomlFault: it is not valid TOML; names the line.
    """
    if (
        '"""' not in text and "'''" not in text
    ):  # else a line that looks like a comment may be in a string
        text = "\n".join(
            ["" if line.lstrip().startswith("#") else line for line in text.split("\n")]
        )
    return read_toml(text)


DEFAULT_LIMIT = 1 << 20


class FileStat(Struct, frozen=True):
    """The result of stat(2): `mode` includes the file type, `mtime` is in seconds, `links` counts
    links."""

    mode: int
    uid: int
    gid: int
    size: int
    mtime: float
    inode: int
    device: int
    links: int = 1


class NotRecorded(OSError):
    """A recording has no answer: it was never read, or the content is a secret."""


class Files(Protocol):
    """Read-only access to a file system. Every method raises OSError as the os module does.

    `read_text` and `read_bytes` read regular files only and raise EFBIG beyond `limit` bytes,
    because a truncated file would mislead. Bytes that are not UTF-8 become surrogates.
    """

    def read_text(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> str: ...
    def read_bytes(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> bytes: ...
    def read_link(self, path: str) -> str: ...
    def list_dir(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted."""

    def stat(
        self,
        path: str,
        follow: bool = True,
    ) -> FileStat: ...
    def read_attribute(self, path: str, name: str) -> bytes:
        """An extended attribute of the path's target; OSError with ENODATA if it has none."""

    def exists(self, path: str) -> bool:
        """False only if it is known to be absent; a lack of permission raises PermissionError."""

    def named_by(self, account: int) -> Files:
        """The same for paths that another account names: contents that it could not read are
        refused."""


class LocalFiles:
    """The files of this machine."""

    _account: int | None = None

    def named_by(self, account: int) -> Files:
        theirs = copy.copy(self)
        theirs._account = account
        return theirs

    def read_text(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> str:
        return self.read_bytes(path, limit).decode("utf-8", "surrogateescape")

    def read_bytes(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> bytes:
        return read_regular(path, limit, self._account)

    def read_link(self, path: str) -> str:
        return os.readlink(path)

    def list_dir(self, path: str) -> tuple[str, ...]:
        return names_in(path, self._account)

    def read_attribute(self, path: str, name: str) -> bytes:
        return os.getxattr(path, name)

    def stat(
        self,
        path: str,
        follow: bool = True,
    ) -> FileStat:
        status = os.stat(path, follow_symlinks=follow)
        return FileStat(
            status.st_mode,
            status.st_uid,
            status.st_gid,
            status.st_size,
            status.st_mtime,
            status.st_ino,
            status.st_dev,
            status.st_nlink,
        )

    def exists(self, path: str) -> bool:
        return is_there(self, path)


def is_there(files: Files, path: str) -> bool:
    """`Files.exists`, based on a `stat`."""
    try:
        files.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


_REASONS = {
    errno.EACCES: "no permission: it belongs to another user",
    errno.EPERM: "no permission: the kernel denies it",
    errno.ENOENT: "it does not exist",
    errno.ESRCH: "the process has ended",
    errno.ENOTDIR: "a part of its path is not a directory",
    errno.EISDIR: "it is a directory",
    errno.EFBIG: "it is too large",
    errno.ELOOP: "its symbolic links form a loop",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EIO: "the disk cannot read it",
    errno.ESTALE: "the network filesystem lost it",
    errno.ENOTCONN: "its filesystem is not connected",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
}


def reason(error: OSError) -> str:
    """The reason, in a few words that complete "unknown, because …" after the name of the file."""
    if isinstance(error, NotRecorded):
        return str(error.strerror)
    if error.errno in _REASONS:
        return _REASONS[error.errno]
    return (error.strerror or "the system denies it").lower()


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


def walk(
    files: Files,
    path: str,
) -> tuple[tuple[PathStep, ...], FileStat]:
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
    return PathStep(
        path,
        status.uid,
        status.gid,
        mode,
        kind,
        mode >> 3 & 7,
    )


def with_acls(
    files: Files,
    way: tuple[PathStep, ...],
) -> tuple[PathStep, ...]:
    """The same steps with their ACLs."""
    return tuple(_with_acl(files, step) for step in way)


def _with_acl(files: Files, step: PathStep) -> PathStep:
    if step.kind == "link":
        return step
    try:
        value = files.read_attribute(step.path, _ACL)
    except OSError:
        # no ACL, a file system without ACLs, or not recorded: the mode's group bits apply to the
        # owning group
        return step
    group_rights, acl = parse_acl(value, step.group_rights)
    return PathStep(
        step.path,
        step.uid,
        step.gid,
        step.mode,
        step.kind,
        group_rights,
        acl,
    )


def parse_acl(
    value: bytes,
    group_rights: int,
) -> tuple[int, tuple[AclEntry, ...]]:
    """Rights of the owning group, and the named entries, from the bytes of
    `system.posix_acl_access`.

    The format is that of the kernel's posix_acl_xattr.h: a version, then (tag, rights, id), little
    endian. Any other format leaves the owning group unchanged.
    """
    if len(value) < 4 or struct.unpack_from("<I", value)[0] != _ACL_VERSION:
        return group_rights, ()
    entries = list(struct.iter_unpack("<HHI", value[4 : 4 + (len(value) - 4) // 8 * 8]))
    mask = next((rights for tag, rights, _ in entries if tag == _MASK), 7)
    owner = next(
        (rights & mask for tag, rights, _ in entries if tag == _GROUP_OWNER),
        group_rights,
    )
    named = tuple(
        AclEntry(
            "user" if tag == _USER else "group",
            number,
            rights & mask,
        )
        for tag, rights, number in entries
        if tag in (_USER, _GROUP)
    )
    return owner, named


def read_accounts(files: Files) -> Accounts | None:
    """The accounts of /etc/passwd with their groups; None if they cannot be read.

    An account with a no-login shell is in root's group only if /etc/group lists it: some
    distributions give `sync`, `halt` and `operator` that primary group, and nobody acts as them.
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


ROOT_ONLY: Final = frozenset({0})
MOST_FILES = 5000
_NOTHING: Final = "/dev/null"


def unreadable(path: str, error: OSError) -> Unread:
    return Unread(f"{path} cannot be read: {reason(error)}")


def text(files: Files, path: str) -> str | Missing:
    """The text of a file; empty for a link to /dev/null, with which `systemctl mask` switches a
    unit off.

    Raises:
        Unread
    """
    try:
        return files.read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return Missing(path)
    except OSError as error:
        if _leads_to_nothing(files, path):
            return ""
        raise unreadable(path, error) from None


def text_or(
    files: Files,
    path: str,
    else_: str = "",
) -> str:
    """The text of a file, or `else_` if there is none, or it cannot be read."""
    content = known(text, files, path)
    return content if isinstance(content, str) else else_


def text_of(files: Files, path: str) -> str:
    """The text of a file that has to be there; raises Unread."""
    content = text(files, path)
    if isinstance(content, Missing):
        raise Unread(f"there is no {path}")
    return content


def _leads_to_nothing(files: Files, path: str) -> bool:
    try:
        return files.read_link(path) == _NOTHING
    except OSError:
        return False


def names(files: Files, path: str) -> tuple[str, ...]:
    """The sorted names in a directory; none if the directory does not exist. Raises Unread."""
    try:
        return tuple(sorted(files.list_dir(path)))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise unreadable(path, error) from None


def there(files: Files, path: str) -> bool:
    """It exists, as far as this user can see."""
    try:
        return files.exists(path)
    except OSError:
        return False


def tree(
    files: Files,
    path: str,
    depth: int = 4,
) -> Iterator[tuple[str, Unread | None]]:
    """Every path below a directory, the directory first; with the reason if a directory cannot be
    listed.

    Symbolic links are listed, not followed. At most MOST_FILES paths are returned; a larger or
    deeper tree ends with a reason, so that a part is not mistaken for the whole.
    """
    waiting = [(path, depth)]
    count = 0
    while waiting:
        current, left = waiting.pop(0)
        try:
            is_directory = stat.S_ISDIR(files.stat(current, follow=current == path).mode)
            inside = sorted(files.list_dir(current)) if is_directory else []
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield current, unreadable(current, error)
            continue
        if inside and not left:
            yield current, Unread(f"{current} is nested too deeply to be searched")
            continue
        yield current, None
        count += 1
        if count >= MOST_FILES:
            yield path, Unread(f"{path} holds more than {MOST_FILES} files")
            return
        waiting += [(f"{current.rstrip('/')}/{name}", left - 1) for name in inside]


def examine(
    files: Files,
    path: str,
    owners: frozenset[int] = ROOT_ONLY,
    *,
    contents: bool = True,
    accounts: Accounts | None = None,
) -> Known[FileFact | Missing]:
    """A file with everything that lets other accounts change it.

    Walks down from /, follows every symbolic link, and inspects each directory on the way: anyone
    who may write to a directory may replace its contents, the sticky bit aside. ACLs count, and so
    does a directory that denies
    access: `hardentui.reading.mounts` has the rules.

    Args:
        owners: the accounts that may own it and write to it.
        contents: False ignores write access to the file itself (sockets have other rules).
        accounts: of this machine; without them every group counts as having members.

    Returns:
        Missing also for a dangling link.
    """
    seen = reached(files, path)
    if isinstance(seen, Missing | Unread):
        return seen
    way, status = seen
    harmless = way[-1].path == _NOTHING  # everybody may write there, and it stays empty
    dangers = open_spots(
        way,
        accounts,
        owners,
        contents=contents and not harmless,
    )
    return FileFact(
        path,
        status.uid,
        status.gid,
        stat.S_IMODE(status.mode),
        way[-1].kind,
        dangers,
    )


def reached(
    files: Files,
    path: str,
) -> Known[tuple[tuple[PathStep, ...], FileStat] | Missing]:
    """The steps to a path with their ACLs, and its stat."""
    if not path.startswith("/"):
        return Unread(
            f"{path} is not an absolute path, so it depends on Podman's working directory"
        )
    try:
        way, status = walk(files, path)
    except (FileNotFoundError, NotADirectoryError):
        return Missing(path)
    except OSError as error:
        return unreadable(path, error)
    except ValueError:
        return Missing(path)  # a NUL byte: no file can have such a name
    return with_acls(files, way), status


def home_of(files: Files, uid: int) -> str:
    """The home directory of an account: from /etc/passwd, else from a directory service, else /."""
    rows = (line.split(":") for line in text_or(files, "/etc/passwd").splitlines())
    home = next(
        (row[5] for row in rows if len(row) > 5 and row[2] == str(uid)),
        "",
    )
    if home:
        return home
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/"
