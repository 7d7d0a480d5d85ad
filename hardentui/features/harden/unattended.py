"""The process that tries every container of a host: several at once, the worst first.

It has the lowest priority, and its twins inherit that. What each trial may take is the budget of
that trial; one that finds no room beside the others is tried again when one of those has ended.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from hardentui import __version__
from hardentui.errors import HardenError
from hardentui.features.harden.card import Card
from hardentui.features.harden.host_run import Fix, HostRun, Member, RunFiles, Standing
from hardentui.features.harden.keeping import score_without
from hardentui.features.harden.outset import HardenWishes, Outset
from hardentui.features.harden.page import summary
from hardentui.features.harden.task import Hardening
from hardentui.features.looking.stack import stacks
from hardentui.features.trial.page import flagged
from hardentui.features.views import Row, without_originals
from hardentui.harden.score import Level
from hardentui.host.process.free import memory_of_host
from hardentui.model.application_labels import compose_project
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.trial import Result, TrialEvent
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_NICE = 19
_MOST = 8  # trials at once
_PER_PROCESSOR = 2  # a trial mostly waits
_MEMORY_OF_A_TRIAL = 384 << 20  # bytes
_ENDS_WITHIN = 10.0  # seconds
_PAUSE = 0.5  # seconds between two looks at who asks to stop


def how_many_at_once(bench: Workbench) -> int:
    """By the processors and the memory that are free; disk is the budget of each trial."""
    free = known(
        memory_of_host,
        bench.opened.files,
    )
    by_memory = (
        _MOST
        if isinstance(
            free,
            Unread,
        )
        else free.free // _MEMORY_OF_A_TRIAL
    )
    return max(
        1,
        min(
            _PER_PROCESSOR * (os.cpu_count() or 1),
            by_memory,
            _MOST,
        ),
    )


class Unattended:
    """One run.

    Args:
        wanted: IDs of containers; empty = all.
        again: those too whose result still fits.
        everything: fixes too whose effect no trial shows.
    """

    def __init__(
        self,
        bench: Workbench,
        files: RunFiles,
        wanted: Collection[str] = (),
        *,
        again: bool = False,
        everything: bool = False,
        at_once: int = 0,
    ) -> None:
        self._bench = bench
        self._files = files
        self._wanted = frozenset(wanted)
        self._again = again
        self._everything = everything
        self._at_once = at_once or how_many_at_once(bench)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._members: dict[str, Member] = {}
        self._tasks: dict[str, tuple[Hardening, Outset]] = {}
        self._begun = time.time()

    def run(self) -> HostRun:
        """Try them; blocking. Returns how the run stands then.

        Raises:
            Locked: another process works on it.
            UsageError: the result could not be kept.
        """
        self._files.refuse_early()
        with self._files.held():
            os.nice(_NICE - os.nice(0))
            self._list()
            self._write()
            watching = threading.Thread(
                target=self._watch,
                daemon=True,
            )
            watching.start()
            try:
                self._look()
                self._try_all()
            finally:
                stopped = self._stop.is_set()
                self._stop.set()
                watching.join(_ENDS_WITHIN)
                run = replace(
                    self._state(),
                    ended=time.time(),
                    stopped=stopped,
                )
                self._files.write(run)
        return run

    def _state(self) -> HostRun:
        with self._lock:
            members = tuple(self._members.values())
        return HostRun(
            members=members,
            begun=self._begun,
            at_once=self._at_once,
        )

    def _write(self) -> None:
        self._files.write(self._state())

    def _watch(self) -> None:
        """Write how it stands, and look whether somebody asks to stop."""
        before = self._state()
        while not self._stop.wait(_PAUSE):
            if self._files.is_asked_to_stop:
                self._stop.set()
            if (now := self._state()) != before:
                self._files.write(now)
                before = now

    def _set(self, key: str, **changes: object) -> None:
        with self._lock:
            self._members[key] = replace(
                self._members[key],
                **changes,
            )

    def _list(self) -> None:
        """The containers that are meant; of one that has not changed the earlier result stays."""
        bench = self._bench
        bench.surroundings.host()
        rows = {row.key: row for row in bench.containers.rows()}
        bench.containers.scan(
            lambda row: rows.update({row.key: row}),
            lambda progress: None,
            self._stop,
            None,
        )
        earlier = self._files.read()
        results = {member.key: member for member in earlier.members} if earlier else {}
        for row, group in _in_order(without_originals(rows.values())):
            member = self._member(
                row,
                group,
            )
            before = results.get(row.key)
            if self._wanted and row.id not in self._wanted:
                if before is None:
                    continue
            elif self._again:
                before = None
            fits = before is not None and before.fingerprint == member.fingerprint
            if fits and before is not None and not before.standing.is_open:
                member = before
            self._members[row.key] = member

    def _member(
        self,
        row: Row,
        group: str,
    ) -> Member:
        report = row.report
        facts = report.facts if report is not None else None
        score = report.score if report is not None else None
        return Member(
            key=row.key,
            id=row.id,
            name=row.name,
            engine=row.engine.label,
            group=group,
            fingerprint=_fingerprint(
                facts,
                everything=self._everything,
            )
            if facts
            else "",
            before=score.value if score else None,
            level_before=score.level.value if score and score.level else "",
        )

    def _waiting(self) -> list[Member]:
        return [member for member in self._state().members if member.standing.is_open]

    def _look(self) -> None:
        """What keeps a container from being tried is told before the first twin is made."""
        for member in self._waiting():
            if self._stop.is_set():
                return
            self._set(
                member.key,
                now="looking at it",
            )
            try:
                begun = self._begin(member)
            except HardenError as error:
                self._refused(
                    member,
                    f"{error.title} {error.hint}",
                )
                continue
            if begun is None:
                self._set(
                    member.key,
                    standing=Standing.NOTHING,
                    now="",
                )
                continue
            self._tasks[member.key] = begun
            self._set(
                member.key,
                now="",
            )

    def _begin(
        self,
        member: Member,
    ) -> tuple[Hardening, Outset] | None:
        """None: there is nothing to change. Raises HardenError: it cannot be tried."""
        row = self._bench.containers.refresh(member.key)
        report = row.report if row is not None else None
        if row is None or report is None or report.trouble:
            why = report.trouble if report is not None else "it is gone"
            raise HardenError(f"It cannot be checked: {why}.")
        if report.facts is not None and not report.facts.running:
            raise HardenError("It does not run, so nothing shows whether it still works.")
        together = any(
            other.key != member.key and other.group == member.group
            for other in self._state().members
        )
        wishes = HardenWishes(
            everything=self._everything,
            together=together,
        )
        task = Hardening(
            self._bench,
            report,
            wishes,
        )
        if task.soak is not None:
            raise HardenError("Its learned profile soaks: a change is in force, and is watched.")
        outset = task.outset()
        empty = not outset.plan.choices and not outset.plan.changes
        return None if empty else (task, outset)

    def _try_all(self) -> None:
        """Those together that belong together; who finds no room waits for another one's end."""
        work: queue.SimpleQueue[tuple[Member, bool]] = queue.SimpleQueue()
        for member in self._waiting():
            if member.key in self._tasks:
                work.put((member, False))
        postponed: list[Member] = []

        def worker() -> None:
            while not self._stop.is_set():
                try:
                    member, last = work.get_nowait()
                except queue.Empty:
                    return
                if not self._try(
                    member,
                    last=last,
                ):
                    postponed.append(member)

        with ThreadPoolExecutor(self._at_once) as pool:
            for _ in range(self._at_once):
                pool.submit(worker)
        for member in postponed:  # alone now
            if not self._stop.is_set():
                self._try(
                    member,
                    last=True,
                )

    def _try(
        self,
        member: Member,
        *,
        last: bool,
    ) -> bool:
        """Whether there is a result; `last`: no room is a result too."""
        task, outset = self._tasks[member.key]
        probes = (outset.probe.command,) if outset.probe else ()
        began = time.time()
        self._set(
            member.key,
            standing=Standing.RUNNING,
            began=began,
        )

        def tell(event: TrialEvent) -> None:
            self._set(
                member.key,
                now=visible(
                    event.text,
                    100,
                ),
            )

        try:
            card = task.try_out(
                outset,
                probes,
                tell,
                self._stop,
            )
            if card.trial.result is Result.NO_ROOM and not last:
                self._set(
                    member.key,
                    standing=Standing.WAITING,
                    now="waits for room",
                )
                return False
            self._tried(
                member,
                task,
                card,
                time.time() - began,
            )
        except KeyboardInterrupt:
            self._set(
                member.key,
                standing=Standing.WAITING,
                now="",
            )
        except HardenError as error:
            self._refused(
                member,
                f"{error.title} {error.hint}",
                time.time() - began,
            )
        except Exception as fault:  # one container must not end the run of the others
            self._refused(
                member,
                f"An internal error: {type(fault).__name__}.",
            )
        return True

    def _refused(
        self,
        member: Member,
        reason: str,
        seconds: float = 0.0,
    ) -> None:
        self._set(
            member.key,
            standing=Standing.NOT_READY,
            reason=visible(
                " ".join(reason.split()),
                400,
            ),
            now="",
            seconds=round(
                seconds,
                1,
            ),
        )

    def _tried(
        self,
        member: Member,
        task: Hardening,
        card: Card,
        seconds: float,
    ) -> None:
        self._files.keep_card(
            member,
            card,
        )
        before, after = card.before, card.after
        standing, reason = _standing_of(card)
        works = standing is not Standing.NOT_READY
        self._set(
            member.key,
            standing=standing,
            reason=reason,
            now="",
            seconds=round(
                seconds,
                1,
            ),
            before=before.score,
            after=after.score if works else None,
            level_before=before.level or "",
            level_after=(after.level or "") if works else "",
            capabilities=(before.capabilities, after.capabilities),
            calls=_pair(
                before.system_calls,
                after.system_calls,
            ),
            bugs=_pair(
                before.kernel_vulnerabilities,
                after.kernel_vulnerabilities,
            ),
            downtime=card.expected_downtime_seconds,
            fixes=tuple(
                _fixes(
                    task,
                    card,
                )
            )
            if works
            else (),
            decide=(*card.decide, *card.needs_values),
            left_out=card.left_out,
        )


