"""What the kernel lets one container do: capabilities, system calls, security module."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from hardentui.errors import NotFound
from hardentui.features.rights.page import rights_of
from hardentui.tui.screens.job import JobResult, JobScreen
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.views import Row
    from hardentui.features.workbench import Workbench


class RightsScreen(JobScreen):
    """A page that needs no background work."""

    def __init__(self, bench: Workbench, row: Row) -> None:
        def look(stop: threading.Event, tell: Callable[[str], None]) -> JobResult:
            newest = bench.containers.refresh(row.key)
            report = newest.report if newest else None
            if report is None or report.facts is None:
                why = report.trouble if report else "it is gone"
                raise NotFound(f"{visible(row.name, 60)!r} cannot be checked: {why}.")
            return JobResult(*rights_of(report.facts, bench.opened.files))

        super().__init__(f"{row.name} › rights", look, "looking")
