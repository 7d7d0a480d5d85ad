"""hardentui lsm NAME…: show a container's SELinux or AppArmor confinement, or write a policy for it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.container_pages import complain_of_unread, write_as_json
from hardentui.cli.parser import Given
from hardentui.cli.terminal import Terminal, foreign
from hardentui.errors import InputError, UsageError
from hardentui.features.rights.page import Confinement, lsm_page
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.rights.page import LsmPage

SCHEMA = "hardentui/lsm/1"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="containers; all when none is named")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "-o",
        action=Given,
        metavar="DIR",
        dest="directory",
        default="",
        help="write an AppArmor profile for the container into this directory",
    )
    parser.epilog = "The exit code is 4 if the label of a running container is unknown."


def run(options: Namespace, terminal: Terminal) -> int:
    if options.directory and len(options.names) != 1:
        raise UsageError("-o writes the profile of one container: name it.")
    with session.workbench(options, terminal, everything=not options.names) as bench:
        reports = session.reports_of(bench, options.names, terminal)
        pages = [lsm_page(report.facts) for report in reports if report.facts]
        if options.format == "json":
            write_as_json(terminal, pages, schema=SCHEMA, simulated=bench.opened.simulated)
        else:
            for page in pages:
                _show(page, terminal)
    unread = complain_of_unread(terminal, reports)
    if options.directory:
        _write(pages[0], options.directory, terminal)
    unknown = any(page.state is Confinement.UNKNOWN and page.running for page in pages)
    return 4 if unread or unknown else 0


def _show(page: LsmPage, terminal: Terminal) -> None:
    terminal.show(foreign(f"{page.container}  {page.engine}", 200, "bold"))
    lines = [f"{page.module or 'security module'}: {page.state.value}, {page.why}"]
    if page.label:
        lines.append(f"label: {page.label}")
    if page.asked:
        lines.append(f"requested: {page.asked}")
    if page.commands:
        lines.append("A dedicated policy:")
        lines += [f"  {command}" for command in page.commands]
    if page.own_policy:
        lines.append("It has a dedicated policy.")
    terminal.show(*(foreign(line, 2000) for line in lines))
    terminal.write("\n")


def _write(page: LsmPage, directory: str, terminal: Terminal) -> None:
    """Raises InputError if AppArmor does not confine the container."""
    if page.profile is None:
        raise InputError(
            f"No AppArmor profile is written for {visible(page.container, 60)}: {page.why}.",
            "SELinux policies are written by udica." if page.module == "selinux" else "",
        )
    for note in page.profile.notes:
        terminal.note(f"note: {note}")
    profile = TextFile(page.profile.name, page.profile.text)
    for written in write_bundle(directory, [profile], create=True):
        terminal.note(f"note: {visible(written.path)}: {written.state.value}")
