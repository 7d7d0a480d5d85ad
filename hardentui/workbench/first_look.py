"""What is there before anything is judged: the engines, and their containers as the list call tells them.

The checks, the option table and the checklist take longer to import than an engine takes to list a thousand
containers, so nothing here needs them: a screen shows the rows first.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hardentui.errors import EngineError
from hardentui.workbench.begun import Begun
from hardentui.workbench.looking.rows import read_lists, row_of
from hardentui.workbench.opening.engines import open_engines
from hardentui.workbench.opening.opened import Opened
from hardentui.workbench.views import Row, Selection

if TYPE_CHECKING:
    from hardentui.workbench.workbench import Workbench


class FirstLook:
    """Engines that were found, and what they list. `workbench` goes on from there.

    Listing begins at once, on a thread of its own.
    """

    def __init__(self, opened: Opened, checklist: str) -> None:
        self.opened = opened
        self._checklist = checklist
        self._lists = Begun(lambda: read_lists(opened.engines), "Listing the containers")

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
            row_of(engine, container)
            for engine in self.opened.engines
            for container in lists.get(engine.facts.label, ())
        )

    def workbench(self) -> Workbench:
        """Everything else that can be done with these engines and the rows that were listed.

        Raises:
            ChecklistError: the checklist has faults.
        """
        from hardentui.workbench.workbench import Workbench

        bench = Workbench.of(self.opened, self._checklist)
        with suppress(EngineError):
            bench.containers.take(self._lists.result())
        return bench

    def close(self) -> None:
        """End all connections and a private service."""
        self.opened.close()
