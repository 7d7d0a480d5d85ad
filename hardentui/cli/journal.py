"""hardentui journal: list the changes on this host: who, what, proof, and how to undo them."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from hardentui.cli.confirmation import sure
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.features.apply.history import History, entry_lines
from hardentui.model.journal import JournalEntry, journal_document
from hardentui.visible import strict_json, visible, visible_lines


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
    parser.add_argument("id", metavar="ID", nargs="?", default="", help="entry ID, or the end of it")
    parser.add_argument("--yes", action="store_true", help="with forget: do not ask")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def run(options: Namespace, terminal: Terminal) -> int:
    history = History()
    if options.verb and not options.id:
        raise UsageError(f"journal {options.verb} needs the ID of an entry.", "hardentui journal lists them.")
    if options.verb == "show":
        _write(terminal, (history.find(options.id),), options.format, whole=True)
        return 0
    if options.verb == "forget":
        entry = history.find(options.id)
        what = f"Remove {visible(entry.original, 80)} permanently?" if entry.original else "Close this entry?"
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
    _write(terminal, recorded.entries, options.format, whole=False)
    if not recorded.entries:
        terminal.note("The journal is empty.")
    return 0


def _write(terminal: Terminal, entries: tuple[JournalEntry, ...], form: str, *, whole: bool) -> None:
    if form == "json":
        terminal.write(strict_json(json.dumps(journal_document(entries), indent=2)) + "\n")
        return
    for entry in entries:
        lines = entry_lines(entry, whole=whole)
        terminal.write("\n".join(visible_lines(line) for line in lines) + "\n")
