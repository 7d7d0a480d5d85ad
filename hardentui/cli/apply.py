"""hardentui apply: apply a plan to the real container, with proof and rollback."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.change_events import tell
from hardentui.cli.journal import write_entries
from hardentui.cli.parser import (
    flag,
    format_option,
    group_of,
    patience_option,
    period,
    repeated,
    seconds,
)
from hardentui.cli.plan_choice import check_options, make_plan, trial_of
from hardentui.cli.signals import stopped_by_signals
from hardentui.cli.terminal import Terminal, sure
from hardentui.errors import ApplyFailed, NotFound, UsageError
from hardentui.features.apply.applying import Application
from hardentui.features.apply.history import History
from hardentui.features.apply.prepared import PreparedChange
from hardentui.features.apply.wishes import ApplyWishes
from hardentui.features.change.data_told import told_rows
from hardentui.harden.score import score_word
from hardentui.model.operations import described

if TYPE_CHECKING:
    from hardentui.model.journal import JournalEntry
    from hardentui.model.plan import Plan


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        help="container name or ID prefix",
    )
    group_of(parser, required=True, tried=True)
    group = parser.add_argument_group("how")
    about = "it runs on this host, or beside the container if it names $TARGET, and meets real data"
    repeated(
        group, "--probe", "CMD", f"a command that must succeed before and after the change; {about}"
    )
    patience_option(group, "seconds for the service to become ready again")
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
        help="for this time (7d) a learned seccomp profile only logs what it would refuse; see "
        "harden --soak",
    )
    data = group.add_mutually_exclusive_group()
    flag(
        data,
        "--keep-data",
        "copy data in the container's writable layer to volumes",
    )
    flag(
        data,
        "--discard-data",
        "discard data in the container's writable layer",
    )
    flag(group, "--yes", "do not ask")
    format_option(group)


def run(options: Namespace, terminal: Terminal) -> int:
    _end_what_was_cut_off(options, terminal)
    saved = check_options(options)
    trial = trial_of(options)
    wishes = ApplyWishes(
        probes=tuple(options.probe),
        patience=options.patience,
        confirm_within=options.confirm_within,
        keep_data=options.keep_data,
        over_code=options.keep_data,
        discard_data=options.discard_data,
        soak=options.soak,
        tried=(trial.baseline.seconds, trial.baseline.stop_seconds) if trial else None,
        client=trial.learned.client if trial and trial.learned else None,
    )
    with session.workbench(options, terminal) as bench:
        try:
            report = session.one_report(bench, options.name)
        except (UsageError, NotFound):
            History().refuse_busy(
                options.name
            )  # while it is being replaced, its name is free for a moment
            raise
        plan = make_plan(
            bench,
            report,
            options,
            saved,
            terminal,
        )
        if not plan.changes:
            return 1
        after = bench.planner.score_after(report, plan).value
        application = Application(bench, report)
        with application.alone():
            entry = _apply(
                application,
                plan,
                wishes,
                options,
                terminal,
            )
    write_entries(terminal, (entry,), options.format)
    if options.format == "text":
        terminal.write(f"    score {score_word(report.score.value)} -> {score_word(after)}\n")
    return 0


def _apply(
    application: Application,
    plan: Plan,
    wishes: ApplyWishes,
    options: Namespace,
    terminal: Terminal,
) -> JournalEntry:
    prepared = application.prepare(plan, wishes)
    _show(terminal, prepared)
    sure(
        terminal,
        "Do this?",
        yes=options.yes,
        command="the same with --yes",
    )
    try:
        with stopped_by_signals() as stop:
            return application.run(
                prepared,
                lambda event: tell(terminal, event),
                stop,
            )
    except ApplyFailed:
        write_entries(
            terminal,
            (History().find(prepared.entry.id),),
            options.format,
        )
        raise


def _end_what_was_cut_off(
    options: Namespace,
    terminal: Terminal,
) -> None:
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
        sure(
            terminal,
            "Undo it first?",
            yes=False,
            command=command,
        )
        history.undo(entry, lambda event: tell(terminal, event))


def _show(terminal: Terminal, prepared: PreparedChange) -> None:
    """Announce the steps before they are carried out."""
    for line in prepared.entry.diff.splitlines():
        terminal.complain(line)
    for note in prepared.notes:
        terminal.note(f"note: {note}")
    for row in told_rows(prepared.entry.ledger):
        terminal.note(f"data: {row}")
    terminal.complain(f"Steps on {prepared.entry.container}:")
    for number, operation in enumerate(prepared.entry.operations, 1):
        terminal.complain(f"  {number}. {described(operation)}")
    terminal.complain(f"{prepared.downtime} Any failure restores the original.")
    if within := prepared.wishes.confirm_within:
        terminal.complain(f"It rolls back unless hardentui confirm is run within {within:g} s.")
