"""What is accepted: by whom, until when, and what each waiver covers now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import ClassVar

from textual.content import Content

from hardentui.errors import HardenError
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.views import Report
from hardentui.model.finding import WaiverUse
from hardentui.tui.actions import BACK, COPY, WAIVERS, bindings
from hardentui.tui.screens.job import ReadingScreen
from hardentui.tui.ways import hint_of
from hardentui.tui.widgets.page import page
from hardentui.visible import visible, visible_lines
from hardentui.words import plural


class WaiversScreen(ReadingScreen):
    ACTIONS = (*WAIVERS, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Waivers"

    def __init__(self) -> None:
        super().__init__()
        self._trouble: HardenError | None = None

    def on_mount(self) -> None:
        super().on_mount()
        self.session.rows_changed.subscribe(self, lambda keys: self.draw())
        self.session.around.want("images")
        self.session.around.want("networks")
        self.session.judge_host()

    async def show_state(self, what: str) -> None:
        if what == "opening":
            self.leave()
        elif what in ("host", "opened", "scan", "images", "networks"):
            self.draw()

    def heading(self) -> Content:
        checking = self.signs.of("   checking…") if self.session.progress or self.session.judging else ""
        return Content.assemble(
            ("Waivers", "bold"), "   findings that are accepted until a date", (checking, "$primary")
        )

    def page(self) -> Content:
        if (bench := self.session.bench) is None:
            return Content(self.signs.of("Reading…"))
        if self._trouble is not None:
            title = Content.styled(visible(self._trouble.title, 300), "bold $error")
            return Content("\n").join([title, Content(visible_lines(hint_of(self._trouble)))])
        uses = bench.waiving.uses(self._reports())
        where = PageLine("file", bench.waiving.path, Tone.MUTED)
        if not uses:
            how = (
                "None. To accept a finding, open it with e (in the walk, or from the host, images and "
                "networks), then press a."
            )
            return page(self, [PageSection("Accepted", (PageLine("", how), where))], (), self._width)
        sections = [PageSection(_title(use), tuple(_lines(use))) for use in uses]
        return page(self, [*sections, PageSection("Kept in", (where,))], (), self._width)

    @property
    def _width(self) -> int:
        return min(100, self.app.size.width - 6)

    def _reports(self) -> Iterator[Report]:
        yield from (row.report for row in self.session.rows.values() if row.report is not None)
        for reports in (self.session.host, self.session.around.images, self.session.around.networks):
            yield from reports or ()

    def why_not(self, action: str) -> str:
        return "Still connecting to Podman." if action == "refresh" and self.session.bench is None else ""

    def action_refresh(self) -> None:
        if (bench := self.session.bench) is None:
            return
        try:
            bench.waiving.reload()
            self._trouble = None
        except HardenError as error:
            self._trouble = error
        self.session.judge_again(None)
        self.draw()


def _title(use: WaiverUse) -> str:
    waiver = use.waiver
    on = waiver.subject if waiver.engine == "*" else f"{waiver.subject} ({waiver.engine})"
    return f"{waiver.check} on {on}"


def _lines(use: WaiverUse) -> Iterator[PageLine]:
    waiver = use.waiver
    days = (waiver.until - date.today()).days
    if use.expired:
        again = (
            f"; {plural(use.expired_for, 'finding counts', 'findings count')} again"
            if use.expired_for
            else ""
        )
        yield PageLine("until", f"{waiver.until}: expired{again}", Tone.BAD)
    else:
        yield PageLine("until", f"{waiver.until}, {plural(days, 'day')} left")
        if use.findings:
            yield PageLine("waives", plural(use.findings, "finding"))
        else:
            yield PageLine("waives", "nothing of what is checked so far", Tone.BAD)
    yield PageLine("owner", waiver.owner)
    yield PageLine("reason", waiver.reason)
    if waiver.control:
        yield PageLine("instead", waiver.control)
    yield PageLine("written in", waiver.source, Tone.MUTED)
