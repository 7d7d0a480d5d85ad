"""Training: the overview of all labs with the learner's progress."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import ClassVar

from textual.content import Content

from hardentui.checks import all_checks
from hardentui.errors import HardenError
from hardentui.training.course import Course
from hardentui.training.lab import Lab
from hardentui.training.loading import load_labs
from hardentui.tui.actions import BACK, COPY, TRAINING, bindings
from hardentui.tui.screen_report import ScreenReport
from hardentui.tui.screens.ask import AskScreen
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.tui.screens.lab import LabScreen
from hardentui.tui.ways import hint_of
from hardentui.visible import visible, visible_lines
from hardentui.workbench.exports import results_of
from hardentui.workbench.training import Training, open_training

_SIGNS = {"passed": "✓", "started": "…", "shown": "–", "new": " "}
_WORDS = {"passed": "passed", "started": "begun", "shown": "solution seen", "new": "new"}


class TrainingScreen(BrowseScreen):
    ACTIONS = (*TRAINING, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Training"
    COLUMNS = (
        Column("", 1),
        Column("#", 2),
        Column("Lab", 0),
        Column("Steps", 8),
        Column("Minutes", 7, 70),
        Column("State", 13, 90),
        Column("Points", 6),
    )

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.training: Training | None = None

    def on_mount(self) -> None:
        self._begin()

    def on_unmount(self) -> None:
        self._open.close()

    async def show_state(self, what: str) -> None:
        if what == "opened":
            self._begin()
        await super().show_state(what)

    def _begin(self) -> None:
        """Load the learner's progress as soon as it is known where labs run."""
        if self.training is not None or self.session.bench is None:
            return
        labs = load_labs(checks=[check.id for check in all_checks()])
        try:
            self.training = self._open.enter_context(open_training(self.session.bench, labs))
        except HardenError as error:
            self.complain(hint_of(error), error.title)
            return
        if self.training.notice:
            self.complain(self.training.notice)
        self._draw()
        self._go_to_next(self.training)

    def on_screen_resume(self) -> None:
        """Back from a lab: update its row."""
        self._draw()

    def _back_from_lab(self, lab: str) -> None:
        if self.training is not None and self.training.progress.of(lab).points:
            self._go_to_next(self.training)

    def _go_to_next(self, training: Training) -> None:
        if (following := training.next) is not None:
            self.table.move_cursor(row=training.labs.index(following), animate=False)

    def lines(self) -> Sequence[BrowseRow] | None:
        if self.training is None:
            return None
        return [self._line(number, lab, self.training) for number, lab in enumerate(self.training.labs, 1)]

    def _line(self, number: int, lab: Lab, training: Training) -> BrowseRow:
        result = training.progress.of(lab.id)
        steps = ", ".join(map(str, lab.steps))
        points = str(result.points) if result.points else ""
        texts = (
            self.signs.of(_SIGNS[result.state]),
            str(number),
            lab.title,
            steps,
            str(lab.minutes),
            _WORDS[result.state],
            points,
        )
        sort = (result.state, number, lab.title, lab.steps, lab.minutes, result.state, -result.points)
        return BrowseRow(lab.id, texts, sort)

    def about(self, key: str) -> Content:
        if self.training is None:
            return Content("")
        lab = self.training.find(key)
        return Content.assemble(
            (visible(lab.title), "bold"),
            f"   {lab.minutes} minutes   ",
            ("Enter opens it.", "$primary"),
            "\n\n",
            " ".join(visible_lines(lab.learn).split()),
            "\n\n",
            (visible_lines(lab.picture.strip("\n")), "$muted"),
        )

    def crumb(self) -> Content:
        if self.training is None:
            return Content.assemble(("Training", "bold"))
        labs, progress = self.training.labs, self.training.progress
        done = sum(1 for lab in labs if progress.of(lab.id).points)
        course = Course()
        share = course.share(progress, labs)
        parts = (
            f"   {done} of {len(labs)} labs passed, {share}% of the points",
            f"   {course.pass_mark}% to pass",
        )
        return Content.assemble(("Training", "bold"), *parts)

    def nothing(self) -> str:
        return "There are no labs."

    def enter_row(self) -> None:
        if self.training is not None and self.current:
            lab = self.training.find(self.current)
            self.app.push_screen(LabScreen(self.training, lab), lambda _: self._back_from_lab(lab.id))

    def why_not(self, action: str) -> str:
        return (
            "The labs are not loaded yet."
            if action in ("open", "name", "stop") and self.training is None
            else ""
        )

    def action_open(self) -> None:
        self.enter_row()

    def action_name(self) -> None:
        def keep(name: str | None) -> None:
            if name and self.training is not None:
                self.training.name_learner(name)
                self.notify("E writes the certificate.", markup=False)

        self.app.push_screen(AskScreen("The name on the certificate:"), keep)

    def screen_report(self) -> ScreenReport:
        if self.training is None:
            return ScreenReport()
        return ScreenReport(ready=results_of(self.training.labs, self.training.progress))

    def action_stop(self) -> None:
        if self.training is None:
            return
        try:
            count = self.training.stop()
        except HardenError as error:
            self.complain(hint_of(error), error.title)
            return
        self.notify(f"Removed {count} containers and networks of labs.", markup=False)
        self._draw()

    def copied(self) -> tuple[str, str]:
        return "the lab's name", self.current
