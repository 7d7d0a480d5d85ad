"""What a container writes outside its volumes."""

from __future__ import annotations

import posixpath
import stat

from msgspec.structs import replace

from hardentui.errors import EngineError
from hardentui.features.looking.readers.place import Place, reads, reads_here
from hardentui.host.files import Files
from hardentui.host.files.layers import directory_of_image, files_of_image
from hardentui.model.facts import (
    ContainerFacts,
    FileChange,
    WrittenDirectory,
)
from hardentui.model.known import Known, Unread
from hardentui.reading import layer
from hardentui.reading.mounts import parents

_KINDS = {0: "modified", 1: "added", 2: "deleted"}


_MOST_ASKED = 2000


@reads
def changes(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[FileChange, ...]]:
    """What it has changed in its writable layer."""
    try:
        changes = place.engine.changes(facts.id)
    except EngineError as error:
        return Unread(f"Podman does not return its changed files: {error.title}")
    files_changed = [
        FileChange(
            str(change["Path"]),
            _KINDS.get(change.get("Kind", 0), "modified"),
        )
        for change in changes
    ]
    upper = _writable_layer(facts)
    if facts.engine.local and upper:
        files_changed = _with_directories(files_changed, upper, place.files)
    return tuple(files_changed)


def _writable_layer(facts: ContainerFacts) -> str:
    """The host directory of the container's writable layer; empty if the driver has none."""
    driver = facts.inspect.get("GraphDriver") or {}
    upper = str((driver.get("Data") or {}).get("UpperDir") or "")
    return upper if upper.startswith("/") else ""


def _with_directories(
    changes: list[FileChange],
    upper: str,
    files: Files,
) -> list[FileChange]:
    """Whether a changed path is a directory, for those in which nothing else changed: a directory
    in which a file was created and removed again looks like a changed file. The container's
    writable layer shows it.
    """
    above = {parent for change in changes for parent in parents(change.path)}
    asked = 0
    inspected = []
    for change in changes:
        if change.kind != "deleted" and change.path not in above and asked < _MOST_ASKED:
            asked += 1
            change = _inspected(change, upper, files)
        inspected.append(change)
    return inspected


def _inspected(
    change: FileChange,
    upper: str,
    files: Files,
) -> FileChange:
    try:
        seen = files.stat(upper + posixpath.normpath("/" + change.path), follow=False)
    except OSError:
        return change
    if not stat.S_ISREG(seen.mode):
        return replace(
            change,
            directory=stat.S_ISDIR(seen.mode),
            uid=seen.uid,
        )
    return replace(
        change,
        directory=False,
        uid=seen.uid,
        size=seen.size,
        executable=bool(seen.mode & 0o111),
    )


@reads_here
def written_directories(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, WrittenDirectory]:
    """The size and owner that a tmpfs on a directory written by the container would need."""
    files = place.files
    directories = {}
    for path in dict.fromkeys(
        (
            *layer.written_directories(facts),
            *layer.working_directories(facts),
            *layer.surroundings(facts),
        )
    ):
        seen = directory_of_image(files, facts.inspect, path)
        if seen is not None:
            image = files_of_image(
                files,
                facts.inspect,
                path,
                _MOST_ASKED,
            )
            directories[path] = WrittenDirectory(
                image.bytes,
                seen.uid,
                seen.gid,
                stat.S_IMODE(seen.mode),
                image.code,
            )
    return directories