def _in_order(rows: tuple[Row, ...]) -> Iterator[tuple[Row, str]]:
    """Each with its group: the worst first, and what belongs together side by side."""
    facts = {row.key: row.report.facts if row.report else None for row in rows}
    able = [
        row for row in rows if (about := facts[row.key]) is None or not about.inspect.get("IsInfra")
    ]
    groups = stacks((row, facts[row.key]) for row in able)

    def worst(members: list[Row]) -> int:
        scores = [row.report.score.value for row in members if row.report is not None]
        return min((score for score in scores if score is not None), default=100)

    for members in sorted(
        groups,
        key=worst,
    ):
        name = _group_name(
            members,
            facts,
        )
        for row in sorted(
            members,
            key=lambda row: worst([row]),
        ):
            yield row, name


def _group_name(
    members: list[Row],
    facts: Mapping[str, ContainerFacts | None],
) -> str:
    if len(members) == 1:
        return members[0].name
    projects = [compose_project(about.labels) for row in members if (about := facts[row.key])]
    return next(
        filter(
            None,
            (*projects, *(row.pod for row in members)),
        ),
        members[0].name,
    )


def _fingerprint(
    facts: ContainerFacts,
    *,
    everything: bool,
) -> str:
    """Of what a result depends on: what was asked for when it was created, its image, its engine."""
    inspect = facts.inspect
    parts = [
        inspect.get(name)
        for name in (
            "Id",
            "Image",
            "Config",
            "HostConfig",
        )
    ]
    asked = (
        str(facts.engine.version),
        __version__,
        everything,
    )
    encoded = msgspec.json.encode(
        [*parts, asked],
        order="deterministic",
    )
    return hashlib.sha256(encoded).hexdigest()[:24]


