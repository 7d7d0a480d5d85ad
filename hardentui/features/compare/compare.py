"""Results to compare: a JSON report, saved facts judged now, or what a session knows of its host."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from msgspec import Struct

from hardentui.checks import CHECKS
from hardentui.errors import InputError, NoEngine
from hardentui.features.checklists.loading import load
from hardentui.features.looking.judging import Judge
from hardentui.features.opening.engines import open_engines
from hardentui.features.opening.opened import Opened
from hardentui.features.opening.recording import Recorder
from hardentui.features.opening.saved_facts import unpacked
from hardentui.features.reports.as_json import SavedReport, document, read_report
from hardentui.features.results import check_result, host_reports
from hardentui.features.views import CheckProgress, Report, Row, Selection, reports_of, told_once
from hardentui.features.workbench import Workbench
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile, WrittenFile
from hardentui.model.finding import Kind, Severity
from hardentui.model.known import Unread
from hardentui.regular_files import refuse_strangers
from hardentui.visible import visible

# Saving the facts of a host: everything that a check of it reads, in one file.


class RecordedHost(Struct, frozen=True):
    """The text of a facts file, with secrets masked, and the number of containers in it."""

    text: str
    containers: int

    @property
    def kilobytes(self) -> int:
        return len(self.text) // 1024


def record(opened: Opened, moved: Callable[[CheckProgress], None], stop: threading.Event) -> RecordedHost:
    """Read everything again, and record it; `opened` stays open.

    Raises:
        NoEngine: the host is simulated or saved: it has no facts of its own.
        EngineError: no engine answers.
        KeyboardInterrupt: `stop` was set.
    """
    if opened.simulated or opened.saved_at:
        raise NoEngine("The facts of a simulated host cannot be saved.")
    recorder = Recorder(opened, files=opened.files, run=opened.run)
    bench = Workbench(recorder.opened, Judge(load(), CHECKS))
    for engine in recorder.opened.engines:
        engine.load_info()  # an answer cached by an earlier session would not be recorded
    bench.surroundings.host()
    host = recorder.opened.host_facts()
    if not isinstance(host, Unread):
        host.read()
    rows: dict[str, Row] = {row.key: row for row in bench.containers.rows()}
    bench.containers.scan(lambda row: _read(row), moved, stop, costly=True)
    if stop.is_set():
        raise KeyboardInterrupt
    text = json.dumps(recorder.document(), separators=(",", ":")) + "\n"
    return RecordedHost(text, len(rows))


def _read(row: Row) -> None:
    """Read everything of a container, also what no check asks for but a page does."""
    if row.report is not None and row.report.facts is not None:
        row.report.facts.read()


def write_facts(host: RecordedHost, path: str, *, create: bool = False) -> WrittenFile:
    """Write a facts file, readable by its owner only, compressed if its name ends in .gz; `create`: also its
    directory.

    Raises:
        WriteError: a previous file is untouched.
    """
    directory, name = os.path.split(os.path.abspath(path))
    file = TextFile(name, host.text, 0o600, of_root=True, packed=name.endswith(".gz"))
    return write_bundle(directory, [file], follow_symlink=True, keep_backup=False, create=create)[0]


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


def kinds_to_compare(before: SavedReport) -> set[str]:
    """The kinds of subjects in an earlier report; others would only seem to have appeared."""
    return {subject.kind for subject in before.subjects}


def report_now(bench: Workbench, rows: Iterable[Row], kinds: Collection[str]) -> SavedReport:
    """What a session knows of its host, as a report.

    Args:
        rows: the containers with their reports.
        kinds: of subjects.
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
