"""What is there before anything is judged: the engines, and their containers as the list call tells them.

The checks, the option table and the checklist take longer to import than an engine takes to list a thousand
containers, so nothing here needs them: a screen shows the rows first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from hardentui.engine.read import Engine
from hardentui.engine.shapes import Listed
from hardentui.errors import EngineError
from hardentui.workbench.looking.begun import Begun
from hardentui.workbench.opening.engines import Opened, open_engines
from hardentui.workbench.views import Report, Row, Selection

if TYPE_CHECKING:
    from hardentui.workbench.workbench import Workbench

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


class FirstLook:
    """Engines that were found, and what they list. `workbench` goes on from there.

    Listing begins at once, on a thread of its own.
    """

    def __init__(self, opened: Opened, checklist: str) -> None:
        self.engines = tuple(engine.facts for engine in opened.engines)
        self.attempts = opened.attempts
        self.simulated = opened.simulated
        self.private_service = opened.private_service
        self.host_name = opened.host_name
        self._opened = opened
        self._checklist = checklist
        self._lists = Begun(lambda: read_lists(opened.engines))

    @classmethod
    def open(cls, selection: Selection) -> FirstLook:
        """Find the engines, start a private one, or take the simulated host.

        Raises:
            NoEngine: an engine was named (`--url`, `--connection`) and cannot be reached.
        """
        return cls(open_engines(selection), selection.checklist)

    def rows(self) -> tuple[Row, ...]:
        """All containers of all engines, as they were listed when this was opened.

        Raises:
            EngineError: no engine answers any more.
        """
        lists = self._lists.result()
        return tuple(
            row_of(engine, one)
            for engine in self._opened.engines
            for one in lists.get(engine.facts.label, ())
        )

    def workbench(self) -> Workbench:
        """Everything else that can be done with these engines and the rows that were listed.

        Raises:
            ChecklistError: the checklist has faults.
        """
        from hardentui.workbench.workbench import Workbench

        bench = Workbench.of(self._opened, self._checklist)
        with suppress(EngineError):
            bench.take(self._lists.result())
        return bench

    def close(self) -> None:
        """End all connections and a private service."""
        for engine in self._opened.engines:
            engine.close()
