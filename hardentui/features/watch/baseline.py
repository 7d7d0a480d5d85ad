"""The saved state of a container that works properly, with which later readings are compared."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterable
from contextlib import suppress

import msgspec
from msgspec import Struct

from hardentui.errors import InputError, WriteError
from hardentui.host.files.reader import Files
from hardentui.model.facts import CapabilitySets, ContainerFacts, Kernel
from hardentui.model.known import Known, Unread, known
from hardentui.model.monitoring import Drift
from hardentui.state.own_files import Directory, read_document, write_own
from hardentui.writers.context import safe_file_name

SCHEMA = "hardentui/baseline/1"
_FILE_LIMIT = 4 << 20
_ALL_FILES_LIMIT = 64 << 20
_MOST_FILES = 5000
_SHOWN = 50
_MANY_PROGRAMS = frozenset({"busybox", "toybox", "coreutils"})


class FileMark(Struct, frozen=True):
    """A path that differs from the image, and its content.

    Attributes:
        kind: modified, added or deleted.
        digest: SHA-256 of the content; empty if it is not a file, is too large or cannot be read.
    """

    path: str
    kind: str
    size: int = 0
    modified: float = 0.0
    digest: str = ""


class OpenPort(Struct, frozen=True):
    protocol: str
    port: int


class ContainerBaseline(Struct, frozen=True):
    """The state when the baseline was saved.

    Attributes:
        kept: when, ISO 8601.
        image: id of the container's image.
        programs: files that its processes run, or their names if the files cannot be read.
        listening: without addresses, which change with the network.
    """

    schema: str
    kept: str
    container: str
    engine: str
    image: str
    files: tuple[FileMark, ...] = ()
    programs: tuple[str, ...] = ()
    listening: tuple[OpenPort, ...] = ()
    capabilities: tuple[str, ...] | None = None
    uid: int | None = None
    seccomp_mode: int | None = None
    no_new_privileges: bool | None = None
    read_only_root: bool | None = None


class Baselines:
    """The baselines of this host's containers.

    Args:
        directory: our state directory; None = there is none (a simulated host, saved facts).
    """

    def __init__(self, directory: Directory | None) -> None:
        self._directory = directory

    def _path(self, facts: ContainerFacts) -> str | None:
        if self._directory is None:
            return None
        whole = f"{facts.engine.label}\0{facts.name}".encode("utf-8", "surrogateescape")
        name = f"{safe_file_name(facts.name)[:60]}-{hashlib.sha256(whole).hexdigest()[:16]}.json"
        return os.path.join(os.fspath(self._directory()), "baselines", name)

    def load(self, facts: ContainerFacts) -> ContainerBaseline | Unread | None:
        """The saved baseline; None if there is none."""
        path = self._path(facts)
        if path is None:
            return None
        try:
            baseline = msgspec.convert(read_document(path), ContainerBaseline)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Unread(f"{path}: {error.strerror}")
        except (ValueError, RecursionError):
            return Unread(f"{path} is damaged; save it again")
        return (
            baseline if baseline.schema == SCHEMA else Unread(f"{path} is of another version; save it again")
        )

    def save(self, facts: ContainerFacts, baseline: ContainerBaseline) -> str:
        """Save it; returns the path.

        Raises:
            InputError: this host is simulated or recorded.
            WriteError
        """
        path = self._path(facts)
        if path is None:
            raise InputError("Only real containers can have a baseline.")
        try:
            write_own(path, msgspec.json.encode(baseline).decode())
        except OSError as error:
            raise WriteError(f"The baseline could not be saved: {error.strerror}.") from error
        return path

    def forget(self, facts: ContainerFacts) -> bool:
        """Delete it; returns whether there was one."""
        path = self._path(facts)
        if path is None:
            return False
        with suppress(FileNotFoundError):
            os.unlink(path)
            return True
        return False


def plain(text: str) -> str:
    """File names are bytes; lone surrogates do not fit into JSON, so they are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def picture(facts: ContainerFacts, files: Files) -> Known[ContainerBaseline]:
    """The current state; Unread if too little is known for a baseline."""
    return known(lambda: _picture(facts, files))


