"""Results to compare: a JSON report, saved facts judged now, or what a session knows of its host."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.model.finding import Kind, Severity
from hardentui.reports.as_json import document
from hardentui.reports.saved_report import SavedReport, read_report
from hardentui.visible import visible
from hardentui.workbench.opening.engines import open_engines
from hardentui.workbench.opening.saved_facts import unpacked
from hardentui.workbench.results import check_result, host_reports
from hardentui.workbench.strangers import refuse_strangers
from hardentui.workbench.views import CheckProgress, Report, Row, Selection, reports_of, told_once
from hardentui.workbench.workbench import Workbench

_LARGEST = 256 << 20  # bytes
_HEAD = 400  # bytes within which a document of ours names its schema
_MOST_FILES = 50
_SCHEMAS = {"hardentui/check/": "report", "hardentui/facts/": "facts"}


class ComparableFile(Struct, frozen=True):
    """A file that can be compared; `what` is report or facts."""

    path: str
    what: str
    written: datetime


def read_saved(
    path: str, checklist: str, moved: Callable[[CheckProgress], None], stop: threading.Event
) -> SavedReport:
    """A JSON report unchanged; saved facts, judged now.

    Args:
        checklist: for saved facts.

    Raises:
        InputError: the file is neither.
        UsageError: the session is somebody else's, in a browser.
        ChecklistError: the checklist has faults.
        KeyboardInterrupt: `stop` was set.
    """
    refuse_strangers()
    try:
        content = unpacked(path, _LARGEST)
    except OSError as error:
        raise InputError(f"{visible(path, 200)} cannot be read: {error.strerror}.") from error
    if len(content) > _LARGEST:
        raise InputError(f"{visible(path, 200)} is larger than {_LARGEST >> 20} MB.")
    return _judged(path, checklist, moved, stop) if _is_facts(content) else read_report(content, path)


def _is_facts(content: bytes) -> bool:
    try:
        saved = json.loads(content)
    except (ValueError, RecursionError):
        return False  # if it is read as a report, the error says what is wrong with it
    schema = saved.get("schema") if isinstance(saved, dict) else None
    return isinstance(schema, str) and schema.startswith("hardentui/facts/")


def _judged(
    path: str, checklist: str, moved: Callable[[CheckProgress], None], stop: threading.Event
) -> SavedReport:
    """The findings of a check on saved facts."""
    opened = open_engines(Selection(facts_file=path, checklist=checklist))
    bench = Workbench.of(opened, checklist)
    try:
        shared = host_reports(bench)
        rows = {row.key: row for row in bench.containers.rows()}
        bench.containers.scan(lambda row: rows.update({row.key: row}), moved, stop)
        if stop.is_set():
            raise KeyboardInterrupt
        return _saved(bench, [*shared, *_with_told_once(rows.values())], path)
    finally:
        bench.close()


def report_now(bench: Workbench, rows: Iterable[Row], kinds: Collection[str]) -> SavedReport:
    """What a session knows of its host, as a report.

    Args:
        rows: the containers with their reports.
        kinds: of the subjects in the report that it is compared with; others would only seem to have
            appeared.
    """
    shared = [*host_reports(bench), *_around(bench, kinds)]
    reports = [*shared, *_with_told_once(rows)]
    if (waivers := bench.judge.waiver_report(report for report, _ in reports)) is not None:
        reports.append((waivers, "accepted findings"))
    wanted = [pair for pair in reports if pair[0].subject.kind in {*kinds, Kind.CONTAINER}]
    return _saved(bench, wanted, "this host")


def _with_told_once(rows: Iterable[Row]) -> list[tuple[Report, str]]:
    """Reports of containers, and of their images and the site."""
    reports = reports_of(rows)
    return [*reports, *told_once(report for report, _ in reports)]


def _around(bench: Workbench, kinds: Collection[str]) -> list[tuple[Report, str]]:
    images = bench.surroundings.images() if Kind.IMAGE in kinds else ()
    networks = bench.surroundings.networks() if Kind.NETWORK in kinds else ()
    return [(report, report.subject.kind.value) for report in (*images, *networks)]


def _saved(bench: Workbench, reports: Iterable[tuple[Report, str]], where: str) -> SavedReport:
    result = check_result(bench, reports, Severity.LOW, fixes=False)
    return read_report(json.dumps(document(result)), where)


def comparable_files(directory: str) -> tuple[ComparableFile, ...]:
    """Reports and facts in a directory, the newest first; left out is what cannot be read, or typed."""
    comparable = []
    try:
        entries = [
            entry
            for entry in os.scandir(directory)
            if entry.name.endswith((".json", ".json.gz"))
            and entry.name == visible(entry.name)
            and entry.is_file()
        ]
    except OSError:
        return ()
    for entry in entries:
        try:
            head = unpacked(entry.path, _HEAD).decode("utf-8", "replace")
            written = datetime.fromtimestamp(entry.stat().st_mtime)
        except OSError:
            continue
        for schema, what in _SCHEMAS.items():
            if f'"{schema}' in head:
                comparable.append(ComparableFile(entry.path, what, written))
    newest_first = sorted(comparable, key=lambda file: file.written, reverse=True)
    return tuple(newest_first[:_MOST_FILES])
