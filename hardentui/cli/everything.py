"""hardentui harden --everything: all containers of a host tried unattended, and kept together."""

from __future__ import annotations

import sys
import time
from argparse import SUPPRESS, ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.change_events import tell
from hardentui.cli.journal import write_entries
from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.parser import flag
from hardentui.cli.signals import stopped_by_signals
from hardentui.cli.terminal import Terminal
from hardentui.errors import ApplyFailed, UsageError
from hardentui.features.apply.history import History
from hardentui.features.change.starting import take_lowest_priority
from hardentui.features.harden.everything_page import (
    about,
    figure_lines,
    heading,
    progress,
    result_lines,
)
from hardentui.features.harden.host_run import HostRun, Member, RunEvent, RunFiles, Standing
from hardentui.features.harden.keeping import Outcome, Struck, keep_all, kept_of
from hardentui.features.harden.outset import CONFIRM_WITHIN
from hardentui.features.harden.unattended import Unattended
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_PAUSE = 0.5  # seconds between two looks at the run
_YES = ("y", "yes")


def everything_options(parser: ArgumentParser) -> None:
    """Added to those of `harden`."""
    group = parser.add_argument_group("all containers of the host")
    flag(
        group,
        "--everything",
        "try all of them in the background, several at once; a second call shows the same run and "
        "goes on with it",
    )
    flag(
        group,
        "--keep",
        "with --everything: apply what is ready, without trying anything",
    )
    flag(
        group,
        "--stop",
        "with --everything: end the trials that run; what is done stays",
    )
    flag(
        group,
        "--again",
        "with --everything: try those again that were tried before",
    )
    group.add_argument(
        "--at-once",
        metavar="N",
        type=int,
        default=0,
        help="with --everything: how many trials at once (default: by processors and memory)",
    )
    group.add_argument(
        "--as-runner",
        action="store_true",
        help=SUPPRESS,
    )


def run_everything(options: Namespace, terminal: Terminal) -> int:
    if options.directory or options.probe or options.check or options.soak is not None:
        raise UsageError(
            "--everything tries all fixes with the probes that it finds, and applies the result.",
            "Omit -o, --probe, --check and --soak, or name the containers.",
        )
    if options.as_runner:
        take_lowest_priority()
    with session.workbench(
        options,
        terminal,
        everything=True,
    ) as bench:
        files = RunFiles(bench.opened)
        if options.as_runner:
            runner = Unattended(
                bench,
                files,
                options.names,
                again=options.again,
                everything=options.all,
                tight=options.tight,
                at_once=options.at_once,
            )
            runner.run()
            return 0
        shown = _Shown(options, terminal)
        if options.stop:
            return _stop(files, terminal)
        if not options.keep:
            files.start(
                [row.id for row in session.named(bench.containers.rows(), options.names)]
                if options.names
                else (),
                again=options.again,
                everything=options.all,
                tight=options.tight,
                at_once=options.at_once,
            )
            shown.follow(files)
        run = files.read_now()
        if run is None:
            raise UsageError("Nothing was tried yet.", f"First: {files.command}")
        if not options.keep:
            shown.result(run)
        kept = tuple(kept_of(run, files.chosen()))
        if options.only_try or not kept:
            fine = (Standing.READY, Standing.NOTHING, Standing.KEPT)
            return 0 if run.with_standing(*fine) else 1
        return _Keeping(
            bench,
            files,
            options,
            terminal,
        ).keep(kept)


def _stop(files: RunFiles, terminal: Terminal) -> int:
    if not files.is_running():
        terminal.complain("No trials run.")
        return 0
    files.stop()
    terminal.activity("removing the twins")
    while files.is_running():
        time.sleep(_PAUSE)
    terminal.clear()
    terminal.complain(f"Stopped. What is done stays; to go on: {files.command}")
    return 0


