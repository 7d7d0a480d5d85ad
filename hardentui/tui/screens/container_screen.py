"""Shared by every screen about one container: the actions that open its other screens."""

from __future__ import annotations

from hardentui.tui.screen_report import ScreenReport
from hardentui.tui.screens.base import HardenScreen
from hardentui.workbench.views import reports_of

_NO_CONTAINER = {
    "logs": "There is no container whose log could be read.",
    "monitor": "There is no container to monitor.",
    "rights": "There is no container to check.",
    "copy_as": "There is no container to copy.",
}


class ContainerScreen(HardenScreen):
    """Subclasses provide `container_key`."""

    @property
    def container_key(self) -> str:
        """Row key of the current container; empty when there is none."""
        raise NotImplementedError

    def screen_report(self) -> ScreenReport:
        row = self.session.rows.get(self.container_key)
        return ScreenReport(row.name, tuple(reports_of([row]))) if row is not None else ScreenReport()

    def why_not(self, action: str) -> str:
        if action not in _NO_CONTAINER:
            return ""
        row = self.session.rows.get(self.container_key)
        if row is None:
            return _NO_CONTAINER[action]
        if self.session.bench is None:
            return "The checks are still being loaded."
        if action == "logs" and (row.report is None or row.report.facts is None):
            return "Its details are not loaded yet, so its log cannot be found."
        return ""

    def action_logs(self) -> None:
        row = self.session.rows[self.container_key]
        if row.report is not None and row.report.facts is not None:
            self.harden.open_logs(row.report.facts)

    def action_monitor(self) -> None:
        self.harden.open_monitor(self.container_key)

    def action_copy_as(self) -> None:
        self.harden.open_copies(self.session.rows[self.container_key])

    def action_rights(self) -> None:
        self.harden.open_rights(self.session.rows[self.container_key])
