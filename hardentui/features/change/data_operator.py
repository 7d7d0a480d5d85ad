"""Data that a change copies to volumes, and what was written there when it is taken back."""

from __future__ import annotations

import stat
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.copy_process import Owners, nothing
from hardentui.engine.change.copying import LayerCopy
from hardentui.errors import NotFound
from hardentui.features.change.operator import NOTHING, Cancelled, OperationOutcome, Operator
from hardentui.host.files import LocalFiles
from hardentui.model.facts import FileChange
from hardentui.model.journal import JournalEntry
from hardentui.model.ledger import Home, NewerData
from hardentui.model.operations import (
    CopyData,
    CopyPart,
    CreateContainer,
    CreateVolume,
    KeepOwners,
    NoteContainer,
    RestartUnit,
    StartContainer,
    WriteFile,
)
from hardentui.reading.layer import layer_data
from hardentui.words import plural

_MOST_CHANGES = 20_000


class VolumeOperator(Operator[CreateVolume]):
    """Volumes of a successor."""

    kind = CreateVolume

    def __init__(self, engine: ChangingEngine) -> None:
        self._engine = engine

    def do(
        self,
        operation: CreateVolume,
        stop: threading.Event,
    ) -> OperationOutcome:
        if not self._engine.volumes.exists(operation.name):  # else from an earlier attempt
            self._engine.volumes.create(operation.name)
        return NOTHING

    def undo(
        self,
        operation: CreateVolume,
        entry: JournalEntry,
    ) -> None:
        data = _brought(operation, entry)
        if data is not None and not entry.has_stand_in:  # which takes it before it starts
            give_back(
                self._engine,
                data,
                entry,
                into=operation.source,
            )

    def clear(
        self,
        operation: CreateVolume,
        entry: JournalEntry,
    ) -> tuple[NewerData, ...]:
        """Remove a volume that holds nothing newer; what stays is told."""
        data = _brought(operation, entry)
        if not self._engine.volumes.exists(operation.name):
            return ()
        if not self._holds_newer(operation, entry):
            if not operation.existed and not self._engine.containers.using(
                operation.name, stopped=True
            ):
                self._engine.volumes.remove(operation.name)
            if data is not None and data.former and self._engine.volumes.exists(data.former):
                self._engine.volumes.remove(data.former)
            return ()
        if data is not None:
            return (data,)
        if not operation.directory:
            return ()
        return (
            NewerData(
                container=_name_of(operation, entry),
                path=operation.directory,
                home=Home.VOLUME,
                source=operation.name,
            ),
        )

    def to_bring_back(self, entry: JournalEntry) -> tuple[NewerData, ...]:
        """What undo can copy back into the layers of the originals, with a copy of what they hold
        there until then: made now, so that nothing is lost whenever it is cut off.

        Raises:
            ChangeFailed: the copy cannot be made; nothing was changed but new volumes.
        """
        copying, suffix = self._engine.copying, entry.id.rpartition("-")[2]
        taken: list[NewerData] = []
        for operation in _volumes_to_bring_back(entry):
            if not self._engine.volumes.exists(operation.name):
                continue
            former = f"{operation.name}-before-undo-{suffix}"
            kept = not entry.has_stand_in  # which holds nothing yet
            if kept:
                if not self._engine.volumes.exists(former):
                    self._engine.volumes.create(former)
                pair = (operation.directory, former)
                first = copying.layer(operation.source, [pair], optional=True)
                copying.leave(operation.source)
                kept = first.copied.states != (nothing(),)
                if not kept:
                    self._engine.volumes.remove(former)
            taken.append(
                NewerData(
                    container=_name_of(operation, entry),
                    path=operation.directory,
                    home=Home.VOLUME,
                    source=operation.name,
                    brought=True,
                    former=former if kept else "",
                )
            )
        return tuple(taken)

    def _holds_newer(
        self,
        volume: CreateVolume,
        entry: JournalEntry,
    ) -> bool:
        """Whether something was, or may have been, written to a volume since it was filled."""
        begun = entry.operations[: entry.begun]
        if not any(isinstance(operation, StartContainer) for operation in begun):
            return False
        filled = {
            name: state
            for operation in begun
            if isinstance(operation, CopyData)
            for (_, name), state in zip(operation.paths, operation.states, strict=False)
        }
        if not self._engine.copying.possible or not self._engine.volumes.exists(volume.name):
            return True
        original = next(
            (noted.id for noted in begun if isinstance(noted, NoteContainer)), volume.source
        )
        try:
            image = str(self._engine.containers.inspect(original)["Image"])
        except NotFound:
            return True
        return self._engine.copying.state(volume.name, image) != filled.get(volume.name, nothing())


class CopyOperator(Operator[CopyData]):
    """Data of an original's layer, copied into volumes of its successor."""

    kind = CopyData

    def __init__(self, engine: ChangingEngine) -> None:
        self._copying = engine.copying
        self._first_passes: dict[str, LayerCopy] = {}

    def do(
        self,
        operation: CopyData,
        stop: threading.Event,
    ) -> OperationOutcome:
        """The first pass while it runs; the second one, after its stop, only what changed since
        then."""
        copying = self._copying
        first = self._first_passes.pop(operation.source, None)
        try:
            if operation.part is CopyPart.REST and first is not None:
                copied = copying.again(first, stop=stop)
            else:
                layer = copying.layer(
                    operation.source,
                    operation.paths,
                    stop=stop,
                )
                copied = layer.copied
                if operation.part is CopyPart.AHEAD:
                    self._first_passes[operation.source] = layer
        except KeyboardInterrupt:
            raise Cancelled("It was interrupted.") from None
        if operation.part is not CopyPart.AHEAD:
            copying.leave(operation.source)
        done = replace(operation, states=copied.states)
        return OperationOutcome(
            done, remark=f"{plural(copied.files, 'file')}, {copied.size / 1e6:.1f} MB"
        )

    def undo(
        self,
        operation: CopyData,
        entry: JournalEntry,
    ) -> None:
        self._first_passes.pop(operation.source, None)
        with suppress(NotFound):
            self._copying.leave(operation.source)


