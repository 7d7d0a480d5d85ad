"""hardentui journal: list the changes on this host: who, what, proof, and how to undo them."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace

from hardentui.cli.change_events import tell
from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.parser import flag, format_option
from hardentui.cli.session import one_report, refuse_strangers_engine
from hardentui.cli.terminal import Terminal, sure
from hardentui.errors import UsageError
from hardentui.features.apply.applying import Application
from hardentui.features.apply.entry_text import downtime_of_undo, entry_lines
from hardentui.features.apply.history import History
from hardentui.features.change.data_operator import can_bring_back
from hardentui.features.change.data_told import told_newer
from hardentui.features.change.journal import PRIVATE
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.model.journal import (
    EntryAction,
    JournalEntry,
)
from hardentui.model.journal_document import journal_document
from hardentui.visible import visible, visible_lines
from hardentui.words import plural


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "verb",
        metavar="show|forget",
        nargs="?",
        default="",
        choices=("", "show", "forget"),
        help="show one entry with its diff, or forget it: its kept original is deleted; "
        "one that cannot be undone any more is closed",
    )
    parser.add_argument(
        "id", metavar="ID", nargs="?", default="", help="entry ID, or the end of it"
    )
    flag(parser, "--yes", "with forget: do not ask")
    format_option(parser)


def run(options: Namespace, terminal: Terminal) -> int:
    refuse_strangers_engine(options)
    history = History()
    if options.verb and not options.id:
        raise UsageError(
            f"journal {options.verb} needs the ID of an entry.", "hardentui journal lists them."
        )
    if options.verb == "show":
        write_entries(
            terminal,
            (history.find(options.id),),
            options.format,
            whole=True,
        )
        return 0
    if options.verb == "forget":
        entry = history.find(options.id)
        what = (
            f"Remove {visible(entry.original, 80)} permanently?"
            if entry.original
            else "Close this entry?"
        )
        sure(
            terminal,
            f"{what} {entry.id} cannot be undone afterwards.",
            yes=options.yes,
            command=f"hardentui journal forget {entry.id} --yes",
        )
        terminal.write(f"{entry.id}: {visible(history.forget(entry.id).reason)}\n")
        return 0
    recorded = history.recorded()
    for broken in recorded.broken:
        terminal.complain(f"note: the entry {broken.id} cannot be read: {broken.why}")
    write_entries(
        terminal,
        recorded.entries,
        options.format,
    )
    if not recorded.entries:
        terminal.note("The journal is empty.")
    return 0


def write_entries(
    terminal: Terminal,
    entries: tuple[JournalEntry, ...],
    form: str,
    *,
    whole: bool = False,
) -> None:
    """Changes as text or JSON. `whole`: with the difference, the changes and the proof."""
    if form == "json":
        terminal.write_json(journal_document(entries))
        return
    for entry in entries:
        _write_entry(terminal, entry, whole=whole)


def _write_entry(
    terminal: Terminal,
    entry: JournalEntry,
    *,
    whole: bool,
) -> None:
    """On a terminal, all but the difference is wrapped between words."""
    as_it_is = {f"    {line}" for line in entry.diff.splitlines()}
    for line in entry_lines(entry, whole=whole):
        if terminal.is_terminal and line not in as_it_is:
            indent = line[: len(line) - len(line.lstrip())]
            terminal.write(
                "".join(f"{part}\n" for part in Paragraphs(terminal).wrapped(line, indent))
            )
        else:
            terminal.write(f"{visible_lines(line)}\n")


def arguments_undo(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        default="",
        help="a journal entry, or the end of its ID; default: the latest one in force",
    )
    flag(
        parser,
        "--bring-back",
        "give what was written since back to the original before it starts; a copy of what that had is "
        "kept",
    )
    flag(parser, "--yes", "do not ask")
    parser.add_argument(
        "--expired", action="store_true", help=SUPPRESS
    )  # called by the timer of apply
    parser.add_argument(
        "--cut-off", action="store_true", help=SUPPRESS
    )  # called by the guard of apply


def run_undo(options: Namespace, terminal: Terminal) -> int:
    refuse_strangers_engine(options)
    history = History()
    if options.cut_off:
        history.take_back_cut_off(options.id)
        return 0
    if options.expired:
        history.take_back_expired(options.id)
        return 0
    entry = history.to_undo(options.id)
    if options.bring_back and not can_bring_back(entry):
        raise UsageError(
            f"{entry.id} moved no data that can be brought back.", "Undo it without --bring-back."
        )
    _write_entry(terminal, entry, whole=True)
    if down := downtime_of_undo(entry):
        terminal.complain(down)
    sure(
        terminal,
        f"Undo {entry.id}?",
        yes=options.yes,
        command=f"hardentui undo {entry.id} --yes",
    )
    bring_back = options.bring_back
    if can_bring_back(entry) and not bring_back and not options.yes:
        terminal.complain("Give what was written since back to the original, too? [y/N]")
        bring_back = sys.stdin.readline().strip().lower() in ("y", "yes")
    done = history.undo(
        entry,
        lambda event: tell(terminal, event),
        bring_back=bring_back,
    )
    note = next(
        (note for note in history.recorded().entries if note.undoes == done.id),
        None,
    )
    seconds = note.downtime_seconds if note else None
    told = "" if seconds is None else f" It was down for {seconds:.1f} s."
    are = "are" if _of_several(done) else "is"
    but = ", but for what was written since" if done.newer else ""
    names = ", ".join(done.containers)
    terminal.write(f"{done.id}: undone. {names} {are} as before{but}.{told}\n")
    for line in told_newer(done.newer):
        terminal.write(f"  {line}\n")
    return 0


def arguments_confirm(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        default="",
        help="a journal entry, possibly an interrupted one; default: the latest that waits",
    )


def run_confirm(options: Namespace, terminal: Terminal) -> int:
    refuse_strangers_engine(options)
    history = History()
    cut_off = history.cut_off_entry(options.id) if options.id else None
    if cut_off is not None and cut_off.action is not EntryAction.HARDEN:
        entry = _finished(cut_off, terminal)
    else:
        entry = history.confirm(options.id)
    keeps = "keep their changes" if _of_several(entry) else "keeps its change"
    terminal.write(f"{entry.id}: {visible(entry.container, 80)} {keeps}.\n")
    return 0


def _of_several(entry: JournalEntry) -> bool:
    """Whether what an entry is named after are several containers."""
    together = entry.action is EntryAction.HARDEN
    return entry.container != plural(1, "container") if together else len(entry.containers) > 1


def _finished(cut_off: JournalEntry, terminal: Terminal) -> JournalEntry:
    """Start and judge the result of an interrupted change."""
    url = "" if cut_off.engine == PRIVATE else cut_off.engine
    bench = Workbench.open(Selection(url=url))
    try:
        application = Application(bench, one_report(bench, cut_off.container))
        return application.finish(cut_off.id, lambda event: tell(terminal, event))
    finally:
        bench.close()
