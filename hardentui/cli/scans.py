"""hardentui images --scan and --import: known vulnerabilities of images, and how current the data is."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hardentui.cli.terminal import Terminal, foreign
from hardentui.model.image import NeverScanned, ScanSettings
from hardentui.model.known import Unread, known
from hardentui.reading.scans import rank, severities, stale
from hardentui.visible import visible
from hardentui.workbench.looking.scanning import Scanning
from hardentui.workbench.pages.sections import size_text

if TYPE_CHECKING:
    from hardentui.model.facts import ImageFacts
    from hardentui.workbench.looking.scanning import Scanning, ScanProgress
    from hardentui.workbench.workbench import Workbench


def run(
    bench: Workbench, images: Sequence[ImageFacts], options: Namespace, terminal: Terminal
) -> tuple[bool, dict[str, str]]:
    """Import reports and scan; returns whether Ctrl-C stopped it, and name -> why an image was not scanned.

    Raises:
        ToolMissing: there is no scanner; says how to install one.
        InputError: a report cannot be used.
    """
    scanning = Scanning(bench.parts)
    for path in options.reports:
        image, report = scanning.import_report(path, images)
        terminal.note(f"{visible(_name(image), 60)}: the report of {report.scanner} is stored")
    return _scan(scanning, images, options, terminal) if options.scan else (False, {})


def _scan(
    scanning: Scanning, images: Sequence[ImageFacts], options: Namespace, terminal: Terminal
) -> tuple[bool, dict[str, str]]:
    scanner = scanning.chosen(options.scanner)
    how = ScanSettings(offline=options.offline, data=options.data)
    troubles: dict[str, str] = {}
    stop = threading.Event()
    try:
        for number, image in enumerate(images, 1):
            name = f"{number} of {len(images)}  {visible(_name(image), 50)}"

            def on_progress(progress: ScanProgress, name: str = name) -> None:
                done = size_text(progress.bytes) if progress.phase == "fetching" else scanner.name
                terminal.activity(f"{name}: {progress.phase}, {done}")

            report = scanning.scan(image, scanner, on_progress, stop, how)
            if isinstance(report, Unread):
                troubles[_name(image)] = f"not scanned: {report.reason}"
    except KeyboardInterrupt:
        stop.set()
        return True, troubles
    finally:
        terminal.clear()
    return False, troubles


def show(images: Iterable[ImageFacts], terminal: Terminal) -> None:
    """One line per image: what is known about it, and the date of the scanner's data."""
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("Image", overflow="fold")
    shown.add_column("Scanned by")
    for title in ("Critical", "High", "Medium", "Low", "Repairable"):
        shown.add_column(title, justify="right")
    for title in ("Data from", "Note"):
        shown.add_column(title, overflow="fold")
    for facts in images:
        shown.add_row(*(foreign(text, 200) for text in _cells(facts)))
    terminal.show(shown)


def _cells(facts: ImageFacts) -> tuple[str, ...]:
    report = known(lambda: facts.scan)
    if isinstance(report, Unread | NeverScanned):
        why = report.reason if isinstance(report, Unread) else "not scanned"
        return (_name(facts), "-", *("?" * 5), "", why)
    counts = severities(report)
    repairable = sum(bool(vulnerability.fixed_in) for vulnerability in report.vulnerabilities)
    old = stale(report, facts.now)
    notes = [f"stale: {old}"] if old else []
    notes += report.gaps
    if exploited := sum(vulnerability.exploited for vulnerability in report.vulnerabilities):
        notes.insert(0, f"{exploited} used by attackers")
    return (
        _name(facts),
        f"{report.scanner} {report.scanned:%Y-%m-%d}",
        *(str(counts[word]) for word in ("critical", "high", "medium", "low")),
        str(repairable),
        f"{report.database:%Y-%m-%d}" if report.database else "unknown",
        "; ".join(notes),
    )


def _name(facts: ImageFacts) -> str:
    return facts.names[0] if facts.names else facts.id[:12]


def scan_document(facts: ImageFacts) -> dict[str, Any] | None:
    """The stored scan of an image for JSON; None if there is none."""
    report = known(lambda: facts.scan)
    if isinstance(report, Unread | NeverScanned):
        return None
    return {
        "scanner": report.scanner,
        "scanned": report.scanned.isoformat(),
        "database": report.database.isoformat() if report.database else None,
        "stale": stale(report, facts.now),
        "gaps": list(report.gaps),
        "vulnerabilities": [
            {
                "id": vulnerability.id,
                "package": vulnerability.package,
                "installed": vulnerability.installed,
                "severity": vulnerability.severity,
                "fixed_in": vulnerability.fixed_in,
                "exploited": vulnerability.exploited,
            }
            for vulnerability in sorted(report.vulnerabilities, key=rank)
        ],
    }
