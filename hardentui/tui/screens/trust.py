"""Trust: the policy in force, the rule that applies to each running image, and who can change it."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from msgspec.structs import replace
from textual.content import Content

from hardentui.features.trust.page import formats_page, trust_page
from hardentui.features.views import Report
from hardentui.model.facts import EngineFacts
from hardentui.regular_files import why_not_here
from hardentui.tui.actions import BACK, COPY, TRUST, bindings
from hardentui.tui.screen_report import ScreenReport
from hardentui.tui.screens.job import AskScreen, JobScreen, ReadingScreen
from hardentui.tui.screens.signing import KeyScreen, SignScreen, check_job
from hardentui.tui.screens.trust_change import TrustChangeScreen
from hardentui.tui.widgets.page import page
from hardentui.visible import visible

_STEP = 3


class TrustScreen(ReadingScreen):
    ACTIONS = (*TRUST, COPY, BACK)
    OF_CONNECTION: ClassVar = True
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Trust"

    def on_mount(self) -> None:
        self.session.rows_changed.subscribe(self, lambda keys: self.draw())
        self.session.judge_host()

    async def show_state(self, what: str) -> None:
        if what in ("host", "opened"):
            self.draw()

    def heading(self) -> Content:
        reading = self.signs.of("   reading…") if self.session.judging else ""
        return Content.assemble(("Trust", "bold"), "   which images Podman accepts", (reading, "$primary"))

    def page(self) -> Content:
        reports = [report for report in self.session.host or () if isinstance(report.about, EngineFacts)]
        if not reports:
            return Content(self.signs.of("Reading…") if self.session.host is None else "No engine is known.")
        return Content("\n\n").join([self._of_engine(report) for report in reports])

    def _of_engine(self, report: Report) -> Content:
        engine = report.about
        assert isinstance(engine, EngineFacts)  # noqa: S101 - `page` has chosen such reports
        rows = self.session.rows.values()
        running = [row.image for row in rows if row.engine.label == engine.label and row.state == "running"]
        findings = [finding for finding in report.findings if finding.step == _STEP]
        width = min(100, self.app.size.width - 6)
        head = Content.assemble((f"Engine {visible(engine.label, 40)}", "bold"))
        sections = (*trust_page(engine, running), *formats_page(engine))
        return Content("\n").join([head, page(self, sections, findings, width)])

    def screen_report(self) -> ScreenReport:
        """The engines, with only the findings of this step, as the screen shows them."""
        reports = [
            replace(report, findings=tuple(each for each in report.findings if each.step == _STEP))
            for report in self.session.host or ()
            if isinstance(report.about, EngineFacts)
        ]
        return ScreenReport("trust", tuple((report, "image trust") for report in reports))

    def why_not(self, action: str) -> str:
        if action in ("change", "test", "sign", "key") and self.session.bench is None:
            return "Still connecting to Podman."
        if action in ("test", "sign", "key") and (why := why_not_here()):
            return why
        if action in ("test", "sign", "key") and self._simulated:
            return "This host is simulated: nothing is pulled or written."
        if action == "refresh" and self.session.judging:
            return "The policy is being read."
        return ""

    @property
    def _simulated(self) -> bool:
        return self.session.opened is not None and self.session.opened.simulated

    @property
    def _in_use(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.image for row in self.session.rows.values() if row.state == "running"))

    def action_change(self) -> None:
        if (bench := self.session.bench) is not None:
            self.app.push_screen(TrustChangeScreen(bench, self._in_use))

    def action_sign(self) -> None:
        self.app.push_screen(SignScreen())

    def action_key(self) -> None:
        self.app.push_screen(KeyScreen())

    def action_test(self) -> None:
        question = "Pull an image with the policy in force, into a temporary store"
        self.app.push_screen(AskScreen(question, "quay.io/team/app:1"), self._test)

    def _test(self, image: str | None) -> None:
        if image and (bench := self.session.bench) is not None:
            job = partial(check_job, bench, self._in_use, image)
            self.app.push_screen(JobScreen(f"Trust › {image}", job, "pulling"))

    def action_refresh(self) -> None:
        self.session.judge_host(again=True)
