"""hardentui watch NAME: watch a container."""

from __future__ import annotations

import json
import threading
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from hardentui.cli import session
from hardentui.cli.check import SEVERITIES
from hardentui.cli.parser import flag, format_option, seconds
from hardentui.cli.terminal import Terminal
from hardentui.features.sections import page_text
from hardentui.features.watch import Monitor
from hardentui.features.watch_page import reading_page
from hardentui.model.finding import Severity
from hardentui.visible import strict_json

if TYPE_CHECKING:
    from hardentui.model.monitoring import Sample


def _lines(text: str) -> int:
    if not text.isdecimal() or int(text) > 1000:
        raise ArgumentTypeError("a number of lines up to 1000")
    return int(text)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        help="container name or ID prefix",
    )
    often = parser.add_mutually_exclusive_group()
    flag(often, "--once", "take one reading and exit")
    often.add_argument(
        "--interval",
        type=seconds,
        metavar="S",
        default=2.0,
        help="seconds between readings (default: 2)",
    )
    parser.add_argument(
        "--for", type=seconds, metavar="S", dest="duration", help="stop after this many seconds"
    )
    parser.add_argument(
        "--log", type=_lines, metavar="N", default=10, help="lines of the log (default: 10)"
    )
    format_option(parser)
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        default="medium",
        help="lowest alarm severity that sets exit code 1",
    )
    parser.epilog = (
        "Nothing is executed in the container. With --format json each reading is one line. Ctrl-C stops. "
        "Exit code 1: an alarm was raised. 4: something that matters could not be checked."
    )


def run(options: Namespace, terminal: Terminal) -> int:
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.name)
        key = report.subject.key
        monitor = Monitor(bench, key, log_lines=options.log)
        return _watch(monitor, options, terminal)


def _watch(
    monitor: Any,
    options: Namespace,
    terminal: Terminal,
) -> int:
    stop = threading.Event()
    fail_on = Severity.parse(options.fail_on)
    codes: set[int] = set()
    timer = threading.Timer(options.duration, stop.set) if options.duration else None
    live = terminal.is_terminal and not options.once

    def seen(sample: Sample) -> None:
        codes.add(sample.exit_code(fail_on))
        terminal.write(
            _one_line(sample) if options.format == "json" else _page(sample, terminal, live)
        )

    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        monitor.watch(
            seen,
            stop,
            interval=options.interval,
            most=1 if options.once else None,
        )
    except KeyboardInterrupt:
        stop.set()
    finally:
        if timer is not None:
            timer.cancel()
    return 1 if 1 in codes else 4 if 4 in codes else 0


def _page(
    sample: Sample,
    terminal: Terminal,
    live: bool,
) -> str:
    text = page_text(reading_page(sample))
    # a live view redraws from the top of a cleared screen
    return f"\x1b[H\x1b[2J{text}" if live else f"{text}\n"


def _one_line(sample: Sample) -> str:
    document = to_builtins(sample)
    for name in ("alarms", "blind"):
        seen = getattr(sample, name)
        document[name] = [
            {**entry, "severity": each.severity.word}
            for entry, each in zip(document[name], seen, strict=True)
        ]
    return strict_json(json.dumps(document)) + "\n"
