"""Applying what several trials found: stack by stack, each a transaction, under one entry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotFix, HardenError, NotFound, UsageError
from hardentui.features.apply.history import History
from hardentui.features.apply.operators import address_of
from hardentui.features.change.held_together import add_part, begun_together, finish_together
from hardentui.features.change.journal import Journal
from hardentui.features.change.operator import OnEvent
from hardentui.features.fix.trial_files import plan_of_trial
from hardentui.features.harden.host_run import Chosen, HostRun, Member, RunFiles, Standing
from hardentui.features.harden.task import Hardening
from hardentui.features.looking.stack import stacks
from hardentui.features.trial.tried import without
from hardentui.model.journal import JournalEntry
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

Change = Callable[[Sequence[Hardening], int], JournalEntry]
"""Applies these as one change; gets how many are left with it. Raises HardenError."""


class Outcome(Struct, frozen=True):
    """What became of some containers that were changed together."""

    tasks: tuple[Hardening, ...]
    entry: JournalEntry | None = None
    why: HardenError | None = None  # it failed, and they are as before

    @property
    def names(self) -> str:
        return visible(
            ", ".join(task.report.subject.name for task in self.tasks),
            200,
        )


def score_without(
    task: Hardening,
    checks: Set[str],
) -> int | None:
    """The score after the plan of what worked, if these fixes are left out."""
    assert task.trial is not None  # noqa: S101 - it was tried
    planner = task.bench.planner
    plan = plan_of_trial(
        planner,
        task.report,
        without(
            task.trial,
            checks,
        ),
    )
    return planner.score_after(
        task.report,
        plan,
    ).value


def each_stack(
    tasks: Iterable[Hardening],
    change: Change,
    undo: Callable[[JournalEntry], object],
    told: Callable[[Outcome], object],
) -> list[Outcome]:
    """Change them, those of a stack that are replaced in one change. Where one of a stack fails, the
    others of that stack are taken back, and the other stacks go on. Returns what is in force."""
    changes: list[tuple[int, list[Hardening]]] = []
    for number, stack in enumerate(stacks((task, task.report.facts) for task in tasks)):
        replaced = [task for task in stack if task.replaces]
        alone = [[task] for task in stack if not task.replaces]
        changes += [(number, group) for group in (*alone, replaced) if group]
    done: list[tuple[int, Outcome, JournalEntry]] = []
    failed: set[int] = set()
    for left, (number, group) in zip(
        range(
            len(changes),
            0,
            -1,
        ),
        changes,
        strict=True,
    ):
        if number in failed:
            continue
        try:
            entry = change(
                group,
                left,
            )
        except HardenError as error:
            failed.add(number)
            told(
                Outcome(
                    tuple(group),
                    why=error,
                )
            )
        else:
            done.append(
                (
                    number,
                    Outcome(
                        tuple(group),
                        entry,
                    ),
                    entry,
                )
            )
            told(done[-1][1])
    for number, outcome, entry in reversed(done):
        if number in failed:
            try:
                undo(entry)
            except HardenError as error:
                told(
                    replace(
                        outcome,
                        why=error,
                    )
                )
    return [outcome for number, outcome, _ in done if number not in failed]


def change_of(
    tasks: Sequence[Hardening],
    on_event: OnEvent,
    stop: threading.Event,
    confirm_within: float,
    begins: Callable[[str], str] | None = None,
) -> JournalEntry:
    """One change of all these containers.

    Args:
        begins: gets the ID of its entry before it begins; gives that of the entry that holds it.

    Raises:
        ApplyFailed: they are as before.
        HardenError: it was not begun.
    """
    first, *others = tasks
    assert first.prepared is not None  # noqa: S101 - its card says that it can be applied
    wishes = first.prepared.wishes
    if others or begins is not None or wishes.confirm_within != confirm_within:
        first.prepare(
            replace(
                wishes,
                confirm_within=confirm_within,
            ),
            others,
        )
    if begins is not None:
        first.hold(begins)
    return first.apply(
        on_event,
        stop,
    )


class Struck(Struct, frozen=True):
    """A container whose result is kept, but for some of its fixes."""

    member: Member
    checks: frozenset[str] = frozenset()


def kept_of(run: HostRun, chosen: Mapping[str, Chosen]) -> Iterator[Struck]:
    """The results that are kept, without what was struck out of them."""
    for member in run.members:
        its = chosen.get(member.key, Chosen())
        if its.keeps(member):
            yield Struck(member, frozenset(its.struck))


def keep_all(
    bench: Workbench,
    files: RunFiles,
    chosen: Iterable[Struck],
    confirm_within: float,
    on_event: OnEvent,
    stop: threading.Event,
    told: Callable[[Outcome | str], object],
) -> JournalEntry:
    """Apply what was tried, all under one entry, with one time to keep it; blocking.

    Args:
        confirm_within: seconds within which all must be kept; 0 = no limit.
        files: where the run stands: what is in force is kept, what failed is tried again.
        told: gets each outcome, and sentences about containers whose trial no longer fits.

    Raises:
        UsageError: nothing of it can be applied.
        JournalError, Locked: nothing was changed.
    """
    if bench.opened.simulated:
        raise UsageError("This host is simulated: nothing is applied, and nothing was changed.")
    chosen = tuple(chosen)
    address = address_of(
        bench.opened,
        bench.opened.engine(chosen[0].member.engine).facts,
    )
    cut_off = History().cut_off_together(address)
    if cut_off is not None:
        told(f"{cut_off.id} was interrupted; what was under way is as before, and it goes on.")
        done = hardened_before(bench, chosen, cut_off)
        with suppress(OSError):  # the journal knows it
            files.keep_standings(done)
        chosen = tuple(struck for struck in chosen if struck.member.key not in done)
    tasks: dict[str, Hardening] = {}
    members: dict[str, Member] = {}
    for struck in chosen:
        try:
            task = picked_up(
                bench,
                struck,
            )
            tasks[task.report.subject.id] = task
            members[task.report.subject.id] = struck.member
        except HardenError as error:
            told(
                f"{visible(struck.member.name, 80)} is left out: {error.title} {error.hint}".strip()
            )
    journal = Journal()
    if not tasks:
        if cut_off is not None:
            return finish_together(journal, cut_off)
        raise UsageError("Nothing was changed: no result can be applied.")
    with begun_together(
        journal,
        len(tasks),
        address,
        confirm_within,
        cut_off,
    ) as holder:

        def begins(part: str) -> str:
            nonlocal holder
            holder = add_part(
                journal,
                holder,
                part,
            )
            return holder.id

        def change(
            group: Sequence[Hardening],
            left: int,
        ) -> JournalEntry:
            if stop.is_set():
                raise UsageError("Stopped before it began; nothing was changed.")
            return change_of(
                group,
                on_event,
                stop,
                0.0,
                begins,
            )

        def became(outcome: Outcome) -> None:
            changed = [_after(members[task.report.subject.id], outcome) for task in outcome.tasks]
            with suppress(OSError):  # the journal knows it
                files.keep_standings({member.key: member for member in changed})
            told(outcome)

        each_stack(
            tasks.values(),
            change,
            lambda entry: History().undo(
                entry,
                on_event,
            ),
            became,
        )
        return finish_together(
            journal,
            holder,
        )


def kept_as_one(run: HostRun) -> JournalEntry | None:
    """The change that holds all of them, if every one of them is in force by it."""
    kept = {member.entry for member in run.members if member.standing is Standing.KEPT}
    others = any(member.standing is not Standing.KEPT for member in run.members)
    if others or not kept or "" in kept:
        return None
    try:
        holder = History().find(History().find(min(kept)).part_of)
    except HardenError:
        return None  # another account's, or forgotten
    return holder if holder.can_be_undone and kept.issubset(holder.parts) else None


def hardened_before(
    bench: Workbench,
    chosen: Iterable[Struck],
    cut_off: JournalEntry,
) -> dict[str, Member]:
    """Those that are in force already: a machine that stops may forget where the run stood, but not
    its journal."""
    parts = [History().find(part) for part in cut_off.parts]
    members = [struck.member for struck in chosen]
    return {
        member.key: replace(member, standing=Standing.KEPT, entry=part.id)
        for part in parts
        for member in members
        if member.name in part.containers
        and part.engine == address_of(bench.opened, bench.opened.engine(member.engine).facts)
    }


def _after(
    member: Member,
    outcome: Outcome,
) -> Member:
    """It after a change: kept, or as before, and then its trial no longer fits."""
    if outcome.entry is not None and outcome.why is None:
        return replace(
            member,
            standing=Standing.KEPT,
            entry=outcome.entry.id,
        )
    why = f"{outcome.why.title} {outcome.why.hint}" if outcome.why is not None else ""
    return replace(
        member,
        standing=Standing.NOT_READY,
        fingerprint="",
        reason=visible(f"Rolled back. {' '.join(why.split())}", 400),
    )


def picked_up(
    bench: Workbench,
    struck: Struck,
) -> Hardening:
    """Its trial, as if it had just ended.

    Raises:
        HardenError: it cannot be applied, or it has to be tried again.
    """
    member = struck.member
    keys = {(row.engine.label, row.name): row.key for row in bench.containers.rows()}
    row = bench.containers.refresh(keys.get((member.engine, member.name), member.key))
    if row is None or row.report is None:
        raise NotFound("It is gone.")
    task = Hardening(
        bench,
        row.report,
        member.asked.wishes,
    )
    outset = task.outset()
    kept = task.tried_before()
    if kept is None:
        raise _to_be_tried_again(task)
    card = task.picked_up(
        outset,
        kept,
    )
    if card.obstacle:
        raise CannotFix("It cannot be applied.", card.refused or card.obstacle)
    if struck.checks:
        task.leave_out(struck.checks)
    return task


def _to_be_tried_again(task: Hardening) -> CannotFix:
    again = "Try it again."
    if task.refused:
        return CannotFix(f"It was rolled back: {visible(task.refused[0].reason, 300)}", again)
    return CannotFix("Its trial is older than a day, or no longer fits.", again)
