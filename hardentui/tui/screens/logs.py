"""The log of one container, page by page: followed, searched, wrapped."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from hardentui.errors import HardenError
from hardentui.model.facts import ContainerFacts
from hardentui.tui.actions import BACK, COPY, LOGS, bindings
from hardentui.tui.screens.editing import read_in_pager
from hardentui.tui.screens.stoppable import StoppableScreen
from hardentui.tui.widgets.log_view import MOST, LogView
from hardentui.tui.widgets.text_field import TextField
from hardentui.visible import visible
from hardentui.words import plural
from hardentui.workbench.monitoring.following import LogPart, follow_log

if TYPE_CHECKING:
    from hardentui.workbench.workbench import Workbench


@dataclass
class PartCame(Message):
    part: LogPart


@dataclass
class FollowingEnded(Message):
    error: HardenError


class LogsScreen(StoppableScreen):
    """Follows on its own thread until the screen is left."""

    CSS_PATH = "logs.tcss"
    ACTIONS = (*LOGS, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Log"

    def __init__(self, bench: Workbench, facts: ContainerFacts) -> None:
        super().__init__()
        self._bench = bench
        self._facts = facts
        self._matches: int | None = None
        self._ended = ""

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        yield TextField(placeholder="a text; Enter goes to the last match, n and N move on", id="search")
        yield LogView(id="log")

    @property
    def _log(self) -> LogView:
        return self.query_one(LogView)

    def on_mount(self) -> None:
        self._log.focus()
        self._show_crumb()
        self.run_worker(partial(self._follow, self.begin()), group="logs", thread=True)

    def _follow(self, stop: threading.Event) -> None:
        def tell(message: Message) -> None:
            if not stop.is_set():
                self.post_message(message)

        try:
            follow_log(self._bench, self._facts, lambda part: tell(PartCame(part)), stop)
        except HardenError as error:
            tell(FollowingEnded(error))

    def on_part_came(self, message: PartCame) -> None:
        gap = ["-- more lines arrived than could be read; some are missing --"] if message.part.gap else []
        self._log.add([*gap, *message.part.lines])
        self._show_crumb()

    def on_following_ended(self, message: FollowingEnded) -> None:
        self._ended = message.error.title
        self._log.add([f"-- {message.error.title} --"])
        self._show_crumb()

    def _show_crumb(self) -> None:
        log = self._log
        kept = f" (the last {MOST})" if log.count >= MOST else ""
        following = "ended" if self._ended else "following" if log.follow else "paused; f follows"
        matching = "" if self._matches is None else f", {plural(self._matches, 'line')} matching"
        self.query_one("#crumb", Static).update(
            Content.assemble(
                (visible(self._facts.name, 50), "bold"),
                f" {self.signs.of('›')} log: {plural(log.count, 'line')}{kept}, {following}{matching}",
            )
        )

    # --- actions -----------------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        if action == "pager" and not self._log.count:
            return "The log is empty."
        if action in ("next_match", "previous_match") and self._matches is None:
            return "Search first: /."
        if action in ("next_match", "previous_match") and not self._matches:
            return "No line contains this text."
        return ""

    def action_follow(self) -> None:
        self._log.follow = not self._log.follow
        self._log.lay_out_again()
        self._show_crumb()

    def action_wrap(self) -> None:
        self._log.wrap = not self._log.wrap
        self._log.lay_out_again()

    def action_search(self) -> None:
        self.add_class("-searching")
        self.query_one("#search", Input).focus()

    @on(Input.Submitted, "#search")
    def _search_given(self, event: Input.Submitted) -> None:
        self.remove_class("-searching")
        self._log.focus()
        self._matches = self._log.search(event.value) if event.value else None
        if not event.value:
            self._log.search("")
        self._show_crumb()

    def action_next_match(self) -> None:
        self._jump(1)

    def action_previous_match(self) -> None:
        self._jump(-1)

    def _jump(self, by: int) -> None:
        if not self._log.jump(by):
            self.notify("No more matches in this direction.", timeout=2)
        self._show_crumb()

    def action_pager(self) -> None:
        read_in_pager(self, self._log.text)

    def copied(self) -> tuple[str, str]:
        return ("the log", self._log.text)

    def action_back(self) -> None:
        if self.has_class("-searching"):
            self.remove_class("-searching")
            self._log.focus()
        else:
            self.dismiss()
