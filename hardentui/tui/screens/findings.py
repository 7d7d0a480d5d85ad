"""The findings of an image or a network, to be explained and accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from hardentui.model.finding import Finding, Kind
from hardentui.tui.actions import BACK, COPY, FINDINGS, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.explain import ExplainScreen
from hardentui.tui.status import worst_first
from hardentui.tui.widgets.finding_list import FindingList
from hardentui.tui.widgets.finding_text import Entry, finding_text
from hardentui.visible import visible


class FindingsScreen(HardenScreen):
    """Args:
    page: what they are about.
    title: `Images › nginx`; foreign text in it is made visible here.
    find: the findings at this moment.
    """

    OF_CONNECTION: ClassVar = True
    CSS_PATH = "reading.tcss"
    ACTIONS = (*FINDINGS, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Findings"

    def __init__(self, page: Kind, title: str, find: Callable[[], Sequence[Finding]]) -> None:
        super().__init__()
        self._page = page
        self._title = title
        self._find = find

    def body(self) -> Iterable[Widget]:
        yield Static(Content.styled(self.signs.of(visible(self._title, 100)), "bold"), id="crumb")
        yield FindingList(id="findings")

    async def on_mount(self) -> None:
        self.query_one(FindingList).focus()
        await self._draw()

    async def show_state(self, what: str) -> None:
        if what in ("images", "networks", "scan"):
            await self._draw()

    async def _draw(self) -> None:
        entries = [Entry(finding, page=self._page) for finding in worst_first(self._find())]
        nothing = Content("No check applies to it.")
        await self.query_one(FindingList).show(entries, lambda finding: None, nothing)

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
            self.app.push_screen(ExplainScreen(finding, None))

    def copied(self) -> tuple[str, str]:
        finding = self.query_one(FindingList).current
        return ("the finding", finding_text(finding, None)) if finding else ("", "")
