"""Findings, one line each; the one under the cursor is expanded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalGroup, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from hardentui.model.finding import Finding
from hardentui.model.remediation import Remediation
from hardentui.tui.widgets.finding_text import Entry, details, headline


class FindingItem(VerticalGroup):
    """One finding."""

    DEFAULT_CSS = """
    FindingItem {
        height: auto;
        & > .headline { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > .details { height: auto; padding: 0 1 1 6; display: none; }
        &.-open > .headline { background: $cursor; text-style: bold; }
        &.-open > .details { display: block; }
        &:nocolor.-open > .headline { text-style: bold reverse; }
    }
    """

    @dataclass
    class Clicked(Message):
        item: FindingItem

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.entry = entry
        self.headline = Static(
            classes="headline"
        )  # kept: while it is being removed, no query finds them
        self.details = Static(classes="details")

    def compose(self) -> ComposeResult:
        yield self.headline
        yield self.details

    def on_click(self) -> None:
        self.post_message(self.Clicked(self))


class FindingList(VerticalScroll, can_focus=True, inherit_bindings=False):
    """The findings of one step or subject.

    The cursor stays on its check when newer findings arrive.
    """

    BINDINGS: ClassVar = [
        Binding(
            "pageup",
            "page_up",
            "Page up",
            show=False,
        ),
        Binding(
            "pagedown",
            "page_down",
            "Page down",
            show=False,
        ),
        Binding(
            "home",
            "first",
            "First",
            show=False,
        ),
        Binding("end", "last", "Last", show=False),
    ]
    DEFAULT_CSS = """
    FindingList {
        height: 1fr;
        & > #nothing { padding: 1 2; height: auto; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: list[Entry] = []
        self._items: list[FindingItem] = []  # of the entries, as soon as they can be drawn
        self._at = 0
        self._remedy: Callable[[Finding], Remediation | None] = lambda finding: None
        self._empty = Content("")

    @property
    def current(self) -> Finding | None:
        """The finding under the cursor."""
        return self._entries[self._at].finding if self._at < len(self._entries) else None

    async def show(
        self,
        entries: Sequence[Entry],
        remedy: Callable[[Finding], Remediation | None],
        empty: Content,
    ) -> None:
        """Show these findings.

        A key press and a newer report may both call this at the same time.

        Args:
            remedy: called only for the finding under the cursor.
            empty: the text to show when there are none.
        """
        async with self.lock:
            before = [entry.key for entry in self._entries]
            stay = self._entries[self._at].key if self._at < len(self._entries) else None
            self._entries, self._remedy, self._empty = list(entries), remedy, empty
            keys = [entry.key for entry in entries]
            ready = next((at for at, entry in enumerate(entries) if entry.ready), 0)
            self._at = (
                keys.index(stay) if stay in keys else ready
            )  # begin with what can be done here
            if keys == before and keys:
                for item, entry in zip(self._items, entries, strict=True):
                    item.entry = entry
            else:
                await self._compose_again(entries, empty)
            self._draw_all()

    async def _compose_again(
        self,
        entries: Sequence[Entry],
        empty: Content,
    ) -> None:
        self._items = []
        async with self.batch():
            await self.remove_children()
            items = [FindingItem(entry) for entry in entries]
            await self.mount_all(items or [Static(empty, id="nothing")])
        self._items = items
        self.scroll_home(animate=False)

    def on_resize(self) -> None:
        self._draw_all()

    def _draw_all(self) -> None:
        if not self.scrollable_content_region.width:
            return  # not laid out yet; it is resized when it is
        for at, item in enumerate(self._items):
            self._draw(item, at == self._at)

    def _draw(
        self,
        item: FindingItem,
        is_open: bool,
    ) -> None:
        item.set_class(is_open, "-open")
        width = self.scrollable_content_region.width
        item.headline.update(headline(self, item.entry, width, is_open))
        if is_open:
            item.details.update(
                details(
                    item.entry,
                    self._remedy(item.entry.finding),
                    width - 8,
                    brief=True,
                )
            )

    def move(self, by: int) -> None:
        """The next finding; a long one is scrolled to its end first."""
        items = self._items
        if not items:
            self._move_to(self._at + by)  # still being composed
            return
        region, window = items[self._at].virtual_region, self.scrollable_content_region.height
        top, bottom = self.scroll_offset.y, self.scroll_offset.y + window
        if by > 0 and region.bottom > bottom:
            self.scroll_to(
                y=min(top + window // 2, region.bottom - window),
                animate=False,
            )
        elif by < 0 and region.y < top:
            self.scroll_to(
                y=max(top - window // 2, region.y),
                animate=False,
            )
        else:
            self._move_to(self._at + by)

    def go_to(self, check: str) -> None:
        """Put the cursor on the finding of this check, if it is here."""
        places = (at for at, entry in enumerate(self._entries) if entry.finding.check == check)
        self._move_to(next(places, self._at))

    def show_headline(self) -> None:
        """Bring the first line of the current finding into view, with its tick."""
        if self._items and (top := self._items[self._at].virtual_region.y) < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False)

    def _move_to(self, at: int) -> None:
        at = max(0, min(at, len(self._entries) - 1))
        if at == self._at:
            return
        before, self._at = self._at, at
        if self._items:
            self._draw(self._items[before], False)
            self._draw(self._items[at], True)
            self.call_after_refresh(self._keep_in_sight, self._items[at])

    def _keep_in_sight(self, item: FindingItem) -> None:
        region, window = item.virtual_region, self.scrollable_content_region.height
        top = self.scroll_offset.y
        if region.y < top or region.height >= window:
            self.scroll_to(y=region.y, animate=False)
        elif region.bottom > top + window:
            self.scroll_to(
                y=region.bottom - window,
                animate=False,
            )

    def on_finding_item_clicked(self, message: FindingItem.Clicked) -> None:
        message.stop()
        if message.item in self._items:
            self._move_to(self._items.index(message.item))

    def action_first(self) -> None:
        self._move_to(0)

    def action_last(self) -> None:
        self._move_to(len(self._entries) - 1)
