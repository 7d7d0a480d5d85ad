"""hardentui capabilities NAME…: what each capability allows, and which of the kernel's sets contain it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.container_pages import complain_of_unread, write_as_json
from hardentui.cli.parser import Given
from hardentui.cli.terminal import Terminal, foreign
from hardentui.errors import UsageError
from hardentui.features.fix.learned import learned_before, read_learned
from hardentui.features.rights.capabilities import capability_page, summary
from hardentui.visible import visible

if TYPE_CHECKING:
    from rich.table import Table

    from hardentui.features.rights.capabilities import CapabilityPage

SCHEMA = "hardentui/capabilities/1"
_MARKS = {True: "yes", False: "-", None: "?"}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="containers; all when none is named")
    parser.add_argument("--all", action="store_true", help="also list capabilities that it cannot gain")
    parser.add_argument(
        "--trial",
        action=Given,
        metavar="FILE",
        default="",
        help="a result of `hardentui trial NAME --learn`, to show which were used; by default what earlier "
        "trials of this container learned",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.epilog = "The exit code is 4 if the kernel's answer for a running container is unknown."


def run(options: Namespace, terminal: Terminal) -> int:
    if options.trial and len(options.names) != 1:
        raise UsageError("--trial is about one container: name it.")
    learned = read_learned(options.trial) if options.trial else None
    with session.workbench(options, terminal, everything=not options.names) as bench:
        reports = session.reports_of(bench, options.names, terminal)
        pages = [
            capability_page(report.facts, learned or learned_before(report.facts))
            for report in reports
            if report.facts
        ]
        if learned is not None and pages and learned.container != pages[0].container:
            raise UsageError(
                f"The trial in {visible(options.trial, 200)} is one of {visible(learned.container, 60)!r}."
            )
        if options.format == "json":
            write_as_json(terminal, pages, schema=SCHEMA, simulated=bench.opened.simulated)
        else:
            for page in pages:
                _show(page, options.all, terminal)
    unread = complain_of_unread(terminal, reports)
    unknown = any(page.unknown and page.running for page in pages)
    return 4 if unread or unknown else 0


def _show(page: CapabilityPage, everything: bool, terminal: Terminal) -> None:
    rows = page.rows if everything else page.held
    head = f"{page.container}  {page.engine}  {page.asked}"
    lines = [head, *summary(page)]
    if page.unknown:
        lines.append(f"Effective and bounding are unknown: {page.unknown}.")
    if page.by_image:
        lines.append(f"According to its image it needs {', '.join(page.by_image)}.")
    terminal.show(*(foreign(line, 1000, "bold" if at == 0 else "") for at, line in enumerate(lines)))
    if rows:
        terminal.show(_table(page, everything))
    terminal.write("\n")


def _table(page: CapabilityPage, everything: bool) -> Table:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    titles = ["Capability", "Declared", "Effective", "Bounding", *(["Used"] if page.learned else [])]
    for title in titles:
        shown.add_column(title, no_wrap=True)
    shown.add_column("Allows", overflow="fold")
    for row in page.rows if everything else page.held:
        marks = [_MARKS[row.declared], _MARKS[row.effective], _MARKS[row.bounding]]
        if page.learned:
            marks.append(_MARKS[row.used])
        text = f"{row.meaning} [{row.danger.value}]" if row.danger else row.meaning
        shown.add_row(*(foreign(word, 200) for word in (row.name.removeprefix("CAP_"), *marks, text)))
    return shown
