"""Saving the facts of a host: everything that a check of it reads, in one file."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable

from msgspec import Struct

from hardentui.checks import CHECKS
from hardentui.errors import NoEngine
from hardentui.features.checklists.loading import load
from hardentui.features.looking.judging import Judge
from hardentui.features.opening.opened import Opened
from hardentui.features.opening.recording import Recorder
from hardentui.features.views import CheckProgress, Row
from hardentui.features.workbench import Workbench
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.model.known import Unread
from hardentui.model.written_file import WrittenFile


class RecordedHost(Struct, frozen=True):
    """The text of a facts file, with secrets masked, and the number of containers in it."""

    text: str
    containers: int

    @property
    def kilobytes(self) -> int:
        return len(self.text) // 1024


def record(
    opened: Opened,
    moved: Callable[[CheckProgress], None],
    stop: threading.Event,
) -> RecordedHost:
    """Read everything again, and record it; `opened` stays open.

    Raises:
        NoEngine: the host is simulated or saved: it has no facts of its own.
        EngineError: no engine answers.
        KeyboardInterrupt: `stop` was set.
    """
    if opened.simulated or opened.saved_at:
        raise NoEngine("The facts of a simulated host cannot be saved.")
    recorder = Recorder(
        opened,
        files=opened.files,
        run=opened.run,
    )
    bench = Workbench(recorder.opened, Judge(load(), CHECKS))
    for engine in recorder.opened.engines:
        engine.load_info()  # an answer cached by an earlier session would not be recorded
    bench.surroundings.host()
    host = recorder.opened.host_facts()
    if not isinstance(host, Unread):
        host.read()
    rows: dict[str, Row] = {row.key: row for row in bench.containers.rows()}
    bench.containers.scan(
        lambda row: _read(row),
        moved,
        stop,
        costly=True,
    )
    if stop.is_set():
        raise KeyboardInterrupt
    text = json.dumps(recorder.document(), separators=(",", ":")) + "\n"
    return RecordedHost(text, len(rows))


def _read(row: Row) -> None:
    """Read everything of a container, also what no check asks for but a page does."""
    if row.report is not None and row.report.facts is not None:
        row.report.facts.read()


def write_facts(host: RecordedHost, path: str) -> WrittenFile:
    """Write a facts file, readable by its owner only, compressed if its name ends in .gz.

    Raises:
        WriteError: a previous file is untouched.
    """
    directory, name = os.path.split(os.path.abspath(path))
    file = TextFile(
        name,
        host.text,
        0o600,
        of_root=True,
        packed=name.endswith(".gz"),
    )
    return write_bundle(
        directory,
        [file],
        follow_symlink=True,
        keep_backup=False,
    )[0]
