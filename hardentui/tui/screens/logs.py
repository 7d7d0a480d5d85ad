"""The log of one container, page by page: followed, searched, wrapped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static

from hardentui.errors import HardenError
from hardentui.features.watch.following import LogPart, follow_log
from hardentui.model.facts import ContainerFacts
from hardentui.model.monitoring import SeenLine
from hardentui.tui.actions import BACK, COPY, LOGS, bindings
from hardentui.tui.screens.job import StoppableScreen
from hardentui.tui.text import fit
from hardentui.tui.widgets.page import TextField
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


MOST = 5000
"""Lines that are kept; older ones are dropped."""
_LONGEST = 4000
_HEAD = 11  # `12:34:56 ! `


class LogView(ScrollView, can_focus=True):
    """Attributes:
    follow: keep the newest line visible.
    wrap: wrap long lines; else scroll them sideways.
    """

    BINDINGS: ClassVar = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Last", show=False),
    ]
    COMPONENT_CLASSES: ClassVar = {"log--time", "log--error", "log--match", "log--gap"}
    DEFAULT_CSS = """
    LogView {
        height: 1fr; padding: 0 1; background: $background;
        & > .log--time { color: $muted; }
        & > .log--error { color: $status-high; }
        & > .log--gap { color: $status-medium; text-style: italic; }
        & > .log--match { background: $cursor; text-style: bold underline; }
        &:nocolor > .log--match { text-style: bold reverse; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.follow = True
        self.wrap = False
        self._lines: deque[SeenLine | str] = deque(maxlen=MOST)
        self._rows: list[tuple[int, str, bool]] = []  # line, part of its text, whether it is the first part
        self._wanted = ""
        self._match = -1

    @property
    def count(self) -> int:
        return len(self._lines)

    @property
    def text(self) -> str:
        """All lines, made visible."""
        return "\n".join(
            line if isinstance(line, str) else f"{visible(line.time, 40)} {line.text}" for line in self._lines
        )

    def add(self, lines: Iterable[SeenLine | str]) -> None:
        """Append raw lines; a plain string is our own message between them."""
        for line in lines:
            known = line if isinstance(line, str) else replace(line, text=visible(line.text, _LONGEST))
            self._lines.append(known)
        self._lay_out()

    def lay_out_again(self) -> None:
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        width = max(10, self.scrollable_content_region.width - _HEAD)
        self._rows = []
        widest = 0
        for at, line in enumerate(self._lines):
            shown = self._shown(line)
            pieces = chop_cells(shown, width) if self.wrap and shown else [shown]
            self._rows += [(at, piece, first == 0) for first, piece in enumerate(pieces)]
            widest = max(widest, cell_len(shown))
        self.virtual_size = Size(0 if self.wrap else widest + _HEAD, len(self._rows))
        if self.follow:
            self.call_after_refresh(self._to_the_end)  # only then is the new height known
        self.refresh()

    def _to_the_end(self) -> None:
        if self.follow:
            self.scroll_to(x=self.scroll_x, y=self.max_scroll_y, animate=False, immediate=True, force=True)

    @staticmethod
    def _shown(line: SeenLine | str) -> str:
        return line if isinstance(line, str) else line.text

    # --- search --------------------------------------------------------------------------------------

    def search(self, wanted: str) -> int:
        """Mark a text, ignoring case, and go to its last match; returns how many lines contain it."""
        self._wanted = wanted.casefold()
        matches = self._matching()
        self._match = matches[-1] if matches else -1
        self._show_match()
        return len(matches)

    def jump(self, by: int) -> bool:
        """The next (1) or previous (-1) match; False when there is none in that direction."""
        matches = [at for at in self._matching() if (at > self._match if by > 0 else at < self._match)]
        if not matches:
            return False
        self._match = matches[0] if by > 0 else matches[-1]
        self._show_match()
        return True

    def _matching(self) -> list[int]:
        if not self._wanted:
            return []
        return [at for at, line in enumerate(self._lines) if self._wanted in self._shown(line).casefold()]

    def _show_match(self) -> None:
        row = next((y for y, (at, _, _) in enumerate(self._rows) if at == self._match), None)
        if row is not None:
            self.follow = False
            self.scroll_to(y=max(0, row - self.size.height // 2), animate=False, immediate=True)
        self.refresh()

    # --- drawing -------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        left, top = self.scroll_offset
        at = y + top
        if not 0 <= at < len(self._rows):
            return Strip.blank(width, self.rich_style)
        number, piece, first = self._rows[at]
        line = self._lines[number]
        if isinstance(line, str):
            return self._strip([Segment(piece, self._style("log--gap"))], width)
        error = line.stream == "stderr"
        head = f"{fit(line.time[11:19], 8)} {'!' if error else ' '} " if first else " " * _HEAD
        text = self._matched(piece, self._style("log--error") if error else Style())
        shifted = Strip(text).crop(left, left + max(0, width - _HEAD))
        return self._strip([Segment(head, self._style("log--time")), *shifted], width)

    def _matched(self, text: str, style: Style) -> list[Segment]:
        folded = text.casefold()
        if not self._wanted or self._wanted not in folded or len(folded) != len(text):
            return [Segment(text, style)]
        segments, at = [], 0
        while (start := folded.find(self._wanted, at)) >= 0:
            end = start + len(self._wanted)
            segments += [
                Segment(text[at:start], style),
                Segment(text[start:end], style + self._style("log--match")),
            ]
            at = end
        return [*segments, Segment(text[at:], style)]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def _strip(self, segments: list[Segment], width: int) -> Strip:
        return Strip(segments).apply_style(self.rich_style).adjust_cell_length(width, self.rich_style)


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

    def copied(self) -> tuple[str, str]:
        return ("the log", self._log.text)

    def action_back(self) -> None:
        if self.has_class("-searching"):
            self.remove_class("-searching")
            self._log.focus()
        else:
            self.dismiss()
