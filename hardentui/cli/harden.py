"""hardentui harden: from a container's name to hardened and running."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from hardentui.cli import session
from hardentui.cli.journal import stopped_by_signals, tell, write_entries
from hardentui.cli.parser import (
    checklist_option,
    flag,
    format_option,
    given,
    patience_option,
    period,
    repeated,
    seconds,
)
from hardentui.cli.terminal import Paragraphs, Terminal
from hardentui.cli.trial import EXIT_CODES, ProgressLines
from hardentui.errors import ApplyFailed, HardenError, NotFound, UsageError
from hardentui.features.apply.history import History
from hardentui.features.apply.soak import is_over, told
from hardentui.features.apply.soak_log import Soaked
from hardentui.features.checklists.known_checks import know_checks
from hardentui.features.fix.apply_ways import ComposeOverride
from hardentui.features.fix.saving import save_result, save_texts
from hardentui.features.harden.kept_trials import KeptTrial
from hardentui.features.harden.outset import CONFIRM_WITHIN, HardenWishes, Outset
from hardentui.features.harden.page import LABEL, downtime, lines, title
from hardentui.features.harden.probes import asks_originals, assigned
from hardentui.features.harden.task import Hardening
from hardentui.features.looking.stack import in_start_order, stacks
from hardentui.harden.score import score_word
from hardentui.model.application_labels import compose_project
from hardentui.model.draft import TextFile
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import safe_file_name
from hardentui.model.journal import EntryState, JournalEntry, journal_document
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.harden.card import Card
    from hardentui.features.views import Report, Row
    from hardentui.features.workbench import Workbench

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
    repeated(
        group,
        "--check",
        "ID",
        "only this fix; repeatable",
    )
    flag(
        group,
        "--all",
        "also fixes whose effect no trial shows; with --check, those too",
    )
    group = parser.add_argument_group("the trial")
    about = "a read-only shell command that succeeds if the service works, at $TARGET"
    repeated(
        group,
        "--probe",
        "[NAME=]CMD",
        f"{about}; of several containers, it is asked of NAME, else of those at which it succeeds now; "
        "without one, the proposed one; repeatable",
    )
    patience_option(
        group,
        "seconds to become ready, for a twin and for the container",
    )
    group = parser.add_argument_group("the result")
    ends = group.add_mutually_exclusive_group()
    ends.add_argument(
        "--try",
        action="store_true",
        dest="only_try",
        help="stop after the card",
    )
    given(
        ends,
        "-o",
        "DIR",
        "write files instead of applying it",
        dest="directory",
    )
    group.add_argument(
        "--confirm-within",
        type=seconds,
        metavar="S",
        default=None,
        help=f"roll back unless it is kept within this time (default: {CONFIRM_WITHIN:g}, none "
        "with --yes)",
    )
    group.add_argument(
        "--soak",
        type=period,
        metavar="T",
        default=None,
        help="for this time (7d, 12h) the learned seccomp profile only logs what it would refuse; then "
        "harden NAME allows that too and enforces the rest; 0 ends a soak now",
    )
    flag(
        group,
        "--yes",
        "do not ask; decide nothing that is yours",
    )
    format_option(group)


def run(options: Namespace, terminal: Terminal) -> int:
    changes = not (options.only_try or options.directory)
    asks = sys.stdin.isatty() and not options.yes
    if changes and not asks and not options.yes:
        raise UsageError(
            "Nothing was done: there is no terminal to ask on.",
            "--try shows what hardening would do, -o DIR writes files, --yes applies it without a "
            "question.",
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
        told = Conversation(
            bench, terminal, _ask(terminal) if asks else None, json=options.format == "json"
        )
        code = told.harden(names, wishes, changes=changes)
        if told.override is not None:
            file = TextFile(told.override.name, told.override.text)
            terminal.tell_written(save_texts([file], options.directory), note=True)
    return code


def _chosen(
    rows: tuple[Row, ...],
    names: Iterable[str],
) -> tuple[Row, ...]:
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
    """Its pod and its compose project; none of a kept original, or of Podman's infra container."""
    facts = row.report.facts if row.report else None
    if facts is None or row.kept is not None or facts.inspect.get("IsInfra"):
        return ()
    return row.pod, compose_project(facts.labels)


def _ask(terminal: Terminal) -> Ask:
    def ask(question: str) -> str:
        terminal.complain(question)
        line = sys.stdin.readline()
        return line.strip() if line else "n"

    return ask


class Begun(NamedTuple):
    """A container that will be tried; `kept`: its trial that worked and was not followed by a
    decision."""

    task: Hardening
    outset: Outset
    kept: KeptTrial | None


