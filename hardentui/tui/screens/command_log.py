"""Every request that was sent and every command that was run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static

from hardentui.features.views import Command
from hardentui.tui.actions import BACK, COPY, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.text import cell
from hardentui.tui.widgets.page import RowTable
from hardentui.visible import visible

_SETTLE = 0.3


class CommandLogScreen(HardenScreen):
    CSS_PATH: ClassVar = ["reading.tcss", "command_log.tcss"]
    ACTIONS = (COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Commands"

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Command, ...] = ()
        self._waiting = False

    def body(self) -> Iterable[Widget]:
        yield Static(Content("Requests and commands, newest first"), id="crumb")
        yield RowTable()
        yield Static(id="whole")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        what = max(20, self.app.size.width - 36)
        for title, width in (("Time", 8), ("Result", 10), ("Seconds", 7), ("What", what)):
            table.add_column(title, width=width)
        table.focus()
        self.session.commands_changed.subscribe(self, self._changed)
        self._draw()

    def _changed(self, _: str) -> None:
        """Redraw soon, once for a whole burst."""
        if not self._waiting:
            self._waiting = True
            self.set_timer(_SETTLE, self._draw)

    def _draw(self) -> None:
        self._waiting = False
        bench = self.session.bench
        commands = bench.opened.log.newest() if bench else ()
        if commands == self._shown:
            return
        self._shown = commands
        table = self.query_one(DataTable)
        row = table.cursor_row
        table.clear()
        table.add_rows(
            (
                cell(command.time),
                cell(command.result, 40),
                cell(f"{command.seconds:7.3f}"),
                cell(command.what, 400),
            )
            for command in reversed(commands)
        )
        table.move_cursor(row=row)

    @on(DataTable.RowHighlighted)
    def _show_whole(self) -> None:
        """The request under the cursor in full: the column is too narrow for most."""
        self.query_one("#whole", Static).update(Content(self.copied()[1]))

    def copied(self) -> tuple[str, str]:
        row = self.query_one(DataTable).cursor_row
        newest_first = self._shown[::-1]
        return ("the request", visible(newest_first[row].what)) if 0 <= row < len(newest_first) else ("", "")
