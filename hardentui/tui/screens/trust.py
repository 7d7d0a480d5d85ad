"""Trust: the policy in force, the rule that applies to each running image, and who can change it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from hardentui.model.facts import EngineFacts
from hardentui.tui.actions import BACK, COPY, TRUST, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.trust_change import TrustChangeScreen
from hardentui.tui.widgets.page import page
from hardentui.visible import visible
from hardentui.workbench.pages.trust import formats_page, trust_page
from hardentui.workbench.views import Report

_STEP = 3


class TrustScreen(HardenScreen):
    CSS_PATH = "reading.tcss"
    ACTIONS = (*TRUST, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Trust"

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with VerticalScroll(id="reading"):
            yield Static(id="text")

    def on_mount(self) -> None:
        self.query_one("#reading").focus()
        self.session.rows_changed.subscribe(self, lambda keys: self._draw())
        self.session.judge_host()
        self._draw()

    async def show_state(self, what: str) -> None:
        if what == "opening":
            self.dismiss()
        elif what in ("host", "opened"):
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if not self.is_attached:
            return
        reading = self.signs.of("   reading…") if self.session.judging else ""
        self.query_one("#crumb", Static).update(
            Content.assemble(("Trust", "bold"), "   which images Podman accepts", (reading, "$primary"))
        )
        self.query_one("#text", Static).update(self._content())

    def _content(self) -> Content:
        reports = [report for report in self.session.host or () if isinstance(report.about, EngineFacts)]
        if not reports:
            return Content(self.signs.of("Reading…") if self.session.host is None else "No engine is known.")
        return Content("\n\n").join([self._of_engine(report) for report in reports])

    def _of_engine(self, report: Report) -> Content:
        engine = report.about
        assert isinstance(engine, EngineFacts)  # noqa: S101 - `_content` has chosen such reports
        rows = self.session.rows.values()
        running = [row.image for row in rows if row.engine.label == engine.label and row.state == "running"]
        findings = [finding for finding in report.findings if finding.step == _STEP]
        width = min(100, self.app.size.width - 6)
        head = Content.assemble((f"Engine {visible(engine.label, 40)}", "bold reverse"))
        sections = (*trust_page(engine, running), *formats_page(engine))
        return Content("\n").join([head, page(self, sections, findings, width)])

    def action_change(self) -> None:
        bench = self.session.bench
        if bench is None:
            self.complain("Still connecting to Podman.")
            return
        running = [row.image for row in self.session.rows.values() if row.state == "running"]
        self.app.push_screen(TrustChangeScreen(bench, dict.fromkeys(running)))

    def action_refresh(self) -> None:
        self.session.judge_host(again=True)

    def copied(self) -> tuple[str, str]:
        return ("this page", self._content().plain)
