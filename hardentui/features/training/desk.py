"""What a learner in a browser asks for and sees: requests and pages, as data.

A desk works where the labs run: in the learner's sandbox, or, on the simulated host, in the server.
"""

from __future__ import annotations

import shlex

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import HardenError, UsageError
from hardentui.features.training.judging import SIMULATED, LabOutcome, solved_text
from hardentui.features.training.lab import Lab
from hardentui.features.training.progress import STATES, TrainingProgress
from hardentui.features.training.rules import Rules
from hardentui.features.training.training import Training


class DeskRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """One action of a learner; `show` only looks."""

    action: str = "show"
    lab: str = ""  # of start
    text: str = ""  # of run: the options, or the policy
    rules: Rules = Rules()  # those of now


class MapRow(Struct, frozen=True):
    """A lab on the map of all labs."""

    id: str
    title: str
    steps: str
    minutes: int
    state: str
    open: bool


class AnswerRow(Struct, frozen=True):
    """A goal, the attack or the service."""

    good: bool | None
    word: str
    text: str
    seen: str


class LabPage(Struct, frozen=True, kw_only=True):
    """The open lab."""

    id: str
    title: str
    story: str
    learn: str
    picture: str
    task: str
    created: str  # the options of now
    policy: str  # the learner's policy, in a lab about signatures
    answers: tuple[AnswerRow, ...]
    done: str
    remarks: tuple[str, ...]
    guided: str  # the next move, once it was asked for
    hints: tuple[str, ...]  # shown so far
    solution: str  # once it was asked for
    solved: str
    finish: tuple[tuple[str, str], ...]  # title and text of what follows a solved lab
    reply: str  # the answer to its question, once it is solved
    note: str  # of the simulated host
    next: str = ""  # the ID of the lab after a solved one; next_title: its title
    next_title: str = ""


class DeskPage(Struct, frozen=True, kw_only=True):
    """All that a learner sees, and the progress that the server keeps."""

    labs: tuple[MapRow, ...]
    passed: int
    lab: LabPage | None
    progress: TrainingProgress
    simulated: bool
    exam: bool
    ends: float  # when the learner's time is over; 0 = never
    error: str = ""
    hint: str = ""


class Desk:
    """A learner's place."""

    def __init__(
        self,
        training: Training,
    ) -> None:
        self._training = training
        self._outcome: LabOutcome | None = None
        self._shown = ""  # the solution

    def answer(
        self,
        request: DeskRequest,
    ) -> DeskPage:
        """Do what is asked; a refusal is told on the page."""
        self._training.rules = request.rules
        try:
            self._do(request)
        except HardenError as error:
            if not isinstance(error, UsageError):
                self._outcome = None  # what was seen before is no longer so
            return replace(
                self._page(),
                error=error.title,
                hint=str(error.hint or ""),
            )
        return self._page()

    def close(self) -> None:
        """Remove what the labs created, and keep which lab was open."""
        current = self._training.progress.current
        self._training.stop()
        self._training.progress = replace(self._training.progress, current=current)

    def _do(
        self,
        request: DeskRequest,
    ) -> None:
        training = self._training
        match request.action:
            case "show":
                if self._outcome is None and training.current is not None:
                    self._outcome = training.look()
            case "start":
                self._shown = ""
                self._outcome = training.start(training.find(request.lab))
            case "run":
                self._outcome = self._run(request.text)
            case "check":
                self._outcome = training.check()
            case "hint":
                training.hint()
            case "guide":
                training.guide()
            case "solution":
                self._solution()
            case "map":
                self._outcome = None
                training.leave()
            case _:
                raise UsageError("There is no such action.")

    def _run(
        self,
        text: str,
    ) -> LabOutcome:
        lab = self._training.current
        if lab is not None and lab.policy:
            self._training.write_policy(lab, text)
            return self._training.check()
        return self._training.answer(typed_options(text))

    def _solution(self) -> None:
        lab = self._training.current
        if lab is None:
            raise UsageError("No lab is open.")
        options = " ".join(self._training.solution(lab)) or "(no options)"
        self._shown = lab.solved_policy.strip() or f"podman run {options}"

    def _page(self) -> DeskPage:
        training, progress = self._training, self._training.progress
        current = training.current
        rows = tuple(
            MapRow(
                id=lab.id,
                title=lab.title,
                steps=", ".join(map(str, lab.steps)),
                minutes=lab.minutes,
                state=STATES[progress.of(lab.id).state][1],
                open=lab is current,
            )
            for lab in training.labs
        )
        return DeskPage(
            labs=rows,
            passed=progress.passed(training.labs),
            lab=self._lab_page(current) if current is not None else None,
            progress=progress,
            simulated=training.simulated,
            exam=training.rules.exam,
            ends=training.ends,
        )

    def _lab_page(
        self,
        lab: Lab,
    ) -> LabPage:
        outcome, result = self._outcome, self._training.progress.of(lab.id)
        solved = outcome is not None and outcome.solved
        following = self._training.next if solved else None
        return LabPage(
            id=lab.id,
            title=lab.title,
            story=lab.story,
            learn=lab.learn,
            picture=lab.picture,
            task=lab.task,
            created=shlex.join(self._training.options_now(lab)),
            policy=self._training.policy_now(lab) if lab.policy else "",
            answers=tuple(AnswerRow(*row) for row in outcome.answers()) if outcome else (),
            done=outcome.done_text if outcome else "",
            remarks=outcome.remarks if outcome else (),
            guided=lab.guided if result.guided and not solved else "",
            hints=lab.hints[: result.hints],
            solution=self._shown,
            solved=solved_text(result, outcome) if outcome is not None and solved else "",
            finish=lab.afterwards if solved else (),
            reply=lab.reply if solved else "",
            note=SIMULATED if self._training.simulated else "",
            next=following.id if following else "",
            next_title=following.title if following else "",
        )


def typed_options(text: str) -> list[str]:
    """Options as a shell would split them, without the command that was typed along.

    Raises:
        UsageError: they cannot be split.
    """
    try:
        options = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"These options cannot be parsed like a shell command: {error}."
        ) from error
    for typed_along in (["podman", "run"], ["hardentui", "train", "run"]):
        if options[: len(typed_along)] == typed_along:
            options = options[len(typed_along) :]
    return options
