"""Training as a use case: start a lab, recreate its container, judge it, attack it, save the
progress."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hardentui.do import Do, Verb
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import UsageError
from hardentui.features.training.answers import (
    RUNS_FOR,
    Answer,
    answer,
)
from hardentui.features.training.judging import (
    Goal,
    LabOutcome,
    Observed,
    of_asks,
    of_checks,
    of_facts,
    of_policy,
    of_surplus,
    remarks_on,
)
from hardentui.features.training.lab import Lab
from hardentui.features.training.lab_files import find_lab
from hardentui.features.training.progress import (
    Current,
    TrainingProgress,
    keep_progress,
    load_progress,
    progress_file,
)
from hardentui.features.training.rules import FREE, Rules
from hardentui.features.training.simulated_host import refuse_invalid, service_of, simulated_facts
from hardentui.features.training.stage import PodmanStage, StageAnswer
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Status
from hardentui.options.argv import spec_from_argv
from hardentui.state import state_directory

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


class Workplace(Struct, frozen=True):
    """Which labs a learner does, and where what belongs to that is kept."""

    labs: tuple[Lab, ...]
    rules: Rules = FREE  # those of a class
    progress: str = ""  # its file; empty = the account's own
    folder: str = ""  # of the files of the labs; empty = the account's own

    @property
    def path(self) -> str:
        return self.progress or progress_file()

    @property
    def directory(self) -> str:
        return self.folder or os.path.join(state_directory(), "labs")


class Training:
    """One learner's labs on one engine, or on the simulated host.

    Args:
        stage: where labs run; None = on the simulated host.
        watch: judges the lab's container on the engine; needed with a stage.

    Attributes:
        notice: a message about the progress file.
    """

    def __init__(
        self,
        place: Workplace,
        stage: PodmanStage | None,
        watch: Callable[[Lab], Observed] | None = None,
    ) -> None:
        self._stage = stage
        self._watch = watch
        self.rules = place.rules
        self._path = place.path
        self._directory = place.directory
        self.progress, self.notice = load_progress(self._path)
        learner = self.progress.learner or token_hex(3)
        self.progress = replace(self.progress, learner=learner)
        self.labs = tuple(replace(lab, learner=learner) for lab in place.labs)

    @property
    def simulated(self) -> bool:
        return self._stage is None

    @property
    def ends(self) -> float:
        """When this learner's time is over, in seconds since 1970; 0 = never."""
        return self.rules.ends(self.progress.began)

    @property
    def current(self) -> Lab | None:
        """The lab in progress; None if there is none, or it no longer exists."""
        now = self.progress.current
        return next((lab for lab in self.labs if now and lab.id == now.lab), None)

    @property
    def stops_at(self) -> str:
        """When the container of the open lab ends by itself, such as 21:30; empty if none runs."""
        now, lab = self.progress.current, self.current
        if now is None or lab is None or lab.policy or now.simulated or not now.made:
            return ""
        end = now.made + RUNS_FOR
        return time.strftime("%H:%M", time.localtime(end)) if end > time.time() else ""

    @property
    def next(self) -> Lab | None:
        """The lab that is not passed after the one in progress; after the last comes the first."""
        start = self.labs.index(self.current) if self.current in self.labs else 0
        onwards = (*self.labs[start:], *self.labs[:start])
        return next(
            (lab for lab in onwards if not self.progress.of(lab.id).passed),
            None,
        )

    def find(self, name: str) -> Lab:
        """A lab by its ID or its number; raises UsageError."""
        return find_lab(self.labs, name)

    def directory(self, lab: Lab) -> str:
        """The lab's own directory on the host."""
        return os.path.join(self._directory, lab.id)

    def start(
        self,
        lab: Lab,
        *,
        guided: bool = False,
    ) -> LabOutcome:
        """Start a lab: create everything it needs, insecure as intended, and judge it.

        Args:
            guided: the learner wants to be told each next move.
        """
        self._refuse_late()
        if guided:
            self.rules.refuse_help()
        if self._stage is not None:
            self._stage.prepare(lab)
        if lab.policy:
            self._write(lab, "policy.json", lab.policy)
        else:
            self._write(
                lab, "README", f"The directory of the lab {lab.id}. It is removed with the lab.\n"
            )
        result = self.progress.of(lab.id)
        now = time.time()
        fresh = replace(
            result,
            started=now,
            hints=0,
            given_up=False,
            guided=guided,
            tries=0,
            starts=result.starts + (not result.passed),
        )
        self._keep(
            replace(
                self.progress.with_result(lab.id, fresh),
                current=Current(
                    lab.id,
                    now,
                    simulated=self.simulated,
                    made=now,
                ),
                began=self.progress.began or now,
            )
        )
        self._make(lab, lab.start)
        outcome = self._check(lab, count=False)
        if (current := self.progress.current) is not None:
            current = replace(current, done=outcome.done[0])
            self._keep(replace(self.progress, current=current))
        return outcome

    def answer(self, options: Iterable[str]) -> LabOutcome:
        """Recreate the lab's container with these options, and judge it.

        Raises:
            UsageError: no lab is open, or an option is not allowed in it.
        """
        self._refuse_late()
        lab, current = self._open()
        if lab.policy:
            raise UsageError(
                "This lab has no container.",
                f"Edit {self.policy_file(lab)} instead.",
            )
        options = tuple(options)
        made = answer(
            lab, options, self.directory(lab)
        )  # a wrong command does not count as an attempt
        if self._stage is None:
            refuse_invalid(made)
        self._keep(
            replace(
                self.progress,
                current=replace(
                    current,
                    options=options,
                    made=time.time(),
                ),
            )
        )
        self._count_try(lab)
        if self._stage is not None and time.time() - current.started > RUNS_FOR:
            self._stage.prepare(lab)  # its neighbours may have ended
        self._make(lab, options)
        return self.check()

    def guide(self) -> str:
        """The next move in the open lab; from then on it is a guided one.

        Raises:
            UsageError: no lab is open.
        """
        self.rules.refuse_help()
        lab, _ = self._open()
        result = replace(self.progress.of(lab.id), guided=True)
        self._keep(self.progress.with_result(lab.id, result))
        return lab.guided

    def check(self) -> LabOutcome:
        """Judge the open lab in its current state."""
        self._refuse_late()
        lab, current = self._open()
        stopped = bool(current.made) and not self.stops_at
        if stopped and self._stage is not None and not lab.policy:
            self._stage.prepare(lab)
            self._make(lab, self.options_now(lab))
            self._keep(replace(self.progress, current=replace(current, made=time.time())))
        return self._check(lab, count=True)

    def hint(self) -> tuple[int, str]:
        """The next hint of the open lab, and its number from 1; the last one again once all were
        shown.

        Raises:
            UsageError: no lab is open.
        """
        self.rules.refuse_help()
        lab, _ = self._open()
        result = self.progress.of(lab.id)
        number = min(result.hints + 1, len(lab.hints))
        shown = number - result.hints if not result.passed else 0
        result = replace(
            result,
            hints=number,
            all_hints=result.all_hints + shown,
        )
        self._keep(self.progress.with_result(lab.id, result))
        return number, lab.hints[number - 1]

    def solution(self, lab: Lab) -> tuple[str, ...]:
        """The solution. Before the lab is passed it then counts as passed only after a restart."""
        self.rules.refuse_help()
        result = self.progress.of(lab.id)
        if not result.passed:
            result = replace(
                result,
                given_up=True,
                seen_solution=True,
            )
            self._keep(self.progress.with_result(lab.id, result))
        return lab.solution

    def reply(self, lab: Lab) -> str:
        """The answer to the question of a lab.

        Raises:
            UsageError: it is not solved, or asks nothing.
        """
        result = self.progress.of(lab.id)
        if not lab.reply:
            raise UsageError("This lab asks no question.")
        if not (result.passed or result.given_up):
            raise UsageError("The question comes after the lab: solve it first.")
        return lab.reply

    def look(self) -> LabOutcome:
        """Judge the open lab without counting that."""
        lab, _ = self._open()
        return self._check(lab, count=False)

    def leave(self) -> None:
        """Close the open lab: what it created is removed."""
        if self._stage is not None:
            self._stage.remove(self.progress.learner)
        self._keep(replace(self.progress, current=None))

    def options_now(self, lab: Lab) -> tuple[str, ...]:
        """The options of the lab's container."""
        current = self.progress.current
        return lab.start if current is None or current.options is None else current.options

    def policy_now(self, lab: Lab) -> str:
        """The learner's policy; that of the start if it cannot be read."""
        try:
            with open(self.policy_file(lab), encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError):
            return lab.policy

    def stop(self) -> int:
        """Remove everything the labs created; returns the number of containers and networks."""
        removed = 0
        if self._stage is not None:
            removed = self._stage.remove(self.progress.learner)
            self._stage.remove_images(self.progress.learner)
        self._keep(replace(self.progress, current=None))
        return removed

    def policy_file(self, lab: Lab) -> str:
        return os.path.join(self.directory(lab), "policy.json")

    def write_policy(self, lab: Lab, text: str) -> None:
        """Replace the learner's policy."""
        self._refuse_late()
        self._count_try(lab)
        self._write(lab, "policy.json", text)

    def _open(self) -> tuple[Lab, Current]:
        lab, current = self.current, self.progress.current
        if lab is None or current is None:
            raise UsageError("No lab is open.", ("All labs: ", Do(Verb.LABS)))
        return lab, current

    def _refuse_late(self) -> None:
        self.rules.refuse_work(self.progress.began, time.time())

    def _count_try(self, lab: Lab) -> None:
        result = self.progress.of(lab.id)
        if not result.passed:
            result = replace(
                result,
                tries=result.tries + 1,
                all_tries=result.all_tries + 1,
            )
            self._keep(self.progress.with_result(lab.id, result))

    def _keep(self, progress: TrainingProgress) -> None:
        keep_progress(self._path, progress)
        self.progress = progress

    def _write(
        self,
        lab: Lab,
        name: str,
        text: str,
    ) -> None:
        write_bundle(
            self.directory(lab),
            [TextFile(name, text, 0o600)],
            overwrite=True,
            create=True,
            keep_backup=False,
        )

    def _make(
        self,
        lab: Lab,
        options: tuple[str, ...],
    ) -> None:
        if self._stage is not None and not lab.policy:
            self._stage.make(lab, answer(lab, options, self.directory(lab)))

    def _check(self, lab: Lab, *, count: bool) -> LabOutcome:
        current = self.progress.current
        made = answer(lab, self.options_now(lab), self.directory(lab))
        observed = self._observe(lab, made)
        answered = bool(lab.policy) or (current is not None and current.options is not None)
        asked = (*of_asks(lab, observed.facts), *observed.asked)
        goals = (*of_checks(lab, observed), *asked)
        if answered and all(goal.reached for goal in asked):
            goals = (*goals, *self._surplus(lab, observed.facts, made))
        if self._stage is not None:
            service = StageAnswer(None, "") if lab.policy else self._stage.ask_service(lab)
            attack = self._stage.attack(lab, self.directory(lab))
        else:
            attack = StageAnswer(None, "the simulated host has nobody who attacks")
            service = StageAnswer(None) if lab.policy else self._simulated_service(lab, made)
        outcome = LabOutcome(
            lab,
            goals,
            attack,
            service,
            self.simulated,
            before=current.done if current is not None and answered else None,
        )
        tried = count and answered and not self.rules.exam  # a remark is a hint
        remarks = remarks_on(outcome) if tried else ()
        result = self.progress.of(lab.id)
        if outcome.solved and count and not (result.passed or result.given_up):
            result = replace(
                result,
                passed=time.time(),
                simulated=self.simulated,
            )
            self._keep(self.progress.with_result(lab.id, result))
        return replace(outcome, remarks=remarks)

    def _surplus(
        self,
        lab: Lab,
        facts: ContainerFacts | None,
        made: Answer,
    ) -> Iterator[Goal]:
        if facts is not None:
            solved = answer(lab, lab.solution, self.directory(lab))
            yield from of_surplus(
                facts,
                asked=spec_from_argv(("podman", *made.words)),
                solution=spec_from_argv(("podman", *solved.words)),
            )

    def _simulated_service(self, lab: Lab, made: Answer) -> StageAnswer:
        known = tuple(
            answer(lab, words, self.directory(lab)) for words in (lab.start, lab.solution)
        )
        return service_of(lab, made, known=known)

    def _observe(self, lab: Lab, made: Answer) -> Observed:
        if lab.policy:
            return of_policy(lab, self.policy_file(lab))
        if self._watch is not None:
            return self._watch(lab)
        return of_facts(lab, simulated_facts(lab, made))


