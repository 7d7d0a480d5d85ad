"""hardentui harden: from a container's name to hardened and running."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from hardentui.cli import session
from hardentui.cli.journal import stopped_by_signals, tell
from hardentui.cli.parser import Given, checklist_option, period, seconds
from hardentui.cli.terminal import Paragraphs, Terminal
from hardentui.cli.trial import EXIT_CODES, ProgressLines
from hardentui.errors import ApplyFailed, HardenError, NotFound, UsageError
from hardentui.features.apply.history import History, entry_lines
from hardentui.features.apply.soak import is_over, told
from hardentui.features.checklists.loading import know_checks
from hardentui.features.fix.apply_ways import ComposeOverride
from hardentui.features.fix.saving import save_result, save_texts
from hardentui.features.harden.page import LABEL, downtime, lines, title
from hardentui.features.harden.task import CONFIRM_WITHIN, Hardening, HardenWishes, Outset
from hardentui.harden.score import score_word
from hardentui.model.draft import TextFile
from hardentui.model.journal import EntryState, journal_document
from hardentui.model.network import compose_project
from hardentui.visible import strict_json, visible
from hardentui.words import plural
from hardentui.writers.context import safe_file_name

if TYPE_CHECKING:
    from hardentui.features.harden.card import Card
    from hardentui.features.views import Report, Row
    from hardentui.features.workbench import Workbench
    from hardentui.model.journal import JournalEntry

Ask = Callable[[str], str]
"""Asks a question; the answer, stripped; `n` at the end of the input."""
_NO = ("n", "no")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="+",
        help="container, ID prefix, or a pod or compose project: its members",
    )
    checklist_option(parser)
    group = parser.add_argument_group("which fixes; without these, all that a trial can judge")
    group.add_argument("--check", metavar="ID", action="append", default=[], help="only this fix; repeatable")
    group.add_argument(
        "--all",
        action="store_true",
        help="also fixes whose effect no trial shows; with --check, those too",
    )
    group = parser.add_argument_group("the trial")
    group.add_argument(
        "--probe",
        action="append",
        metavar="CMD",
        default=[],
        help="a read-only shell command that succeeds if the service works, at $TARGET; without one, "
        "the proposed one; repeatable",
    )
    group.add_argument(
        "--patience",
        type=seconds,
        metavar="S",
        default=30.0,
        help="seconds to become ready, for a twin and for the container (default: 30)",
    )
    group = parser.add_argument_group("the result")
    ends = group.add_mutually_exclusive_group()
    ends.add_argument("--try", action="store_true", dest="only_try", help="stop after the card")
    ends.add_argument(
        "-o",
        action=Given,
        metavar="DIR",
        dest="directory",
        default="",
        help="write files instead of applying it",
    )
    group.add_argument(
        "--confirm-within",
        type=seconds,
        metavar="S",
        default=None,
        help=f"roll back unless it is kept within this time (default: {CONFIRM_WITHIN:g}, none with --yes)",
    )
    group.add_argument(
        "--soak",
        type=period,
        metavar="T",
        default=None,
        help="for this time (7d, 12h) the learned seccomp profile only logs what it would refuse; then "
        "harden NAME allows that too and enforces the rest; 0 ends a soak now",
    )
    group.add_argument("--yes", action="store_true", help="do not ask; decide nothing that is yours")
    group.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def run(options: Namespace, terminal: Terminal) -> int:
    changes = not (options.only_try or options.directory)
    asks = sys.stdin.isatty() and not options.yes
    if changes and not asks and not options.yes:
        raise UsageError(
            "Nothing was done: there is no terminal to ask on.",
            "--try shows what hardening would do, -o DIR writes files, --yes applies it without a question.",
        )
    if options.soak and not changes:
        raise UsageError("--soak applies the result: it does not go with --try or -o.")
    know_checks(options.check, getattr(options, "checklist", ""))
    confirm = options.confirm_within
    wishes = HardenWishes(
        checks=tuple(options.check),
        everything=options.all,
        probes=tuple(options.probe) or None,
        patience=options.patience,
        confirm_within=(CONFIRM_WITHIN if asks else 0.0) if confirm is None else confirm,
        soak=options.soak,
        directory=options.directory,
    )
    with session.workbench(options, terminal) as bench:
        bench.surroundings.host()  # the engine's defaults show what a container set itself
        rows = session.scan(bench, terminal)
        names = _chosen(rows, options.names)
        told = Conversation(bench, terminal, _ask(terminal) if asks else None, json=options.format == "json")
        if len(names) > 1:
            terminal.note(f"one after another: {', '.join(visible(row.name, 60) for row in names)}")
        codes = []
        for row in names:
            below = f"/{safe_file_name(row.name)}" if len(names) > 1 else ""
            where = options.directory and f"{options.directory}{below}"
            wanted = replace(wishes, directory=where)
            codes.append(told.harden(row, wanted, changes=changes))
        if told.override is not None:
            file = TextFile(told.override.name, told.override.text)
            for written in save_texts([file], options.directory):
                terminal.note(f"{visible(written.path)}: {written.state.value}")
    return max(codes)


def _chosen(rows: tuple[Row, ...], names: Iterable[str]) -> tuple[Row, ...]:
    """The containers of these names; the name of a pod or compose project stands for its members.

    Raises:
        UsageError: no container has that name, or several engines have one.
    """
    wanted: list[str] = []
    for name in names:
        members = [row.id for row in rows if name in _groups(row)]
        if len(same := [row for row in rows if row.name == name]) > 1:
            raise session.several(name, same)
        wanted += [name] if same or not members else members
    return session.named(rows, wanted)


def _groups(row: Row) -> tuple[str, ...]:
    """Its pod and its compose project; none of an infra container, which is Podman's own."""
    facts = row.report.facts if row.report else None
    if facts is None or facts.inspect.get("IsInfra"):
        return ()
    return row.pod, compose_project(facts.labels)