def _standing_of(card: Card) -> tuple[Standing, str]:
    """And why, where it is not simply ready."""
    if not card.works:
        why = card.trial.baseline.why or card.trial.ended
        reason = (
            summary(card) if card.trial.result.judged else f"{why} {card.trial.baseline.advice}"
        )
        return Standing.NOT_READY, visible(
            " ".join(reason.split()),
            400,
        )
    if card.obstacle:
        return Standing.DECIDE, visible(
            card.obstacle,
            400,
        )
    asks = (*card.decide, *card.needs_values)
    if card.after.level == Level.TAKEOVER and asks:
        return Standing.DECIDE, visible(
            f"Still {card.after.level}: {asks[0]}",
            400,
        )
    return Standing.READY, ""


def _pair(
    before: int | None,
    after: int | None,
) -> tuple[int, int] | None:
    return None if before is None or after is None else (before, after)


def _fixes(
    task: Hardening,
    card: Card,
) -> Iterator[Fix]:
    """Each fix with what it changes, and the score without it."""
    texts: dict[str, list[str]] = {}
    for kept in card.trial.kept:
        texts.setdefault(
            kept.check,
            [],
        ).append(
            flagged(
                kept.option,
                kept.after,
            )
        )
    for check, changes in texts.items():
        score = score_without(
            task,
            frozenset({check}),
        )
        yield Fix(
            check,
            visible(
                "; ".join(dict.fromkeys(changes)),
                200,
            ),
            score,
        )
