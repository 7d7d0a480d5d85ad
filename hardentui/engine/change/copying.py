"""File trees as tar archives that keep owners and modes, as the engine's containers see them.

Podman's `/archive` gives every file the owner of the container's user, so it cannot copy a database's
directory. `/export` keeps owners but omits volumes; `/volumes/NAME/export` exists since Podman 5.6. Before
that, a volume is read from its directory on this machine.
"""

from __future__ import annotations

import io
import os
import posixpath
import stat
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import IO, Any, TypeAlias, cast

from msgspec import Struct

from hardentui import account
from hardentui.errors import ChangeFailed

_Ranges: TypeAlias = tuple[tuple[int, int, int], ...]
"""(first id inside, first id on the host, count) of each range; empty = the same everywhere."""
_PIECE = 1 << 16
_END_LIMIT = 10.0  # seconds to wait for a thread with nothing left to write


class HostIds(Struct, frozen=True):
    """The user and group ids of an engine's containers on the host; empty if rootful."""

    users: _Ranges = ()
    groups: _Ranges = ()

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> HostIds:
        """From the engine's info."""
        maps = (info.get("host") or {}).get("idMappings") or {}
        return cls(_ranges(maps.get("uidmap")), _ranges(maps.get("gidmap")))

    def owner(self, status: os.stat_result) -> tuple[int, int]:
        """The user and group of a file as the engine's containers see them."""
        return _inside(status.st_uid, self.users), _inside(status.st_gid, self.groups)


def _ranges(entries: Any) -> _Ranges:
    return tuple((int(e["container_id"]), int(e["host_id"]), int(e["size"])) for e in entries or ())


def _inside(host: int, ranges: _Ranges) -> int:
    for first, outside, count in ranges:
        if outside <= host < outside + count:
            return first + host - outside
    return host if not ranges else 65534  # nobody: an owner that the engine's containers cannot see


def directory_archive(directory: str, ids: HostIds) -> Iterator[bytes]:
    """The contents of a directory of this machine, with ids as containers see them. Links are never followed.

    A file that changes meanwhile is copied as of some moment in between.
    """
    return _piped(lambda out: _write_tree(directory, ids, out))


def own_archive(directory: str) -> Iterator[bytes]:
    """The same for a directory of our rootless engine: only Podman's own user namespace can read it."""
    words = [
        "podman",
        "unshare",
        "tar",
        "--numeric-owner",
        "--blocking-factor=1",  # see _Archive
        "--create",
        "--file=-",
        "--directory",
        directory,
        ".",
    ]
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=account.environment(),
    ) as process:
        out = cast(IO[bytes], process.stdout)
        try:
            while piece := out.read(_PIECE):
                yield piece
        finally:
            out.close()
            with suppress(ProcessLookupError):
                process.terminate()
    if process.returncode > 1:  # 1: a file changed while it was read
        raise ChangeFailed("The files of a volume cannot be read: podman unshare tar failed.")


def owner_of(archive: Iterable[bytes], place: str) -> tuple[int, int] | None:
    """User and group of a directory in an archive of a root file system; None if it is not in the archive."""
    wanted = posixpath.normpath(place).strip("/")
    with tarfile.open(fileobj=io.BufferedReader(Pieces(archive), _PIECE), mode="r|") as whole:
        owners = ((entry.uid, entry.gid) for entry in whole if _name(entry) == wanted and entry.isdir())
        return next(owners, None)


def _name(entry: tarfile.TarInfo) -> str:
    return entry.name.removeprefix("./").strip("/")


def below(archive: Iterable[bytes], place: str) -> Iterator[bytes]:
    """The entries below a directory in an archive of a root file system, relative to it. The first of
    them is the directory itself: unpacking gives its mode to the one that they are unpacked into, not its
    owner.
    """
    prefix = posixpath.normpath(place).strip("/") + "/"
    return _piped(lambda out: _filter(archive, prefix, out))


