"""Findings to read: a list, one explained, one accepted; those of the host, its engines and the
site."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import ClassVar

from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from hardentui.errors import HardenError
from hardentui.features.opening.import_scan import import_scan
from hardentui.features.views import Report, told_once, without_originals
from hardentui.harden.attack import RankedPath, ranked_paths
from hardentui.model.finding import Finding, Kind
from hardentui.model.remediation import Remediation
from hardentui.tui.action import Action
from hardentui.tui.actions import BACK, COPY, FINDINGS, HOST
from hardentui.tui.attack_drawing import drawn_in_two
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.dialogs import ask
from hardentui.tui.screens.explaining import ExplainScreen
from hardentui.tui.status import Part, worst_first
from hardentui.tui.widgets.finding_list import FindingList
from hardentui.tui.widgets.finding_text import Entry, finding_text
from hardentui.tui.widgets.page import titled
from hardentui.tui.widgets.title_bar import ScreenReport
from hardentui.visible import visible
from hardentui.words import plural


class FindingsScreen(HardenScreen):
    """The findings of an image or a network.

    Args:
        kind: what the page is about.
        title: `Images › nginx`; foreign text in it is made visible here.
        find: the findings at this moment.
    """

    OF_CONNECTION: ClassVar = True
    CSS_PATH = "reading.tcss"
    ACTIONS: ClassVar[tuple[Action, ...]] = (*FINDINGS, COPY, BACK)
    WANTED: ClassVar = ("images", "networks", "scan")

    def __init__(
        self,
        kind: Kind,
        title: str,
        find: Callable[[], Sequence[Finding]],
    ) -> None:
        super().__init__()
        self._kind = kind
        self._title = title
        self._find = find

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        yield FindingList(id="findings")

    async def on_mount(self) -> None:
        self.query_one(FindingList).focus()
        await self.draw()

    async def show_state(self, what: str) -> None:
        if what in self.WANTED:
            await self.draw()

    def heading(self) -> Content:
        return Content.styled(self.signs.of(visible(self._title, 100)), "bold")

    def nothing(self) -> Content:
        """In place of the findings, when there are none."""
        return Content("No check applies to it.")

    def remedy(self, finding: Finding) -> Remediation | None:
        return None

    async def draw(self) -> None:
        if self.is_attached:
            self.query_one("#crumb", Static).update(self.heading())
            entries = [Entry(finding, page=self._kind) for finding in worst_first(self._find())]
            await self.query_one(FindingList).show(
                entries,
                self.remedy,
                self.nothing(),
            )

    def why_not(self, action: str) -> str:
        if action == "explain" and self.query_one(FindingList).current is None:
            return "There is no finding under the cursor."
        return ""

    def action_next(self) -> None:
        self.query_one(FindingList).move(1)

    def action_previous(self) -> None:
        self.query_one(FindingList).move(-1)

    def action_explain(self) -> None:
        if (finding := self.query_one(FindingList).current) is not None:
            self.app.push_screen(ExplainScreen(finding, self.remedy(finding)))

    def copied(self) -> tuple[str, str]:
        finding = self.query_one(FindingList).current
        return (
            (
                "the finding",
                finding_text(finding, self.remedy(finding)),
            )
            if finding
            else ("", "")
        )


_ROOMY = 24
"""Terminal rows from which there is room for more than one path."""
_PATH_INDENT = 3
_ALIKE = 10  # cells for the number of others with the same path
_SETTLE = 0.3
"""Seconds between two rankings during a scan."""


class HostScreen(FindingsScreen):
    ACTIONS = (*HOST, *FindingsScreen.ACTIONS)

    def __init__(self) -> None:
        super().__init__(
            Kind.CONTAINER,
            "Host, engines, site",
            lambda: [finding for report in self._reports for finding in report.findings],
        )
        self._ranking: Timer | None = None

    def body(self) -> Iterable[Widget]:
        crumb, findings = super().body()
        yield crumb
        yield titled(Static(id="paths"), "Worst attack paths")
        yield titled(findings, "Findings")

    async def on_mount(self) -> None:
        self.session.rows_changed.subscribe(self, self._rows_changed)
        self.session.judge_host()
        self._show_paths()

    async def show_state(self, what: str) -> None:
        if what in ("host", "opened"):
            await self.draw()

    def screen_report(self) -> ScreenReport:
        return ScreenReport(
            "host", tuple((report, report.subject.kind.value) for report in self._reports)
        )

    @property
    def _reports(self) -> tuple[Report, ...]:
        """Of the host, its engines and the site, as far as they are known."""
        counted = without_originals(self.session.rows.values())
        site = told_once(row.report for row in counted if row.report is not None)
        return (
            *(self.session.host or ()),
            *(report for report, _ in site if report.subject.kind is Kind.SITE),
        )

    def heading(self) -> Content:
        parts: list[str | tuple[str, str]] = [("Host, engines, site", "bold")]
        for report in self._reports:
            score = "–" if report.score.value is None else str(report.score.value)
            parts += [
                f"   {visible(report.subject.name, 30)} ",
                (score, "bold"),
            ]
        if self.session.judging:
            parts.append((self.signs.of("   reading…"), "$primary"))
        return Content.assemble(*parts)

    def _rows_changed(self, keys: frozenset[str]) -> None:
        """Rank soon: a scan delivers rows faster than anybody can read."""
        if self._ranking is None:
            self._ranking = self.set_timer(_SETTLE, self._rows_settled)

    async def _rows_settled(self) -> None:
        self._show_paths()
        await self.draw()

    def on_resize(self) -> None:
        self._show_paths()

    def _show_paths(self) -> None:
        """The worst paths from a container to this host, among the containers checked so far."""
        self._ranking = None
        counted = without_originals(self.session.rows.values())
        reports = [row.report for row in counted if row.report is not None]
        most = 3 if self.app.size.height >= _ROOMY else 1
        paths = ranked_paths(
            (report.facts, report.failing) for report in reports if report.facts is not None
        )
        paths, left = paths[:most], len(paths[most:])
        parts: list[Part] = []
        for at, path in enumerate(paths, 1):
            parts += self._path(at, path)
        if left:
            parts += [(f"   and {left} more\n", "$muted")]
        paths_shown = self.query_one("#paths", Static)
        paths_shown.display = bool(paths)
        paths_shown.update(Content.assemble(*parts).rstrip())

    def _path(
        self,
        at: int,
        path: RankedPath,
    ) -> Iterator[Part]:
        """Drawn, with how many others have the same one."""
        row, bench = self.session.rows.get(f"{path.engine}/{path.id}"), self.session.bench
        if row is None or row.report is None or bench is None:
            return
        if (stops := bench.attack_stops(row.report)) is None:
            return
        width = self.app.size.width - 2 - _PATH_INDENT - _ALIKE
        lines = drawn_in_two(stops, self.signs, width).split("\n")
        yield f"{at}. "
        yield Content(f"\n{' ' * _PATH_INDENT}").join(lines)
        yield (
            f"  +{len(path.also)} alike\n" if path.also else "\n",
            "$muted",
        )

    def nothing(self) -> Content:
        if (reports := self.session.host) is None:
            return Content(self.signs.of("Checking the host…"))
        reasons = [
            f"{visible(report.subject.name, 40)}: {visible(report.trouble)}" for report in reports
        ]
        return Content("\n".join(reasons) or "The checklist has no check of the host.")

    def remedy(self, finding: Finding) -> Remediation | None:
        bench = self.session.bench
        report = next(
            (report for report in self._reports if report.subject == finding.subject), None
        )
        if bench is None or report is None:
            return None
        try:
            return bench.planner.remediation(report, finding)
        except HardenError:
            return None

    def why_not(self, action: str) -> str:
        if action == "take_in" and self.simulated:
            return "This host is simulated: no file of this machine is read."
        if action == "take_in" and self.session.bench is None:
            return "Still connecting to Podman."
        if action == "recheck" and self.session.judging:
            return "The host is being checked."
        return super().why_not(action)

    def action_recheck(self) -> None:
        self.session.judge_host(again=True)

    def action_take_in(self) -> None:
        question = "File with a result of Lynis (lynis-report.dat) or OpenSCAP (its results as XML)"
        ask(
            self,
            question,
            "/var/log/lynis-report.dat",
            lambda path: self.carry_out("Imported", partial(_keep, path)),
        )

    def was_carried_out(self) -> None:
        self.session.judge_host(again=True)


def _keep(path: str) -> str:
    scan = import_scan(os.path.expanduser(path))
    count = plural(len(scan.failed) + scan.left_out, "rule")
    return (
        f"{scan.tool} {scan.version} of {scan.host or 'an unnamed host'}: {count} failed or "
        "advised."
    )
