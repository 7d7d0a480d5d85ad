"""The host and its engines: their findings affect every container."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from hardentui.errors import HardenError
from hardentui.features.host_scans import import_scan
from hardentui.features.views import Report, told_once, without_originals
from hardentui.harden.attack import ranked_paths
from hardentui.model.finding import Finding, Kind, Remediation
from hardentui.model.host import HostScan
from hardentui.tui.actions import BACK, COPY, HOST, bindings
from hardentui.tui.screen_report import ScreenReport
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.explain import ExplainScreen
from hardentui.tui.screens.job import AskScreen
from hardentui.tui.status import worst_first
from hardentui.tui.text import Part, hanging
from hardentui.tui.ways import told
from hardentui.tui.widgets.finding_list import Entry, FindingList, finding_text
from hardentui.visible import visible
from hardentui.words import plural

_ROOMY = 24
"""Terminal rows from which there is room for more than one path."""
_SETTLE = 0.3
"""Seconds between two rankings during a scan."""


@dataclass
class ResultTaken(Message):
    """The result of a host scanner was stored, or cannot be used."""

    outcome: HostScan | HardenError


class HostScreen(HardenScreen):
    OF_CONNECTION: ClassVar = True
    CSS_PATH = "reading.tcss"
    ACTIONS = (*HOST, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Host"

    def __init__(self) -> None:
        super().__init__()
        self._ranking: Timer | None = None

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        yield Static(id="paths")
        yield FindingList(id="findings")

    async def on_mount(self) -> None:
        self.query_one(FindingList).focus()
        self.session.rows_changed.subscribe(self, self._rows_changed)
        self.session.judge_host()
        self._show_paths()
        await self._draw()

    async def show_state(self, what: str) -> None:
        if what in ("host", "opened"):
            await self._draw()

    def screen_report(self) -> ScreenReport:
        return ScreenReport("host", tuple((report, report.subject.kind.value) for report in self._reports))

    @property
    def _reports(self) -> tuple[Report, ...]:
        """Of the host, its engines and the site, as far as they are known."""
        counted = without_originals(self.session.rows.values())
        site = told_once(row.report for row in counted if row.report is not None)
        return (
            *(self.session.host or ()),
            *(report for report, _ in site if report.subject.kind is Kind.SITE),
        )

    async def _draw(self) -> None:
        reports = self.session.host
        findings = worst_first(finding for report in self._reports for finding in report.findings)
        entries = [Entry(finding) for finding in findings]
        await self.query_one(FindingList).show(entries, self._remedy, self._nothing(reports))
        parts: list[str | tuple[str, str]] = [("Host, engines, site", "bold")]
        for report in self._reports:
            score = "–" if report.score.value is None else str(report.score.value)
            parts += [f"   {visible(report.subject.name, 30)} ", (score, "bold")]
        if self.session.judging:
            parts.append((self.signs.of("   reading…"), "$primary"))
        self.query_one("#crumb", Static).update(Content.assemble(*parts))

    def _rows_changed(self, keys: frozenset[str]) -> None:
        """Rank soon: a scan delivers rows faster than anybody can read."""
        if self._ranking is None:
            self._ranking = self.set_timer(_SETTLE, self._rows_settled)

    async def _rows_settled(self) -> None:
        self._show_paths()
        await self._draw()

    def on_resize(self) -> None:
        self._show_paths()

    def _show_paths(self) -> None:
        """The worst paths from a container to this host, among the containers checked so far."""
        self._ranking = None
        counted = without_originals(self.session.rows.values())
        reports = [row.report for row in counted if row.report is not None]
        most = 3 if self.app.size.height >= _ROOMY else 1
        paths = ranked_paths((report.facts, report.failing) for report in reports if report.facts is not None)
        paths, left = paths[:most], len(paths[most:])
        several = len({path.engine for path in paths}) > 1
        parts: list[Part] = [("Worst attack paths from a container to the host\n", "$muted")] if paths else []
        for at, path in enumerate(paths, 1):
            name = f"{path.name} ({path.engine})" if several else path.name
            also = f" {len(path.also)} more with the same path." if path.also else ""
            text = f"{visible(name, 60)}: {visible(path.sentence, 300)}{also}"
            parts += hanging(f"{at}.", text, self.app.size.width - 2, indent=3)
        if left:
            parts += [(f"   and {left} more\n", "$muted")]
        paths_shown = self.query_one("#paths", Static)
        paths_shown.display = bool(paths)
        paths_shown.update(Content.assemble(*parts).rstrip())

    def _nothing(self, reports: tuple[Report, ...] | None) -> Content:
        if reports is None:
            return Content(self.signs.of("Checking the host…"))
        reasons = [f"{visible(report.subject.name, 40)}: {visible(report.trouble)}" for report in reports]
        return Content("\n".join(reasons) or "The checklist has no check of the host.")

    def _remedy(self, finding: Finding) -> Remediation | None:
        bench = self.session.bench
        report = next((report for report in self._reports if report.subject == finding.subject), None)
        if bench is None or report is None:
            return None
        try:
            return bench.planner.remediation(report, finding)
        except HardenError:
            return None

    def why_not(self, action: str) -> str:
        if action == "take_in" and self.session.opened is not None and self.session.opened.simulated:
            return "This host is simulated: no file of this machine is read."
        if action == "take_in" and self.session.bench is None:
            return "Still connecting to Podman."
        if action == "explain" and self.query_one(FindingList).current is None:
            return "There is no finding under the cursor."
        if action == "recheck" and self.session.judging:
            return "The host is being checked."
        return ""

    def action_next(self) -> None:
        self.query_one(FindingList).move(1)

    def action_previous(self) -> None:
        self.query_one(FindingList).move(-1)

    def action_recheck(self) -> None:
        self.session.judge_host(again=True)

    def action_take_in(self) -> None:
        question = "File with a result of Lynis (lynis-report.dat) or OpenSCAP (--results)"
        self.app.push_screen(AskScreen(question, "/var/log/lynis-report.dat"), self._take_in)

    def _take_in(self, path: str | None) -> None:
        if path:
            self._read_result(os.path.expanduser(path))

    @work(thread=True, group="host-import")
    def _read_result(self, path: str) -> None:
        try:
            self.post_message(ResultTaken(import_scan(path)))
        except HardenError as error:
            self.post_message(ResultTaken(error))

    @on(ResultTaken)
    def _taken(self, message: ResultTaken) -> None:
        outcome = message.outcome
        if isinstance(outcome, HardenError):
            self.complain(told(outcome), "Not imported")
            return
        count = plural(len(outcome.failed) + outcome.left_out, "rule")
        of = f"{outcome.tool} {outcome.version} of {outcome.host or 'an unnamed host'}"
        self.notify(f"{of}: {count} failed or advised.", title="Imported")
        self.session.judge_host(again=True)

    def copied(self) -> tuple[str, str]:
        finding = self.query_one(FindingList).current
        return ("the finding", finding_text(finding, self._remedy(finding))) if finding else ("", "")

    def action_explain(self) -> None:
        if (finding := self.query_one(FindingList).current) is not None:
            self.app.push_screen(ExplainScreen(finding, self._remedy(finding)))