def _filter(archive: Iterable[bytes], prefix: str, out: IO[bytes]) -> None:
    with (
        tarfile.open(fileobj=io.BufferedReader(Pieces(archive), _PIECE), mode="r|") as whole,
        _Archive.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as part,
    ):
        for entry in whole:
            name = _name(entry)
            if f"{name}/" != prefix and not name.startswith(prefix):
                continue
            entry.name = name.removeprefix(prefix) if name.startswith(prefix) else "."
            if entry.islnk():
                target = entry.linkname.removeprefix("./").lstrip("/")
                if not target.startswith(prefix):
                    continue  # its other name is outside the directory
                entry.linkname = target.removeprefix(prefix)
            part.addfile(entry, whole.extractfile(entry) if entry.isreg() else None)


class _Archive(tarfile.TarFile):
    """Ends with the two empty blocks that mark the end.

    tarfile pads to a full record after them; the unpacking process may be gone by then, and Podman reports a
    broken pipe.
    """

    closed: bool

    def close(self) -> None:
        if not self.closed and self.fileobj is not None:
            self.closed = True
            self.fileobj.write(b"\0" * (2 * tarfile.BLOCKSIZE))
            self.fileobj.close()


def _write_tree(directory: str, ids: HostIds, out: IO[bytes]) -> None:
    seen: dict[tuple[int, int], str] = {}
    with _Archive.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for place, directories, files, handle in os.fwalk(directory, follow_symlinks=False):
            inside = os.path.relpath(place, directory)
            if inside == ".":
                archive.addfile(_entry(".", os.fstat(handle), ids))
            for name in (*directories, *files):
                path = name if inside == "." else f"{inside}/{name}"
                with suppress(FileNotFoundError):  # removed meanwhile
                    _add(archive, path, name, handle, ids, seen)


def _add(
    archive: tarfile.TarFile,
    path: str,
    name: str,
    handle: int,
    ids: HostIds,
    seen: dict[tuple[int, int], str],
) -> None:
    status = os.stat(name, dir_fd=handle, follow_symlinks=False)
    if stat.S_ISSOCK(status.st_mode):
        return  # its listener recreates it
    entry = _entry(path, status, ids)
    if entry.issym():
        entry.linkname = os.readlink(name, dir_fd=handle)
    if not entry.isreg():
        archive.addfile(entry)
        return
    identity = (status.st_dev, status.st_ino)
    if status.st_nlink > 1 and identity in seen:
        entry.type, entry.linkname, entry.size = tarfile.LNKTYPE, seen[identity], 0
        archive.addfile(entry)
        return
    seen[identity] = path
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(name, flags, dir_fd=handle), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        entry.size = size
        archive.addfile(entry, _Exactly(file, size))


def _entry(path: str, status: os.stat_result, ids: HostIds) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.mode = stat.S_IMODE(status.st_mode)
    entry.uid, entry.gid = ids.owner(status)
    entry.mtime = status.st_mtime
    kind = stat.S_IFMT(status.st_mode)
    entry.type = _TYPES.get(kind, tarfile.REGTYPE)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        entry.devmajor, entry.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    return entry


_TYPES = {
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
}


class _Exactly:
    """A file with a fixed number of bytes: a growing log is cut, a shrinking one is padded."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        piece = self._file.read(wanted)
        piece += b"\0" * (wanted - len(piece))
        self._left -= wanted
        return piece


class Pieces(io.RawIOBase):
    """Chunks of bytes as a readable file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        length = min(len(buffer), len(self._rest))
        buffer[:length] = self._rest[:length]
        self._rest = self._rest[length:]
        return length


def _piped(write: Callable[[IO[bytes]], None]) -> Iterator[bytes]:
    """The output of `write`, chunk by chunk, while it runs in a thread; its error is raised at the end."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def work() -> None:
        with suppress(BrokenPipeError), open(writing, "wb", buffering=_PIECE) as out:
            try:
                write(out)
            except BaseException as error:  # handed over to the reader
                failed.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    with open(reading, "rb", buffering=0) as source:
        while piece := source.read(_PIECE):
            yield piece
    worker.join(_END_LIMIT)
    if failed:
        if isinstance(failed[0], (OSError, tarfile.TarError)):
            raise ChangeFailed(f"Files cannot be copied: {failed[0]}.") from failed[0]
        raise failed[0]
