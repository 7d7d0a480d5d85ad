"""hardentui compare OLD NEW: what became better and worse between two saved results."""

from __future__ import annotations

import threading
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hardentui.cli.check import SEVERITIES
from hardentui.cli.parser import Given
from hardentui.cli.terminal import Terminal, save_text
from hardentui.features.compare.compare import read_saved
from hardentui.features.reports.comparing import as_json, as_text, compare
from hardentui.features.reports.result import TextStyle
from hardentui.features.views import CheckProgress
from hardentui.model.finding import Severity

if TYPE_CHECKING:
    from hardentui.features.reports.as_json import SavedReport


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help="earlier JSON report or saved facts")
    parser.add_argument("new", metavar="NEW", help="later JSON report or saved facts")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "-o", action=Given, metavar="FILE", dest="file", default="", help="write the comparison to a file"
    )
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        default="low",
        help="lowest severity of a new failure that sets exit code 1",
    )
    parser.epilog = (
        "Exit code 1: something is new or worse. 4: something that was known is now unknown. "
        "Saved facts are evaluated with today's checks."
    )


def run(options: Namespace, terminal: Terminal) -> int:
    comparison = compare(_load(options.old, options, terminal), _load(options.new, options, terminal))
    code = comparison.exit_code(Severity.parse(options.fail_on))
    to_file = options.file not in ("", "-")
    style = TextStyle() if to_file else terminal.style
    text = as_json(comparison, code) if options.format == "json" else as_text(comparison, style)
    if to_file:
        save_text(options.file, text, backup=False)
        terminal.note(f"note: the comparison is in {options.file}")
    else:
        terminal.write(text)
    return code


def _load(path: str, options: Namespace, terminal: Terminal) -> SavedReport:
    stop = threading.Event()

    def moved(progress: CheckProgress) -> None:
        terminal.progress(progress.done, progress.total)

    try:
        return read_saved(path, getattr(options, "checklist", ""), moved, stop)
    finally:
        stop.set()
        terminal.clear()
