"""Shared by every screen about one container: the actions that open its other screens."""

from __future__ import annotations

from hardentui.tui.screens.base import HardenScreen
from hardentui.workbench.views import Report, reports_of


class ContainerScreen(HardenScreen):
    """Subclasses provide `container_key`."""

    @property
    def container_key(self) -> str:
        """Row key of the current container; empty when there is none."""
        raise NotImplementedError

    def told(self) -> tuple[str, list[tuple[Report, str]]]:
        row = self.session.rows.get(self.container_key)
        return (row.name, reports_of([row])) if row is not None else ("", [])

    def action_logs(self) -> None:
        row = self.session.rows.get(self.container_key)
        if row is not None and row.report is not None and row.report.facts is not None:
            self.harden.open_logs(row.report.facts)
        elif row is not None:
            self.complain("Its details are not loaded yet, so its log cannot be found.")

    def action_monitor(self) -> None:
        if not self.container_key:
            self.complain("There is no container to monitor.")
        elif self.session.bench is None:
            self.complain("The checks are still being loaded.")
        else:
            self.harden.open_monitor(self.container_key)

    def action_rights(self) -> None:
        if (row := self.session.rows.get(self.container_key)) is not None:
            self.harden.open_rights(row)
