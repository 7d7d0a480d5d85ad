"""Apply as a use case: what a plan would do to the real container, and doing it with rollback."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.account import who
from hardentui.do import Do, Verb
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import CannotFix, UsageError
from hardentui.features.apply.operators import address_of, operators_on
from hardentui.features.apply.prepared import (
    PROBES_MEET_DATA,
    Part,
    PreparedChange,
    journal_changes,
    ledger_of,
    notes_of_another,
)
from hardentui.features.apply.refused import configuration_of
from hardentui.features.apply.refusing import refuse_other_container, refuse_unfinished
from hardentui.features.apply.replacing import (
    Reference,
    keep_owners,
    new_networks,
    references,
    refuse_dependents,
    replace_way,
    together,
)
from hardentui.features.apply.soak import soaking, until
from hardentui.features.apply.soak_watch import begin_watch
from hardentui.features.apply.wishes import ApplyWishes, refuse_loss
from hardentui.features.change import confirm_timer
from hardentui.features.change.change_lock import all_locked, lock_directory, locked
from hardentui.features.change.container_state import network_of
from hardentui.features.change.inspected import pid_of
from hardentui.features.change.journal import Journal
from hardentui.features.change.operator import OnEvent
from hardentui.features.change.reached_ports import ports_of
from hardentui.features.change.resuming import resumable_from
from hardentui.features.change.service_operator import guarded, timed_probe
from hardentui.features.change.transaction import Transaction
from hardentui.features.change.waiting_time import waiting
from hardentui.features.fix.apply_ways import (
    LONGEST_TRIED,
    ApplyWay,
    Downtime,
    dependents_of,
    expected_downtime,
    live_flags,
    unit_way,
    update_way,
)
from hardentui.features.fix.from_container import refuse_from_container
from hardentui.features.fix.layers import layer_of, new_volumes, only_new_volumes
from hardentui.features.looking.stack import in_start_order
from hardentui.features.looking.unit_origin import origin_of
from hardentui.features.trial.leftovers import tidy_after_trials
from hardentui.features.views import Report, known_facts
from hardentui.host.process.activity import read_listening
from hardentui.model.draft import Target
from hardentui.model.facts import ONLY_IN_DETAIL
from hardentui.model.finding import Status
from hardentui.model.journal import (
    EntryAction,
    EntryState,
    JournalEntry,
    JournalProof,
)
from hardentui.model.known import known
from hardentui.model.operations import EndSubstitute, Operation, ProveChanges, RunProbe, WaitReady
from hardentui.model.plan import Plan
from hardentui.options import REMOVE
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


_START_TIMES = 3


class Application:
    """Applies a plan to one real container.

    Args:
        report: of the container in its current state.
    """

    def __init__(
        self,
        bench: Workbench,
        report: Report,
        journal: Journal | None = None,
    ) -> None:
        self._bench = bench
        self._report = report
        self._facts = known_facts(report)
        self._journal = journal or Journal()
        self._opened = bench.opened
        self._is_alone = False
        self._usual: dict[str, float] = {}  # probe -> seconds that it takes before a soak
        self._engine = self._opened.engine(self._facts.engine.label)
        self._address = address_of(self._opened, self._facts.engine)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the locks of the container: who asks first also acts first, however long its probes
        take.

        Raises:
            Locked: another change of this container is running.
        """
        name, locks = self._facts.name, lock_directory(self._journal)
        what = f"apply of {visible(name, 80)} by {who()}"
        # also by ID: a list read during the rename has another name
        with (
            locked(locks, name, self._address, what),
            locked(locks, self._facts.id, self._address, what),
        ):
            self._is_alone = True
            try:
                yield
            finally:
                self._is_alone = False

    def prepare(
        self,
        plan: Plan,
        wishes: ApplyWishes,
        along: Sequence[Part] = (),
    ) -> PreparedChange:
        """Prepare the change; modifies nothing. Whatever refers to a replaced container by its ID
        is replaced with it: as it is, unless it is among `along`.

        Raises:
            UsageError: an earlier change is unfinished, a probe already fails, or we run in a
                container.
            CannotFix: something would be lost.
            GeneratorError: the host's generator or systemd does not accept the change.
        """
        refuse_from_container(self._opened.runs)
        name = self._facts.name
        refuse_unfinished(self._journal, name, self._address)
        if self._facts.engine.simulated:
            raise CannotFix(
                "Changes cannot be applied to a simulated or saved host.",
                "Omit --demo and --facts.",
            )
        first = self._with_changes(Part(self._report, plan, wishes))
        self._facts = first.facts
        soak = None
        if wishes.soak:
            plan, soak = soaking(
                plan,
                first.facts,
                self._opened.files,
                wishes.soak,
            )
            first = replace(first, plan=plan)
        now = datetime.now(UTC)
        identity = self._journal.new_id(now)
        with closing(ChangingEngine(self._engine, self._opened.log)) as engine:
            referring = self._references(engine)
            parts = self._parts(first, along, referring)
            for part in parts:
                self._try_probes(engine, part)
            ways, diff = self._ways(
                parts,
                engine,
                identity,
                referring,
            )
        alone = len(parts) == 1
        notes = [note for way in ways for note in way.notes]
        changed = list(zip(parts, ways, strict=True))
        steps = [
            (
                *way.operations,
                *self._judgement(part, way),
                *way.afterwards,
            )
            for part, way in changed
        ]
        networks = [] if alone else [network_of(part.facts.inspect) for part in parts]
        expected = [self._expected(part, way) for part, way in changed if way.restarts]
        if soak is not None:
            notes.insert(
                0, f"its learned profile only logs what it would refuse until {until(soak)}"
            )
        total = sum(each.seconds for each in expected)
        several = Downtime(total, f"{len(expected)} containers one after another")
        entry = JournalEntry(
            id=identity,
            expected_downtime_seconds=round(total, 2) if expected else None,
            time=now.isoformat(timespec="seconds"),
            action=EntryAction.APPLY,
            container=name,
            engine=self._address,
            by=who(),
            changes=tuple(
                change
                for part in parts
                for change in journal_changes(part.plan, "" if alone else part.facts.name)
            ),
            diff=diff,
            original=next(way.original for part, way in changed if part.facts.name == name),
            soak=soak,
            configurations={part.facts.name: configuration_of(part.facts) for part in parts},
            ledger=tuple(
                row for part, way in changed for row in ledger_of(part, way, layer_of(part.facts))
            ),
            operations=steps[0] if alone else together(steps, networks),
        )
        down = expected[0] if len(expected) == 1 else several if expected else None
        return PreparedChange(
            entry,
            tuple(dict.fromkeys(notes)),
            bool(expected),
            wishes,
            down,
        )

    def _parts(
        self,
        first: Part,
        along: Sequence[Part],
        referring: Sequence[Reference],
    ) -> list[Part]:
        """All that are replaced in one transaction, those first that others refer to by ID."""
        parts = [first, *along]
        drafter = self._bench.drafter
        if not along and (
            live_flags(first.plan, first.facts) or drafter.own_unit(first.report) is not None
        ):
            return parts
        for part in parts:  # it grows
            known = {other.facts.id for other in parts}
            for other in referring:
                if part.facts.id not in other.to or other.infra or other.id in known:
                    continue
                row = self._bench.containers.refresh(f"{self._facts.engine.label}/{other.id}")
                if row is None or row.report is None or drafter.own_unit(row.report) is not None:
                    continue  # which is refused later
                as_it_is = self._bench.planner.plan(row.report, ())
                parts.append(
                    Part(
                        row.report,
                        as_it_is,
                        replace(first.wishes, probes=(), tried=None, client=None),
                    )
                )
        for part in parts[1:]:
            refuse_unfinished(self._journal, part.facts.name, self._address)
        if len(parts) > 1 and first.wishes.soak:
            raise CannotFix(
                "Several containers are replaced together, and a soak is that of one.",
                "Apply it without a soak.",
            )
        parts = [first, *map(self._with_changes, parts[1:])]
        order = [facts.id for facts in in_start_order([part.facts for part in parts])]
        return sorted(parts, key=lambda part: order.index(part.facts.id))

    def _ways(
        self,
        parts: Sequence[Part],
        engine: ChangingEngine,
        identity: str,
        referring: Sequence[Reference],
    ) -> tuple[list[ApplyWay], str]:
        """How each is changed, with what to know of it, and the diff to show."""
        ways: list[ApplyWay] = []
        diffs: list[str] = []
        ids = frozenset(part.facts.id for part in parts if len(parts) > 1)
        for part in parts:
            planned = tuple(step for way in ways for step in way.operations)
            way, diff = self._way(
                part,
                engine,
                identity,
                referring,
                ids,
                planned,
            )
            if part.facts.name != self._facts.name:
                way = replace(way, notes=tuple(notes_of_another(part, way.notes)))
            ways.append(way)
            if part.plan.changes or not ids:
                diffs.append(diff)
        return ways, "".join(diffs)

    def _references(self, engine: ChangingEngine) -> tuple[Reference, ...]:
        """But not those of originals that are kept: they refer to originals."""
        entries = [entry for entry in self._journal.entries() if entry.can_be_undone]
        kept = {
            name for entry in entries if entry.engine == self._address for name in entry.originals
        }
        return tuple(other for other in references(engine) if other.name not in kept)

    def _expected(
        self,
        part: Part,
        way: ApplyWay,
    ) -> Downtime:
        if way.substitute is not None:
            return Downtime(0.0, "a second one serves meanwhile")
        entries, tried = self._journal.entries(), part.wishes.tried
        return expected_downtime(
            part.facts,
            self._opened.files,
            entries,
            self._address,
            tried,
        )

    def run(
        self,
        prepared: PreparedChange,
        on_event: OnEvent,
        stop: threading.Event | None = None,
        *,
        watched: bool = True,
    ) -> JournalEntry:
        """Carry out the prepared change; blocking. Returns the resulting journal entry.

        Args:
            watched: a second process rolls back immediately if this one is killed.

        Raises:
            Locked: another change of this container is running.
            ApplyFailed: the change failed, and the original runs as before.
        """
        seconds = prepared.wishes.confirm_within

        def finish(entry: JournalEntry) -> JournalEntry:
            if not seconds:
                return replace(entry, state=EntryState.DONE)
            waits = waiting(entry, seconds)
            self._journal.write(waits)  # the process that waits for the deadline must find it
            how = confirm_timer.arm(entry.id, seconds)
            return replace(waits, reason=f"Unless confirmed, it is rolled back {how}.")

        files = self._opened.files if self._facts.engine.local else None
        names, locks = prepared.entry.containers, lock_directory(self._journal)
        others = [name for name in names if name != self._facts.name]
        prove = self._prove if not others else self._prove_named
        what = f"apply of {visible(self._facts.name, 80)} by {who()}"
        with (
            ExitStack() as changed,
            nullcontext() if self._is_alone else self.alone(),
            all_locked(
                locks,
                others,
                self._address,
                what,
            ),
            operators_on(
                self._engine,
                files,
                prove,
                self._opened.log,
                names,
            ) as operators,
        ):
            refuse_unfinished(self._journal, self._facts.name, self._address)
            refuse_other_container(self._facts, self._engine)
            tidy_after_trials(self._engine, self._opened.log)
            if watched:
                changed.enter_context(guarded(prepared.entry.id))
            done = Transaction(
                self._journal,
                operators,
                on_event,
                stop,
            ).run(
                prepared.entry,
                finish,
            )
        begin_watch(done)
        return done

    def finish(
        self,
        identity: str,
        on_event: OnEvent,
        stop: threading.Event | None = None,
    ) -> JournalEntry:
        """Complete an interrupted change of this container: start it, judge it, and keep it.

        Raises:
            UsageError: it was interrupted too early; only undo is safe.
            Locked: another change of this container is running.
            ApplyFailed: it does not work, and the original runs as before.
        """
        refuse_from_container(self._opened.runs)
        files = self._opened.files if self._facts.engine.local else None
        names = self._journal.read(identity).containers
        prove = self._prove if len(names) == 1 else self._prove_named
        with (
            all_locked(
                lock_directory(self._journal),
                names,
                self._address,
                f"confirm by {who()}",
            ),
            operators_on(
                self._engine,
                files,
                prove,
                self._opened.log,
                names,
            ) as operators,
        ):
            entry = self._journal.read(identity)
            start = resumable_from(entry)
            if start is None:
                raise UsageError(
                    f"{identity} was interrupted too early to continue.",
                    ("Undo it: ", Do(Verb.UNDO, identity)),
                )
            with guarded(identity):
                transaction = Transaction(
                    self._journal,
                    operators,
                    on_event,
                    stop,
                )
                return transaction.resume(replace(entry, proof=()), start)

    def _way(
        self,
        part: Part,
        engine: ChangingEngine,
        identity: str,
        referring: Sequence[Reference],
        together: frozenset[str],
        planned: Sequence[Operation],
    ) -> tuple[ApplyWay, str]:
        """The operations with what to know of them, and the diff to show.

        Args:
            together: IDs of those that are replaced with it; `planned`: the operations for those
                before it.
        """
        facts, bench, plan, wishes = part.facts, self._bench, part.plan, part.wishes
        live, layer = live_flags(plan, facts), layer_of(facts)
        own = bench.drafter.own_unit(part.report)
        remarks: tuple[str, ...] = ()
        if own is not None:
            if own.why_not or not own.path:
                raise CannotFix(
                    own.why_not or f"The unit {visible(own.name, 80)} cannot be changed."
                )
            draft = bench.drafter.draft(part.report, plan, own.ways[0])
            origin = origin_of(self._opened.files, facts)
            assert origin is not None  # noqa: S101 - own_unit found it
            volumes = only_new_volumes(plan)
            with_data = bench.drafter.draft(part.report, volumes, own.ways[0]) if volumes else None
            way = unit_way(facts, origin, draft, live, with_data)
            if way.restarts:
                refuse_dependents(facts, referring, dependents_of(way))
                refuse_loss(facts, layer, wishes)
            networks = new_networks(facts, plan, engine, by_unit=True)  # undone after the unit
            noted, *rest = way.operations
            kept = keep_owners(facts, plan, engine) if way.restarts else ()
            way = replace(way, operations=(*networks, noted, *kept, *rest))
            diff, remarks = (
                draft.diff,
                (
                    *draft.warnings,
                    *((draft.proof,) if draft.proof else ()),
                ),
            )
        elif live and not together:
            way, remarks = update_way(facts, live), ("the container is not restarted",)
            diff = bench.drafter.draft(part.report, plan, Target.RUN).diff
        else:
            diff = bench.drafter.draft(part.report, plan, Target.RUN).diff
            if (
                facts.spec[REMOVE] and facts.running
            ):  # removed with its layer before anything can be copied
                refuse_loss(facts, layer, wishes)
            else:
                refuse_loss(
                    facts, layer.without(new_volumes(plan)), wishes, can_keep=facts.engine.local
                )
            refuse_dependents(facts, referring, together=together)
            way = replace_way(
                facts,
                plan,
                engine,
                self._opened.files,
                suffix=identity.rpartition("-")[2],
                layer=layer,
                keep_data=wishes.keep_data,
                client=wishes.client,
                among_others=bool(together),
                planned=planned,
            )
        about = (PROBES_MEET_DATA,) if way.restarts and wishes.probes else ()
        return replace(way, notes=(*way.notes, *remarks, *about)), diff

    def _judgement(
        self,
        part: Part,
        way: ApplyWay,
    ) -> Iterator[Operation]:
        """The conditions that must hold afterwards."""
        facts, plan, wishes = part.facts, part.plan, part.wishes
        if not facts.running:
            return
        listening = known(
            read_listening,
            self._opened.files,
            pid_of(facts.inspect),
        )
        ports = tuple(sorted(ports_of(listening))) if facts.engine.local else ()
        start = wishes.tried[0] if wishes.tried else 0.0
        patience = max(wishes.patience, min(_START_TIMES * start, LONGEST_TRIED))
        yield WaitReady(
            name=facts.name,
            seconds=patience,
            ports=ports,
        )
        if (meanwhile := way.substitute) is not None:
            yield EndSubstitute(substitute=meanwhile)
        for command in wishes.probes:
            yield RunProbe(
                command=command,
                name=facts.name,
                seconds=wishes.patience,
                usual=self._usual.get(command, 0.0),
            )
        if plan.changes:  # the chosen checks that pass with the plan, judged by what it declares
            planned = self._bench.judge.container(facts.planned(plan.after), compared=True)
            passing = {
                finding.check for finding in planned.everything if finding.status is Status.PASS
            }
            chosen = tuple(choice.check for choice in plan.choices if choice.check in passing)
            yield ProveChanges(name=facts.name, checks=chosen)

    def _prove(
        self,
        name: str,
        checks: Sequence[str],
    ) -> tuple[JournalProof, ...]:
        label, containers = self._facts.engine.label, self._bench.containers
        rows = [row for row in containers.rows() if row.name == name and row.engine.label == label]
        if any(check.compares for check in self._bench.judge.checks if check.id in checks):
            containers.scan_the_rest()  # the container is new and was not compared with others yet
        row = containers.refresh(rows[0].key) if rows else None
        if row is None or row.report is None:
            return ()
        return tuple(
            JournalProof(
                finding.check,
                finding.status.value,
                visible(finding.verdict.effective or finding.verdict.reason, 200),
            )
            for finding in row.report.everything
            if finding.check in checks
        )

    def _prove_named(self, name: str, checks: Sequence[str]) -> tuple[JournalProof, ...]:
        return tuple(replace(proof, container=name) for proof in self._prove(name, checks))

    def _try_probes(
        self,
        engine: ChangingEngine,
        part: Part,
    ) -> None:
        """A probe that already fails would fail afterwards too, and prove nothing."""
        for command in part.wishes.probes if part.facts.running else ():
            result, seconds = timed_probe(engine.containers, command, part.facts.name)
            self._usual[command] = seconds if part.wishes.soak else 0.0
            if not result.succeeded:
                raise UsageError(
                    f"The probe {visible(command, 120)!r} fails before any change: {result.why}.",
                    "Probes of apply run on this host, like a client. Nothing was changed.",
                )

    def _with_changes(self, part: Part) -> Part:
        """With the list of changed files, which only a detailed inspection reads."""
        facts = part.facts
        if known(lambda: facts.changes) != ONLY_IN_DETAIL:
            return part
        row = self._bench.containers.refresh(f"{facts.engine.label}/{facts.id}")
        seen = row.report.facts if row and row.report else None
        facts = facts.replace(changes=known(lambda: seen.changes)) if seen else facts
        return replace(part, report=replace(part.report, facts=facts))
