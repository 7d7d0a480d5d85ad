"""What survives a restart of the original must also survive one of the hardened container.

A container's writable layer survives a restart; a tmpfs does not. So a folder that becomes a
tmpfs is compared: what the unchanged twin still has after a restart, and the hardened one has not, matters,
and the folder becomes a volume.
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
"""Path -> digest of the regular files of some folders."""


class Restarted(Struct, frozen=True):
    """A twin before and after a restart; `why`: it was not ready afterwards."""

    before: Contents
    after: Contents
    why: str = ""


def lasting_folders(spec: Spec, original: Spec) -> tuple[str, ...]:
    """The folders that a plan made a tmpfs, except those whose name says that they are temporary."""
    known = {entry.partition(":")[0] for entry in original[TMPFS]}
    added = [entry.partition(":")[0] for entry in spec[TMPFS]]
    return tuple(folder for folder in added if folder not in known and not _is_temporary(folder))


def _is_temporary(folder: str) -> bool:
    words = posixpath.basename(folder.rstrip("/")).lower()
    return words in _TEMPORARY_NAMES or any(at_or_above(place, folder) for place in _TEMPORARY)


def restarted(rounds: Rounds, spec: Spec, folders: tuple[str, ...]) -> Restarted:
    """Start a twin, stop it, start it again; volumes are copies, because copy-on-write ends with a stop.

    Raises:
        EngineError: it cannot be created.
    """
    stage = rounds.stage
    with stage.twin(spec, copy_volumes=True) as twin:
        first = rounds.start(twin)
        if not first.ready:
            return Restarted({}, {}, f"it does not work with copied volumes: {first.why}")
        before = contents(stage, twin, folders)
        stop(stage, twin, stop_timeout(stage))
        second = rounds.start(twin)
        if not second.ready:
            return Restarted(before, {}, second.why)
        return Restarted(before, contents(stage, twin, folders))


def lost(folders: Iterable[str], unchanged: Restarted, hardened: Restarted) -> dict[str, str]:
    """Folder -> a file in it that only the unchanged twin keeps through a restart."""
    lost_files: dict[str, str] = {}
    for path, digest in unchanged.before.items():
        if path.endswith(_PASSING) or unchanged.after.get(path) != digest:
            continue  # recreated at each start
        if path in hardened.before and hardened.after.get(path) == hardened.before[path]:
            continue  # recreated with the same content
        for folder in folders:
            if at_or_above(folder, path):
                lost_files.setdefault(folder, path)
    return lost_files


def contents(stage: Stage, twin: Twin, folders: Iterable[str]) -> Contents:
    """The files in these folders of a running twin, by digest; a missing folder has none."""
    digests: dict[str, str] = {}
    for folder in folders:
        with suppress(EngineError, tarfile.TarError):
            digests.update(_digests(stage, twin, folder))
    return digests


def _digests(stage: Stage, twin: Twin, folder: str) -> Iterator[tuple[str, str]]:
    pieces = stage.changing.containers.archive(twin.id, f"{folder}/.", seconds=_READ_LIMIT)
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
                yield posixpath.join(folder, posixpath.normpath(entry.name)), digest.hexdigest()