@contextmanager
def open_training(
    bench: Workbench | None,
    place: Workplace,
) -> Iterator[Training]:
    """A learner's training on the first engine that can be changed, or without Podman.

    Args:
        bench: None, or one on the simulated host: labs are simulated.
    """
    if bench is None or bench.opened.simulated:
        yield Training(place, None)
        return
    engine = ChangingEngine(bench.opened.engines[0])
    try:
        yield Training(place, PodmanStage(engine), _Watch(bench))
    finally:
        engine.close()


class _Watch:
    """Judges a lab's container as `check` does, with a detailed inspection."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def __call__(self, lab: Lab) -> Observed:
        key = next(
            (row.key for row in self._bench.containers.rows() if row.name == lab.container), None
        )
        if key is None:
            gone = (
                Status.UNKNOWN,
                "its container is gone: start the lab over",
            )
            return Observed(dict.fromkeys(lab.checks, gone))
        if (
            lab.inside
            and (seen := self._bench.containers.refresh(key))
            and seen.report
            and seen.report.facts
        ):
            image = str(seen.report.facts.inspect.get("Image") or "")
            label = seen.engine.label
            self._bench.look_into_image(
                label,
                image,
                lambda _: None,
                threading.Event(),
            )
        if lab.neighbours:  # for checks that compare containers
            self._bench.containers.scan(
                lambda _: None,
                lambda _: None,
                threading.Event(),
            )
        row = self._bench.containers.refresh(key)
        if row is None or row.report is None:
            return Observed(dict.fromkeys(lab.checks, (Status.UNKNOWN, "it is gone")))
        by_check = {finding.check: finding for finding in row.report.everything}
        missing = (
            Status.UNKNOWN,
            row.report.trouble or "the checklist does not have this check",
        )
        statuses = {
            check: (finding.status, finding.verdict.reason)
            if (finding := by_check.get(check))
            else missing
            for check in lab.checks
        }
        return Observed(statuses, row.report.facts)
