"""The process that tries every container of a host: several at once, the worst first.

It has the lowest priority, and twins have weights of their own. Podman itself has not, so it is asked for
twins by so few trials at once that a processor stays free. What each trial may take is the budget of that
trial; one that finds no room beside the others is tried again when one of those has ended.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.errors import HardenError
from hardentui.features.harden.card import Card
from hardentui.features.harden.host_run import Asked, HostRun, Member, RunFiles, Standing
from hardentui.features.harden.members import in_order, member_of, tried
from hardentui.features.harden.outset import Outset
from hardentui.features.harden.task import Hardening
from hardentui.features.views import without_originals
from hardentui.host.process.free import memory_of_host
from hardentui.model.known import Unread, known
from hardentui.model.trial import Result, TrialEvent
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_MOST = 8  # trials at once
_PER_PROCESSOR = 2  # a trial mostly waits
_MEMORY_OF_A_TRIAL = 384 << 20  # bytes
_ENDS_WITHIN = 10.0  # seconds
_LONGEST_REST = 2.0  # seconds
_LONGEST_WAIT = 300.0  # seconds, for a turn: then a trial goes on without one
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


class _Turns:
    """What trials side by side take turns at. After each turn nobody has one for as long as it took,
    so that the engine is free for whoever asks it meanwhile."""

    def __init__(self, at_once: int) -> None:
        self._free = threading.BoundedSemaphore(at_once)
        self._mine = threading.local()

    def __enter__(self) -> None:
        self._mine.has_turn = self._free.acquire(timeout=_LONGEST_WAIT)
        self._mine.began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        if not self._mine.has_turn:
            return
        rest = min(time.monotonic() - self._mine.began, _LONGEST_REST)
        ends = threading.Timer(rest, self._free.release)
        ends.daemon = True
        ends.start()


class Unattended:
    """One run.

    Args:
        wanted: IDs of containers; empty = all.
        again: those too whose result still fits.
        everything: fixes too whose effect no trial shows.
        tight: only the rights that were seen in use.
    """

    def __init__(
        self,
        bench: Workbench,
        files: RunFiles,
        wanted: Collection[str] = (),
        *,
        again: bool = False,
        everything: bool = False,
        tight: bool = False,
        at_once: int = 0,
    ) -> None:
        self._bench = bench
        self._files = files
        self._wanted = frozenset(wanted)
        self._again = again
        self._everything = everything
        self._tight = tight
        self._at_once = at_once or how_many_at_once(bench)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._members: dict[str, Member] = {}
        self._tasks: dict[str, tuple[Hardening, Outset]] = {}
        self._begun = time.time()
        bench.turn = _Turns(max(1, (os.cpu_count() or 1) - 1))

    def run(self) -> HostRun:
        """Try them; blocking. Returns how the run stands then.

        Raises:
            Locked: another process works on it.
            UsageError: the result could not be kept.
        """
        self._files.refuse_early()
        with self._files.held():
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
        earlier = self._files.read_now()
        results = {member.key: member for member in earlier.members} if earlier else {}
        by_name = {(member.engine, member.name): member for member in results.values()}
        asked = self._files.asked()
        for row, group in in_order(without_originals(rows.values())):
            its = asked.get(row.key, Asked())
            member = member_of(
                row,
                group,
                replace(
                    its,
                    everything=self._everything,
                    tight=its.tight or self._tight,
                ),
            )
            before = results.get(row.key) or by_name.get((row.engine.label, row.name))
            if self._wanted and row.id not in self._wanted:
                if before is None:
                    continue
            elif self._again:
                before = None
            if before is not None and (
                before.standing is Standing.KEPT
                or (before.fingerprint == member.fingerprint and not before.standing.is_open)
            ):
                member = replace(
                    before,
                    key=row.key,
                    id=row.id,
                )
            self._members[row.key] = member

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
        wishes = replace(
            member.asked.wishes,
            together=together,
        )
        task = Hardening(
            self._bench,
            report,
            wishes,
        )
        if task.soak is not None:
            raise HardenError("It soaks: its learned profile is in force, and is watched.")
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
        proposed = (outset.probe.command,) if outset.probe else ()
        probes = task.wishes.probes or proposed
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
        card: Card,
        seconds: float,
    ) -> None:
        self._files.keep_card(
            member,
            card,
        )
        task, outset = self._tasks[member.key]
        result = tried(
            member,
            task,
            outset.plan,
            card,
            seconds,
        )
        with self._lock:
            self._members[member.key] = replace(result, began=self._members[member.key].began)
