"""A conversation in a terminal, line by line, that hardens containers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from hardentui.cli.change_events import tell
from hardentui.cli.journal import write_entries
from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.signals import stopped_by_signals
from hardentui.cli.terminal import Terminal
from hardentui.cli.trial import EXIT_CODES, ProgressLines
from hardentui.do import said
from hardentui.errors import ApplyFailed, HardenError, NotFound, UsageError
from hardentui.features.apply.history import History
from hardentui.features.apply.soak import is_over, told
from hardentui.features.apply.soak_log import Soaked
from hardentui.features.fix.apply_ways import ComposeOverride
from hardentui.features.fix.saving import save_result
from hardentui.features.harden.keeping import Outcome, change_of, each_stack
from hardentui.features.harden.kept_trials import KeptTrial
from hardentui.features.harden.outset import HardenWishes, Outset
from hardentui.features.harden.page import LABEL, downtime, lines, title
from hardentui.features.harden.probes import asks_originals, assigned
from hardentui.features.harden.task import Hardening
from hardentui.features.looking.stack import in_start_order
from hardentui.harden.score import score_word
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import safe_file_name
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.journal_document import JournalDocument, public_entry
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.harden.card import Card
    from hardentui.features.views import Report, Row
    from hardentui.features.workbench import Workbench

Ask = Callable[[str], str]
"""Asks a question; the answer, stripped; `n` at the end of the input."""
_NO = ("n", "no")


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
                if self._goes_on(
                    card,
                    member.task,
                    changes=changes,
                ):
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
        return assigned(
            wishes.probes or (),
            in_start_order(members),
            asks,
        )

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
        task = Hardening(
            self._bench,
            self._report_of(row),
            wishes,
        )
        if (soak := task.soak) is not None:
            self._soaks(
                task,
                soak,
                changes=changes,
            )
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
        return Begun(
            task,
            outset,
            kept,
        )

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
            sentences = (said(sentence, with_flags=True) for sentence in told(entry, calls))
            self._terminal.write("\n".join(sentences) + "\n")
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
        told = replace(
            public_entry(entry),
            soak_logged={call: sorted(by) for call, by in soaked.calls.items()},
            soak_lost=soaked.lost,
        )
        self._terminal.write_json(JournalDocument(entries=(told,)))

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

        def undo(entry: JournalEntry) -> None:
            History().undo(entry, lambda event: tell(self._terminal, event))

        def told(outcome: Outcome) -> None:
            if outcome.why is not None:
                with self._told():
                    raise outcome.why

        done = each_stack(
            [task for _, task in results],
            lambda tasks, left: self._change(
                tasks,
                cards,
                left,
            ),
            undo,
            told,
        )
        entries = [outcome.entry for outcome in done if outcome.entry is not None]
        if self._ask is not None and any(entry.state is EntryState.WAITING for entry in entries):
            entries = self._keep(entries)
        for outcome, entry in zip(
            done,
            entries,
            strict=True,
        ):
            self._end(
                outcome.tasks,
                cards,
                entry,
            )

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
        prepared = tasks[0].prepared
        within = prepared.wishes.confirm_within if prepared is not None else 0.0
        try:
            with stopped_by_signals() as stop:
                return change_of(
                    tasks,
                    lambda event: tell(self._terminal, event),
                    stop,
                    within * left,
                )
        except ApplyFailed:
            self._end(
                tasks,
                cards,
                History().find(tasks[0].entry_id),
            )
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

    def _lines(
        self,
        card: Card,
        task: Hardening,
    ) -> None:
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
            self._terminal.write_json(card)

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
