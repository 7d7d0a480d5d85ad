"""The containers of engines as the list call tells them: rows that nothing has judged yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from hardentui.engine.read import Engine
from hardentui.engine.shapes import Listed
from hardentui.errors import EngineError
from hardentui.workbench.views import Report, Row

Lists: TypeAlias = Mapping[str, tuple[Listed, ...]]
"""Label of an engine -> its containers."""


def read_lists(engines: Iterable[Engine]) -> Lists:
    """One list request to each engine; one that does not answer is left out.

    Raises:
        EngineError: none answers any more.
    """
    found: dict[str, tuple[Listed, ...]] = {}
    lost: list[EngineError] = []
    for engine in engines:
        try:
            found[engine.facts.label] = engine.listed()
        except EngineError as error:
            lost.append(error)
    if lost and not found:
        raise lost[0]
    return found


def row_of(engine: Engine, one: Listed, report: Report | None = None) -> Row:
    """The row of a listed container; its report where it was judged before."""
    return Row(
        key=f"{engine.facts.label}/{one.id}",
        engine=engine.facts,
        id=one.id,
        name=one.name,
        image=one.image,
        state=one.state,
        status=one.status,
        pod=one.pod_name,
        unit=one.labels.get("PODMAN_SYSTEMD_UNIT", ""),
        report=report,
    )
