"""The walk: one container, step by step, with its fixes and the resulting plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from hardentui.errors import HardenError
from hardentui.features.images.page import is_inspected
from hardentui.features.training.lab_files import labs_about
from hardentui.features.views import Report, Row, also_words
from hardentui.model.checklist import Step
from hardentui.model.facts import ImageFacts
from hardentui.model.finding import Finding, Kind
from hardentui.model.known import known
from hardentui.model.plan import Caution, Plan
from hardentui.model.remediation import Remediation
from hardentui.tui.actions import BACK, COPY, COPY_MORE, WALK
from hardentui.tui.choosing import Choosing
from hardentui.tui.images_and_networks import image_id
from hardentui.tui.places import beginning, place_of
from hardentui.tui.screens.base import ContainerScreen
from hardentui.tui.screens.change import ChangeScreen
from hardentui.tui.screens.explaining import ExplainScreen
from hardentui.tui.screens.values import ValuesScreen
from hardentui.tui.status import Signs, both_ends, fit, worst_first
from hardentui.tui.widgets.finding_list import FindingList
from hardentui.tui.widgets.finding_text import Entry, finding_text
from hardentui.tui.widgets.page import titled
from hardentui.tui.widgets.plan_panel import PlanPanel, StepRail, promise
from hardentui.tui.widgets.write_files import WriteFiles
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.looking.judging import Judge
from hardentui.tui.widgets.why_panel import WhyPanel

_CHOOSES = frozenset(
    {
        "choose",
        "values",
        "safe",
        "likely",
        "all",
        "none",
        "diff",
        "write",
        "harden",
        "trial",
        "apply",
    }
)
"""Actions that need to know the container."""
_OF_FINDING = frozenset({"choose", "values", "explain"})


def why_not_in_walk(
    action: str,
    choosing: Choosing | None,
    finding: Finding | None,
    *,
    gone: bool,
) -> str:
    """One sentence; empty when nothing is in the way.

    Args:
        choosing: None while the container's details have not arrived.
        finding: the one under the cursor.
        gone: the container was removed, and its last facts are shown.
    """
    if gone and action in ("recheck", "harden", "trial", "apply"):
        return "The container was removed: these are its last facts."
    if action in _CHOOSES and choosing is None:
        return "Its details are still being read."
    if action in _CHOOSES and choosing is not None and choosing.report.facts is None:
        return f"Nothing is known about it: {visible(choosing.report.trouble, 200)}."
    if action in _OF_FINDING and finding is None:
        return "There is no finding under the cursor."
    if choosing is not None and not choosing.chosen:
        if action in ("trial", "apply"):
            return "Choose fixes first: space one, a all safe ones, F all."
        if action == "none":
            return "No fix is chosen."
    return ""


def need_values(checks: Sequence[str], judge: Judge) -> str:
    """Fixes that wait for a value, each with the step in which it can be given."""
    steps = {check.id: check.step for check in judge.checks}
    names = ", ".join(f"{check} (step {steps[check]})" for check in checks)
    need = "This fix needs" if len(checks) == 1 else "These fixes need"
    return f"{need} a value first; there i sets it: {names}."


def no_findings(
    report: Report | None,
    step: Step,
    signs: Signs,
) -> Content:
    """The text in place of the findings of a step.

    Args:
        report: None while the container's details have not arrived.
    """
    if report is None:
        return Content(signs.of("Loading its details…"))
    if report.trouble:
        return Content(f"Nothing could be judged: {visible(report.trouble)}")
    elsewhere = f"The step has {plural(len(step.checks), 'check')} of the host, engine or image."
    return Content.assemble(
        "No check of this step applies to containers.\n\n", (elsewhere, "$muted")
    )


_IMAGE_STEP = 1


class WalkScreen(ContainerScreen):
    OF_CONNECTION: ClassVar = True
    CSS_PATH = "walk.tcss"
    ACTIONS = (*WALK, COPY, COPY_MORE, BACK)

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key
        self._at = 0
        self._row: Row | None = None
        self._gone = False
        self._choosing: Choosing | None = None

    @property
    def container_key(self) -> str:
        return self._key

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with Container(id="floor"):
            with Container(id="upper"):
                yield titled(StepRail(id="rail"), "Steps")
                with titled(Vertical(id="step"), "Findings"):
                    yield WhyPanel(id="why")
                    yield Static(id="look")
                    yield FindingList(id="findings")
                    yield Static(id="also")
            yield titled(PlanPanel(id="plan"), "Plan")

    async def on_mount(self) -> None:
        self.session.rows_changed.subscribe(self, self._rows_changed)
        self.session.replaced.subscribe(self, self._follow)
        self._take(self.session.rows.get(self._key))
        self._at = beginning(
            self._row,
            self._steps,
            self.session.last_walk,
        )
        roomy = self.app.size.width >= 100 and self.app.size.height >= 30
        self.set_class(roomy, "-plan")
        self.query_one(FindingList).focus()
        place = self.session.last_walk
        await self._show_step()
        if place is not None and place.check:
            self.query_one(FindingList).go_to(place.check)

    def _take(self, row: Row | None) -> None:
        """Newer facts of the container, or the news that it is gone: then the last facts stay."""
        self._gone = row is None
        self.set_class(
            self._gone or (row is not None and self.session.greyed(row)),
            "-grey",
        )
        if row is None:
            return
        self._row = row
        bench = self.session.bench
        if row.report is None or bench is None:
            return
        if self._choosing is None:
            chosen = self.session.choices.setdefault(row.key, {})
            values = self.session.values.setdefault(row.key, {})
            self._choosing = Choosing(bench, row.report, chosen, values)
        self._choosing.renew(row.report)

    async def _rows_changed(self, keys: frozenset[str]) -> None:
        if self._key in keys:
            self._take(self.session.rows.get(self._key))
            await self._show_step()

    async def _follow(self, successors: Mapping[str, str]) -> None:
        """Continue with the container that has the name now."""
        if self._key in successors:
            self._key, self._choosing = successors[self._key], None
            self._take(self.session.rows.get(self._key))
            await self._show_step()

    async def show_state(self, what: str) -> None:
        if what == "events" and not self._gone:
            self.session.recheck(self._key)  # not every change is visible in the list
        elif what == "look":
            self._show_hint()
        elif what in ("opened", "host", "connection"):
            if not self._gone:
                self._take(self.session.rows.get(self._key))
            await self._show_step()

    @property
    def _steps(self) -> tuple[Step, ...]:
        return self.session.bench.judge.checklist.steps if self.session.bench else ()

    @property
    def _report(self) -> Report | None:
        return self._choosing.report if self._choosing else None

    @property
    def _changeable(self) -> Choosing | None:
        """Choosing is possible once the container is known."""
        return (
            self._choosing if self._choosing is not None and self._choosing.report.facts else None
        )

    def _findings(self) -> tuple[Finding, ...]:
        if self._report is None or self.session.bench is None or not self._steps:
            return ()
        step = self._steps[self._at].number
        return worst_first(finding for finding in self._report.with_image if finding.step == step)

    def _entry(self, finding: Finding) -> Entry:
        choosing = self._choosing
        if not finding.failing:
            return Entry(finding)
        labs = tuple(lab.id for lab in labs_about(finding.check))
        if choosing is None or finding.subject.kind is not Kind.CONTAINER:
            return Entry(finding, labs=labs)
        why = choosing.refusal(finding.check)
        fixable = why is None or bool(why.needs)
        settings = choosing.settings(finding.check) if fixable else ()
        return Entry(
            finding,
            fixable,
            ready=why is None,
            chosen=finding.check in choosing,
            settings=settings,
            labs=labs,
        )

    def _remedy(self, finding: Finding) -> Remediation | None:
        if self._choosing is None or self.session.bench is None:
            return None
        try:
            values = self._choosing.choice(finding.check).parameters
            return self.session.bench.planner.remediation(
                self._choosing.report,
                finding,
                values,
            )
        except HardenError:
            return None

    async def _show_step(self) -> None:
        if not self._steps:
            return
        step = self._steps[self._at]
        if self._row is not None:
            self.session.last_walk = place_of(self._row, step)
        self._show_crumb(step)
        self.query_one(StepRail).show(
            self._steps, self._report.cells if self._report else (), self._at
        )
        self.query_one(WhyPanel).show(step)
        entries = [self._entry(finding) for finding in self._findings()]
        empty = no_findings(self._report, step, self.signs)
        await self.query_one(FindingList).show(
            entries,
            self._remedy,
            empty,
        )
        self._show_also(step)
        self._show_plan()
        self._show_hint()

    def _show_also(self, step: Step) -> None:
        """What is not the container's own: one line."""
        bench, report = self.session.bench, self._report
        findings = bench.surroundings.also(report, step.number) if bench and report else ()
        line = self.query_one("#also", Static)
        line.display = bool(findings)
        line.update(
            Content.assemble(
                ("also  ", "$muted"),
                also_words(findings),
                ("  H", "bold $primary"),
            )
        )

    def _show_hint(self) -> None:
        """In the step about images: the image is not inspected yet, or the progress of its
        inspection."""
        line, inspection = self.query_one("#look", Static), self.session.around.look
        here = self._in_image_step
        if here and inspection is not None:
            text = inspection.progress
            line.update(Content.assemble((text, "$primary")))
        elif here and self._can_look:
            line.update(
                Content.assemble(
                    ("x", "bold $primary"),
                    " inspects the image without running it",
                )
            )
        line.display = here and (inspection is not None or self._can_look)

    @property
    def _in_image_step(self) -> bool:
        return bool(self._steps) and self._steps[self._at].number == _IMAGE_STEP

    @property
    def _can_look(self) -> bool:
        """Its image is known and not inspected yet."""
        facts = self._report.facts if self._report else None
        image = known(lambda: facts.image) if facts else None
        return (
            not self._gone
            and self._row is not None
            and bool(image_id(self._row))
            and isinstance(image, ImageFacts)
            and not is_inspected(image)
        )

    def _show_crumb(self, step: Step) -> None:
        signs, report, choosing = self.signs, self._report, self._choosing
        right: Content
        if self._gone:
            right = Content.assemble(("removed: showing its last facts", "bold $status-high"))
        elif self._row is not None and self.session.greyed(self._row):
            right = Content.assemble(("connection lost: showing old facts", "bold $status-high"))
        elif report is None or choosing is None:
            right = Content(signs.of("loading its details…"))
        else:
            right = promise(choosing, signs)
        width = self.app.size.width - 2
        name = visible(self._row.name if self._row else self._key, 50)
        name = fit(
            name,
            min(cell_len(name), (width - right.cell_length) // 2),
            signs.ellipsis,
        )
        left = Content.assemble(
            (name, "bold"), f" {signs.of('›')} {step.number} {visible(step.title, 40)}"
        )
        self.query_one("#crumb", Static).update(
            both_ends(
                left,
                right,
                width,
                signs.ellipsis,
            ),
            layout=False,
        )

    def _show_plan(self) -> None:
        if self._choosing is not None:
            self.query_one(PlanPanel).show(self._choosing)

    def on_resize(self) -> None:
        if self._steps:
            self._show_crumb(self._steps[self._at])

    async def action_open_step(self, number: int) -> None:
        at = next(
            (at for at, step in enumerate(self._steps) if step.number == number),
            None,
        )
        if at is not None and at != self._at:
            self._at = at
            await self._show_step()

    async def action_step_on(self) -> None:
        await self._go(1)

    async def action_step_back(self) -> None:
        await self._go(-1)

    async def _go(self, by: int) -> None:
        if self._steps:
            self._at = (self._at + by) % len(self._steps)
            await self._show_step()

    @on(StepRail.StepClicked)
    async def _step_clicked(self, message: StepRail.StepClicked) -> None:
        await self.action_open_step(self._steps[message.at].number)

    def action_next(self) -> None:
        self.query_one(FindingList).move(1)

    def action_previous(self) -> None:
        self.query_one(FindingList).move(-1)

    def action_next_text(self) -> None:
        self.query_one(WhyPanel).turn(1)

    def action_previous_text(self) -> None:
        self.query_one(WhyPanel).turn(-1)

    def why_not(self, action: str) -> str:
        if action == "look":
            if not self._can_look:
                return "Nothing to inspect: the image was inspected already, or is unknown."
            return (
                "Another image is being inspected. esc stops it."
                if self.session.around.look
                else ""
            )
        finding = self.query_one(FindingList).current
        why = why_not_in_walk(
            action,
            self._choosing,
            finding,
            gone=self._gone,
        )
        return why or super().why_not(action)

    def action_look(self) -> None:
        if (row := self._row) is not None:
            self.session.around.look_into(
                row.engine.label,
                image_id(row),
                row.image,
            )

    def action_back(self) -> None:
        if not (self._in_image_step and self.session.around.cancel_look()):
            super().action_back()

    def copied(self) -> tuple[str, str]:
        finding = self.query_one(FindingList).current
        return (
            (
                "the finding",
                finding_text(finding, self._remedy(finding)),
            )
            if finding
            else ("", "")
        )

    def action_recheck(self) -> None:
        self.session.recheck(self._key)

    async def action_choose(self) -> None:
        finding, choosing = self.query_one(FindingList).current, self._choosing
        if finding is None or choosing is None:
            return
        if finding.subject.kind is not Kind.CONTAINER:
            self.complain("This is about the host or the engine: see the commands in the finding.")
        elif not finding.failing:
            self.complain("There is nothing to fix here.")
        elif why := choosing.toggle(finding.check):
            if why.needs:
                self._open_values(choosing, finding)
            else:
                self.complain(why.why if why.decides else str(why), "No automatic fix")
        await self._show_step()
        self.query_one(FindingList).show_headline()

    def action_values(self) -> None:
        finding, choosing = self.query_one(FindingList).current, self._choosing
        if finding is None or choosing is None or choosing.report.facts is None:
            return
        if finding.subject.kind is not Kind.CONTAINER or not finding.failing:
            self.complain("Nothing here has an automatic fix, so there is no value to set.")
        elif not choosing.settings(finding.check):
            self.complain("This fix takes no values.")
        else:
            self._open_values(choosing, finding)

    def _open_values(
        self,
        choosing: Choosing,
        finding: Finding,
    ) -> None:
        self.app.push_screen(
            ValuesScreen(choosing, finding),
            self._values_given,
        )

    async def _values_given(self, _: None) -> None:
        await self._show_step()

    async def action_safe(self) -> None:
        none = "No fix is known to be safe here. F chooses all: try them on a twin."
        await self._choose_by(Caution.SAFE, none)

    async def action_likely(self) -> None:
        await self._choose_by(
            Caution.LIKELY, "Every fix may break something here. F chooses all of them."
        )

    async def _choose_by(
        self,
        caution: Caution,
        none: str,
    ) -> None:
        """Choose these fixes, or drop them when all of them are chosen."""
        if (choosing := self._changeable) is None:
            return
        choices = choosing.bench.planner.choices(choosing.report, caution)
        if not choices:
            self.complain(none)
        elif not choosing.add(choices):
            choosing.drop(choice.check for choice in choices)
        await self._show_step()

    async def action_all(self) -> None:
        if (choosing := self._changeable) is None:
            return
        choosing.add(choosing.bench.planner.choices(choosing.report, Caution.ALL))
        waiting = choosing.need_a_value()
        choosing.add(choosing.choice(check) for check, why in waiting.items() if why is None)
        if left := [check for check, why in waiting.items() if why is not None]:
            self.complain(need_values(left, choosing.bench.judge), "Not chosen")
        elif not choosing.chosen:
            self.complain("There is nothing to fix automatically.")
        await self._show_step()

    async def action_none(self) -> None:
        if self._choosing is not None:
            self._choosing.clear()
            await self._show_step()

    def action_plan(self) -> None:
        self.toggle_class("-plan")

    def action_diff(self) -> None:
        self.action_write(reads=True)

    def action_write(self, reads: bool = False) -> None:
        if self._changeable is not None:
            files = WriteFiles(self.session, self._changeable, reads=reads)
            self.app.push_screen(ChangeScreen(self._key, files=files))

    def action_harden(self) -> None:
        self.harden.open_harden((self._key,))

    def action_trial(self) -> None:
        if (choosing := self._changeable) is not None and self._plan_of(choosing) is not None:
            self.harden.open_harden((self._key,), choosing.chosen)

    def action_apply(self) -> None:
        if (choosing := self._changeable) is not None and self._plan_of(choosing) is not None:
            self.app.push_screen(
                ChangeScreen(
                    self._key,
                    choices=choosing.chosen,
                    tries=False,
                )
            )

    def _plan_of(self, choosing: Choosing) -> Plan | None:
        """The plan of the chosen fixes; says why, if there is nothing to do."""
        if (plan := choosing.plan) is not None and plan.changes:
            return plan
        self.complain(choosing.trouble or "The chosen fixes change nothing.")
        return None

    def action_explain(self) -> None:
        if (finding := self.query_one(FindingList).current) is not None:
            self.app.push_screen(ExplainScreen(finding, self._remedy(finding)))
