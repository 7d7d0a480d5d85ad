"""hardentui check NAME --rights: what the kernel lets a container do."""

from __future__ import annotations

import json
from argparse import Namespace

from msgspec import to_builtins

from hardentui.cli import session
from hardentui.cli.terminal import Terminal, foreign
from hardentui.features.rights.page import rights_of_container, rights_page
from hardentui.features.sections import page_text
from hardentui.visible import strict_json, visible

SCHEMA = "hardentui/rights/1"


def show_rights(options: Namespace, terminal: Terminal) -> int:
    """Capabilities, system calls and security module of each container; 4 if something is unknown."""
    with session.workbench(options, terminal, everything=not options.names) as bench:
        reports = session.reports_of(bench, options.names, terminal)
        pages = [rights_of_container(report.facts, bench.opened.files) for report in reports if report.facts]
        simulated = bench.opened.simulated
    if options.format == "json":
        document = {
            "schema": SCHEMA,
            "simulated": simulated,
            "containers": [to_builtins(page) for page in pages],
        }
        terminal.write(strict_json(json.dumps(document, indent=1)) + "\n")
    else:
        for page in pages:
            terminal.show(foreign(f"{page.container}  {page.engine}", 200, "bold"))
            terminal.write(page_text(rights_page(page)) + "\n")
    unread = [report for report in reports if report.facts is None]
    for report in unread:
        terminal.complain(f"{visible(report.subject.name, 60)} could not be checked: {report.trouble}")
    return 4 if unread or any(page.unknown for page in pages) else 0
