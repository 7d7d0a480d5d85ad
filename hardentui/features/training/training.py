"""Training as a use case: start a lab, recreate its container, judge it, attack it, save the
progress."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hardentui.checks import CHECKS, all_checks
from hardentui.do import Do, Verb
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import UsageError
from hardentui.features.training.course import (
    Current,
    Lab,
    TrainingProgress,
    find_lab,
    keep_progress,
    load_progress,
    progress_file,
)
from hardentui.features.training.stage import (
    ENGINE,
    Answer,
    PodmanStage,
    StageAnswer,
    answer,
    refuse_invalid,
    simulated_facts,
)
from hardentui.files import write_bundle
from hardentui.harden.evaluate import container_subject, run
from hardentui.harden.score import score
from hardentui.host.podman.trust import parse_policy
from hardentui.model.check import Parameters
from hardentui.model.draft import TextFile
from hardentui.model.facts import ContainerFacts, EngineFacts
from hardentui.model.finding import Kind, Status
from hardentui.model.known import Unread, known
from hardentui.model.trust import TrustFacts
from hardentui.state import state_directory

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_GOOD = (Status.PASS, Status.NOT_APPLICABLE)


class Goal(Struct, frozen=True):
    """One check that must pass; its title is the expected state, `observed` is the reason."""

    check: str
    title: str
    status: Status
    observed: str

    @property
    def reached(self) -> bool:
        return self.status in _GOOD


class LabOutcome(Struct, frozen=True):
    """The learner's current result."""

    lab: Lab
    goals: tuple[Goal, ...]
    attack: StageAnswer
    service: StageAnswer
    score: int | None  # of the container; None in a lab without one
    simulated: bool
    remarks: tuple[str, ...] = ()  # the author's comments on options that were tried

    @property
    def solved(self) -> bool:
        """The checks pass, the attack fails and the service works."""
        checked = all(goal.reached for goal in self.goals)
        return checked and self.attack.works is False and self.service.works is not False

    def answers(self) -> Iterator[tuple[bool | None, str, str, str]]:
        """The goals, the attack and the service: whether that is well (None: unknown), a word for
        it, the text, and what was seen.
        """
        for goal in self.goals:
            word = "gone" if goal.reached else goal.status.value
            seen = "" if goal.reached else goal.observed
            yield goal.reached, word, f"{goal.title} [{goal.check}]", seen
        works = self.attack.works
        word = "unknown" if works is None else "works" if works else "blocked"
        safe = None if works is None else not works
        yield safe, word, f"Attack: {self.lab.attack.title}", self.attack.output
        if self.service.works is not None:
            yield (
                self.service.works,
                "answers" if self.service.works else "broken",
                "The service",
                "",
            )


class Observed(Struct, frozen=True):
    """The facts about a lab's container."""

    statuses: Mapping[str, tuple[Status, str]]
    score: int | None


