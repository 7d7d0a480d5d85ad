"""The configuration files in a twin, for what they ask for."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator

from hardentui.engine.change.copying import Pieces
from hardentui.errors import EngineError
from hardentui.model.activity import AskedMemory
from hardentui.reading.asked_memory import asked_by_file, config_paths
from hardentui.trial.stage import Stage
from hardentui.trial.twins import Twin

_READ_LIMIT = 10.0
_MOST_FILES = 50
_LARGEST = 1 << 20


def asked_memory(stage: Stage, twin: Twin) -> tuple[AskedMemory, ...]:
    """The memory that they ask for; a file that cannot be read asks for nothing."""
    asked: list[AskedMemory] = []
    for path in config_paths(stage.facts):
        try:
            for name, text in _texts(stage, twin, path):
                asked += asked_by_file(name, text)
        except (EngineError, tarfile.TarError):
            continue
    return tuple(asked)


def _texts(stage: Stage, twin: Twin, path: str) -> Iterator[tuple[str, str]]:
    pieces = stage.changing.containers.archive(twin.id, path, seconds=_READ_LIMIT)
    with tarfile.open(fileobj=io.BufferedReader(Pieces(pieces)), mode="r|") as archive:
        for count, entry in enumerate(archive):
            if count >= _MOST_FILES:
                return
            file = archive.extractfile(entry) if entry.isreg() and entry.size <= _LARGEST else None
            if file is not None:
                name = posixpath.join(posixpath.dirname(path), posixpath.normpath(entry.name))
                yield name, file.read().decode("utf-8", "replace")
