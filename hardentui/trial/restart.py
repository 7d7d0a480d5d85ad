"""What survives a restart of the original must also survive one of the hardened container.

A container's writable layer survives a restart; a tmpfs does not. So a directory that becomes a
tmpfs is compared: what the unchanged twin still has after a restart, and the hardened one has not, matters,
and the directory becomes a volume.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from msgspec import Struct

from hardentui.engine.change.copying import Pieces
from hardentui.errors import EngineError
from hardentui.model.spec import Spec
from hardentui.options import TMPFS
from hardentui.reading.mounts import at_or_above
from hardentui.trial.rounds import Rounds, stop, stop_timeout
from hardentui.trial.stage import Stage
from hardentui.trial.twins import Twin

_TEMPORARY = ("/run", "/tmp", "/var/tmp", "/var/run", "/var/lock", "/dev", "/var/cache")  # noqa: S108 - compared
_TEMPORARY_NAMES = frozenset({"cache", "tmp", "temp", "run", "lock"})
_PASSING = (".pid", ".sock", ".lock", ".lck", ".tmp", ".pyc")
_MOST_FILES = 20_000
_MOST_BYTES = 256 << 20
_READ_LIMIT = 60.0

Contents = Mapping[str, str]
"""Path -> digest of the regular files of some directories."""


class Restarted(Struct, frozen=True):
    """A twin before and after a restart; `why`: it was not ready afterwards."""

    before: Contents
    after: Contents
    why: str = ""


def lasting_directories(spec: Spec, original: Spec) -> tuple[str, ...]:
    """The directories that a plan made a tmpfs, except those whose name says that they are temporary."""
    known = {entry.partition(":")[0] for entry in original[TMPFS]}
    added = [entry.partition(":")[0] for entry in spec[TMPFS]]
    return tuple(directory for directory in added if directory not in known and not _is_temporary(directory))


def _is_temporary(directory: str) -> bool:
    words = posixpath.basename(directory.rstrip("/")).lower()
    return words in _TEMPORARY_NAMES or any(at_or_above(place, directory) for place in _TEMPORARY)


def restarted(rounds: Rounds, spec: Spec, directories: tuple[str, ...]) -> Restarted:
    """Start a twin, stop it, start it again; volumes are copies, because copy-on-write ends with a stop.

    Raises:
        EngineError: it cannot be created.
    """
    stage = rounds.stage
    with stage.twin(spec, copy_volumes=True) as twin:
        first = rounds.start(twin)
        if not first.ready:
            return Restarted({}, {}, f"it does not work with copied volumes: {first.why}")
        before = contents(stage, twin, directories)
        stop(stage, twin, stop_timeout(stage))
        second = rounds.start(twin)
        if not second.ready:
            return Restarted(before, {}, second.why)
        return Restarted(before, contents(stage, twin, directories))


def lost(directories: Iterable[str], unchanged: Restarted, hardened: Restarted) -> dict[str, str]:
    """Directory -> a file in it that only the unchanged twin keeps through a restart."""
    lost_files: dict[str, str] = {}
    for path, digest in unchanged.before.items():
        if path.endswith(_PASSING) or unchanged.after.get(path) != digest:
            continue  # recreated at each start
        if path in hardened.before and hardened.after.get(path) == hardened.before[path]:
            continue  # recreated with the same content
        for directory in directories:
            if at_or_above(directory, path):
                lost_files.setdefault(directory, path)
    return lost_files


def contents(stage: Stage, twin: Twin, directories: Iterable[str]) -> Contents:
    """The files in these directories of a running twin, by digest; a missing directory has none."""
    digests: dict[str, str] = {}
    for directory in directories:
        with suppress(EngineError, tarfile.TarError):
            digests.update(_digests(stage, twin, directory))
    return digests


def _digests(stage: Stage, twin: Twin, directory: str) -> Iterator[tuple[str, str]]:
    pieces = stage.changing.containers.archive(twin.id, f"{directory}/.", seconds=_READ_LIMIT)
    count = size = 0
    with tarfile.open(fileobj=io.BufferedReader(Pieces(pieces)), mode="r|") as archive:
        for entry in archive:
            if not entry.isreg():
                continue
            count, size = count + 1, size + entry.size
            if count > _MOST_FILES or size > _MOST_BYTES:
                return
            file = archive.extractfile(entry)
            if file is not None:
                digest = hashlib.sha256()
                while piece := file.read(1 << 16):
                    digest.update(piece)
                yield posixpath.join(directory, posixpath.normpath(entry.name)), digest.hexdigest()