class Training:
    """One learner's labs on one engine, or on the simulated host.

    Args:
        stage: where labs run; None = on the simulated host.
        watch: judges the lab's container on the engine; needed with a stage.
        path: the file of the progress; empty = the learner's own.

    Attributes:
        notice: a message about the progress file.
    """

    def __init__(
        self,
        labs: tuple[Lab, ...],
        stage: PodmanStage | None,
        watch: Callable[[Lab], Observed] | None = None,
        *,
        path: str = "",
        directory: str = "",
    ) -> None:
        self.labs = labs
        self._stage = stage
        self._watch = watch
        self._path = path or progress_file()
        self._directory = directory or os.path.join(state_directory(), "labs")
        self.progress, self.notice = load_progress(self._path)

    @property
    def simulated(self) -> bool:
        return self._stage is None

    @property
    def current(self) -> Lab | None:
        """The lab in progress; None if there is none, or it no longer exists."""
        now = self.progress.current
        return next((lab for lab in self.labs if now and lab.id == now.lab), None)

    @property
    def next(self) -> Lab | None:
        """The first lab that is not passed."""
        return next(
            (lab for lab in self.labs if not self.progress.of(lab.id).passed),
            None,
        )

    def find(self, name: str) -> Lab:
        """A lab by its ID or its number; raises UsageError."""
        return find_lab(self.labs, name)

    def directory(self, lab: Lab) -> str:
        """The lab's own directory on the host."""
        return os.path.join(self._directory, lab.id)

    def start(self, lab: Lab) -> LabOutcome:
        """Start a lab: create everything it needs, insecure as intended, and judge it."""
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
        )
        self._keep(
            replace(
                self.progress.with_result(lab.id, fresh),
                current=Current(lab.id, now, simulated=self.simulated),
            )
        )
        self._make(lab, lab.start)
        return self._check(lab, count=False)

    def answer(self, options: Iterable[str]) -> LabOutcome:
        """Recreate the lab's container with these options, and judge it.

        Raises:
            UsageError: no lab is open, or an option is not allowed in it.
        """
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
        self._keep(replace(self.progress, current=replace(current, options=options)))
        self._make(lab, options)
        return self.check()

    def check(self) -> LabOutcome:
        """Judge the open lab in its current state."""
        lab, _ = self._open()
        return self._check(lab, count=True)

    def hint(self) -> tuple[int, str]:
        """The next hint of the open lab, and its number from 1; the last one again once all were
        shown.

        Raises:
            UsageError: no lab is open.
        """
        lab, _ = self._open()
        result = self.progress.of(lab.id)
        number = min(result.hints + 1, len(lab.hints))
        self._keep(self.progress.with_result(lab.id, replace(result, hints=number)))
        return number, lab.hints[number - 1]

    def solution(self, lab: Lab) -> tuple[str, ...]:
        """The solution. Before the lab is passed it then counts as passed only after a restart."""
        result = self.progress.of(lab.id)
        if not result.passed:
            self._keep(self.progress.with_result(lab.id, replace(result, given_up=True)))
        return lab.solution

    def stop(self) -> int:
        """Remove everything the labs created; returns the number of containers and networks."""
        removed = self._stage.remove() if self._stage is not None else 0
        self._keep(replace(self.progress, current=None))
        return removed

    def policy_file(self, lab: Lab) -> str:
        return os.path.join(self.directory(lab), "policy.json")

    def write_policy(self, lab: Lab, text: str) -> None:
        """Replace the learner's policy."""
        self._write(lab, "policy.json", text)

    # --- inside -----------------------------------------------------------------------------------

    def _open(self) -> tuple[Lab, Current]:
        lab, current = self.current, self.progress.current
        if lab is None or current is None:
            raise UsageError("No lab is open.", ("All labs: ", Do(Verb.LABS)))
        return lab, current

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
        options = lab.start if current is None or current.options is None else current.options
        observed = self._observe(lab, answer(lab, options, self.directory(lab)))
        goals = tuple(
            Goal(
                check,
                CHECKS[check].title,
                *observed.statuses[check],
            )
            for check in lab.checks
        )
        if self._stage is not None:
            service = StageAnswer(None, "") if lab.policy else self._stage.ask_service(lab)
            attack = self._stage.attack(lab, self.directory(lab))
        else:
            safe = all(goal.reached for goal in goals)
            attack = StageAnswer(
                not safe, f"simulated: {'all checks pass' if safe else 'a check fails'}"
            )
            service = StageAnswer(None, "simulated: cannot be checked")
        remarks = tuple(
            lab.wrong[option]
            for option in sorted(lab.wrong)
            if any(word == option or word.startswith(f"{option}=") for word in options)
        )
        outcome = LabOutcome(
            lab,
            goals,
            attack,
            service,
            observed.score,
            self.simulated,
        )
        result = self.progress.of(lab.id)
        if outcome.solved and count and not (result.passed or result.given_up):
            self._keep(self.progress.with_result(lab.id, replace(result, passed=time.time())))
        return replace(outcome, remarks=() if outcome.solved else remarks)

    def _observe(self, lab: Lab, made: Answer) -> Observed:
        if lab.policy:
            return _of_policy(lab, self.policy_file(lab))
        if self._watch is not None:
            return self._watch(lab)
        return _of_facts(lab, simulated_facts(lab, made))


@contextmanager
def open_training(
    bench: Workbench | None,
    labs: tuple[Lab, ...],
    *,
    path: str = "",
    directory: str = "",
) -> Iterator[Training]:
    """A learner's training on the first engine that can be changed, or without Podman.

    Args:
        bench: None, or one on the simulated host: labs are simulated.
    """
    if bench is None or bench.opened.simulated:
        yield Training(
            labs,
            None,
            path=path,
            directory=directory,
        )
        return
    engine = ChangingEngine(bench.opened.engines[0])
    try:
        yield Training(
            labs,
            PodmanStage(engine),
            _Watch(bench),
            path=path,
            directory=directory,
        )
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
            return Observed(dict.fromkeys(lab.checks, gone), None)
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
            return Observed(
                dict.fromkeys(lab.checks, (Status.UNKNOWN, "it is gone")),
                None,
            )
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
        return Observed(statuses, row.report.score.value)


def _of_facts(lab: Lab, facts: ContainerFacts) -> Observed:
    """The findings of a simulated container; its score counts only those."""
    subject = container_subject(facts)
    checks = [check for check in all_checks() if check.kind is Kind.CONTAINER]
    findings = run(
        facts,
        subject,
        [(check, Parameters(check.parameters)) for check in checks],
    )
    by_check = {finding.check: (finding.status, finding.verdict.reason) for finding in findings}
    return Observed(
        {check: by_check[check] for check in lab.checks},
        score(tuple(findings)).value,
    )


def _of_policy(lab: Lab, path: str) -> Observed:
    """The findings of the engine checks on the learner's policy."""
    try:
        with open(path, encoding="utf-8") as file:
            content = file.read()
        policy = known(parse_policy, content, path)
    except (OSError, UnicodeDecodeError) as error:
        policy = Unread(f"{path} cannot be read: {error}")
    facts: EngineFacts = ENGINE.replace(trust=TrustFacts(policy=policy))
    verdicts = {check: CHECKS[check].verdict(facts) for check in lab.checks}
    return Observed(
        {check: (verdict.status, verdict.reason) for check, verdict in verdicts.items()}, None
    )
