"""hardentui images: the images of the host, and with --inside what they contain."""

from __future__ import annotations

import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.parser import flag, format_option, given
from hardentui.cli.task import carry_out
from hardentui.cli.terminal import Terminal, foreign
from hardentui.errors import ToolMissing, UsageError
from hardentui.features.images.documents import ImagesDocument, image_entry
from hardentui.features.images.names import name_of
from hardentui.features.images.page import (
    cells_of,
    image_page,
    short_id,
    updates_task,
)
from hardentui.features.images.scanning import Scanning, scan_images
from hardentui.features.sections import page_text, size_text
from hardentui.model.facts import ImageFacts
from hardentui.model.image import ScanSettings
from hardentui.model.known import Unread
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.views import Report
    from hardentui.features.workbench import Workbench
from hardentui.cli.image_sbom import deliver


def run_scans(
    bench: Workbench,
    images: Sequence[ImageFacts],
    options: Namespace,
    terminal: Terminal,
) -> tuple[bool, dict[str, str]]:
    """Import reports and scan; returns whether Ctrl-C stopped it, and name -> why an image was not
    scanned.

    Raises:
        ToolMissing: there is no scanner; says how to install one.
        InputError: a report cannot be used.
    """
    for path in options.reports:
        image, report = Scanning(bench.parts).import_report(path, images)
        terminal.note(f"{visible(name_of(image), 60)}: the report of {report.scanner} is stored")
    if not options.scan:
        return False, {}
    stop, troubles = threading.Event(), {}
    with _until_stopped(terminal, stop):
        how = ScanSettings(offline=options.offline)
        troubles = scan_images(
            bench.parts,
            images,
            terminal.activity,
            stop,
            how,
        )
    return stop.is_set(), {name: f"not scanned: {reason}" for name, reason in troubles.items()}


@contextmanager
def _until_stopped(
    terminal: Terminal,
    stop: threading.Event,
) -> Iterator[None]:
    """Ctrl-C sets `stop`; what was done until then is shown."""
    try:
        yield
    except KeyboardInterrupt:
        stop.set()
    finally:
        terminal.clear()


INTERRUPTED = 130


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="image names or ID prefixes",
    )
    flag(
        parser,
        "--inside",
        "read their files without running them; about 1 s per 100 MB",
    )
    flag(
        parser,
        "--scan",
        "scan for known vulnerabilities with a scanner on this host and store the result",
    )
    flag(
        parser,
        "--offline",
        "scan without updating the scanner's database",
    )
    parser.add_argument(
        "--import",
        dest="reports",
        action="append",
        default=[],
        metavar="FILE",
        help="store a report of Trivy, Grype, Quay or Clair about an image; repeatable",
    )
    flag(
        parser,
        "--updates",
        "check the registries for newer images, with skopeo and without pulling",
    )
    about = (
        "the packages of an image as CycloneDX SBOM, on standard output or with -o as "
        "IMAGE.cdx.json"
    )
    flag(parser, "--sbom", about)
    given(
        parser,
        "-o",
        "DIR",
        "write SBOMs to this directory",
        dest="directory",
    )
    format_option(parser)
    parser.epilog = "The exit code is 4 when --inside, --sbom or --scan could not read an image."


