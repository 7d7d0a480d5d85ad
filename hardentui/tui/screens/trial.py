"""Trying a plan on a twin: the rounds, what broke, the evidence, what was relaxed, and the result."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from hardentui.errors import HardenError
from hardentui.features.fix.trial_files import plan_of_trial
from hardentui.features.trial.page import trial_page
from hardentui.features.trial.simulated_trial import play_trial
from hardentui.features.trial.tried import keep_profile, profile_directory, profile_path
from hardentui.features.trial.trying import Wishes
from hardentui.features.views import known_facts
from hardentui.model.plan import Plan
from hardentui.model.trial import Round, Trial, TrialEvent, TrialStep
from hardentui.tui.actions import BACK, COPY, TRIAL, bindings
from hardentui.tui.choosing import Choosing
from hardentui.tui.screens.apply import ApplyScreen
from hardentui.tui.screens.job import StoppableScreen
from hardentui.tui.screens.write import WriteScreen
from hardentui.tui.status import Signs
from hardentui.tui.text import Part, hanging
from hardentui.tui.ways import hint_of
from hardentui.tui.widgets.page import TextField, page
from hardentui.visible import visible, visible_lines
from hardentui.words import plural


@dataclass
class TrialProgress(Message):
    """One event of the trial."""

    event: TrialEvent


@dataclass
class TrialFinished(Message):
    """The trial ended with a result."""

    trial: Trial


@dataclass
class TrialEnded(Message):
    """The trial ended without a result; None: it was stopped."""

    error: HardenError | None


def progress_line(event: TrialEvent, number: int, signs: Signs) -> tuple[str, str, str] | None:
    """An event of a trial as sign, text and style; None for one that is only the current activity.

    Args:
        number: of the last round.
    """
    if (tried := event.round) is not None:
        sign, color = ("✓", "$success") if tried.ready else ("✗", "$error")
        why = f": {visible(tried.why, 200)}" if tried.why else ""
        text = f"round {number}, {visible(tried.purpose, 60)}, {tried.seconds:.1f} s{why}"
        return signs.of(sign), text, color
    if event.loosened:
        return "", f"relaxed: {event.loosened}", "$warning"
    if (left := event.left_out) is not None:
        return "", f"left out: {left.check}: {left.reason}", "$warning"
    if event.step in (TrialStep.BASELINE, TrialStep.LEARNING, TrialStep.RESTART, TrialStep.PROOF):
        return signs.of("·"), event.text, ""
    return None


class TrialScreen(StoppableScreen):
    CSS_PATH = "trial.tcss"
    ACTIONS = (*TRIAL, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    DOES: ClassVar = "makes a twin"
    BINDING_GROUP_TITLE = "Trial"

    def __init__(self, choosing: Choosing, plan: Plan) -> None:
        super().__init__()
        self._choosing = choosing
        self._plan = plan
        self._events: list[tuple[str, str, str]] = []  # label, text, style
        self._rounds: list[Round] = []
        self._now = ""
        self._trial: Trial | None = None
        self._trouble: HardenError | None = None
        self._learns = False
        self._tight = False
        self._holder = choosing.key  # who has the container's name now

    @property
    def _simulated(self) -> bool:
        return self._choosing.bench.opened.simulated

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with Horizontal(id="probe-line"):
            yield Label("Probe", classes="label")
            yield TextField(
                id="probe",
                placeholder="a command that proves it works; $TARGET is its address",
            )
        with VerticalScroll(id="reading"):
            yield Static(id="events")
            yield Static(id="result")

    def on_mount(self) -> None:
        self.session.replaced.subscribe(self, self._follow)
        self.query_one("#reading").focus()
        self._draw()

    def _follow(self, successors: Mapping[str, str]) -> None:
        self._holder = successors.get(self._holder, self._holder)

    def on_screen_resume(self) -> None:
        """Once the change is applied, the trial's container is only the kept original."""
        if self._holder != self._choosing.key:
            self.leave()

    # --- actions ------------------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        trial = self._trial
        if action == "start" and self.stop is not None:
            return "A trial is running. esc stops it."
        if action in ("learn", "tight") and self._simulated:
            return "This host is simulated: no program runs that could be watched."
        if action in ("apply", "write") and (trial is None or not trial.options):
            return "There is no result yet." if trial is None else "No change could be kept."
        return ""

    def action_start(self) -> None:
        self._events, self._rounds, self._trial, self._trouble = [], [], None, None
        self.query_one("#reading").focus()
        probe = self.query_one("#probe", Input).value.strip()
        self._run(self.begin(), (probe,) if probe else ())
        self._draw()

    @on(Input.Submitted)
    async def _probe_given(self) -> None:
        await self.run_action("start")

    def action_learn(self) -> None:
        """Toggle learning for the next trial."""
        self._learns = not self._learns
        self._draw()

    def action_tight(self) -> None:
        """Toggle for the next trial: what was not seen goes."""
        self._tight = not self._tight
        self._draw()

    def action_probe(self) -> None:
        self.query_one("#probe").focus()

    def action_back(self) -> None:
        if isinstance(self.focused, Input):
            self.query_one("#reading").focus()
        elif self.stop is not None:
            self.stop.set()
            self._now = "stopping and removing the twin"
            self._draw()
        else:
            self.dismiss()

    def action_apply(self) -> None:
        if (plan := self._tried_plan()) is not None:
            self.app.push_screen(ApplyScreen(self._choosing, plan))

    def action_write(self) -> None:
        if (plan := self._tried_plan()) is not None and self._trial is not None:
            dropped = {left.check for left in self._trial.left_out}
            self._choosing.drop(dropped)
            self.app.push_screen(WriteScreen(self._choosing, plan))

    def _tried_plan(self) -> Plan | None:
        """The plan with what worked; reports why if it is no longer possible."""
        if (trial := self._trial) is None:
            return None
        try:
            return plan_of_trial(self._choosing.bench.planner, self._choosing.report, trial)
        except HardenError as error:
            self.complain(hint_of(error), error.title)
            return None

    # --- the trial ----------------------------------------------------------------------------------------

    @work(thread=True, group="trial")
    def _run(self, stop: threading.Event, probes: tuple[str, ...]) -> None:
        def tell(event: TrialEvent) -> None:
            self.post_message(TrialProgress(event))

        bench, report = self._choosing.bench, self._choosing.report
        try:
            if self._simulated:
                self.post_message(TrialFinished(play_trial(self._plan, tell, stop)))
            else:
                directory = profile_directory(known_facts(report), bench.opened.files)
                profile = profile_path(report.subject.name, directory) if self._learns else ""
                wishes = Wishes(probes=probes, learn=profile, tight=self._tight)
                trial = bench.trying(report).try_plan(self._plan, wishes, tell, stop)
                if trial.learned is not None and trial.learned.seccomp is not None:
                    keep_profile(trial, directory)
                self.post_message(TrialFinished(trial))
        except KeyboardInterrupt:
            self.post_message(TrialEnded(None))
        except HardenError as error:
            self.post_message(TrialEnded(error))

    @on(TrialProgress)
    def _progressed(self, message: TrialProgress) -> None:
        event = message.event
        self._now = event.text
        if event.round is not None:
            self._rounds.append(event.round)
        if line := progress_line(event, len(self._rounds), self.signs):
            self._events.append(line)
        self._draw()
        self.query_one("#reading", VerticalScroll).scroll_end(animate=False)

    @on(TrialFinished)
    def _tried(self, message: TrialFinished) -> None:
        self._trial, self.stop, self._now = message.trial, None, ""
        self._draw()
        self.query_one("#reading", VerticalScroll).scroll_end(animate=False)

    @on(TrialEnded)
    def _ended(self, message: TrialEnded) -> None:
        self._trouble, self.stop, self._now = message.error, None, ""
        if message.error is None:
            self._events.append(("", "Stopped. The twin is removed; the container is untouched.", ""))
        self._draw()

    # --- drawing ------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if not self.is_attached:
            return
        name = visible(self._choosing.report.subject.name, 50)
        now = self.signs.of(f"   {visible(self._now, 60)}…") if self.stop is not None else ""
        modes = [word for word, on in (("learns", self._learns), ("tight", self._tight)) if on]
        simulated = "   simulated" if self._simulated else "".join(f"   {mode}" for mode in modes)
        self.query_one("#crumb", Static).update(
            Content.assemble(
                (name, "bold"), f" {self.signs.of('›')} trial", (simulated, "$warning"), (now, "$primary")
            )
        )
        self.query_one("#events", Static).update(self._before() if not self._events else self._told_so_far())
        self.query_one("#result", Static).update(self._result())

    @property
    def _width(self) -> int:
        return min(140, self.app.size.width - 6)

    def _told_so_far(self) -> Content:
        parts: list[Part] = []
        for label, text, style in self._events:
            sign = f"  {label} "
            parts += hanging(sign, visible(text, 300), self._width, style, indent=4, label_style=style)
        return Content.assemble(*parts).rstrip("\n")

    def on_resize(self) -> None:
        self._draw()

    def _before(self) -> Content:
        if self.stop is not None:
            return Content(self.signs.of("Making a twin…"))
        checks = dict.fromkeys(check for change in self._plan.changes for check in change.checks)
        text = (
            f"Enter tries {plural(len(checks), 'fix', 'fixes')} on a twin of this container: its own "
            "network, copy-on-write volumes, no published ports. The container itself stays untouched. "
            "Whatever breaks the twin is found, and relaxed or left out. A probe makes the result more "
            "certain: a service can listen and still not answer."
        )
        return Content("\n\n").join([Content(text), Content(visible(", ".join(checks), 600))])

    def _result(self) -> Content:
        if self._trouble is not None:
            return Content.assemble(
                "\n",
                (visible(self._trouble.title), "bold $error"),
                "\n",
                visible_lines(hint_of(self._trouble)),
            )
        trial = self._trial
        if trial is None:
            return Content("")
        result = page(self, trial_page(trial), (), self._width)
        after = [Content.styled("A applies it, w writes it.", "$primary")] if trial.options else []
        return Content("\n\n").join([Content(""), result, *after])

    def copied(self) -> tuple[str, str]:
        return ("the trial", f"{self._told_so_far().plain}\n{self._result().plain}")
