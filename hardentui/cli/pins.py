"""hardentui pins: list images pinned by digest in Quadlet files, and move the pins."""

from __future__ import annotations

import json
import os
import threading
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any

from hardentui.cli.confirmation import sure
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.features.images.pins import (
    PinFile,
    PinReport,
    PinState,
    ask_for,
    default_places,
    diff_of,
    find_pins,
    move,
    moves_of,
)
from hardentui.visible import strict_json, visible, visible_lines

SCHEMA = "hardentui/pins/1"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "places", metavar="FILE|DIR", nargs="*", help="default: where Quadlet looks for units of this account"
    )
    parser.add_argument("--move", action="store_true", help="write the new digests (hardentui undo)")
    parser.add_argument(
        "--cool-down", type=int, default=3, metavar="DAYS", help="ignore images newer than this; default: 3"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.epilog = "The exit code is 1 if pins could move and did not, 4 if a registry did not answer."


def run(options: Namespace, terminal: Terminal) -> int:
    for place in options.places:
        if not os.path.exists(place):
            raise UsageError(f"There is no {visible(place, 200)}.")
    files = find_pins(options.places or default_places())
    reports = ask_for(
        files,
        datetime.now(UTC),
        lambda name: terminal.activity(f"querying {name}"),
        threading.Event(),
        cool_down=options.cool_down,
    )
    terminal.clear()
    if options.format == "json":
        terminal.write(
            strict_json(
                json.dumps({"schema": SCHEMA, "pins": [_document(report) for report in reports]}, indent=2)
            )
            + "\n"
        )
    else:
        _tell(files, reports, terminal)
    failed = _move(files, reports, options, terminal) if options.move else False
    if failed or any(report.state is PinState.UNKNOWN for report in reports):
        return 4
    return 1 if not options.move and any(report.state is PinState.MOVES for report in reports) else 0


def _tell(files: tuple[PinFile, ...], reports: tuple[PinReport, ...], terminal: Terminal) -> None:
    for report in reports:
        words = [report.state.value, report.reason] if report.reason else [report.state.value]
        if report.dead:
            words.append("its registry no longer has the pinned image")
        place = f"{visible(report.path, 200)}:{report.pin.line}"
        terminal.write(f"{place}  {visible(report.pin.name, 100)}: {visible('; '.join(words), 300)}\n")
    for file in files:
        text = moves_of(file, reports)
        if text != file.text:
            terminal.write("\n".join(map(visible_lines, diff_of(file, text).splitlines())) + "\n")
    if not reports:
        terminal.note("No Quadlet file pins an image by digest.")


def _move(
    files: tuple[PinFile, ...], reports: tuple[PinReport, ...], options: Namespace, terminal: Terminal
) -> bool:
    """Move what can be moved; returns whether something could not be written."""
    moving = [report for report in reports if report.state is PinState.MOVES]
    if not moving:
        terminal.note("Nothing to move.")
        return False
    sure(
        terminal,
        f"Move {len(moving)} of {len(reports)} pins?",
        yes=options.yes,
        command="the same with --yes",
    )
    moves = move(files, reports)
    for change in moves.files:
        if change.error is not None:
            terminal.error(change.error)
        elif change.entry is not None:
            terminal.note(f"{visible(change.path, 200)}: moved. Undo: hardentui undo {change.entry.id}")
    for command in moves.commands:
        terminal.note(f"next: {visible(command, 300)}")
    return any(change.error is not None for change in moves.files)


def _document(report: PinReport) -> dict[str, Any]:
    newest = report.newest
    return {
        "file": report.path,
        "line": report.pin.line,
        "name": report.pin.name,
        "digest": report.pin.digest,
        "state": report.state.value,
        "dead": report.dead,
        "reason": report.reason,
        "newest": newest.digest if newest else None,
        "first_seen": newest.first_seen.isoformat() if newest else None,
    }
