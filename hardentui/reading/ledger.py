"""The data ledger of a planned change: which paths get another home, and what that means. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from msgspec import Struct

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.ledger import Holds, Home, LedgerRow, Lost
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, READ_ONLY, READ_ONLY_TMPFS, TMPFS
from hardentui.reading.layer import LOGS, WITH_READ_ONLY, LayerData, holds_logs, is_below
from hardentui.reading.mounts import at_or_above
from hardentui.reading.scratch import is_scratch
from hardentui.reading.scratch_mounts import holds_files_of_image, tmpfs_limit


class _Place(Struct, frozen=True):
    """What is mounted at a path."""

    home: Home
    source: str = ""
    limit: int | None = None
    read_only: bool = False


_LAYER = _Place(Home.LAYER)


def ledger(
    facts: ContainerFacts,
    before: Spec,
    after: Spec,
    layer: LayerData,
    kept: Mapping[str, str],
) -> tuple[LedgerRow, ...]:
    """The rows of one container.

    Args:
        layer: the data in its writable layer.
        kept: directory -> the volume that apply copies its data to.
    """
    old, new = _places(before), _places(after)
    new |= {path: _Place(Home.VOLUME, volume) for path, volume in kept.items()}
    moved = [path for path in sorted(new) if new[path].home is not _at(old, path).home]
    rows = [
        _moved(
            facts,
            path,
            old,
            new[path],
            layer,
        )
        for path in moved
        if not new[path].read_only
    ]
    return (*rows, *_left_behind(facts, layer, frozenset(moved)))


def _places(spec: Spec) -> dict[str, _Place]:
    places: dict[str, _Place] = {}
    if spec[READ_ONLY] and spec[READ_ONLY_TMPFS]:
        places |= {path: _Place(Home.TMPFS) for path in WITH_READ_ONLY}
    for entry in spec[TMPFS]:
        places[_path(entry.partition(":")[0])] = _Place(Home.TMPFS, limit=tmpfs_limit(entry))
    homes = {
        "bind": Home.BIND,
        "volume": Home.VOLUME,
        "tmpfs": Home.TMPFS,
    }
    for mount in spec[MOUNTS]:
        if (home := homes.get(mount.type)) is not None:
            places[_path(mount.destination)] = _Place(home, mount.source, read_only=mount.read_only)
    return places


def _path(text: str) -> str:
    return text.rstrip("/") or "/"


def _at(places: Mapping[str, _Place], path: str) -> _Place:
    """The home of a path: what is mounted there, or at the nearest directory above."""
    above = [place for place in places if at_or_above(place, path)]
    return places[max(above, key=len)] if above else _LAYER


def _moved(
    facts: ContainerFacts,
    path: str,
    old: Mapping[str, _Place],
    place: _Place,
    layer: LayerData,
) -> LedgerRow:
    lost = Lost.AT_STOP if place.home is Home.TMPFS else Lost.NEVER
    return LedgerRow(
        container=facts.name,
        path=path,
        holds=_holds(path),
        bytes=_written(facts, path),
        before=_at(old, path).home,
        after=place.home,
        source=place.source,
        copied=place.home is Home.VOLUME and layer.has(path),
        limit=place.limit,
        lost=lost,
        hides=place.home is Home.VOLUME and holds_files_of_image(path, facts),
    )


def _left_behind(
    facts: ContainerFacts,
    layer: LayerData,
    moved: frozenset[str],
) -> Iterator[LedgerRow]:
    """The directories whose files stay in the layer of the original: its successor has none of
    them."""
    stays = [path for path in (*layer.data, *layer.logs) if not is_below(path, moved)]
    sizes = {change.path: change.size for change in known(lambda: facts.changes, else_=())}
    for directory in sorted({posixpath.dirname(path) for path in stays}):
        files = [path for path in stays if posixpath.dirname(path) == directory]
        yield LedgerRow(
            container=facts.name,
            path=files[0] if len(files) == 1 else directory,
            holds=Holds.LOGS if is_below(files[0], LOGS) else Holds.DATA,
            bytes=sum(sizes.get(path, 0) for path in files),
            before=Home.LAYER,
            after=Home.LAYER,
            lost=Lost.WITH_CONTAINER,
        )


def _holds(path: str) -> Holds:
    if holds_logs(path):
        return Holds.LOGS
    return Holds.SCRATCH if is_scratch(path) else Holds.DATA


def _written(facts: ContainerFacts, path: str) -> int | None:
    changes = known(lambda: facts.changes)
    if isinstance(changes, Unread):
        return None
    return sum(change.size for change in changes if at_or_above(path, change.path))
