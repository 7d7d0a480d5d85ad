"""The least that a Textual table can cost. usage: python -m benchmarks.trivial_table ROWS"""

from __future__ import annotations

import sys

from textual.app import App, ComposeResult
from textual.widgets import DataTable


class TrivialTable(App[None]):
    """One table, nothing else."""

    BINDINGS = [("q", "quit", "Quit")]  # noqa: RUF012 - Textual's own idiom

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table: DataTable[str] = self.query_one(DataTable)
        table.add_columns(
            "id",
            "name",
            "state",
            "score",
            "findings",
            "image",
        )
        table.add_rows(
            (
                f"{row:012x}",
                f"bench-{row:04d}",
                "created",
                str(row % 100),
                str(row % 37),
                "localhost/bb:1",
            )
            for row in range(int(sys.argv[1]))
        )
        table.focus()


if __name__ == "__main__":
    TrivialTable().run()