class _Shown:
    """The run, told as it goes on: lines for people, or documents."""

    def __init__(
        self,
        options: Namespace,
        terminal: Terminal,
    ) -> None:
        self._terminal = terminal
        self._json = options.format == "json"
        self._told: dict[str, Standing] = {}

    def follow(self, files: RunFiles) -> None:
        """Until it has ended. Ctrl-C stops the trials; a lost terminal does not.

        Raises:
            KeyboardInterrupt: the user stopped them, and the twins are removed.
        """
        try:
            while files.is_running():
                run = files.read()
                if run is not None and not run.ended:  # else it is the one before
                    self._moved(run)
                time.sleep(_PAUSE)
        except KeyboardInterrupt:
            _stop(files, self._terminal)
            raise
        self._terminal.clear()
        if (run := files.read()) is not None:
            self._moved(run)

    def _moved(self, run: HostRun) -> None:
        for member in run.members:
            if self._told.get(member.key) != member.standing:
                self._told[member.key] = member.standing
                self._member(member)
        if not run.ended:
            self._terminal.activity(progress(run))

    def _member(self, member: Member) -> None:
        if self._json:
            self._event(
                RunEvent(
                    event="container",
                    container=member,
                )
            )
        elif not member.standing.is_open:
            self._terminal.note(f"{visible(member.name, 60)}: {about(member, str)}")

    def _event(self, event: RunEvent) -> None:
        self._terminal.write_json(event, None)

    def result(self, run: HostRun) -> None:
        if self._json:
            self._event(RunEvent(event="ended", run=run))
            return
        write = Paragraphs(self._terminal)
        width = min(100, self._terminal.width)
        text = [write.bold(heading(run))]
        text += figure_lines(run.members, width, with_bars=True)
        for line in result_lines(run, width):
            text.append(write.bold(line.text) if line.heading else line.text)
        self._terminal.write("\n".join(text) + "\n")


class _Keeping:
    """Applies what is ready, with one question before and one after."""

    def __init__(
        self,
        bench: Workbench,
        files: RunFiles,
        options: Namespace,
        terminal: Terminal,
    ) -> None:
        self._bench = bench
        self._files = files
        self._options = options
        self._terminal = terminal
        self._asks = sys.stdin.isatty() and not options.yes
        self._failed = 0

    def keep(self, kept: tuple[Struck, ...]) -> int:
        many = plural(len(kept), "container")
        for struck in kept:
            if struck.checks:
                name = visible(struck.member.name, 60)
                self._terminal.note(f"{name}: struck out: {', '.join(sorted(struck.checks))}")
        if not self._asks and not self._options.yes:
            if self._options.keep:
                raise UsageError(
                    "Nothing was changed: there is no terminal to ask on.",
                    f"To apply it without a question: {self._files.command} --keep --yes",
                )
            self._terminal.note(f"to keep what is ready: {self._files.command} --keep --yes")
            return 0
        if self._asks and not self._says_yes(f"Apply it to {many}? [y/N]"):
            self._terminal.complain("Nothing was changed.")
            return 0
        within = self._options.confirm_within
        self._bench.surroundings.host()
        session.scan(self._bench, self._terminal)
        with stopped_by_signals() as stop:
            entry = keep_all(
                self._bench,
                self._files,
                kept,
                (CONFIRM_WITHIN if self._asks else 0.0) if within is None else within,
                lambda event: tell(self._terminal, event),
                stop,
                self._told,
            )
        self._terminal.clear()
        if entry.state is EntryState.WAITING and self._asks:
            entry = self._confirmed(entry)
        write_entries(
            self._terminal,
            (entry,),
            self._options.format,
        )
        return ApplyFailed.exit_code if self._failed or not entry.in_force else 0

    def _says_yes(
        self,
        question: str,
        otherwise: str = "n",
    ) -> bool:
        self._terminal.complain(question)
        answer = sys.stdin.readline().strip().lower()
        return (answer or otherwise) in _YES

    def _told(self, told: Outcome | str) -> None:
        if isinstance(told, str):
            self._terminal.complain(told)
        elif told.why is not None:
            self._failed += 1
            self._terminal.complain(f"{told.names}: not changed.")
            self._terminal.error(told.why)
        else:
            self._terminal.note(f"{told.names}: hardened")

    def _confirmed(self, entry: JournalEntry) -> JournalEntry:
        question = f"It works: {entry.container}. Keep? Without an answer it rolls back. [Y/n]"
        if self._says_yes(question, "y"):
            return History().confirm(entry.id)
        return History().undo(entry, lambda event: tell(self._terminal, event))
