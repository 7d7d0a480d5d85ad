"""hardentui seccomp NAME…: what the seccomp filter of a container allows."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.container_pages import complain_of_unread, write_as_json
from hardentui.cli.terminal import Terminal, foreign
from hardentui.features.looking.default_profile import default_profile
from hardentui.features.rights.seccomp import FilterKind, seccomp_page, summary

if TYPE_CHECKING:
    from hardentui.features.rights.seccomp import SeccompPage

SCHEMA = "hardentui/seccomp/1"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="containers; all when none is named")
    parser.add_argument("--calls", action="store_true", help="also list every allowed system call")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.epilog = "The exit code is 4 if the filter of a container is unknown."


def run(options: Namespace, terminal: Terminal) -> int:
    with session.workbench(options, terminal, everything=not options.names) as bench:
        reports = session.reports_of(bench, options.names, terminal)
        files = bench.opened.files
        pages = [
            seccomp_page(report.facts, default_profile(report.facts, files))
            for report in reports
            if report.facts
        ]
        if options.format == "json":
            write_as_json(terminal, pages, schema=SCHEMA, simulated=bench.opened.simulated)
        else:
            for page in pages:
                _show(page, options.calls, terminal)
    unread = complain_of_unread(terminal, reports)
    unknown = any(page.kind is FilterKind.UNKNOWN or page.unjudged for page in pages)
    return 4 if unread or unknown else 0


def _show(page: SeccompPage, calls: bool, terminal: Terminal) -> None:
    terminal.show(foreign(f"{page.container}  {page.engine}", 200, "bold"))
    lines = [*summary(page)]
    if page.kind in (FilterKind.PROFILE, FilterKind.COMPILED):
        lines += [f"DANGEROUS, it {group.gives}: {', '.join(group.calls)}" for group in page.dangerous]
        if not page.dangerous:
            lines.append("It allows no dangerous call that Podman's own profile refuses.")
        if page.by_capability:
            lines.append(f"Opened by its capabilities: {', '.join(page.by_capability)}")
        for family in page.families:
            lines.append(f"{family.family}: {' and '.join(family.ways) or 'closed'}")
        lines.append(f"User namespaces: {', '.join(page.user_namespaces) or 'closed'}")
        if page.against is not None:
            lines += _several("Looser than the default", page.against.looser)
            lines += _several("Stricter than the default", page.against.stricter)
        if calls:
            lines += _several("Open", page.calls.open)
            lines += _several("For some arguments", page.calls.conditional)
            lines += _several("Refused", page.calls.refused)
    terminal.show(*(foreign(line, 20_000) for line in lines))
    terminal.write("\n")


def _several(title: str, names: Iterable[str]) -> list[str]:
    words = " ".join(names)
    return [f"{title}: {words}"] if words else []
