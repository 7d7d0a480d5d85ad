"""hardentui without a command: the terminal UI, or the list of containers where there is no terminal."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.cli.terminal import Terminal, foreign

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from hardentui.harden.score import Cell
    from hardentui.reports.result import CheckResult, SubjectResult
    from hardentui.workbench.views import Row

TITLES = ("Container", "Image", "Engine", "State", "Score", "1234567890")
CRITICAL = "#"
SIGNS = {"pass": ".", "fail": "x", "unknown": "?", "not-applicable": "-", "waived": "w"}


def run(options: Namespace, terminal: Terminal) -> int:
    if terminal.is_terminal and sys.stdin.isatty():
        return screens(options)
    return table(options, terminal)


def screens(options: Namespace) -> int:
    """The terminal UI. The engines list their containers while it is imported."""
    from hardentui.cli.session import selection_of
    from hardentui.workbench.begun import Begun
    from hardentui.workbench.first_look import FirstLook

    selection = selection_of(options)
    begun = [Begun(lambda: FirstLook.open(selection), "Looking for Podman")]

    def first_look() -> FirstLook:
        return begun.pop().result() if begun else FirstLook.open(selection)

    def simulate() -> FirstLook:
        return FirstLook.open(replace(selection, url="", connection="", demo=True))

    from hardentui.tui.app import run as run_app

    return run_app(first_look, simulate)


def table(options: Namespace, terminal: Terminal) -> int:
    """The list of containers, the worst first. The exit code is that of `check`."""
    from hardentui.cli import session
    from hardentui.errors import NoEngine
    from hardentui.model.finding import Severity
    from hardentui.workbench.workbench import Workbench

    bench = Workbench.open(session.selection_of(options))
    try:
        if bench.simulated:
            terminal.complain("SIMULATED HOST: nothing of what follows is real.")
        rows = session.scan(bench, terminal)
        result = session.result(bench, session.of_rows(rows), Severity.HIGH, fixes=False)
        terminal.show(_table(result, rows))
        if rows:
            signs = "  ".join((f"{CRITICAL} critical", *(f"{sign} {word}" for word, sign in SIGNS.items())))
            terminal.note(f"note: the ten steps: {signs}. hardentui check NAME tells more.")
        if bench.simulated and not options.demo:
            terminal.error(NoEngine("No Podman was found.", session.tried(bench.attempts)))
            return NoEngine.exit_code
        return result.exit_code
    finally:
        bench.close()


def _table(result: CheckResult, rows: tuple[Row, ...]) -> Table:
    from rich.table import Table

    by_id = {(row.engine.label, row.id): row for row in rows}
    lines = [_cells(by_id[one.subject.engine, one.subject.id], one) for one in result.subjects]
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for at, title in enumerate(TITLES):
        width = max([len(title), *(line[at].cell_len for line in lines)])
        # only names of images are cut where there is no room
        least = min(width, 16) if title == "Image" else width
        shown.add_column(
            title,
            no_wrap=True,
            min_width=least,
            max_width=width,
            justify="right" if title == "Score" else "left",
        )
    for line in lines:
        shown.add_row(*line)
    return shown


def _sign(cell: Cell) -> str:
    from hardentui.model.finding import Severity

    return CRITICAL if cell.severity is Severity.CRITICAL else SIGNS[cell.status]


def _cells(row: Row, one: SubjectResult) -> list[Text]:
    from hardentui.harden.score import score_word

    cells = "".join(map(_sign, row.report.cells)) if row.report else ""
    return [
        foreign(row.name, 24),
        foreign(row.image, 60),
        foreign(row.engine.label, 16),
        foreign(row.state, 10),
        foreign(score_word(one.score.value)),
        foreign(cells),
    ]
