"""A table, with a page about the selected row below it: images, networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static

from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.status import cell, fit
from hardentui.tui.widgets.page import titled
from hardentui.tui.widgets.row_table import RowTable

_SETTLE = 0.2
_NAME = 8
"""Cells of a column that can hold a name."""


class Column(NamedTuple):
    """A column: its heading, its width in cells (0 = the rest), the screen width that it needs, and
    whether it is drawn in the accent."""

    title: str
    width: int
    from_width: int = 0
    accent: bool = False


class BrowseRow(NamedTuple):
    """A row of the table: its key, its texts, the sort value of each column, and whether it heads
    others."""

    key: str
    texts: tuple[str, ...]
    sort: tuple[object, ...]
    heads: bool = False


def short(text: str, width: int) -> str:
    """An image name that is too long loses everything up to the last slash: the registry matters
    least."""
    is_name = "/" in text and " " not in text  # `Debian GNU/Linux` is not an image name
    return f"…/{text.rpartition('/')[2]}" if len(text) > width and is_name else text


class BrowseScreen(HardenScreen):
    """Subclasses provide `COLUMNS`, `lines` and `about`. Enter enlarges the page."""

    OF_CONNECTION: ClassVar = True
    CSS_PATH = "browse.tcss"
    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    WANTED: ClassVar = ""

    def __init__(self) -> None:
        super().__init__()
        self._by: tuple[int, bool] | None = None
        self._keys: list[str] = []
        self._names: dict[str, str] = {}  # of the rows
        self._waiting = False
        self._columns: tuple[int, ...] = ()
        self._reading = ""  # the row whose page is shown

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        yield RowTable(id="table")
        with VerticalScroll(id="page"):
            yield Static(id="text")

    def lines(self) -> Sequence[BrowseRow] | None:
        """The rows in default order; None while unknown."""
        raise NotImplementedError

    def about(self, key: str) -> Content:
        """The page about a row."""
        raise NotImplementedError

    def title_of(self, key: str) -> str:
        """What the page about a row is called."""
        return self._names.get(key, "")

    def crumb(self) -> Content:
        raise NotImplementedError

    def nothing(self) -> str:
        """The text to show when there are no rows."""
        raise NotImplementedError

    @property
    def table(self) -> DataTable[object]:
        return self.query_one("#table", DataTable)

    @property
    def current(self) -> str:
        """Key of the row under the cursor; empty when there is none."""
        row = self.table.cursor_row
        return self._keys[row] if 0 <= row < len(self._keys) else ""

    def on_mount(self) -> None:
        self.table.focus()
        self.session.rows_changed.subscribe(self, self._rows_changed)
        if self.WANTED:
            self.session.around.want(self.WANTED)
        self._draw()

    def _rows_changed(self, keys: frozenset[str]) -> None:
        """Redraw soon, once for a whole burst: it also shows findings of containers."""
        if not self._waiting:
            self._waiting = True
            self.set_timer(_SETTLE, self._draw)

    def on_resize(self) -> None:
        self._columns = ()
        self._draw()

    async def show_state(self, what: str) -> None:
        if what in (self.WANTED, "opened", "look", "scan"):
            self._draw()

    def _draw(self) -> None:
        self._waiting = False
        if not self.is_attached:
            return
        stay = self.current
        lines = list(self.lines() or ())
        if self._by is not None:
            at, down = self._by
            lines.sort(
                key=lambda line: (str(type(line.sort[at])), line.sort[at]),
                reverse=down,
            )
        self._show_columns()
        table = self.table
        table.clear()
        self._keys = [line.key for line in lines]
        name = next(
            (at for at in self._columns if not 0 < self.COLUMNS[at].width < _NAME),
            0,
        )
        self._names = {line.key: line.texts[name].strip() for line in lines}
        widths = [column.width for column in table.ordered_columns]
        for line in lines:
            table.add_row(
                *(self._cell(line, at, width) for at, width in self._widths(widths)),
            )
        if stay in self._keys:
            table.move_cursor(
                row=self._keys.index(stay),
                animate=False,
            )
        self.query_one("#crumb", Static).update(self.crumb())
        self.set_class(not lines, "-empty")
        self._show_page()

    def _cell(
        self,
        line: BrowseRow,
        at: int,
        width: int,
    ) -> Text:
        text = fit(
            short(line.texts[at], width),
            width,
            self.signs.of("…"),
        ).rstrip()
        accent = self.app.theme_variables["primary"]
        if line.heads:
            return cell(text, style=f"bold {accent}")
        return cell(text, style=accent if self.COLUMNS[at].accent else "")

    def _widths(self, widths: Sequence[int]) -> Iterable[tuple[int, int]]:
        return zip(self._columns, widths, strict=True)

    def _show_columns(self) -> None:
        room = self.app.size.width
        shown = tuple(at for at, column in enumerate(self.COLUMNS) if room >= column.from_width)
        if shown == self._columns and self.table.columns:
            return
        self._columns = shown
        fixed = sum(self.COLUMNS[at].width for at in shown) + 2 * len(shown) + 1
        flexible = sum(not self.COLUMNS[at].width for at in shown) or 1
        self.table.clear(columns=True)
        for at in shown:
            column = self.COLUMNS[at]
            self.table.add_column(
                column.title, width=column.width or max(8, (room - fixed) // flexible)
            )

    def _show_page(self) -> None:
        key = self.current
        if key:
            content = self.about(key)
        elif self.lines() is None:
            content = Content(self.signs.of("Reading…"))
        else:
            content = Content(self.nothing())
        titled(self.query_one("#page"), self.title_of(key))
        self.query_one("#text", Static).update(content)

    @property
    def text_width(self) -> int:
        return self.app.size.width - 5

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_page()
        if (
            self.current != self._reading
        ):  # a redraw highlights the same row again: keep the reader's scroll position
            self._reading = self.current
            self.query_one("#page").scroll_home(animate=False)

    @on(DataTable.HeaderSelected)
    def _heading_clicked(self, message: DataTable.HeaderSelected) -> None:
        at = self._columns[message.column_index]
        self._by = (at, self._by == (at, False))
        self._draw()

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        self.enter_row()

    def action_enlarge(self) -> None:
        self.enter_row()

    def enter_row(self) -> None:
        """Enter on a row enlarges its page."""
        self.add_class("-reading")
        self.query_one("#page").focus()

    def action_back(self) -> None:
        if self.has_class("-reading"):
            self.remove_class("-reading")
            self.table.focus()
        else:
            self.dismiss()
