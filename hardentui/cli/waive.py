"""hardentui waive: accept a finding for a limited time, or list accepted findings."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from datetime import date

from hardentui.checks import CHECKS
from hardentui.cli.parser import checklist_option, given
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError, WaiversError
from hardentui.features import waivers
from hardentui.features.checklists.known_checks import find_check
from hardentui.features.checklists.loading import load
from hardentui.model.check import Check
from hardentui.model.waiver import Waiver
from hardentui.visible import visible


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        default="",
        help="check ID or pattern; without it, the waivers are listed",
    )
    given(
        parser,
        "--on",
        "SUBJECT",
        "name of a container, image…, or a pattern",
    )
    given(
        parser,
        "--reason",
        "TEXT",
        "why it is accepted",
    )
    given(
        parser,
        "--owner",
        "WHO",
        "who accepts it",
    )
    given(
        parser,
        "--until",
        "DATE",
        "last day it is valid, such as 2026-12-31",
    )
    given(
        parser,
        "--engine",
        "LABEL",
        "only on this engine",
        absent="*",
    )
    given(
        parser,
        "--control",
        "TEXT",
        "what protects the container instead",
    )
    given(
        parser,
        "--file",
        "FILE",
        "a waivers file instead of your own",
    )
    checklist_option(parser)


def run(options: Namespace, terminal: Terminal) -> int:
    beside = waivers.beside(options.checklist)
    path = options.file or beside or waivers.own_file()
    own = load(options.checklist).own if options.checklist else ()
    if not options.id:
        return _list(
            path,
            [*CHECKS, *(check.id for check in own)],
            terminal,
        )
    missing = [
        f"--{name}" for name in ("on", "reason", "owner", "until") if not getattr(options, name)
    ]
    if missing:
        raise UsageError(
            f"A waiver needs {', '.join(missing)} too.",
            "hardentui waive ID --on SUBJECT --reason TEXT --owner WHO --until DATE",
        )
    _add(path, options, own, terminal)
    return 0


def _list(
    path: str,
    checks: Iterable[str],
    terminal: Terminal,
) -> int:
    if not os.path.exists(path):
        terminal.note(f"There are no waivers: {visible(path)} does not exist.")
        return 0
    try:
        known = waivers.load([path], checks)
    except WaiversError as error:
        for fault in error.faults:
            terminal.write(f"{visible(path)}:{visible(fault)}\n")
        terminal.complain(error.title)
        return error.exit_code
    today = date.today()
    for waiver in sorted(known, key=lambda waiver: waiver.until):
        state = "expired" if waiver.until < today else f"until {waiver.until}"
        where = "" if waiver.engine == "*" else f" ({waiver.engine})"
        line = (
            f"{waiver.check} on {waiver.subject}{where}: {state}, {waiver.owner}: {waiver.reason}"
        )
        terminal.write(f"{visible(line)}\n")
    return 0


def _add(
    path: str,
    options: Namespace,
    own: Iterable[Check],
    terminal: Terminal,
) -> None:
    own = tuple(own)
    checks = [*CHECKS, *(check.id for check in own)]
    if not any(sign in options.id for sign in "*?["):
        find_check(options.id, own)
    waiver = Waiver(
        options.id,
        options.on,
        options.reason,
        options.owner,
        waivers.last_day(options.until, date.today()),
        options.engine,
        options.control,
    )
    waivers.write_added(path, waiver, checks)
    terminal.write(
        f"{visible(path)}: {waiver.check} on {visible(waiver.subject)} until {waiver.until}\n"
    )
