"""The complete diff: the container as it is against the hardened one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from hardentui.errors import HardenError
from hardentui.model.draft import Target
from hardentui.model.plan import Plan
from hardentui.tui.actions import BACK, COPY, DIFF, bindings
from hardentui.tui.choosing import Choosing
from hardentui.tui.messages import UnitFound
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.editing import edit_plan
from hardentui.tui.screens.write import WriteScreen
from hardentui.tui.ways import hint_of
from hardentui.tui.widgets.diff_view import DiffView
from hardentui.tui.widgets.plan_panel import plan_notes
from hardentui.visible import visible

_NAMES = {
    Target.QUADLET: "Quadlet",
    Target.RUN: "run script",
    Target.UNIT: "its own unit",
    Target.DROP_IN: "drop-in",
}


class DiffScreen(HardenScreen):
    ACTIONS = (*DIFF, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Difference"

    def __init__(self, choosing: Choosing) -> None:
        super().__init__()
        self._choosing = choosing
        self._targets: tuple[Target, ...] = (Target.QUADLET, Target.RUN)
        self._target = Target.QUADLET
        self._edited = ""

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        yield DiffView(id="diff")

    def on_mount(self) -> None:
        self.query_one(DiffView).focus()
        self._draw()
        self.run_worker(self._look_for_unit, group="unit", thread=True)

    def _look_for_unit(self) -> None:
        self.post_message(UnitFound(self._choosing.bench.drafter.own_unit(self._choosing.report)))

    def on_unit_found(self, message: UnitFound) -> None:
        if message.unit is not None:
            self._targets += message.unit.ways
            self._draw()

    def _draw(self) -> None:
        plan = self._choosing.plan
        name = visible(self._choosing.report.subject.name, 50)
        tabs: list[str | tuple[str, str]] = [(name, "bold"), f" {self.signs.of('›')} difference   "]
        for target in self._targets:
            here = target is self._target
            tabs += [(f" {_NAMES[target]} ", "reverse bold" if here else "$muted"), " "]
        self.query_one("#crumb", Static).update(Content.assemble(*tabs))
        self.query_one(DiffView).show(self._difference(plan), self._reasons(plan) if plan else None)

    def on_resize(self) -> None:
        self._draw()

    def _difference(self, plan: Plan | None) -> str | Content:
        if plan is None:
            return Content(
                visible(self._choosing.trouble)
                or "No fix is chosen, so there is no diff.\n\n"
                "In the walk, space chooses a fix, a all safe ones, F all."
            )
        try:
            return self._choosing.diff(self._target) or Content(
                "No difference: it already contains every change."
            )
        except HardenError as error:
            return Content.assemble(
                (visible(error.title), "bold $status-medium"), "\n", visible(hint_of(error))
            )

    def _reasons(self, plan: Plan) -> Content:
        lines = [
            Content.assemble(
                (f"{visible(change.option, 24):<24} ", "bold"),
                (f"{change.risk:<18}", "$muted"),
                visible(", ".join(change.checks), 80),
            )
            for change in plan.changes
        ]
        if notes := plan_notes(plan, self.app.size.width - 3, self._choosing.decisions):
            lines += [Content(""), notes]
        return Content("\n").join(lines)

    def why_not(self, action: str) -> str:
        if action in ("next_hunk", "previous_hunk") and not self._choosing.chosen:
            return "Nothing is chosen, so nothing differs."
        return ""

    def action_target(self) -> None:
        self._turn(1)

    def action_target_before(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        at = self._targets.index(self._target) + by
        self._target = self._targets[at % len(self._targets)]
        self._draw()

    def action_next_hunk(self) -> None:
        self._jump(1)

    def action_previous_hunk(self) -> None:
        self._jump(-1)

    def _jump(self, by: int) -> None:
        if not self.query_one(DiffView).jump(by):
            self.notify("No more changes in this direction.", markup=False, timeout=2)

    def copied(self) -> tuple[str, str]:
        difference = self._difference(self._choosing.plan)
        return ("the difference", difference if isinstance(difference, str) else "")

    def action_edit(self) -> None:
        self._edited = edit_plan(self, self._choosing, self._edited)
        self._draw()
        subject = self._choosing.report.subject
        self.session.rows_changed.publish(
            frozenset({f"{subject.engine}/{subject.id}"})
        )  # the walk below this screen

    def action_write(self) -> None:
        self.app.push_screen(WriteScreen(self._choosing))
