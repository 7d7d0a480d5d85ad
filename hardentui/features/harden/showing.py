"""What keeping the results of a run would do, as pages to read before: steps, difference, data, and
the same as files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.errors import HardenError
from hardentui.features.change.data_told import told_rows
from hardentui.features.harden.keeping import Struck, picked_up
from hardentui.features.harden.task import Hardening
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.task import Task, TaskResult, Tell
from hardentui.model.operations import described

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_NO_DATA = PageLine("", "No data moves: all of it stays where it is.")


def steps_task(
    bench: Workbench,
    chosen: Sequence[Struck],
) -> Task:
    """What is done with each of them, and what changes in options and files."""

    def shown(task: Hardening) -> TaskResult:
        assert task.prepared is not None  # noqa: S101 - it was picked up
        entry = task.prepared.entry
        steps = [
            PageLine(f"{number}.", described(operation))
            for number, operation in enumerate(entry.operations, 1)
        ]
        notes = [PageLine("", note, Tone.BAD) for note in task.prepared.notes]
        section = PageSection(task.report.subject.name, (*steps, *notes))
        return TaskResult((section,), diff=entry.diff)

    return _each(bench, chosen, shown)


def ledger_task(
    bench: Workbench,
    chosen: Sequence[Struck],
) -> Task:
    """Which paths get another home, their limits, and who loses what."""

    def shown(task: Hardening) -> TaskResult:
        assert task.prepared is not None  # noqa: S101 - it was picked up
        rows = [PageLine("", row) for row in told_rows(task.prepared.entry.ledger)]
        section = PageSection(task.report.subject.name, tuple(rows or [_NO_DATA]))
        return TaskResult((section,))

    return _each(bench, chosen, shown)


def files_task(
    bench: Workbench,
    chosen: Sequence[Struck],
) -> Task:
    """The same as files: record, plan, profile, Quadlet, run script."""

    def shown(task: Hardening) -> TaskResult:
        return TaskResult((), files=task.files())

    return _each(bench, chosen, shown)


def _each(
    bench: Workbench,
    chosen: Sequence[Struck],
    shown: Callable[[Hardening], TaskResult],
) -> Task:
    def task(stop: threading.Event, tell: Tell) -> TaskResult:
        result = TaskResult(())
        for struck in chosen:
            name = struck.member.name
            tell(f"reading {name}")
            if stop.is_set():
                raise KeyboardInterrupt
            try:
                part = shown(picked_up(bench, struck))
            except HardenError as error:
                line = PageLine("", f"{error.title} {error.hint}", Tone.BAD)
                part = TaskResult((PageSection(name, (line,)),))
            result = replace(
                result,
                sections=(*result.sections, *part.sections),
                diff=result.diff + part.diff,
                files=(*result.files, *part.files),
            )
        return result

    return task