class OwnersOperator(Operator[KeepOwners]):
    """The owners of a volume's files."""

    kind = KeepOwners

    def __init__(self, engine: ChangingEngine) -> None:
        self._engine = engine

    def do(
        self,
        operation: KeepOwners,
        stop: threading.Event,
    ) -> OperationOutcome:
        owners = self._engine.copying.owners(operation.volume, operation.image)
        noted = replace(
            operation,
            usual=owners.usual,
            others=owners.others,
        )
        return OperationOutcome(noted)

    def undo(
        self,
        operation: KeepOwners,
        entry: JournalEntry,
    ) -> None:
        if operation.usual and self._engine.volumes.exists(operation.volume):
            owners = Owners(operation.usual, operation.others)
            self._engine.copying.give(
                operation.volume,
                operation.image,
                owners,
            )


def _name_of(operation: CreateVolume, entry: JournalEntry) -> str:
    """The container whose data a volume holds."""
    return next(
        (
            noted.name
            for noted in entry.operations
            if isinstance(noted, NoteContainer) and noted.id == operation.source
        ),
        entry.container,
    )


def give_back(
    engine: ChangingEngine,
    data: NewerData,
    entry: JournalEntry,
    *,
    into: str,
) -> None:
    """Copy what was written since into the layer of an original that does not run. Repeating this
    does no harm: the volume is the same, and what was there is in `former`.
    """
    volume = next(
        step
        for step in entry.operations
        if isinstance(step, CreateVolume) and step.name == data.source
    )
    successors = (
        step.created
        for step in entry.operations
        if isinstance(step, CreateContainer) and step.original == volume.source
    )
    successor = next(successors, "")
    engine.copying.into_layer(
        into,
        data.path,
        data.source,
        by=successor if successor and engine.containers.exists(successor) else into,
    )


def _brought(
    operation: CreateVolume,
    entry: JournalEntry,
) -> NewerData | None:
    return next(
        (data for data in entry.brings_back if data.source == operation.name),
        None,
    )


def _volumes_to_bring_back(entry: JournalEntry) -> tuple[CreateVolume, ...]:
    """Those whose container started."""
    begun = entry.operations[: entry.begun]
    started = {step.name for step in begun if isinstance(step, StartContainer)}
    return tuple(
        step
        for step in begun
        if isinstance(step, CreateVolume)
        and step.source
        and step.directory
        and _name_of(step, entry) in started
    )


def left_by_units(entry: JournalEntry) -> tuple[NewerData, ...]:
    """The volumes that a unit made for its container: they stay when its former files are back."""
    return tuple(data for data in entry.brings_back if data.mounted) or _of_units(entry)


def mounted_again(entry: JournalEntry) -> tuple[NewerData, ...]:
    """What the unit of a container mounts after an undo that brings it back: it makes its container
    anew at each start, so a copy in its layer would not last."""
    writes = (step for step in entry.operations if isinstance(step, WriteFile))
    if not any(write.with_data is not None for write in writes):
        return ()
    return tuple(replace(data, brought=True, mounted=True) for data in _of_units(entry))


def _of_units(entry: JournalEntry) -> tuple[NewerData, ...]:
    begun = entry.operations[: entry.begun]
    if not any(isinstance(step, RestartUnit) for step in begun):
        return ()
    made = {step.name for step in begun if isinstance(step, CreateVolume)}
    return tuple(
        NewerData(
            container=row.container,
            path=row.path,
            home=Home.VOLUME,
            source=row.source,
        )
        for row in entry.ledger
        if row.after is Home.VOLUME and row.source not in made
    )


def can_bring_back(entry: JournalEntry) -> bool:
    """Whether its undo can give what was written since back to the originals."""
    return bool(_volumes_to_bring_back(entry) or mounted_again(entry))


def written_in_layer(
    engine: ChangingEngine,
    document: Mapping[str, Any],
    but: Collection[str],
) -> tuple[str, ...]:
    """The directories of a container's own layer that hold data nothing else has.

    Args:
        document: its inspect document.
        but: paths whose data its owner has given up.
    """
    mounted = [str(mount.get("Destination")) for mount in document.get("Mounts") or ()]
    mounted += (document.get("HostConfig") or {}).get("Tmpfs") or {}
    upper = str(((document.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir") or "")
    listed = engine.engine.changes(str(document["Id"]))[:_MOST_CHANGES]
    local = engine.engine.facts.local
    changes = [
        FileChange(
            str(change["Path"]),
            ("modified", "added", "deleted")[min(int(change.get("Kind", 0)), 2)],
            _is_directory(upper, str(change["Path"])) if local and upper else None,
        )
        for change in listed
    ]
    data = layer_data(changes, (*mounted, *but)).data
    return tuple(sorted({path.rpartition("/")[0] or "/" for path in data}))


def _is_directory(upper: str, path: str) -> bool | None:
    try:
        return stat.S_ISDIR(LocalFiles().stat(f"{upper}{path}", follow=False).mode)
    except OSError:
        return None
