"""hardentui compare OLD NEW: what became better and worse between two saved results."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.check import SEVERITIES
from hardentui.cli.parser import Given
from hardentui.cli.terminal import Terminal
from hardentui.cli.text_files import save_text
from hardentui.errors import InputError
from hardentui.model.finding import Severity
from hardentui.reports.as_json import document
from hardentui.reports.comparing import compare
from hardentui.reports.comparison_text import as_json, as_text
from hardentui.reports.result import TextStyle
from hardentui.reports.saved_report import read_report
from hardentui.visible import visible
from hardentui.workbench.results import check_result
from hardentui.workbench.views import reports_of

if TYPE_CHECKING:
    from hardentui.reports.saved_report import SavedReport

_LARGEST = 256 << 20


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
    """A JSON report unchanged; saved facts, judged now.

    Raises:
        InputError: the file is neither.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"{visible(path, 200)} cannot be read: {error.strerror}.") from error
    if len(content) > _LARGEST:
        raise InputError(f"{visible(path, 200)} is larger than {_LARGEST >> 20} MB.")
    return _judged(path, options, terminal) if _is_facts(content) else read_report(content, path)


def _is_facts(content: bytes) -> bool:
    import json

    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return False  # if it is read as a report, the error says what is wrong with it
    schema = document.get("schema") if isinstance(document, dict) else None
    return isinstance(schema, str) and schema.startswith("hardentui/facts/")


def _judged(path: str, options: Namespace, terminal: Terminal) -> SavedReport:
    """The findings of a check on saved facts."""
    import json

    asked = Namespace(**{**vars(options), "facts": path, "url": "", "connection": "", "demo": False})
    with session.workbench(asked, terminal, everything=True) as bench:
        shared = session.of_host(bench)
        rows = session.scan(bench, terminal, bench.containers.rows())
        result = check_result(
            bench, [*shared, *reports_of(rows)], Severity.parse(options.fail_on), fixes=False
        )
    return read_report(json.dumps(document(result)), path)