class Conversation:
    """Hardens containers in a terminal, line by line: one question before the trials, one before
    the changes, one to keep them.

    Args:
        ask: None: nothing is asked, the proposed probes are taken, the results are applied.
        json: the cards are written as documents, one after another.

    Attributes:
        override: the compose file of all that was written to files.
    """

    def __init__(
        self,
        bench: Workbench,
        terminal: Terminal,
        ask: Ask | None,
        *,
        json: bool = False,
    ) -> None:
        self._bench = bench
        self._terminal = terminal
        self._ask = ask
        self._json = json
        self._codes = [0]
        self._several = False
        self.override: ComposeOverride | None = None

    def harden(
        self,
        rows: Sequence[Row],
        wishes: HardenWishes,
        *,
        changes: bool,
    ) -> int:
        """All of them; what fails is told. Returns an exit code.

        Raises:
            KeyboardInterrupt: the user stopped a trial.
        """
        several = self._several = len(rows) > 1
        if several:
            self._terminal.note(f"together: {', '.join(visible(row.name, 60) for row in rows)}")
        begun = []
        theirs = self._probes(rows, wishes) if wishes.probes else {}
        for row in rows:
            below = f"/{safe_file_name(row.name)}" if several else ""
            where = wishes.directory and f"{wishes.directory}{below}"
            wanted = replace(
                wishes,
                directory=where,
                together=several,
                probes=theirs.get(row.id),
            )
            with self._told():
                if member := self._begin(
                    row,
                    wanted,
                    changes=changes,
                    several=several,
                ):
                    begun.append(member)
        results = []
        for member, probes in self._start(begun, several=several):
            with self._told():
                card = self._try(member, probes)
                if self._goes_on(card, member.task, changes=changes):
                    results.append((card, member.task))
        if results:
            self._apply(results)
        return max(self._codes)

    def _probes(
        self,
        rows: Sequence[Row],
        wishes: HardenWishes,
    ) -> Mapping[str, tuple[str, ...]]:
        """ID of a container -> the given probes that are about it.

        Raises:
            UsageError: one succeeds nowhere.
        """
        reports = (row.report for row in rows)
        members = [report.facts for report in reports if report is not None and report.facts]
        asks = asks_originals(self._bench) if len(members) > 1 else _succeeds
        return assigned(wishes.probes or (), in_start_order(members), asks)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """An error is told, and the others go on."""
        try:
            yield
        except HardenError as error:
            self._terminal.error(error)
            self._codes.append(error.exit_code)

    def _report_of(self, row: Row) -> Report:
        if row.kept is not None:
            kept, of = visible(row.name, 60), visible(row.kept.of, 60)
            raise UsageError(
                f"{kept} is the kept original of {of}.", f"To harden that one: harden {of}"
            )
        again = self._bench.containers.refresh(row.key)
        if again is None or again.report is None:
            raise NotFound(f"The container {visible(row.name, 60)!r} is gone.")
        if again.report.trouble:
            raise NotFound(f"{visible(row.name, 60)!r} cannot be checked: {again.report.trouble}.")
        return again.report

    def _begin(
        self,
        row: Row,
        wishes: HardenWishes,
        *,
        changes: bool,
        several: bool,
    ) -> Begun | None:
        """None: there is nothing to try, which was told."""
        task = Hardening(self._bench, self._report_of(row), wishes)
        if (soak := task.soak) is not None:
            self._soaks(task, soak, changes=changes)
            return None
        if self._ask is not None and (entry := self._picked_up(task)) is not None:
            self._entry(entry)
            return None
        outset = task.outset()
        if not outset.plan.choices and not outset.plan.changes:
            self._terminal.complain(
                f"{visible(task.report.subject.name, 60)}: there is nothing to change."
            )
            self._codes.append(0 if several else 1)
            return None
        kept = task.tried_before() if changes and self._ask is not None else None
        if kept is not None and not several:
            kept = (
                kept
                if self._agrees(f"Its trial at {kept.when} worked. Go on with it? [Y/n]")
                else None
            )
        return Begun(task, outset, kept)

    def _try(
        self,
        member: Begun,
        probes: tuple[str, ...],
    ) -> Card:
        if member.kept is not None:
            return member.task.picked_up(member.outset, member.kept)
        with stopped_by_signals() as stop:
            card = member.task.try_out(
                member.outset,
                probes,
                ProgressLines(self._terminal),
                stop,
            )
        self._terminal.clear()
        return card

    def _goes_on(
        self,
        card: Card,
        task: Hardening,
        *,
        changes: bool,
    ) -> bool:
        """Show the card; whether it is to be applied."""
        applies = changes and card.works and not card.obstacle and not task.wishes.directory
        self._lines(card, task)
        if not applies:
            self._document(card)
        if task.wishes.directory:
            self._write(task)
        stuck = changes and card.works and card.obstacle and not task.wishes.directory
        self._codes.append(UsageError.exit_code if stuck else EXIT_CODES[card.trial.result])
        return applies

    def _agrees(self, question: str) -> bool:
        return self._ask is not None and self._ask(question).lower() not in _NO

    def _picked_up(self, task: Hardening) -> JournalEntry | None:
        """A change that a closed terminal left open, decided now; None if there is none."""
        if (entry := task.waiting) is not None:
            return self._keep([entry])[0]
        if (identity := task.resumable()) and self._agrees(
            "Applying it was interrupted. Complete it? [Y/n]"
        ):
            with stopped_by_signals() as stop:
                return task.resume(
                    identity,
                    lambda event: tell(self._terminal, event),
                    stop,
                )
        return None

    def _soaks(
        self,
        task: Hardening,
        entry: JournalEntry,
        *,
        changes: bool,
    ) -> None:
        """Tell what its soak has shown, and enforce its profile if that is over."""
        calls = task.soaked(entry)
        if not self._json:
            self._terminal.write("\n".join(told(entry, calls)) + "\n")
        assert entry.soak is not None  # noqa: S101 - it soaks
        if not changes or not (is_over(entry.soak) or task.wishes.soak == 0):
            self._entry(entry, calls)
            return
        task.prepare_enforcing(entry, calls)
        if self._ask is not None and self._ask("Enforce it now? [y/N]").lower() not in ("y", "yes"):
            self._terminal.complain("Nothing was changed.")
            return
        try:
            with stopped_by_signals() as stop:
                done = task.apply(lambda event: tell(self._terminal, event), stop)
        except ApplyFailed:
            self._entry(History().find(task.entry_id))
            raise
        if done.state is EntryState.WAITING and self._ask is not None:
            done = self._keep([done])[0]
        self._entry(done)

    def _entry(
        self,
        entry: JournalEntry,
        soaked: Soaked | None = None,
    ) -> None:
        if not self._json or soaked is None:
            write_entries(
                self._terminal,
                (entry,),
                "json" if self._json else "text",
            )
            return
        document = journal_document((entry,))
        document["entries"][0]["soak_logged"] = {
            call: sorted(by) for call, by in soaked.calls.items()
        }
        document["entries"][0]["soak_lost"] = list(soaked.lost)
        self._terminal.write_json(document)

    # --- the decisions ----------------------------------------------------------------------------

    def _start(
        self,
        begun: Sequence[Begun],
        *,
        several: bool,
    ) -> Iterator[tuple[Begun, tuple[str, ...]]]:
        """What to try, and with which probes; nothing if the user does not want it."""
        given: tuple[str, ...] | None = None
        for member in begun:
            self._introduce(member)
        if self._ask is not None and any(member.kept is None for member in begun):
            answer = self._ask(
                "Start the trials? [Y/n]"
                if several
                else "Start the trial? [Y/n, or a command that proves that it works at $TARGET]"
            )
            if answer.lower() in _NO:
                self._terminal.complain("Nothing was tried.")
                return
            given = None if several or answer.lower() in ("", "y", "yes") else (answer,)
        for member in begun:
            proposed = (member.outset.probe.command,) if member.outset.probe else ()
            yield member, given or member.task.wishes.probes or proposed

    def _introduce(self, member: Begun) -> None:
        say, report, outset = self._terminal.note, member.task.report, member.outset
        level = f" ({report.score.level.value})" if report.score.level else ""
        tried = (
            f"{plural(len(outset.plan.choices), 'fix', 'fixes')} will be tried on a twin, beside it"
        )
        if member.kept is not None:
            tried = f"Its trial at {member.kept.when} worked"
        say(
            f"{visible(report.subject.name, 60)}: score {score_word(report.score.value)}{level}. {tried}."
        )
        if member.kept is not None:
            return
        for line in outset.together:
            say(f"note: {line}")
        for line in outset.host_lacks:
            say(f"this host lacks something: {line}")
        if outset.probe:
            say(f"probe: {outset.probe.command}   (it {_now(outset.probe.answer)})")
        elif member.task.wishes.probes is None:
            say(
                f"judged by {outset.judged or 'whether it starts and listens: no probe is known for it'}"
            )

    def _apply(self, results: Sequence[tuple[Card, Hardening]]) -> None:
        if self._ask is not None:
            what = "it" if len(results) == 1 else f"these {len(results)}"
            if self._several and len(results) == 1:
                what = f"it to {visible(results[0][0].container, 60)}"
            answer = self._ask(f"Apply {what}? [y/N, d: show the difference]").lower()
            if answer == "d":
                self._terminal.complain("\n".join(task.diff for _, task in results))
                answer = self._ask(f"Apply {what}? [y/N]").lower()
            if answer not in ("y", "yes"):
                self._terminal.complain("Nothing was changed.")
                for card, _ in results:
                    self._document(card)
                return
        cards = {task.report.subject.id: card for card, task in results}
        changes = []  # those of a stack that are replaced are one change
        for number, stack in enumerate(stacks((task, task.report.facts) for _, task in results)):
            replaced = [task for task in stack if task.replaces]
            alone = [[task] for task in stack if not task.replaces]
            changes += [(number, tasks) for tasks in (*alone, replaced) if tasks]
        done: list[tuple[int, list[Hardening], JournalEntry]] = []
        failed: set[int] = set()
        for left, (number, tasks) in zip(range(len(changes), 0, -1), changes, strict=True):
            if number in failed:
                continue
            failed.add(number)
            with self._told():
                done.append((number, tasks, self._change(tasks, cards, left)))
                failed.discard(number)
        for number, _, entry in reversed(done):
            if number in failed:
                with self._told():
                    History().undo(entry, lambda event: tell(self._terminal, event))
        done = [change for change in done if change[0] not in failed]
        entries = [entry for _, _, entry in done]
        if self._ask is not None and any(entry.state is EntryState.WAITING for entry in entries):
            entries = self._keep(entries)
        for (_, tasks, _), entry in zip(done, entries, strict=True):
            self._end(tasks, cards, entry)

    def _change(
        self,
        tasks: Sequence[Hardening],
        cards: Mapping[str, Card],
        left: int,
    ) -> JournalEntry:
        """One change of all these containers; it also waits for those after it.

        Raises:
            ApplyFailed: they are as before.
        """
        first, *others = tasks
        assert first.prepared is not None  # noqa: S101 - its card says that it can be applied
        if left > 1 or others:
            wishes = first.prepared.wishes
            first.prepare(
                replace(wishes, confirm_within=wishes.confirm_within * left),
                others,
            )
        try:
            with stopped_by_signals() as stop:
                return first.apply(lambda event: tell(self._terminal, event), stop)
        except ApplyFailed:
            self._end(tasks, cards, History().find(first.entry_id))
            raise

    def _keep(self, entries: list[JournalEntry]) -> list[JournalEntry]:
        """The second decision, for all of them."""
        assert self._ask is not None  # noqa: S101 - its caller asked
        down = max(entry.downtime_seconds or 0.0 for entry in entries)
        many = sum(len(entry.containers) for entry in entries)
        they = "It works." if many == 1 else f"All {many} work."
        told = f" Down for {down:.1f} s." if down else ""
        answer = self._ask(f"{they}{told} Keep? Without an answer it rolls back. [Y/n]").lower()
        kept = list(entries)
        for at in reversed(range(len(entries))):  # the last one first: it may need those before it
            with self._told():
                if answer in _NO:
                    kept[at] = History().undo(
                        entries[at], lambda event: tell(self._terminal, event)
                    )
                elif entries[at].state is EntryState.WAITING:
                    kept[at] = History().confirm(entries[at].id)
        return kept

    # --- what is told -----------------------------------------------------------------------------

    def _lines(self, card: Card, task: Hardening) -> None:
        if self._json:
            return
        self._terminal.write(
            "\n".join(
                card_lines(
                    card,
                    self._terminal,
                    task.wishes.confirm_within,
                )
            )
            + "\n"
        )

    def _document(self, card: Card) -> None:
        if self._json:
            self._terminal.write_json(msgspec.to_builtins(card))

    def _end(
        self,
        tasks: Iterable[Hardening],
        cards: Mapping[str, Card],
        entry: JournalEntry,
    ) -> None:
        for task in tasks if self._json else ():
            self._document(task.applied(cards[task.report.subject.id], entry))
        if not self._json:
            self._entry(entry)

    def _write(self, task: Hardening) -> None:
        written = save_result(
            task.files(),
            task.wishes.directory,
            task.report.subject.name,
        )
        self._terminal.tell_written(written, note=True)
        override = task.override(self.override.text if self.override else "") if task.plan else None
        if override is not None:
            self.override = override
            if override.left_out:
                self._terminal.note(f"compose has no key for {', '.join(override.left_out)}")


def card_lines(
    card: Card,
    terminal: Terminal,
    confirm_within: float,
) -> list[str]:
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


def _succeeds(facts: ContainerFacts, command: str) -> str:
    """A probe of one container alone is its own; the trial tells whether it works."""
    return ""


def _now(answer: str) -> str:
    return f"answers {answer}" if answer.startswith("HTTP") else answer
