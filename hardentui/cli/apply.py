"""hardentui apply: apply a plan to the real container, with proof and rollback."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.journal import stopped_by_signals, tell
from hardentui.cli.parser import group_of, period, seconds
from hardentui.cli.plan import check_options, make_plan, times_of_trial
from hardentui.cli.terminal import Terminal, sure
from hardentui.errors import ApplyFailed, NotFound, UsageError
from hardentui.features.apply.apply_wishes import ApplyWishes
from hardentui.features.apply.applying import Application
from hardentui.features.apply.history import History, entry_lines
from hardentui.harden.score import score_word
from hardentui.model.journal import journal_document
from hardentui.model.operations import described
from hardentui.visible import strict_json, visible_lines

if TYPE_CHECKING:
    from hardentui.features.apply.applying import Application, PreparedChange
    from hardentui.model.journal import JournalEntry
    from hardentui.model.plan import Plan


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="container name or ID prefix")
    group_of(parser, required=True, tried=True)
    group = parser.add_argument_group("how")
    group.add_argument(
        "--probe",
        action="append",
        metavar="CMD",
        default=[],
        help="a command that must succeed before and after the change; it runs on this host, or beside the "
        "container if it names $TARGET, and meets real data",
    )
    group.add_argument(
        "--patience",
        type=seconds,
        metavar="S",
        default=30.0,
        help="seconds for the service to become ready again (default: 30)",
    )
    group.add_argument(
        "--confirm-within",
        type=seconds,
        metavar="S",
        default=0.0,
        help="roll back unless hardentui confirm is run within this many seconds",
    )
    group.add_argument(
        "--soak",
        type=period,
        metavar="T",
        default=0.0,
        help="for this time (7d) a learned seccomp profile only logs what it would refuse; see harden --soak",
    )
    data = group.add_mutually_exclusive_group()
    data.add_argument(
        "--keep-data", action="store_true", help="copy data in the container's writable layer to volumes"
    )
    data.add_argument(
        "--discard-data", action="store_true", help="discard data in the container's writable layer"
    )
    group.add_argument("--yes", action="store_true", help="do not ask")
    group.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def run(options: Namespace, terminal: Terminal) -> int:
    _end_what_was_cut_off(options, terminal)
    saved = check_options(options)
    wishes = ApplyWishes(
        probes=tuple(options.probe),
        patience=options.patience,
        confirm_within=options.confirm_within,
        keep_data=options.keep_data,
        discard_data=options.discard_data,
        soak=options.soak,
        tried=times_of_trial(options),
    )
    with session.workbench(options, terminal) as bench:
        try:
            report = session.one_report(bench, options.name)
        except (UsageError, NotFound):
            History().refuse_busy(options.name)  # while it is being replaced, its name is free for a moment
            raise
        plan = make_plan(bench, report, options, saved, terminal)
        if not plan.changes:
            return 1
        after = bench.planner.score_after(report, plan).value
        application = Application(bench, report)
        with application.alone():
            entry = _apply(application, plan, wishes, options, terminal)
    _write(terminal, entry, options.format, f"score {score_word(report.score.value)} -> {score_word(after)}")
    return 0


def _apply(
    application: Application, plan: Plan, wishes: ApplyWishes, options: Namespace, terminal: Terminal
) -> JournalEntry:
    prepared = application.prepare(plan, wishes)
    _show(terminal, prepared)
    sure(terminal, "Do this?", yes=options.yes, command="the same with --yes")
    try:
        with stopped_by_signals() as stop:
            return application.run(prepared, lambda event: tell(terminal, event), stop)
    except ApplyFailed:
        _write(terminal, History().find(prepared.entry.id), options.format)
        raise


def _write(terminal: Terminal, entry: JournalEntry, form: str, points: str = "") -> None:
    if form == "json":
        terminal.write(strict_json(json.dumps(journal_document((entry,)), indent=2)) + "\n")
    else:
        lines = [*entry_lines(entry, whole=False), *([f"    {points}"] if points else [])]
        terminal.write(visible_lines("\n".join(lines)) + "\n")


def _end_what_was_cut_off(options: Namespace, terminal: Terminal) -> None:
    """Offer to undo an interrupted earlier change of this container.

    Raises:
        UsageError: there is no terminal to ask on, or the user declined.
        Locked: it is still running.
    """
    history = History()
    try:
        history.refuse_busy(options.name)
    except UsageError as error:
        terminal.complain(error.title)
        entry = history.to_undo(history.cut_off(options.name))
        command = f"hardentui undo {entry.id} --yes"
        sure(terminal, "Undo it first?", yes=False, command=command)
        history.undo(entry, lambda event: tell(terminal, event))


def _show(terminal: Terminal, prepared: PreparedChange) -> None:
    """Announce the steps before they are carried out."""
    for line in prepared.entry.diff.splitlines():
        terminal.complain(line)
    for note in prepared.notes:
        terminal.note(f"note: {note}")
    terminal.complain(f"Steps on {prepared.entry.container}:")
    for number, operation in enumerate(prepared.entry.operations, 1):
        terminal.complain(f"  {number}. {described(operation)}")
    terminal.complain(f"{prepared.downtime} Any failure restores the original.")
    if within := prepared.wishes.confirm_within:
        terminal.complain(f"It rolls back unless hardentui confirm is run within {within:g} s.")
