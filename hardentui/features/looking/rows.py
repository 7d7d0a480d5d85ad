"""The containers of engines as the list request shows them: rows that are not judged yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias, TypeVar

from hardentui.engine.read import Engine
from hardentui.engine.shapes import LAB_LABEL, TRIAL_LABEL, Listed, is_ours
from hardentui.errors import EngineError
from hardentui.features.views import KeptOriginal, Report, Row

Lists: TypeAlias = Mapping[str, tuple[Listed, ...]]
"""Label of an engine -> its containers."""
_Named = TypeVar("_Named", Row, Listed)
_LEAST_OF_ID = 4
_ASIDE = ((TRIAL_LABEL, "twin"), (LAB_LABEL, "lab"))


def read_lists(engines: Iterable[Engine]) -> Lists:
    """One list request per engine; one that does not answer is left out.

    Raises:
        EngineError: no engine answers any more.
    """
    by_engine: dict[str, tuple[Listed, ...]] = {}
    lost: list[EngineError] = []
    for engine in engines:
        try:
            by_engine[engine.facts.label] = engine.listed()
        except EngineError as error:
            lost.append(error)
    if lost and not by_engine:
        raise lost[0]
    return by_engine


def called(rows: Iterable[_Named], name: str) -> list[_Named]:
    """The containers of this name; if there is none, those whose ID begins with it, from four letters on:
    a shorter one is the name of a container that is gone (`db`)."""
    rows = tuple(rows)
    by_name = [row for row in rows if row.name == name]
    if by_name or len(name) < _LEAST_OF_ID:
        return by_name
    return [row for row in rows if row.id.startswith(name)]


def row_of(
    engine: Engine, listed: Listed, report: Report | None = None, kept: KeptOriginal | None = None
) -> Row:
    """The row of a listed container, with its report if it was judged before."""
    return Row(
        key=f"{engine.facts.label}/{listed.id}",
        engine=engine.facts,
        id=listed.id,
        name=listed.name,
        image=listed.image,
        state=listed.state,
        status=listed.status,
        pod=listed.pod_name,
        unit=listed.labels.get("PODMAN_SYSTEMD_UNIT", ""),
        report=report,
        kept=kept,
        aside=next((kind for label, kind in _ASIDE if is_ours(label, listed.labels, listed.name)), ""),
    )
