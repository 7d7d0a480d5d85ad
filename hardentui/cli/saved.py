"""hardentui check --save FILE and --since FILE: save the facts of a host; compare with them."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hardentui.cli import session
from hardentui.cli.terminal import Terminal, save_text
from hardentui.errors import NoEngine, UsageError
from hardentui.features.compare.compare import kinds_to_compare, read_saved, record, report_now, write_facts
from hardentui.features.opening.engines import open_engines
from hardentui.features.reports.as_json import SavedReport
from hardentui.features.reports.comparing import as_json, as_text, compare
from hardentui.features.reports.result import TextStyle
from hardentui.features.views import CheckProgress
from hardentui.model.finding import Severity
from hardentui.words import plural


def save(options: Namespace, terminal: Terminal) -> int:
    """Everything that checks read, in one file.

    Raises:
        UsageError, NoEngine: the host is simulated.
    """
    if options.demo or options.facts:
        raise UsageError("Only the facts of a real host can be saved.")
    opened = open_engines(session.selection_of(options))
    try:
        if opened.simulated:
            raise NoEngine("No Podman was found.", session.tried(opened.attempts))
        with _progress(terminal) as (moved, stop):
            host = record(opened, moved, stop)
    finally:
        opened.close()
    write_facts(host, options.save)
    containers = plural(host.containers, "container")
    terminal.note(f"note: {containers}, {host.kilobytes} kB; hardentui check --facts {options.save}")
    return 0


def since(options: Namespace, terminal: Terminal) -> int:
    """What became better and worse since an earlier JSON report or saved facts.

    0 nothing worse, 1 something is new or worse, 4 something that was known is unknown now.

    Raises:
        UsageError: only a part of the host was asked for, or a form that has no comparison.
    """
    if options.names or options.step or options.check or options.filter:
        raise UsageError("--since compares the whole host; omit the names and the selection.")
    if options.format not in ("text", "json") or len(options.facts) > 1:
        raise UsageError("--since writes text or json, about one host.")
    old = _read(options.since, options, terminal)
    if options.facts:
        new = _read(options.facts[0], options, terminal)
    else:
        with session.workbench(options, terminal, everything=True) as bench:
            new = report_now(bench, session.scan(bench, terminal), kinds_to_compare(old))
    comparison = compare(old, new)
    code = comparison.exit_code(Severity.parse(options.fail_on or "low"))
    to_file = options.file not in ("", "-")
    style = TextStyle() if to_file else terminal.style
    text = as_json(comparison, code) if options.format == "json" else as_text(comparison, style)
    if to_file:
        save_text(options.file, text, backup=False)
        terminal.note(f"note: the comparison is in {options.file}")
    else:
        terminal.write(text)
    return code


def _read(path: str, options: Namespace, terminal: Terminal) -> SavedReport:
    with _progress(terminal) as (moved, stop):
        return read_saved(path, getattr(options, "checklist", ""), moved, stop)


@contextmanager
def _progress(terminal: Terminal) -> Iterator[tuple[Callable[[CheckProgress], None], threading.Event]]:
    stop = threading.Event()

    def moved(progress: CheckProgress) -> None:
        terminal.progress(progress.done, progress.total)

    try:
        yield moved, stop
    finally:
        stop.set()
        terminal.clear()
