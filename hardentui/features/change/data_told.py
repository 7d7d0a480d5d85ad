"""The data ledger in sentences: where data moves by a change, and where newer data lies after its
undo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hardentui.model.ledger import Home, LedgerRow, Lost, NewerData
from hardentui.reading.layer import WITH_READ_ONLY
from hardentui.visible import visible

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_SHOWN = 6


def told_rows(rows: Iterable[LedgerRow]) -> tuple[str, ...]:
    """A sentence for each move; paths that move alike share one. Then what no longer works between
    them."""
    rows = tuple(rows)
    several = len({row.container for row in rows}) > 1
    groups: dict[str, list[str]] = {}
    for row in rows:
        of = f"{visible(row.container, 40)}: " if several else ""
        groups.setdefault(f"{of}|{_becomes(row)}", []).append(_path(row))
    sentences = []
    for key, paths in groups.items():
        of, _, becomes = key.partition("|")
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        sentences.append(f"{of}{', '.join(paths[:_SHOWN])}{more} {becomes}")
    for container in dict.fromkeys(row.container for row in rows):
        of = f"{visible(container, 40)}: " if several else ""
        moved = [row for row in rows if row.container == container and row.after is not Home.LAYER]
        sentences += [f"{of}{sentence}" for sentence in _split_apart(moved)]
    return tuple(sentences)


def _split_apart(moved: Sequence[LedgerRow]) -> Iterator[str]:
    """What was one file system and becomes several: rename(2) and link(2) answer EXDEV there."""
    own = [row for row in moved if row.before is Home.LAYER]
    paths = [visible(row.path, 80) for row in own if row.path not in WITH_READ_ONLY]
    if not paths:
        return
    shared = [row.path for row in own if row.path in WITH_READ_ONLY]
    several = [*paths[:_SHOWN], *(["others"] if len(paths) > _SHOWN else []), *shared]
    between = (
        f"between {', '.join(several[:-1])} and {several[-1]}"
        if len(several) > 1
        else f"into or out of {several[0]}"
    )
    yield f"a rename or a hard link {between} fails from now on: they become separate file systems"


def _path(row: LedgerRow) -> str:
    size = f" ({size_of(row.bytes)})" if row.bytes else ""
    return f"{visible(row.path, 80)}{size}"


def _becomes(row: LedgerRow) -> str:
    if row.after is Home.LAYER:
        return "stays in the layer of the original; the new container begins without it"
    if row.lost is Lost.AT_STOP:
        most = "half of the memory" if row.limit is None else size_of(row.limit)
        return f"→ tmpfs of at most {most}, where more fails; lost at each stop"
    copied = ", copied" if row.copied else ""
    place = "volume" if row.after is Home.VOLUME else "the host's"
    hides = "; it hides what the next image brings there" if row.hides else ""
    return f"→ {place} {visible(row.source, 80)}{copied}, no limit but its disk{hides}"


def size_of(count: int) -> str:
    """`64 MiB`, rounded up."""
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count, unit = -(-count // 1024), unit + 1
    return f"{count} {_UNITS[unit]}"


def told_way_back(
    rows: Iterable[LedgerRow],
    *,
    offers: bool,
) -> Iterator[str]:
    """What an undo means for what was written since the change.

    Args:
        offers: it can be copied back.
    """
    volumes = [row for row in rows if row.after is Home.VOLUME]
    if not volumes:
        return
    places = ", ".join(
        f"{visible(row.path, 80)} in the volume {visible(row.source, 80)}"
        for row in volumes[:_SHOWN]
    )
    more = f" and {len(volumes) - _SHOWN} more" if len(volumes) > _SHOWN else ""
    yield f"What was written since stays where it is, and the original runs without it: {places}{more}."
    if offers:
        yield "--bring-back gives it back to the original before that starts."


def told_newer(newer: Iterable[NewerData]) -> Iterator[str]:
    """Where what was written since a change lies after its undo."""
    for data in newer:
        path, of = visible(data.path, 80), visible(data.container, 80)
        source = visible(data.source, 80)
        if data.mounted:
            yield f"{path}: {of} has again what was written since; its unit mounts the volume {source}"
        elif data.brought:
            former = (
                f"; what it had there before is in the volume {visible(data.former, 80)}"
                if data.former
                else ""
            )
            yield f"{path}: {of} has again what was written since, also in the volume {source}{former}"
        elif data.home is Home.VOLUME:
            yield f"{path}: what was written since lies in the volume {source}; {of} runs without it"
        else:
            yield (
                f"{path}: what was written since lies in the stopped container {source}"
                f" (podman cp {source}:{path} …); {of} runs without it"
            )
