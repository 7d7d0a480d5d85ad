"""A run that tries every container of a host, as it stands on disk.

One process works; whoever asks, from this terminal or another one, reads the same files. So a lost
terminal ends nothing, and a second call goes on where the first one stopped.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from enum import StrEnum
from statistics import fmean
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hardentui.account import our_module, who
from hardentui.do import Sentence
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import HardenError, Locked, UsageError, WriteError
from hardentui.features.change.change_lock import locked
from hardentui.features.change.journal import Journal, engine_address
from hardentui.features.change.starting import start_detached
from hardentui.features.harden.card import Card
from hardentui.features.harden.outset import HardenWishes
from hardentui.features.opening.opened import Opened
from hardentui.features.trial.preflight import refuse_full, refuse_unable, refuse_unwritable
from hardentui.model.journal import EntryState
from hardentui.model.plan import Choice
from hardentui.state import read_own, state_directory, write_own
from hardentui.words import own_command, without_checklist

SCHEMA = "hardentui/everything/1"
_RUN, _STOP, _LOCK = "run.json", "stop", "run"
_ASKED, _CHOSEN = "asked.json", "chosen.json"
_LOOK_AGAIN = 0.1  # seconds
_BEGINS_WITHIN = 600.0
"""Seconds until a process that was started has the lock, as long as it lives: on a slow machine it
looks at the host for minutes first."""


class Standing(StrEnum):
    """How far a container is."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    DECIDE = "needs-decision"
    NOT_READY = "not-ready"
    NOTHING = "nothing-to-change"
    KEPT = "kept"

    @property
    def is_open(self) -> bool:
        return self in (Standing.WAITING, Standing.RUNNING)


class Fix(Struct, frozen=True):
    """A fix that worked on the twin: what it changes, and the score if it is left out."""

    check: str
    text: str  # `--read-only`, as on a command line
    without: int | None = None
    missing: str = ""  # it is not in it: the value that it needs, or the decision

    @property
    def is_open(self) -> bool:
        return bool(self.missing)


class Asked(Struct, frozen=True, kw_only=True):
    """What a user wants of one container, beside what is tried unasked."""

    given: tuple[Choice, ...] = ()  # decisions, and fixes with the values given for them
    probe: str = ""  # a command that proves that it works; empty = the proposed one
    tight: bool = False  # only the rights that were seen in use
    everything: bool = False  # fixes too whose effect no trial shows

    @property
    def wishes(self) -> HardenWishes:
        """How it is tried, and its result picked up again."""
        return HardenWishes(
            everything=self.everything,
            together=True,
            given=self.given,
            probes=(self.probe,) if self.probe else None,
            tight=self.tight,
        )


def with_choice(
    asked: Asked,
    choice: Choice,
) -> Asked:
    """With this decision, or these values of a fix, in place of earlier ones."""
    return replace(asked, given=(*without(asked, choice.check).given, choice))


def without(asked: Asked, check: str) -> Asked:
    """A decision is taken back."""
    return replace(
        asked,
        given=tuple(each for each in asked.given if each.check != check),
    )


class Member(Struct, frozen=True, kw_only=True):
    """A container of the run."""

    key: str  # of its row
    id: str
    name: str
    engine: str  # label
    group: str  # its pod or compose project, or itself
    fingerprint: str  # of its configuration, its engine and what was asked for
    asked: Asked = Asked()
    standing: Standing = Standing.WAITING
    reason: str = ""  # why it is not ready, or what has to be decided; one sentence
    refused: Sentence = ""  # why it cannot be applied, with its next steps as values
    advice: str = ""  # what may help, with options of the command line
    now: str = ""  # what is being done
    began: float = 0.0  # seconds since the epoch
    seconds: float = 0.0  # that its trial took
    # before, after: the score, and the level
    before: int | None = None
    after: int | None = None
    level_before: str = ""
    level_after: str = ""
    # capabilities, calls, bugs: before and after; None where that is not known
    capabilities: tuple[int, int] | None = None
    calls: tuple[int, int] | None = None
    bugs: tuple[int, int] | None = None
    # user, writes, reaches: before and after, in words
    user: tuple[str, str] | None = None
    writes: tuple[str, str] | None = None
    reaches: tuple[str, str] | None = None
    downtime: float | None = None  # seconds that applying it takes; None: it keeps running
    fixes: tuple[Fix, ...] = ()
    decide: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    entry: str = ""  # ID of the journal entry by which it was kept


CAN_BE_KEPT = (Standing.READY, Standing.DECIDE)


