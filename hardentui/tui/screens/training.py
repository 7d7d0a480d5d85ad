"""Training: the overview of all labs with the learner's progress."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import cast

from textual.content import Content

from hardentui.checks import CHECKS
from hardentui.errors import HardenError
from hardentui.features.training.lab import Lab
from hardentui.features.training.lab_files import load_labs
from hardentui.features.training.progress import STATES
from hardentui.features.training.training import Training, Workplace, open_training
from hardentui.tui.action_texts import hint_of
from hardentui.tui.actions import BACK, COPY, TRAINING
from hardentui.tui.screens.base import Lead
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.tui.screens.lab import LabScreen, flowing
from hardentui.visible import visible, visible_lines


class TrainingScreen(BrowseScreen):
    ACTIONS = (*TRAINING, COPY, BACK)
    COLUMNS = (
        Column("", 1),
        Column("#", 2),
        Column("Lab", 0),
        Column("Steps", 8),
        Column("Minutes", 7, 70),
        Column("State", 13, 90),
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
        try:
            place = Workplace(load_labs(cast("Lead", self.app).settings.labs, checks=CHECKS))
            self.training = self._open.enter_context(open_training(self.session.bench, place))
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
        if self.training is not None and self.training.progress.of(lab).passed:
            self._go_to_next(self.training)

    def _go_to_next(self, training: Training) -> None:
        if (following := training.next) is not None:
            self.table.move_cursor(
                row=training.labs.index(following),
                animate=False,
            )

    def lines(self) -> Sequence[BrowseRow] | None:
        if self.training is None:
            return None
        return [
            self._line(number, lab, self.training)
            for number, lab in enumerate(self.training.labs, 1)
        ]

    def _line(
        self,
        number: int,
        lab: Lab,
        training: Training,
    ) -> BrowseRow:
        result = training.progress.of(lab.id)
        steps = ", ".join(map(str, lab.steps))
        sign, word = STATES[result.state]
        texts = (
            self.signs.of(sign),
            str(number),
            lab.title,
            steps,
            str(lab.minutes),
            word,
        )
        sort = (
            result.state,
            number,
            lab.title,
            lab.steps,
            lab.minutes,
            result.state,
        )
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
            flowing(lab.story or lab.learn),
            "\n\n",
            (visible_lines(lab.picture.strip("\n")), "$muted"),
        )

    def crumb(self) -> Content:
        if self.training is None:
            return Content.assemble(("Training", "bold"))
        labs, progress = self.training.labs, self.training.progress
        return Content.assemble(
            ("Training", "bold"),
            f"   {progress.passed(labs)} of {len(labs)} labs passed",
            self._runs(self.training),
        )

    def _runs(self, training: Training) -> str:
        """Which lab runs on, and how long."""
        lab, stops = training.current, training.stops_at
        return f"   {visible(lab.title, 40)} runs until {stops}" if lab and stops else ""

    def nothing(self) -> str:
        return "There are no labs."

    def enter_row(self) -> None:
        if self.training is not None and self.current:
            lab = self.training.find(self.current)
            self.app.push_screen(
                LabScreen(self.training, lab), lambda _: self._back_from_lab(lab.id)
            )

    def why_not(self, action: str) -> str:
        return (
            "The labs are not loaded yet."
            if action in ("open", "stop") and self.training is None
            else ""
        )

    def action_open(self) -> None:
        self.enter_row()

    def action_stop(self) -> None:
        if self.training is None:
            return
        try:
            count = self.training.stop()
        except HardenError as error:
            self.complain(hint_of(error), error.title)
            return
        self.notify(
            f"Removed {count} containers and networks of labs.",
            markup=False,
        )
        self._draw()

    def copied(self) -> tuple[str, str]:
        return "the lab's name", self.current