def _picture(facts: ContainerFacts, files: Files) -> ContainerBaseline:
    kernel = facts.kernel
    if not isinstance(kernel, Kernel):
        raise Unread(f"it is not running ({kernel.state})")
    sets = known(lambda: kernel.capabilities)
    return ContainerBaseline(
        schema=SCHEMA,
        kept=facts.now.isoformat(timespec="seconds"),
        container=facts.name,
        engine=facts.engine.label,
        image=str(facts.inspect.get("Image") or ""),
        files=marks_of(facts, files),
        programs=tuple(
            sorted({program_of(process.executable, process.name) for process in kernel.processes})
        ),
        listening=tuple(
            OpenPort(protocol, port)
            for protocol, port in sorted({(socket.protocol, socket.port) for socket in kernel.listening})
        ),
        capabilities=tuple(sorted(sets.effective)) if isinstance(sets, CapabilitySets) else None,
        uid=known(lambda: kernel.uid, else_=None),
        seccomp_mode=known(lambda: kernel.seccomp_mode, else_=None),
        no_new_privileges=known(lambda: kernel.no_new_privileges, else_=None),
        read_only_root=known(lambda: kernel.read_only_root, else_=None),
    )


def program_of(executable: str, name: str) -> str:
    """What a process runs: its file, plus the name if one file provides many programs."""
    several = posixpath.basename(executable) in _MANY_PROGRAMS
    return plain(f"{executable} as {name}" if several else executable or name)


def marks_of(facts: ContainerFacts, files: Files) -> tuple[FileMark, ...]:
    """Differences from the image, with the content of files as far as it can be read.

    Raises:
        Unread: its changes are not known.
    """
    layer = ((facts.inspect.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir")
    readable = facts.engine.local and isinstance(layer, str) and layer.startswith("/")
    left = _ALL_FILES_LIMIT
    marks = []
    for number, change in enumerate(facts.changes):
        mark = FileMark(plain(change.path), change.kind)
        if readable and change.kind != "deleted" and number < _MOST_FILES:
            mark, used = _mark(change.path, change.kind, str(layer), files, left)
            left -= used
        marks.append(mark)
    return tuple(marks)


def _mark(path: str, kind: str, layer: str, files: Files, left: int) -> tuple[FileMark, int]:
    """Never follow a link: a path in the container must not lead to a file of the host."""
    place = layer + posixpath.normpath("/" + path.lstrip("/"))
    try:
        seen = files.stat(place, follow=False)
        if not stat.S_ISREG(seen.mode):
            size = 0 if stat.S_ISDIR(seen.mode) else seen.size
            return FileMark(path, kind, size), 0
        mark = FileMark(path, kind, seen.size, seen.mtime)
        if seen.size > min(_FILE_LIMIT, left) or _has_link(files, layer, path):
            return mark, 0
        content = files.read_bytes(place, _FILE_LIMIT)
    except OSError:
        return FileMark(path, kind), 0
    return FileMark(path, kind, len(content), seen.mtime, hashlib.sha256(content).hexdigest()), len(content)


def _has_link(files: Files, layer: str, path: str) -> bool:
    """Whether a directory in the path is a symbolic link."""
    parts = posixpath.normpath("/" + path.lstrip("/")).strip("/").split("/")
    directories = (layer + "/" + "/".join(parts[:count]) for count in range(1, len(parts)))
    return any(stat.S_ISLNK(files.stat(directory, follow=False).mode) for directory in directories)


def drift(now: Iterable[FileMark], before: Iterable[FileMark], expected: tuple[str, ...]) -> Drift:
    """Differences from the baseline, without those that are expected."""
    ours = {mark.path: mark for mark in now if not _below(mark.path, expected)}
    theirs = {mark.path: mark for mark in before if not _below(mark.path, expected)}
    deleted = {path for path, mark in ours.items() if mark.kind == "deleted"}
    deleted -= {path for path, mark in theirs.items() if mark.kind == "deleted"}
    deleted |= {path for path, mark in theirs.items() if mark.kind == "added" and path not in ours}
    changed = {path for path in ours.keys() & theirs.keys() if _differs(ours[path], theirs[path])}
    return Drift(
        from_image=None,
        added=_first(ours.keys() - theirs.keys() - deleted),
        changed=_first(changed - deleted),
        deleted=_first(deleted),
        gone=_first(theirs.keys() - ours.keys() - deleted),
    )


def _below(path: str, directories: tuple[str, ...]) -> bool:
    return any(path == directory or path.startswith(f"{directory.rstrip('/')}/") for directory in directories)


def _differs(mark: FileMark, other: FileMark) -> bool:
    if mark.kind != other.kind:
        return True
    if mark.digest and other.digest:
        return mark.digest != other.digest
    return (mark.size, mark.modified) != (other.size, other.modified)


def _first(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths)[:_SHOWN])
