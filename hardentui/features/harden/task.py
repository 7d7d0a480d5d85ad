"""The task: plan, try, tell, apply. Its parts are the planner, the trial, apply and the journal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import closing
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.do import Do, Verb, joined
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ApplyFailed, CannotFix, HardenError, UsageError
from hardentui.features.apply.applying import Application
from hardentui.features.apply.history import History
from hardentui.features.apply.operators import address_of
from hardentui.features.apply.prepared import PROBES_MEET_DATA, Part, PreparedChange
from hardentui.features.apply.refused import (
    applied_before,
    refused_at,
    refused_changes,
    refused_checks,
)
from hardentui.features.apply.soak import enforcing, no_soak, probes_of, slower, soak_of, told
from hardentui.features.apply.soak_log import Soaked, logged_calls, why_no_log
from hardentui.features.apply.wishes import ApplyWishes
from hardentui.features.change.inspected import has_health_check, pid_of
from hardentui.features.change.operator import OnEvent
from hardentui.features.change.resuming import resumable_from
from hardentui.features.fix.apply_ways import ComposeOverride, compose_override
from hardentui.features.fix.trial_files import plan_of_trial, trial_files
from hardentui.features.harden.card import Card, NextStep, card_of
from hardentui.features.harden.kept_trials import KeptTrial, KeptTrials
from hardentui.features.harden.outset import HardenWishes, Outset, planned_health
from hardentui.features.harden.probes import asks_originals, assigned, proposed
from hardentui.features.harden.simulated import play_apply, play_trial, prepare_played
from hardentui.features.harden.wished import belongs_to, planned, unproven
from hardentui.features.looking.stack import in_start_order
from hardentui.features.trial.kept_learning import (
    can_keep_profile,
    keep_profile,
    profile_directory,
    profile_path,
)
from hardentui.features.trial.preflight import refuse_busy, refuse_unable, refuse_unwritable
from hardentui.features.trial.request import Wishes
from hardentui.features.trial.tried import without, without_profile
from hardentui.features.trial.trying import choices_to_try
from hardentui.features.views import Report, known_facts
from hardentui.model.draft import DraftFile, Target
from hardentui.model.journal import EntryState, JournalEntry, TriedWithout
from hardentui.model.journal_document import public_entry
from hardentui.model.known import Unread
from hardentui.model.plan import Plan
from hardentui.model.trial import OnTrialEvent, Trial
from hardentui.options import REMOVE
from hardentui.state import state_directory
from hardentui.visible import command_word, visible
from hardentui.words import own_command

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


class Hardening:
    """The hardening of one container: `outset`, `try_out`, then `apply` or `files`.

    Args:
        report: of the container, after a detailed inspection.
        others: those that are hardened, and replaced, with it.

    Attributes:
        trial: what was tried; plan: of what worked. None before the trial.
        prepared: what apply will do; None if it cannot be applied.
    """

    def __init__(
        self,
        bench: Workbench,
        report: Report,
        wishes: HardenWishes,
        others: Iterable[Report] = (),
    ) -> None:
        self.bench = bench
        self.others = tuple(Hardening(bench, other, wishes) for other in others)
        self.report = report
        self.wishes = wishes
        self._facts = known_facts(report)
        self._kept_trials = KeptTrials(wishes, self._facts, bench.opened.files)
        self.plan: Plan | None = None
        self.trial: Trial | None = None
        self._application: Application | None = None
        self.prepared: PreparedChange | None = None
        self._along: tuple[Hardening, ...] = ()
        self._begins: Callable[[str], str] | None = None

    def outset(self) -> Outset:
        """What will be tried, and a probe; only asks the service what any client may ask it.

        Raises:
            UsageError: an earlier change is unfinished, it soaks, or no result could be kept.
            CannotFix: it cannot soak here.
            EngineError: Podman does not answer.
        """
        facts = self._facts
        if self.wishes.soak and (why := why_no_log(self.bench.opened.files)):
            raise no_soak(why)
        if not self.simulated:
            if not self.wishes.directory:
                refuse_unwritable(state_directory())
            History().refuse_busy(facts.name)
            if (entry := self.waiting) is not None:
                ways = (
                    "First: ",
                    Do(Verb.CONFIRM, entry.id),
                    ", or ",
                    Do(Verb.UNDO, entry.id),
                )
                raise UsageError(
                    f"A change of {visible(facts.name, 80)} waits for confirmation.", ways
                )
            engine = self.bench.opened.engine(facts.engine.label)
            with closing(ChangingEngine(engine, self.bench.opened.log)) as changing:
                refuse_unable(changing)
            refuse_busy(facts.name, address_of(self.bench.opened, facts.engine))
        plan = self._planned()
        tried = {choice.check for choice in choices_to_try(plan, named=bool(self.wishes.named))}
        skipped = [skip for skip in plan.skipped if skip.check not in tried and skip.do is not None]
        lacks = tuple(f"{skip.check}: {skip}" for skip in skipped)
        has_health = has_health_check(facts.inspect)
        judged = "its health check" if has_health else planned_health(facts, plan)
        asks = self.wishes.probes is None and not has_health and not self.simulated
        probe = proposed(self.bench, facts) if asks else None
        others = tuple(other.outset() for other in self.others)
        return Outset(
            plan,
            probe,
            judged,
            lacks,
            belongs_to(self.bench, facts, self.wishes),
            others=others,
        )

    @property
    def simulated(self) -> bool:
        return self.bench.opened.simulated

    @property
    def refused(self) -> tuple[JournalEntry, ...]:
        """Its changes that did not hold, as long as image and configuration are the same."""
        if self.simulated:
            return ()
        address = address_of(self.bench.opened, self._facts.engine)
        return refused_changes(History().recorded().entries, self._facts, address)

    def _planned(self) -> Plan:
        refused = refused_checks(self.refused, self._facts.name)
        return planned(self.bench.planner, self.report, self.wishes, refused)

    def try_out(
        self,
        outset: Outset,
        probes: tuple[str, ...],
        on_event: OnTrialEvent,
        stop: threading.Event,
    ) -> Card:
        """Try it on twins; blocking. The container stays as it is.

        Args:
            probes: the user's, or the proposed one if the user agrees.

        Raises:
            UsageError, EngineError: it cannot be tried.
            KeyboardInterrupt: `stop` was set.
        """
        wishes, name = self.wishes, self._facts.name
        theirs: Mapping[str, tuple[str, ...]] = {}
        if self.others and probes and not (outset.probe and probes == (outset.probe.command,)):
            members = in_start_order([self._facts, *(other._facts for other in self.others)])
            theirs = assigned(probes, members, asks_originals(self.bench))
            probes = theirs.get(self._facts.id, ())
        if self.simulated:
            trial = play_trial(outset.plan, on_event, stop)
        else:
            kept = profile_directory(self._facts, self.bench.opened.files)
            directory = wishes.directory or kept
            path = profile_path(name, directory) if self._facts.engine.local else ""
            trying = self.bench.trying(self.report)
            tried = Wishes(
                probes=probes,
                patience=wishes.patience,
                learn=path,
                tight=wishes.tight,
            )
            trial = trying.try_plan(
                outset.plan,
                tried,
                on_event,
                stop,
                named=bool(wishes.named),
            )
            if (
                not wishes.directory
                and trial.learned is not None
                and trial.learned.seccomp is not None
            ):
                if can_keep_profile(self._facts, self.bench.opened.files):
                    keep_profile(trial, kept)
                else:
                    trial = without_profile(trial, trial.learned)
            self._kept_trials.keep(trial)
        card = self._card(outset, trial, probes)
        if not self.others:
            return card
        cards = []
        for other, its in zip(self.others, outset.others, strict=True):
            proposed = (its.probe.command,) if its.probe else ()
            its_own = theirs.get(other._facts.id, proposed)
            cards.append(other.try_out(its, its_own, on_event, stop))
        card = replace(card, others=tuple(cards))
        return self.offered(card, self.apply_wishes(probes)) if card.works else card

    def _card(
        self,
        outset: Outset,
        trial: Trial,
        probes: tuple[str, ...],
    ) -> Card:
        self.trial = trial
        planner = self.bench.planner
        self.plan = plan = plan_of_trial(planner, self.report, trial)
        after = planner.score_after(self.report, plan)
        card = replace(
            card_of(
                outset.plan,
                plan,
                self._facts,
                trial,
                self.report.score,
                after,
            ),
            answer=outset.probe.answer if outset.probe and outset.probe.command in probes else "",
            simulated=self.simulated,
            unproven=() if self.simulated else unproven(self.bench.judge, self._facts, plan, trial),
        )
        return self.offered(card, self.apply_wishes(probes)) if card.works else card

    def tried_before(self) -> KeptTrial | None:
        """A trial of this container, with the same wishes, that worked within the last day."""
        kept = None if self.simulated else self._kept_trials.latest()
        if kept is None or any(kept.at < refused_at(entry) for entry in self.refused):
            return None
        return kept

    def picked_up(
        self,
        outset: Outset,
        kept: KeptTrial,
    ) -> Card:
        """The card of that trial, as if it had just ended.

        Raises:
            InputError: it no longer fits.
        """
        return self._card(outset, kept.trial, kept.trial.probes)

    def apply_wishes(self, probes: tuple[str, ...]) -> ApplyWishes:
        """How the result is applied; data is copied to volumes where that is possible."""
        wishes, trial = self.wishes, self.trial
        return ApplyWishes(
            probes=probes,
            patience=wishes.patience,
            confirm_within=wishes.confirm_within,
            soak=wishes.soak or 0.0,
            keep_data=self._facts.engine.local,
            tried=(trial.baseline.seconds, trial.baseline.stop_seconds)
            if trial is not None
            else None,
            client=trial.learned.client if trial is not None and trial.learned else None,
        )

    def offered(
        self,
        card: Card,
        wishes: ApplyWishes,
    ) -> Card:
        """The card with what applying it means, or why that is impossible."""
        write = NextStep("write", self._command("harden", "-o", "DIR"))
        try:
            prepared = self.prepare(wishes)
        except HardenError as error:
            return replace(
                card,
                obstacle=f"{error.title} {error.hint}".strip(),
                refused=joined(f"{error.title} ", error.advice),
                next=(write,),
            )
        if why := applied_before(self.refused, prepared.entry):
            return replace(card, obstacle=why, refused=why, next=(write,))
        expected = prepared.expected
        rows = tuple(row for row in prepared.entry.ledger if row.container == card.container)
        return replace(
            card,
            obstacle="",
            refused="",
            ledger=card.ledger if self.simulated else rows,
            notes=tuple(
                note for note in prepared.notes if not self._is_known(card, prepared, note)
            ),
            expected_downtime_seconds=round(expected.seconds, 2) if expected else None,
            next=(NextStep("apply", self._command("harden")), write),
        )

    def _is_known(
        self,
        card: Card,
        prepared: PreparedChange,
        note: str,
    ) -> bool:
        """What the card tells already, or the card of another one will."""
        others = prepared.entry.containers[1:] if self.wishes.together else ()
        of_others = note.startswith(tuple(visible(name, 80) for name in others))
        return of_others or bool(card.answer and note == PROBES_MEET_DATA)

    def untried(self) -> Outset:
        """What was chosen, to be applied without a trial; `prepare` tells the steps.

        Raises:
            HardenError: nothing can be planned.
        """
        self.plan = self._planned()
        return Outset(self.plan)

    def prepare(
        self,
        wishes: ApplyWishes,
        along: Sequence[Hardening] | None = None,
    ) -> PreparedChange:
        """The steps of applying the plan; `apply` carries them out. Changes nothing.

        Args:
            along: applied in the same transaction; None: the others.

        Raises:
            HardenError: it cannot be applied.
        """
        assert self.plan is not None  # noqa: S101 - it was tried, or chosen
        self.prepared = None
        self._along = self.others if along is None else tuple(along)
        if self.simulated:
            draft = self.bench.drafter.draft(
                self.report,
                self.plan,
                Target.QUADLET,
                verify=False,
            )
            self.prepared = prepare_played(self.plan, draft.diff, wishes)
        else:
            self._application = Application(self.bench, self.report)
            treated = {
                "keep_data": wishes.keep_data,
                "discard_data": wishes.discard_data,
            }
            others = [
                Part(
                    other.report,
                    other.plan,
                    replace(other.prepared.wishes, **treated),
                )
                for other in self._along
                if other.plan is not None and other.prepared is not None
            ]
            self.prepared = self._application.prepare(self.plan, wishes, others)
        return self.prepared

    @property
    def diff(self) -> str:
        """What apply changes in files and options; empty before the trial."""
        return self.prepared.entry.diff if self.prepared else ""

    @property
    def replaces(self) -> bool:
        """Whether applying it replaces the container, and can do so together with others."""
        prepared = self.prepared
        alone = self._facts.spec[REMOVE] or (prepared is not None and prepared.wishes.soak)
        return prepared is not None and prepared.entry.original is not None and not alone

    @property
    def waiting(self) -> JournalEntry | None:
        """Its change that is applied and not confirmed yet."""
        entries = () if self.simulated else History().recorded().entries
        mine = (
            entry for entry in entries if self._facts.name in entry.containers and entry.unfinished
        )
        return next(
            (entry for entry in mine if entry.state is EntryState.WAITING),
            None,
        )

    def resumable(self) -> str:
        """The ID of its change that was cut off and can be completed; empty if there is none."""
        history = History()
        identity = "" if self.simulated else history.cut_off(self._facts.name)
        entry = history.cut_off_entry(identity) if identity else None
        return identity if entry is not None and resumable_from(entry) is not None else ""

    def resume(
        self,
        identity: str,
        on_event: OnEvent,
        stop: threading.Event,
    ) -> JournalEntry:
        """Complete a change that was cut off.

        Raises:
            ApplyFailed: it does not work, and the original runs as before.
        """
        return Application(self.bench, self.report).finish(identity, on_event, stop)

    @property
    def soak(self) -> JournalEntry | None:
        """The change by which it soaks."""
        return None if self.simulated else soak_of(self._facts)

    def soaked(self, entry: JournalEntry) -> Soaked:
        """What the learned profile would have refused since.

        Raises:
            CannotFix: the log cannot be read.
        """
        assert entry.soak is not None  # noqa: S101 - it soaks
        pid, files = pid_of(self._facts.inspect), self.bench.opened.files
        soaked = logged_calls(entry.soak, self._facts.id, pid, files)
        if isinstance(soaked, Unread):
            raise CannotFix(f"What the soak showed cannot be read: {soaked.reason}.")
        engine = self.bench.opened.engine(self._facts.engine.label)
        with closing(ChangingEngine(engine, self.bench.opened.log)) as changing:
            return replace(soaked, slower=slower(entry, changing.containers))

    def prepare_enforcing(
        self,
        entry: JournalEntry,
        soaked: Soaked,
    ) -> None:
        """Prepare to enforce the learned profile with these calls; `apply` does it.

        Raises:
            HardenError: it cannot be applied.
        """
        nothing = self.bench.planner.plan(self.report, [])
        self.plan = enforcing(
            nothing,
            entry,
            soaked,
            self.bench.opened.files,
        )
        self.prepare(
            replace(
                self.apply_wishes(self.wishes.probes or probes_of(entry)),
                soak=0.0,
            )
        )

    def soak_outset(self) -> Outset | None:
        """What its soak has shown, ready to be enforced; None if it does not soak.

        Raises:
            HardenError: the log cannot be read, or it cannot be applied.
        """
        if (entry := self.soak) is None:
            return None
        soaked = self.soaked(entry)
        self.prepare_enforcing(entry, soaked)
        assert self.plan is not None  # noqa: S101 - it was prepared
        return Outset(self.plan, soaked=tuple(told(entry, soaked)))

    def apply(
        self,
        on_event: OnEvent,
        stop: threading.Event,
    ) -> JournalEntry:
        """Apply what worked; blocking. Fixes that the kernel does not enforce on the real container
        are left out, and the rest is applied.

        Raises:
            UsageError: it cannot be applied.
            ApplyFailed: it failed, and the original runs as before.
        """
        if self.prepared is None:
            raise UsageError("There is nothing to apply.")
        while self._application is not None:
            try:
                with self._application.alone():
                    return self._application.run(self.prepared, on_event, stop)
            except ApplyFailed:
                refused = History().find(self.entry_id).refused or {}
                if not self._without_refused(refused):
                    raise
                checks = [check for missing in refused.values() for check in missing]
                on_event(TriedWithout(tuple(dict.fromkeys(checks))))
        return play_apply(self.prepared, on_event, stop)

    def _without_refused(self, refused: Mapping[str, tuple[str, ...]]) -> bool:
        """Leave out what the kernel did not enforce, and prepare the rest; whether there is one."""
        assert self.prepared is not None  # noqa: S101 - it was applied
        wishes, along, begins = self.prepared.wishes, self._along, self._begins
        changed = [task for task in (self, *along) if refused.get(task.report.subject.name)]
        try:
            for task in changed:
                before = task.plan
                task.leave_out({*refused[task.report.subject.name]})
                if task.plan is None or before is None or task.plan.changes == before.changes:
                    return False
            if changed:
                self.prepare(wishes, along)
        except HardenError:
            return False  # the failure that led here says more
        if changed and begins is not None:
            self.hold(begins)
        return bool(changed) and all(task.plan and task.plan.changes for task in changed)

    def leave_out(self, checks: Set[str]) -> None:
        """Leave these fixes out of what is applied, and prepare the rest.

        Raises:
            HardenError: it cannot be applied.
        """
        assert self.plan is not None and self.prepared is not None  # noqa: S101, PT018 - it has a card
        planner = self.bench.planner
        if self.trial is None:
            kept = [choice for choice in self.plan.choices if choice.check not in checks]
            self.plan = planner.plan_with(self.report, None, kept)
        else:
            self.trial = without(self.trial, checks)
            self.plan = plan_of_trial(planner, self.report, self.trial)
        self.prepare(self.prepared.wishes)

    @property
    def entry_id(self) -> str:
        """Of the journal entry that apply makes; empty if there is none."""
        return self.prepared.entry.id if self.prepared else ""

    def hold(self, begins: Callable[[str], str]) -> None:
        """Note in the entry that apply makes, which one holds it.

        Args:
            begins: gets the ID of an entry before it begins; gives that of the entry that holds it.
        """
        assert self.prepared is not None  # noqa: S101 - it was prepared
        self._begins = begins
        entry = replace(self.prepared.entry, part_of=begins(self.entry_id))
        self.prepared = replace(self.prepared, entry=entry)

    def applied(
        self,
        card: Card,
        entry: JournalEntry,
    ) -> Card:
        """The card with what was done."""
        steps = [NextStep("undo", own_command((), "undo", entry.id))] if entry.can_be_undone else []
        if entry.state is EntryState.WAITING:
            steps.insert(0, NextStep("confirm", own_command((), "confirm", entry.id)))
        elif entry.state is EntryState.DONE and entry.original:
            steps.append(NextStep("forget", own_command((), "journal", "forget", entry.id)))
        return replace(
            card,
            apply=public_entry(entry),
            next=tuple(steps),
        )

    def files(self) -> tuple[DraftFile, ...]:
        """The files of `-o DIR`: record, plan, profile, Quadlet, run script.

        Raises:
            GeneratorError: the host's Quadlet generator does not produce the intended command.
        """
        assert self.trial is not None  # noqa: S101 - it was tried
        return trial_files(
            self.bench.planner,
            self.bench.drafter,
            self.report,
            self.trial,
        )

    def override(self, old: str) -> ComposeOverride | None:
        """What became of it, for the override file of its compose project; None if it is of none.
        `old`: the file to add it to; empty: a new one.
        """
        assert self.plan is not None  # noqa: S101 - it was tried
        return compose_override(self._facts, self.plan.after, old)

    def _command(self, verb: str, *words: str) -> str:
        name = command_word(self._facts.name, self._facts.id[:12])
        return own_command(
            self._facts.engine.found_with,
            verb,
            name,
            *words,
        )