class Chosen(Struct, frozen=True):
    """What a user wants of a result, without another trial."""

    keep: bool | None = None  # whether it is kept; None: if it is ready
    struck: tuple[str, ...] = ()  # checks whose fixes are left out of it

    def keeps(self, member: Member) -> bool:
        ready = member.standing is Standing.READY
        return member.standing in CAN_BE_KEPT and (ready if self.keep is None else self.keep)


_Wish = TypeVar("_Wish", Asked, Chosen)


class HostRun(Struct, frozen=True, kw_only=True):
    """All of them, in the order in which they are tried."""

    members: tuple[Member, ...] = ()
    begun: float = 0.0  # seconds since the epoch
    ended: float = 0.0  # 0 = it has not ended
    at_once: int = 1
    stopped: bool = False

    def with_standing(self, *standings: Standing) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.standing in standings)

    @property
    def seconds_left(self) -> float | None:
        """By what the trials took so far, but for those that could not be tried, which end early;
        None before the first one has ended."""
        took = [
            member.seconds
            for member in self.members
            if member.seconds and member.standing is not Standing.NOT_READY
        ]
        if not took:
            return None
        running = [member for member in self.members if member.standing is Standing.RUNNING]
        mean = fmean(took)
        waiting = len(self.with_standing(Standing.WAITING)) * mean
        spent = sum(min(mean, time.time() - member.began) for member in running)
        return max(0.0, waiting + len(running) * mean - spent) / max(1, self.at_once)

    @property
    def groups(self) -> tuple[tuple[str, tuple[Member, ...]], ...]:
        """Stacks and pods with their members."""
        groups: dict[tuple[str, str], list[Member]] = {}
        for member in self.members:
            groups.setdefault((member.engine, member.group), []).append(member)
        return tuple((name, tuple(members)) for (_, name), members in groups.items())


