"""hardentui without a command: the terminal UI, or the list of containers where there is no terminal."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from hardentui.cli.terminal import Terminal, foreign

if TYPE_CHECKING:
    from hardentui.reports.result import CheckResult
    from hardentui.workbench.views import Row

SIGNS = {"pass": ".", "fail": "x", "unknown": "?", "not-applicable": "-", "waived": "w"}


def run(options: Namespace, terminal: Terminal) -> int:
    from hardentui.cli.session import selection_of

    if terminal.is_terminal and sys.stdin.isatty():
        from hardentui.tui.app import run as run_app

        return run_app(selection_of(options))
    return table(options, terminal)


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
        rows = session.scan(bench, terminal, bench.rows())
        result = session.result(bench, session.of_rows(rows), Severity.HIGH, fixes=False)
        terminal.show(_table(result, rows))
        if bench.simulated and not options.demo:
            terminal.error(NoEngine("No Podman was found.", session.tried(bench.attempts)))
            return NoEngine.exit_code
        return result.exit_code
    finally:
        bench.close()


def _table(result: CheckResult, rows: tuple[Row, ...]) -> Any:
    from rich.table import Table

    by_id = {(row.engine.label, row.id): row for row in rows}
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title, options in (
        ("Container", {"no_wrap": True, "min_width": 12}),
        ("Image", {"no_wrap": True, "ratio": 1}),
        ("Engine", {"no_wrap": True}),
        ("State", {"no_wrap": True}),
        ("Score", {"justify": "right", "no_wrap": True, "min_width": 5}),
        ("1234567890", {"no_wrap": True, "min_width": 10}),
    ):
        shown.add_column(title, **options)
    for one in result.subjects:
        row = by_id[one.subject.engine, one.subject.id]
        cells = "".join(SIGNS[cell.status] for cell in row.report.cells) if row.report else ""
        shown.add_row(
            foreign(row.name, 40),
            foreign(row.image, 60),
            foreign(row.engine.label, 20),
            foreign(row.state, 12),
            foreign("?" if one.score.value is None else str(one.score.value)),
            foreign(cells),
        )
    return shown
