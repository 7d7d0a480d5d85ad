"""The interface through which everything on the host is read, and the reasons for failures.

`LocalFiles` reads this machine. `RecordedFiles` reads from a document: the simulated host and saved facts.
`RecordingFiles` reads through another one and records the results, without secrets.
"""

from __future__ import annotations

import copy
import errno
import os
from typing import Protocol

from msgspec import Struct

from hardentui.regular_files import names_in, read_regular

DEFAULT_LIMIT = 1 << 20


class FileStat(Struct, frozen=True):
    """The result of stat(2): `mode` includes the file type, `mtime` is in seconds, `links` counts links."""

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

    `read_text` and `read_bytes` read regular files only and raise EFBIG beyond `limit` bytes, because a
    truncated file would mislead. Bytes that are not UTF-8 become surrogates.
    """

    def read_text(self, path: str, limit: int = DEFAULT_LIMIT) -> str: ...
    def read_bytes(self, path: str, limit: int = DEFAULT_LIMIT) -> bytes: ...
    def read_link(self, path: str) -> str: ...
    def list_dir(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted."""

    def stat(self, path: str, follow: bool = True) -> FileStat: ...
    def read_attribute(self, path: str, name: str) -> bytes:
        """An extended attribute of the path's target; OSError with ENODATA if it has none."""

    def exists(self, path: str) -> bool:
        """False only if it is known to be absent; a lack of permission raises PermissionError."""

    def named_by(self, account: int) -> Files:
        """The same for paths that another account names: contents that it could not read are refused."""


class LocalFiles:
    """The files of this machine."""

    _account: int | None = None

    def named_by(self, account: int) -> Files:
        theirs = copy.copy(self)
        theirs._account = account
        return theirs

    def read_text(self, path: str, limit: int = DEFAULT_LIMIT) -> str:
        return self.read_bytes(path, limit).decode("utf-8", "surrogateescape")

    def read_bytes(self, path: str, limit: int = DEFAULT_LIMIT) -> bytes:
        return read_regular(path, limit, self._account)

    def read_link(self, path: str) -> str:
        return os.readlink(path)

    def list_dir(self, path: str) -> tuple[str, ...]:
        return names_in(path, self._account)

    def read_attribute(self, path: str, name: str) -> bytes:
        return os.getxattr(path, name)

    def stat(self, path: str, follow: bool = True) -> FileStat:
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
