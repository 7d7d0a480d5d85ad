"""hardentui without a command: the terminal UI on a terminal, plain lines on request, else the
list."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from msgspec.structs import replace
from rich.table import Table
from rich.text import Text

from hardentui.cli import session
from hardentui.cli.command_modules import command_module
from hardentui.cli.parser import parse
from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal, foreign
from hardentui.errors import HardenError, NoEngine, StrangersEngine
from hardentui.features.first_look import FirstLook
from hardentui.features.opening.begun import Begun
from hardentui.features.reports.making import check_result
from hardentui.features.reports.result import CheckResult, SubjectResult
from hardentui.features.settings import wants_text
from hardentui.features.views import Row, Selection, reports_of
from hardentui.harden.score import Cell, score_word
from hardentui.model.finding import Severity
from hardentui.words import own_command


def run(options: Namespace, terminal: Terminal) -> int:
    shown = terminal.is_terminal and sys.stdin.isatty()
    if options.fleet:
        return _of_facts(
            options,
            terminal,
            shown=shown and not options.text,
        )
    if options.paths and (options.text or not shown):
        # a name without a command is a path
        paths = [path if "/" in path or path == "-" else f"./{path}" for path in options.paths]
        files: int = command_module("check").run(parse(["check", *paths]), terminal)
        return files
    if options.text or (shown and wants_text(os.environ)):
        code: int = command_module("text_mode").run(options, terminal)
    elif shown:
        code = _screens(options)
    else:
        code = run_table(options, terminal)
    return code


def _of_facts(
    options: Namespace,
    terminal: Terminal,
    *,
    shown: bool,
) -> int:
    """Saved facts: of several hosts their list, of one its containers; without a terminal the report."""
    named = [word for path in options.fleet for word in ("--facts", path)]
    chosen = ("--checklist", options.checklist) if options.checklist else ()
    asked = parse(["check", *named, *chosen])
    if not shown:
        reported: int = command_module("check").run(asked, terminal)
        return reported
    asked.fail_on = "high"
    result, first = command_module("fleet").to_browse(asked, terminal)
    selection = Selection(
        facts_file=first,
        checklist=options.checklist,
    )

    def first_look() -> FirstLook:
        return FirstLook.open(selection)

    code: int = command_module("screens_opened").open_screens(
        selection,
        first_look,
        first_look,
        first,
        result,
    )
    return code


def _screens(options: Namespace) -> int:
    """Look for the engines, and meanwhile load and open the terminal UI; or open it on files."""
    selection = selection_of(options)
    if options.paths:
        from hardentui.features.at_rest.browsing import FilesLook

        def files() -> FilesLook:
            return FilesLook(options.paths, selection.checklist)

        opened: int = command_module("screens_opened").open_screens(
            selection,
            files,
            files,
            "\n".join(map(os.path.abspath, options.paths)),
        )
        return opened
    begun = [Begun(lambda: FirstLook.open(selection), "Looking for Podman")]
    if os.geteuid() == 0:
        _refuse_strangers(begun[0])

    def first_look() -> FirstLook:
        return begun.pop().result() if begun else FirstLook.open(selection)

    def simulate() -> FirstLook:
        return FirstLook.open(
            replace(
                selection,
                url="",
                connection="",
                demo=True,
            )
        )

    code: int = command_module("screens_opened").open_screens(
        selection,
        first_look,
        simulate,
    )
    return code


def _refuse_strangers(look: Begun[FirstLook]) -> None:
    """Raises StrangersEngine; any other trouble is shown on the first screen."""
    try:
        look.result()
    except StrangersEngine:
        raise
    except HardenError:
        pass


# hardentui without a command and without a terminal: the list of containers, worst first.


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
