"""hardentui check --save FILE and --since FILE: save the facts of a host; compare with them."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from hardentui.cli import session
from hardentui.cli.saved_text import save_text
from hardentui.cli.terminal import Terminal, foreign
from hardentui.errors import NoEngine, UsageError
from hardentui.features.compare import (
    as_json,
    compare,
    comparison_page,
    kinds_to_compare,
    read_saved,
    report_now,
)
from hardentui.features.opening.engines import open_engines
from hardentui.features.opening.import_scan import import_scan
from hardentui.features.reports.making import check_result, host_reports
from hardentui.features.reports.result import CheckResult
from hardentui.features.rights.document import RightsDocument
from hardentui.features.rights.page import rights_of_container, rights_page
from hardentui.features.saving_facts import record, write_facts
from hardentui.features.sections import page_text
from hardentui.features.views import CheckProgress, Report, told_once, without_originals
from hardentui.model.finding import Kind, Severity
from hardentui.visible import visible
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
    terminal.note(
        f"note: {containers}, {host.kilobytes} kB; hardentui check --facts {options.save}"
    )
    return 0


def since(options: Namespace, terminal: Terminal) -> int:
    """What became better and worse since an earlier JSON report.

    0 nothing worse, 1 something is new or worse, 4 something that was known is unknown now.

    Raises:
        UsageError: only a part of the host was asked for, or a form that has no comparison.
    """
    if options.names or options.step or options.check or options.filter:
        raise UsageError("--since compares the whole host; omit the names and the selection.")
    if options.format not in ("text", "json") or len(options.facts) > 1:
        raise UsageError("--since writes text or json, about one host.")
    old = read_saved(options.since)
    options = Namespace(**{**vars(options), "facts": "".join(options.facts)})
    with session.workbench(options, terminal, everything=True) as bench:
        new = report_now(
            bench,
            session.scan(bench, terminal),
            kinds_to_compare(old),
        )
    comparison = compare(old, new)
    code = comparison.exit_code(Severity.parse(options.fail_on or "low"))
    to_file = options.file not in ("", "-")
    as_data = options.format == "json"
    text = as_json(comparison, code) if as_data else page_text(comparison_page(comparison))
    if to_file:
        save_text(options.file, text, backup=False)
        terminal.note(f"note: the comparison is in {options.file}")
    else:
        terminal.write(text)
    return code


@contextmanager
def _progress(
    terminal: Terminal,
) -> Iterator[tuple[Callable[[CheckProgress], None], threading.Event]]:
    stop = threading.Event()

    def moved(progress: CheckProgress) -> None:
        terminal.progress(progress.done, progress.total)

    try:
        yield moved, stop
    finally:
        stop.set()
        terminal.clear()


def show_rights(options: Namespace, terminal: Terminal) -> int:
    """Capabilities, system calls and security module of each container; 4 if something is unknown."""
    with session.workbench(
        options,
        terminal,
        everything=not options.names,
    ) as bench:
        reports = session.reports_of(bench, options.names, terminal)
        pages = [
            rights_of_container(report.facts, bench.opened.files)
            for report in reports
            if report.facts
        ]
        simulated = bench.opened.simulated
    if options.format == "json":
        document = RightsDocument(
            simulated=simulated,
            containers=tuple(pages),
        )
        terminal.write_json(document, 1)
    else:
        for page in pages:
            terminal.show(foreign(f"{page.container}  {page.engine}", 200, "bold"))
            terminal.write(page_text(rights_page(page)) + "\n")
    unread = [report for report in reports if report.facts is None]
    for report in unread:
        terminal.complain(
            f"{visible(report.subject.name, 60)} could not be checked: {report.trouble}"
        )
    return 4 if unread or any(page.unknown for page in pages) else 0


def shared_result(options: Namespace, terminal: Terminal) -> CheckResult:
    """The result about the host with its engines, or about the images."""
    if options.scan:
        _import_scan(options, terminal)
    options.facts = "".join(options.facts[:1])
    with session.workbench(options, terminal) as bench:
        fail_on = Severity.parse(options.fail_on)
        fixes = options.format not in ("text", "json")
        rows = without_originals(session.scan(bench, terminal))
        containers = [row.report for row in rows if row.report]
        once = told_once(containers)
        if options.names == ["images"]:
            found_by_users = {
                (each.subject.engine, each.subject.id): each.findings for each, _ in once
            }
            images = [
                (
                    replace(
                        image, findings=(*image.findings, *found_by_users.get(_key(image), ()))
                    ),
                    "image",
                )
                for image in bench.surroundings.images()
            ]
            return check_result(
                bench,
                images,
                fail_on,
                fixes=fixes,
            )
        shared = host_reports(bench)
        shared += [(site, kind) for site, kind in once if site.subject.kind is Kind.SITE]
        return check_result(
            bench,
            shared,
            fail_on,
            fixes=fixes,
            containers=containers,
        )


def _key(image: Report) -> tuple[str, str]:
    return image.subject.engine, image.subject.id


def _import_scan(options: Namespace, terminal: Terminal) -> None:
    """Store a result, so that this and later checks of the host judge it.

    Raises:
        UsageError: the host is simulated.
        InputError: the file is not such a result.
    """
    if options.demo:
        raise UsageError("A simulated host has no scan results.")
    scan = import_scan(options.scan)
    score = "" if scan.score is None else f", score {scan.score:g}"
    terminal.note(
        f"note: {scan.tool} {scan.version} of {scan.host or 'an unnamed host'}{score}: "
        f"{plural(len(scan.failed) + scan.left_out, 'rule')} failed or advised"
    )
