"""hardentui fix with several names: all files at once; a container that fails does not stop the others."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.plan_choice import check_options, command_on
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError, UsageError
from hardentui.features.fix.batch import BatchItem, combine, prepare, save_together
from hardentui.features.views import Row
from hardentui.harden.score import score_word
from hardentui.model.draft import Target
from hardentui.model.plan import Caution, Choice
from hardentui.model.podman_version import Version
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench
from hardentui.cli.drafts import step_lines

_NOT_WRITTEN = 4  # as for any incomplete result


def fix_many(
    options: Namespace,
    terminal: Terminal,
    version: Version | None,
) -> int:
    """Exit code: 0 all that can be fixed is written, 1 nothing to change, 4 a container is refused."""
    if not options.directory:
        raise UsageError("Files of several containers go to a directory: add -o DIR.")
    if options.plan or options.trial or options.as_is:
        raise UsageError("--plan, --trial and --as-is belong to one container.")
    if options.to in ("unit", "drop-in"):
        raise UsageError(f"--to {options.to} changes the unit of one container.")
    check_options(options)
    with session.workbench(options, terminal) as bench:
        rows = session.named(bench.containers.rows(), options.names)
        batch = combine(
            _items(
                bench,
                rows,
                options,
                version,
                terminal,
            )
        )
        for item in batch.items:
            _tell(item, terminal)
        if batch.files:
            files, steps = save_together(bench, batch, options.directory)
            terminal.tell_written(files)
            for item, step in steps:
                terminal.note(f"next, for {visible(item.report.subject.name)}:")
                for line in step_lines(step):
                    terminal.note(f"  {line}")
        if batch.refused or len(batch.items) < len(rows):
            return _NOT_WRITTEN
        return 0 if batch.files else 1


def _items(
    bench: Workbench,
    rows: Iterable[Row],
    options: Namespace,
    version: Version | None,
    terminal: Terminal,
) -> Iterator[BatchItem]:
    bench.surroundings.host()  # the engine's defaults show what a container set itself
    caution = None if options.check else _caution(options)
    chosen = [Choice(check) for check in dict.fromkeys(options.check)]
    for row in rows:
        try:
            refreshed = bench.containers.refresh(row.key)
        except HardenError as error:
            terminal.complain(f"not written: {visible(row.name)}: {error}")
            continue
        if refreshed is None or refreshed.report is None:
            terminal.complain(f"not written: {visible(row.name)}: it has been removed")
            continue
        yield prepare(
            bench, refreshed.report, caution, chosen, to=Target(options.to), version=version
        )


def _caution(options: Namespace) -> Caution:
    if options.safe:
        return Caution.SAFE
    return Caution.LIKELY if options.likely else Caution.ALL


def _tell(item: BatchItem, terminal: Terminal) -> None:
    """One line per container; a refusal is reported even with --quiet."""
    subject = item.report.subject
    name = visible(subject.name, 80)
    if item.trouble is not None:
        terminal.complain(f"not written: {name}: {item.trouble.title} {item.trouble.hint}".rstrip())
    elif item.plan is not None and not item.plan.changes:
        terminal.note(f"{name}: nothing to change")
    elif item.plan is not None:
        before, after = score_word(item.report.score.value), score_word(item.after)
        fixes = plural(len(item.plan.choices), "fix", "fixes")
        left = f"; {len(item.plan.skipped)} left out ({command_on(item.report, 'plan')} shows why)"
        left = left if item.plan.skipped else ""
        terminal.note(f"{name}: score {before} to {after} with {fixes}{left}")