def run(options: Namespace, terminal: Terminal) -> int:
    if options.directory and not options.sbom:
        raise UsageError("-o needs --sbom.")
    with session.workbench(options, terminal) as bench:
        bench.containers.rows()  # shows who uses them
        reports = chosen(bench.surroundings.images(), options.names)
        troubles: dict[str, str] = {}
        stopped, missing = False, None
        if options.inside or options.sbom:
            stopped, troubles = _look(bench, reports, terminal)
            reports = chosen(bench.surroundings.images(), options.names)
        if options.updates:
            task = partial(
                updates_task,
                bench.parts,
                [_facts(report) for report in reports],
            )
            return carry_out(
                task,
                terminal,
                "querying",
                as_json=options.format == "json",
            ).code
        if options.scan or options.reports:
            try:
                stopped, failed = run_scans(
                    bench, [_facts(report) for report in reports], options, terminal
                )
                troubles |= failed
            except ToolMissing as error:  # known results are shown anyway
                missing = error
            reports = chosen(bench.surroundings.images(), options.names)
        facts = [_facts(report) for report in reports]
        if options.sbom:
            deliver(facts, options, terminal)
        elif options.format == "json":
            document = ImagesDocument(
                simulated=bench.opened.simulated,
                images=tuple(
                    image_entry(
                        _facts(report),
                        report.findings,
                        troubles.get(report.subject.name, ""),
                    )
                    for report in reports
                ),
            )
            terminal.write_json(document)
        elif options.inside or (options.names and not (options.scan or options.reports)):
            terminal.write("\n".join(page_text(image_page(image)) for image in facts))
        else:
            _table(facts, terminal)
    for name, trouble in troubles.items():
        terminal.complain(f"{visible(name, 100)}: {visible(trouble, 300)}")
    if missing is not None:
        raise missing
    return INTERRUPTED if stopped else 4 if troubles else 0


def _facts(report: Report) -> ImageFacts:
    assert isinstance(report.about, ImageFacts)  # noqa: S101 - `image_reports` gives nothing else
    return report.about


def chosen(
    reports: Iterable[Report],
    names: Iterable[str],
) -> tuple[Report, ...]:
    """The reports of these images; all when none is named. `nginx` matches
    `docker.io/library/nginx:1.27`.

    Raises:
        UsageError: there is no such image; the hint names similar ones.
    """
    reports = tuple(reports)
    wanted: set[int] = set()  # places in `reports`
    for name in names:
        named = {place for place, report in enumerate(reports) if _is_called(report, name)}
        if not named:
            known = [
                visible(spelling, 100) for report in reports for spelling in _spellings(report)
            ]
            close = get_close_matches(name, known, 3, 0.4)
            hint = (
                f"Did you mean {' or '.join(close)}?" if close else "hardentui images lists them."
            )
            raise UsageError(f"There is no image called {visible(name, 100)!r}.", hint)
        wanted |= named
    return tuple(reports[place] for place in sorted(wanted)) if wanted else reports


def _spellings(report: Report) -> set[str]:
    spellings: set[str] = set()
    for name in _facts(report).names:
        head, slash, last = name.rpartition("/")
        spellings |= {
            name,
            last,
            last.partition(":")[0],
            f"{head}{slash}{last.partition(':')[0]}",
        }
    return spellings


def _is_called(report: Report, name: str) -> bool:
    identity = report.subject.id.removeprefix("sha256:")
    by_id = len(name) >= 4 and identity.startswith(name.removeprefix("sha256:"))
    return name in _spellings(report) or by_id


def _look(
    bench: Workbench,
    reports: Iterable[Report],
    terminal: Terminal,
) -> tuple[bool, dict[str, str]]:
    """Inspect each image; returns whether Ctrl-C stopped it, and what could not be read."""
    troubles: dict[str, str] = {}
    stop = threading.Event()
    with _until_stopped(terminal, stop):
        for report in reports:
            subject = report.subject

            def on_bytes(read: int, name: str = subject.name) -> None:
                terminal.activity(f"reading {visible(name, 50)}: {size_text(read)}")

            inventory = bench.look_into_image(
                subject.engine,
                subject.id,
                on_bytes,
                stop,
            )
            if isinstance(inventory, Unread):
                troubles[subject.name] = inventory.reason
    return stop.is_set(), troubles


def _table(images: Iterable[ImageFacts], terminal: Terminal) -> None:
    from rich.table import Table

    shown = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for title in (
        "Image",
        "Id",
        "Engine",
        "Users",
        "Age",
        "Size",
        "System",
        "Packages",
        "Vulnerabilities",
    ):
        shown.add_column(
            title,
            no_wrap=title != "Image",
            overflow="fold",
        )
    for facts in images:
        texts = (
            facts.names[0] if facts.names else "(no name)",
            short_id(facts),
            *cells_of(facts),
        )
        shown.add_row(*(foreign(text, 100) for text in texts))
    terminal.show(shown)
