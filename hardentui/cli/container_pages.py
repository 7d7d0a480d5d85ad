"""Shared by the commands that print one page per container: capabilities, seccomp, lsm."""

from __future__ import annotations

import json
from collections.abc import Iterable

from msgspec import Struct, to_builtins

from hardentui.cli.terminal import Terminal
from hardentui.features.views import Report
from hardentui.visible import strict_json, visible


def write_as_json(terminal: Terminal, pages: Iterable[Struct], *, schema: str, simulated: bool) -> None:
    document = {
        "schema": schema,
        "simulated": simulated,
        "containers": [to_builtins(page) for page in pages],
    }
    terminal.write(strict_json(json.dumps(document, indent=1)) + "\n")


def complain_of_unread(terminal: Terminal, reports: Iterable[Report]) -> bool:
    """Name the containers that could not be checked; returns whether there are any."""
    unread = [report for report in reports if report.facts is None]
    for report in unread:
        terminal.complain(f"{visible(report.subject.name, 60)} could not be checked: {report.trouble}")
    return bool(unread)