class RunEvent(Struct, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """A line of the output of `harden --everything --format json`."""

    event: str  # container: it stands elsewhere now; ended: the trials are over
    container: Member | None = None
    run: HostRun | None = None  # with ended: the whole


def average(
    members: Iterable[Member],
    *,
    after: bool = False,
) -> int | None:
    """Their average score; what is not ready stays as it is. None: no score is known."""
    scores = [
        member.after if after and member.after is not None else member.before for member in members
    ]
    known = [score for score in scores if score is not None]
    return round(fmean(known)) if known else None


class RunFiles:
    """Where a run stands on disk, by the engines that it is about."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        addresses = sorted(
            engine_address(engine.facts.url, private=opened.private_service)
            for engine in opened.engines
        )
        name = hashlib.sha256("\n".join(addresses).encode()).hexdigest()[:12]
        self.directory = os.path.join(
            state_directory(),
            "everything",
            name,
        )
        self._found_with = (
            ("--demo",)
            if opened.simulated
            else without_checklist(opened.engines[0].facts.found_with)
            if opened.engines
            else ()
        )

    def read(self) -> HostRun | None:
        """The latest run; None if there is none. One whose process was killed has stopped."""
        try:
            run = msgspec.json.decode(
                read_own(os.path.join(self.directory, _RUN)),
                type=HostRun,
            )
        except (OSError, msgspec.MsgspecError):
            return None
        return run

    def asked(self) -> Mapping[str, Asked]:
        """By the key of the container."""
        return self._wished(_ASKED, Asked)

    def ask(self, wanted: Mapping[str, Asked]) -> None:
        """Those whose wishes are new are tried again by the next start. Raises OSError."""
        self._wish(_ASKED, {**self.asked(), **wanted})

    def chosen(self) -> Mapping[str, Chosen]:
        """By the key of the container: the same for every session, also for a later one."""
        return self._wished(_CHOSEN, Chosen)

    def choose(self, wanted: Mapping[str, Chosen]) -> None:
        """Raises OSError: what was chosen before is untouched."""
        self._wish(_CHOSEN, {**self.chosen(), **wanted})

    def _wished(self, name: str, kind: type[_Wish]) -> dict[str, _Wish]:
        try:
            return msgspec.json.decode(
                read_own(os.path.join(self.directory, name)),
                type=dict[str, kind],  # type: ignore[valid-type]
            )
        except (OSError, msgspec.MsgspecError):
            return {}

    def _wish(self, name: str, wishes: Mapping[str, Asked | Chosen]) -> None:
        write_own(os.path.join(self.directory, name), msgspec.json.encode(wishes))

    def write(self, run: HostRun) -> None:
        """Raises OSError: the previous state is untouched."""
        write_own(os.path.join(self.directory, _RUN), msgspec.json.encode(run))

    def read_now(self) -> HostRun | None:
        """The latest run; what was kept, and is no longer in force, can be kept again."""
        run = self.read()
        kept = run.with_standing(Standing.KEPT) if run is not None else ()
        if run is None or not kept:
            return run
        entries = {entry.id: entry for entry in Journal().entries()}
        in_force = {
            member.key
            for member in kept
            if (entry := entries.get(member.entry)) is not None
            and (entry.in_force or entry.state is EntryState.WAITING)
        }
        members = [
            replace(
                member,
                standing=Standing.READY,
                entry="",
            )
            if member.standing is Standing.KEPT and member.key not in in_force
            else member
            for member in run.members
        ]
        return replace(run, members=tuple(members))

    def keep_standings(self, changed: Mapping[str, Member]) -> None:
        """Note what became of containers, by their keys. Raises OSError."""
        if (run := self.read_now()) is not None:
            members = tuple(changed.get(member.key, member) for member in run.members)
            self.write(replace(run, members=members))

    def card(self, member: Member) -> Card | None:
        """Its card; None if it was not tried."""
        try:
            return msgspec.json.decode(read_own(self._card_path(member)), type=Card)
        except (OSError, msgspec.MsgspecError):
            return None

    def keep_card(
        self,
        member: Member,
        card: Card,
    ) -> None:
        with suppress(OSError):  # its trial is kept, and it can be tried again
            write_own(self._card_path(member), msgspec.json.encode(card))

    def _card_path(self, member: Member) -> str:
        whose = f"{member.engine}\n{member.name}"  # a unit creates it anew, with another ID
        name = hashlib.sha256(whose.encode()).hexdigest()[:16]
        return os.path.join(self.directory, f"card-{name}.json")

    def is_running(self) -> bool:
        """Whether a process works on it."""
        try:
            with locked(
                self.directory,
                _LOCK,
                "",
                "a look",
            ):
                return False
        except Locked:
            return True
        except WriteError:
            return False

    def refuse_early(self) -> None:
        """Raises HardenError if the result could not be kept, or no engine can try anything."""
        refuse_unwritable(self.directory)
        refused: HardenError | None = None
        for engine in () if self._opened.simulated else self._opened.engines:
            try:
                with closing(ChangingEngine(engine, self._opened.log)) as changing:
                    refuse_unable(changing)
                    refuse_full(changing, self._opened.files)
            except HardenError as error:
                refused = error
            else:
                return  # the containers of the others are refused one by one, before their first twin
        if refused is not None:
            raise refused

    def start(
        self,
        names: Sequence[str] = (),
        *,
        again: bool = False,
        everything: bool = False,
        tight: bool = False,
        at_once: int = 0,
    ) -> None:
        """Start a process that tries them and goes on when this one ends; if one works already,
        nothing happens.

        Args:
            names: IDs of containers; empty = all.
            again: also those whose trial has ended, and whose result still fits.
            everything: also fixes whose effect no trial shows.
            tight: only the rights that were seen in use.
            at_once: how many trials; 0 = as the host allows.

        Raises:
            HardenError: the result could not be kept, nothing can be tried, or it does not start.
        """
        if self.is_running():
            return
        self.refuse_early()
        self.clear_stop()
        begun = time.time()
        options = [
            *(["--again"] if again else []),
            *(["--all"] if everything else []),
            *(["--tight"] if tight else []),
            *(["--at-once", str(at_once)] if at_once else []),
        ]
        words = ["--quiet", "harden", *names, "--everything", "--as-runner", *options]
        try:
            process = start_detached(
                our_module(
                    "hardentui",
                    *words,
                    *self._found_with,
                )
            )
        except OSError as error:
            raise UsageError(f"The trials cannot be started: {error.strerror}.") from error
        end = time.monotonic() + _BEGINS_WITHIN
        has_ended = False
        while time.monotonic() < end and not has_ended:
            time.sleep(_LOOK_AGAIN)
            has_ended = process.poll() is not None
            run = self.read()
            if self.is_running() or (run is not None and run.begun >= begun):
                return
        raise UsageError("The process that runs the trials did not begin.")

    def stop(self) -> None:
        """Ask the process to end: it removes its twins, and a later call goes on."""
        with suppress(OSError):
            write_own(os.path.join(self.directory, _STOP), b"")

    def clear_stop(self) -> None:
        with suppress(OSError):
            os.unlink(os.path.join(self.directory, _STOP))

    @property
    def is_asked_to_stop(self) -> bool:
        return os.path.exists(os.path.join(self.directory, _STOP))

    def held(self) -> AbstractContextManager[None]:
        """The lock of the process that works. Raises Locked if there is one already."""
        return locked(
            self.directory,
            _LOCK,
            "",
            f"trials of all containers by {who()}",
        )

    @property
    def command(self) -> str:
        """What tells of it, and goes on, on a command line."""
        return own_command(
            self._found_with,
            "harden",
            "--everything",
        )
