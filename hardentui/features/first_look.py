"""What is known before anything is judged: the engines, and their containers as the list request
shows them.

The checks, the option table and the checklist take longer to import than an engine takes to list a
thousand containers, so nothing here needs them: a screen shows the rows first.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hardentui.errors import EngineError
from hardentui.features.looking.listed import read_lists, row_of
from hardentui.features.opening.begun import Begun
from hardentui.features.opening.behalf import refuse_without_ours
from hardentui.features.opening.engines import open_engines
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Row, Selection

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


class FirstLook:
    """The engines and the containers they list. `workbench` continues from here.

    Listing starts immediately, on its own thread.
    """

    def __init__(
        self,
        opened: Opened,
        checklist: str,
    ) -> None:
        self.opened = opened
        self._checklist = checklist
        self._lists = Begun(lambda: read_lists(opened.engines), "Listing the containers")

    @classmethod
    def open(cls, selection: Selection) -> FirstLook:
        """Find the engines, start a private one, or use the simulated host.

        Raises:
            ChangeFailed: its containers can only be read.
            NoEngine: an engine was specified (`--url`, `--connection`) and cannot be reached.
            StrangersEngine: we are root, and there are only engines of another account.
        """
        opened = open_engines(selection)
        opened.refuse_only_read()
        refuse_without_ours(opened)
        return cls(opened, selection.checklist)

    def rows(self) -> tuple[Row, ...]:
        """All containers of all engines, as listed on opening.

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
        """The workbench on these engines and the listed rows.

        Raises:
            ChecklistError: the checklist has faults.
        """
        from hardentui.features.workbench import Workbench

        bench = Workbench.of(self.opened, self._checklist)
        with suppress(EngineError):
            bench.containers.take(self._lists.result())
        return bench

    def close(self) -> None:
        """Close all connections, and stop a private service."""
        self.opened.close()