def _ask(terminal: Terminal) -> Ask:
    def ask(question: str) -> str:
        terminal.complain(question)
        line = sys.stdin.readline()
        return line.strip() if line else "n"

    return ask


class Conversation:
    """Hardens containers in a terminal, line by line.

    Args:
        ask: None: nothing is asked, the proposed probe is taken, the result is applied.
        json: the cards are written as documents, one after another.

    Attributes:
        override: the compose file of all that was written to files.
    """

    def __init__(self, bench: Workbench, terminal: Terminal, ask: Ask | None, *, json: bool = False) -> None:
        self._bench = bench
        self._terminal = terminal
        self._ask = ask
        self._json = json
        self.override: ComposeOverride | None = None

    def harden(self, row: Row, wishes: HardenWishes, *, changes: bool) -> int:
        """One container; what fails is told. Returns an exit code.

        Raises:
            KeyboardInterrupt: the user stopped the trial.
        """
        try:
            return self._harden(Hardening(self._bench, self._report_of(row), wishes), changes=changes)
        except HardenError as error:
            self._terminal.error(error)
            return error.exit_code

    def _report_of(self, row: Row) -> Report:
        if row.kept is not None:
            kept, of = visible(row.name, 60), visible(row.kept.of, 60)
            raise UsageError(f"{kept} is the kept original of {of}.", f"To harden that one: harden {of}")
        again = self._bench.containers.refresh(row.key)
        if again is None or again.report is None:
            raise NotFound(f"The container {visible(row.name, 60)!r} is gone.")
        if again.report.trouble:
            raise NotFound(f"{visible(row.name, 60)!r} cannot be checked: {again.report.trouble}.")
        return again.report

    def _harden(self, task: Hardening, *, changes: bool) -> int:
        if (soak := task.soak) is not None:
            return self._soaks(task, soak, changes=changes)
        if self._ask is not None and (entry := self._picked_up(task)) is not None:
            self._entry(entry)
            return 0
        outset = task.outset()
        if not outset.plan.choices and not outset.plan.changes:
            self._terminal.complain(f"{visible(task.report.subject.name, 60)}: there is nothing to change.")
            return 1
        kept = task.tried_before() if changes and self._ask is not None else None
        if kept is not None and self._agrees(f"Its trial at {kept.when} worked. Go on with it? [Y/n]"):
            card = task.picked_up(outset, kept)
        else:
            probes = self._start(task, outset)
            if probes is None:
                self._terminal.complain("Nothing was tried.")
                return 0
            with stopped_by_signals() as stop:
                card = task.try_out(outset, probes, ProgressLines(self._terminal), stop)
            self._terminal.clear()
        code = EXIT_CODES[card.trial.result]
        if task.wishes.directory:
            self._show(card, task)
            self._write(task)
        elif not changes or not card.works:
            self._show(card, task)
        elif card.obstacle:
            self._show(card, task)
            code = UsageError.exit_code
        else:
            code = self._apply(card, task)
        return code

    def _agrees(self, question: str) -> bool:
        return self._ask is not None and self._ask(question).lower() not in _NO

    def _picked_up(self, task: Hardening) -> JournalEntry | None:
        """A change that a closed terminal left open, decided now; None if there is none."""
        if (entry := task.waiting) is not None:
            return self._keep(entry)
        if (identity := task.resumable()) and self._agrees("Applying it was interrupted. Complete it? [Y/n]"):
            with stopped_by_signals() as stop:
                return task.resume(identity, lambda event: tell(self._terminal, event), stop)
        return None

    def _soaks(self, task: Hardening, entry: JournalEntry, *, changes: bool) -> int:
        """Tell what its soak has shown, and enforce its profile if that is over."""
        calls = task.soaked(entry)
        if not self._json:
            self._terminal.write("\n".join(told(entry, calls)) + "\n")
        assert entry.soak is not None  # noqa: S101 - it soaks
        if not changes or not (is_over(entry.soak) or task.wishes.soak == 0):
            self._entry(entry, calls)
            return 0
        task.prepare_enforcing(entry, calls)
        if self._ask is not None and self._ask("Enforce it now? [y/N]").lower() not in ("y", "yes"):
            self._terminal.complain("Nothing was changed.")
            return 0
        try:
            with stopped_by_signals() as stop:
                done = task.apply(lambda event: tell(self._terminal, event), stop)
        except ApplyFailed:
            self._entry(History().find(task.entry_id))
            raise
        if done.state is EntryState.WAITING and self._ask is not None:
            done = self._keep(done)
        self._entry(done)
        return 0

    def _entry(self, entry: JournalEntry, soaked: Mapping[str, frozenset[str]] | None = None) -> None:
        if self._json:
            document = journal_document((entry,))
            if soaked is not None:
                document["entries"][0]["soak_logged"] = {call: sorted(by) for call, by in soaked.items()}
            self._terminal.write(strict_json(json.dumps(document, indent=2)) + "\n")
        else:
            self._terminal.write("\n".join(entry_lines(entry, whole=False)) + "\n")

    # --- the decisions --------------------------------------------------------------------------------

    def _start(self, task: Hardening, outset: Outset) -> tuple[str, ...] | None:
        """The probes to try it with; None: the user does not want it."""
        say, report = self._terminal.note, task.report
        level = f" ({report.score.level.value})" if report.score.level else ""
        say(
            f"{visible(report.subject.name, 60)}: score {score_word(report.score.value)}{level}. "
            f"{plural(len(outset.plan.choices), 'fix', 'fixes')} will be tried on a twin, beside it."
        )
        for line in outset.together:
            say(f"note: {line}")
        for line in outset.host_lacks:
            say(f"this host lacks something: {line}")
        probes = task.wishes.probes
        if probes is None:
            probes = (outset.probe.command,) if outset.probe else ()
            if outset.probe:
                say(f"probe: {outset.probe.command}   (it {_now(outset.probe.answer)})")
            else:
                say(f"judged by {outset.judged or 'whether it starts and listens: no probe is known for it'}")
        if self._ask is None:
            return probes
        answer = self._ask("Start the trial? [Y/n, or a command that proves that it works at $TARGET]")
        if answer.lower() in _NO:
            return None
        return probes if answer.lower() in ("", "y", "yes") else (answer,)

    def _apply(self, card: Card, task: Hardening) -> int:
        if self._ask is not None:
            self._lines(card, task)
            answer = self._ask("Apply it? [y/N, d: show the difference]").lower()
            if answer == "d":
                self._terminal.complain(task.diff)
                answer = self._ask("Apply it? [y/N]").lower()
            if answer not in ("y", "yes"):
                self._terminal.complain("Nothing was changed.")
                self._document(card)
                return 0
        else:
            self._lines(card, task)
        try:
            with stopped_by_signals() as stop:
                entry = task.apply(lambda event: tell(self._terminal, event), stop)
        except ApplyFailed:
            self._end(card, task, History().find(task.entry_id))
            raise
        if entry.state is EntryState.WAITING and self._ask is not None:
            entry = self._keep(entry)
        self._end(card, task, entry)
        return 0

    def _keep(self, entry: JournalEntry) -> JournalEntry:
        """The second decision."""
        assert self._ask is not None  # noqa: S101 - its caller asked
        down = "" if entry.downtime_seconds is None else f" It was down for {entry.downtime_seconds:.1f} s."
        answer = self._ask(f"It works.{down} Keep it? Without an answer it rolls back. [Y/n]").lower()
        if answer in _NO:
            return History().undo(entry, lambda event: tell(self._terminal, event))
        return History().confirm(entry.id)

    # --- what is told ---------------------------------------------------------------------------------

    def _show(self, card: Card, task: Hardening) -> None:
        self._lines(card, task)
        self._document(card)

    def _lines(self, card: Card, task: Hardening) -> None:
        if self._json:
            return
        self._terminal.write("\n".join(card_lines(card, self._terminal, task.wishes.confirm_within)) + "\n")

    def _document(self, card: Card) -> None:
        if self._json:
            self._terminal.write(strict_json(json.dumps(msgspec.to_builtins(card), indent=2)) + "\n")

    def _end(self, card: Card, task: Hardening, entry: JournalEntry) -> None:
        if self._json:
            self._document(task.applied(card, entry))
        else:
            self._entry(entry)

    def _write(self, task: Hardening) -> None:
        for written in save_result(task.files(), task.wishes.directory, task.report.subject.name):
            self._terminal.note(f"{visible(written.path)}: {written.state.value}")
        override = task.override(self.override.text if self.override else "") if task.plan else None
        if override is not None:
            self.override = override
            if override.left_out:
                self._terminal.note(f"compose has no key for {', '.join(override.left_out)}")


def card_lines(card: Card, terminal: Terminal, confirm_within: float) -> list[str]:
    """The card as text."""
    write = Paragraphs(terminal)
    width = min(100, terminal.width)
    heading, right = title(card)
    text = [write.bold(heading), f"  {right}"]
    for line in lines(card, width - 2):
        label = f"{line.label:<{LABEL}}"
        text.append(f"  {write.bold(label) if line.label else label}{line.text}".rstrip())
    if down := downtime(card, confirm_within):
        text.append(f"  {down}")
    return text


def _now(answer: str) -> str:
    return f"answers {answer}" if answer.startswith("HTTP") else answer
