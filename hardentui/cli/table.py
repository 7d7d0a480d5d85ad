"""hardentui without a command and without a terminal: the list of containers, worst first."""

from __future__ import annotations

from argparse import Namespace

from rich.table import Table
from rich.text import Text

from hardentui.cli import session
from hardentui.cli.terminal import Terminal, foreign
from hardentui.errors import NoEngine
from hardentui.features.reports.making import check_result
from hardentui.features.reports.result import CheckResult
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.features.views import Row, reports_of
from hardentui.harden.score import Cell, score_word
from hardentui.model.finding import Severity
from hardentui.words import own_command

TITLES = ("Container", "Image", "Engine", "State", "Score", "1234567890")


CRITICAL = "#"


SIGNS = {"pass": ".", "fail": "x", "unknown": "?", "not-applicable": "-", "waived": "w"}


def run_table(options: Namespace, terminal: Terminal) -> int:
    """Print the list. The exit code is that of `check`."""
    with session.workbench(options, terminal, simulated=True) as bench:
        opened = bench.opened
        if opened.simulated:
            terminal.complain("SIMULATED HOST: nothing below is real.")
        rows = session.scan(bench, terminal)
        result = check_result(
            bench,
            reports_of(rows),
            Severity.HIGH,
            fixes=False,
            units=False,
        )
        terminal.show(_table(result, rows))
        if rows:
            signs = "  ".join(
                (
                    f"{CRITICAL} critical",
                    *(f"{sign} {word}" for word, sign in SIGNS.items()),
                )
            )
            details = own_command(rows[0].engine.found_with, "check", "NAME")
            terminal.note(f"note: the ten steps: {signs}. {details} shows details.")
        if opened.simulated and not options.demo:
            terminal.error(NoEngine("No Podman was found.", session.tried(opened.attempts)))
            return NoEngine.exit_code
        return result.exit_code


def _table(result: CheckResult, rows: tuple[Row, ...]) -> Table:
    by_id = {(row.engine.label, row.id): row for row in rows}
    lines = [
        _cells(by_id[subject.subject.engine, subject.subject.id], subject)
        for subject in result.subjects
    ]
    shown = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for at, title in enumerate(TITLES):
        width = max([len(title), *(line[at].cell_len for line in lines)])
        # only image names are truncated if there is no room
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
    return CRITICAL if cell.severity is Severity.CRITICAL else SIGNS[cell.status]


def _cells(row: Row, result: SubjectResult) -> list[Text]:
    cells = "".join(map(_sign, row.report.cells)) if row.report else ""
    return [
        foreign(row.name, 24),
        foreign(row.image, 60),
        foreign(row.engine.label, 16),
        foreign(row.state, 10),
        foreign(score_word(result.score.value)),
        foreign(cells),
    ]
