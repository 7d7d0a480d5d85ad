"""One lab: why it matters, the task, the result, and a line for options of podman run."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Static, TextArea

from hardentui.errors import HardenError, UsageError
from hardentui.features.training.desk import typed_options
from hardentui.features.training.judging import SIMULATED, LabOutcome, solved_text
from hardentui.features.training.lab import Lab
from hardentui.features.training.progress import SIGNS
from hardentui.features.training.training import Training
from hardentui.tui.action_texts import hint_of
from hardentui.tui.actions import BACK, COPY, LAB
from hardentui.tui.messages import in_background
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.widgets.text_field import TextField
from hardentui.visible import visible, visible_lines

_COMMAND = "hardentui train run"
"""How the texts of a lab name the line at the bottom of this screen."""


class OptionsLine(TextField):
    """The footer names what Enter does."""

    BINDINGS: ClassVar = [Binding("enter", "submit", "Recreate it", key_display="⏎")]


class LabScreen(HardenScreen):
    CSS_PATH = "lab.tcss"
    ACTIONS = (*LAB, COPY, BACK)
    DOES: ClassVar = "creates lab containers"

    def __init__(self, training: Training, lab: Lab) -> None:
        super().__init__()
        self._training = training
        self._lab = lab
        self._outcome: LabOutcome | None = None
        self._busy = ""
        self._hints = 0
        self._guided = False
        self._shown = ""  # the solution
        self._replied = False  # the answer to its question was asked for
        self._refused = ""  # why the last answer was not taken, or did not start

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with VerticalScroll(id="reading"):
            yield Static(id="outcome")
            yield Static(id="help")
            yield Static(id="text")
        if self._lab.policy:
            yield TextArea(id="policy", soft_wrap=False)
        else:
            with Horizontal(id="answer"):
                yield Label("podman run", classes="label")
                yield OptionsLine(id="options", placeholder="its options", select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one("#reading").focus()
        current = self._training.progress.current
        if (
            current is not None
            and current.lab == self._lab.id
            and current.simulated == self._training.simulated
        ):
            result = self._training.progress.of(self._lab.id)
            self._hints, self._guided = result.hints, result.guided
            self._do("Checking the container", self._training.check)
        else:
            self._start()
        self._draw()

    def why_not(self, action: str) -> str:
        if action == "save" and not self._lab.policy:
            return "This lab has no policy to save: i takes options of podman run."
        solved = self._outcome is not None and self._outcome.solved
        if action == "reply" and not solved:
            return "The question comes after the lab: solve it first."
        if action not in ("options", "back", "copy") and self._busy:
            return "One moment: the last step is not finished."
        return ""

    def action_options(self) -> None:
        if self._lab.policy:
            self.query_one("#policy").focus()
            return
        line = self.query_one("#options", OptionsLine)
        if line.value.strip():
            line.value = f"{line.value.rstrip()} "  # what is typed next is another option
        line.cursor_position = len(line.value)
        line.focus()

    def action_check(self) -> None:
        self._do("Inspecting the container", self._training.check)

    def action_hint(self) -> None:
        try:
            self._hints, _ = self._training.hint()
        except UsageError as error:
            self.complain(hint_of(error), error.title)
            return
        self._draw()
        self._show_newest()

    def action_guide(self) -> None:
        self._training.guide()
        self._guided = True
        self._draw()

    def action_solution(self) -> None:
        self._training.solution(self._lab)
        options = " ".join(self._lab.solution) or "(no options)"
        self._shown = self._lab.solved_policy.strip() or f"podman run {options}"
        self._draw()
        self._show_newest()

    def action_reply(self) -> None:
        try:
            self._training.reply(self._lab)
        except UsageError as error:
            self.complain(hint_of(error), error.title)
            return
        self._replied = True
        self._draw()
        self._show_newest()

    def _show_newest(self) -> None:
        reading = self.query_one("#reading", VerticalScroll)
        self.call_after_refresh(
            lambda: reading.scroll_to_widget(self.query_one("#help"), animate=False)
        )  # its new height is known by then

    def action_restart(self) -> None:
        self._start()

    def action_save(self) -> None:
        text = self.query_one("#policy", TextArea).text

        def save() -> LabOutcome:
            self._training.write_policy(self._lab, text)
            return self._training.check()

        self._do("Checking the policy", save)
        self.query_one("#reading").focus()

    def action_back(self) -> None:
        if isinstance(self.focused, Input | TextArea):
            self.query_one("#reading").focus()
        else:
            self.dismiss()

    @on(Input.Submitted)
    def _answered(self, message: Input.Submitted) -> None:
        try:
            options = typed_options(message.value)
        except UsageError as error:
            self._failed(error)
            return
        self.query_one("#reading").focus()
        self._do(
            "Recreating the container",
            lambda: self._training.answer(options),
        )

    def _start(self) -> None:
        if not self._busy:
            self._hints, self._shown, self._outcome, self._guided = 0, "", None, False
            self._replied = False
        self._do("Setting up the lab", lambda: self._training.start(self._lab))

    def _do(
        self,
        what: str,
        action: Callable[[], LabOutcome],
    ) -> None:
        if self._busy:
            self.complain("One moment: the last step is not finished.")
            return
        self._busy, self._refused = what, ""
        self._draw()
        in_background(
            self,
            action,
            self._looked,
            self._failed,
            group="lab",
        )

    def _looked(self, outcome: LabOutcome) -> None:
        before = self._outcome
        self._busy, self._outcome = "", outcome
        if before is None:
            self._fill()
        self._draw()
        self.query_one("#reading", VerticalScroll).scroll_home(animate=False)

    def _fill(self) -> None:
        """What the learner goes on from: the policy, or the options of the container."""
        if self._lab.policy:
            self.query_one("#policy", TextArea).text = self._training.policy_now(self._lab)
        else:
            line = self.query_one("#options", OptionsLine)
            line.value = shlex.join(self._training.options_now(self._lab))

    def _failed(self, error: HardenError) -> None:
        self._busy = ""
        self._refused = f"{error.title} {hint_of(error)}".strip()
        if not isinstance(error, UsageError):
            self._outcome = None  # what was seen before is no longer so
        self._draw()
        self.query_one("#reading", VerticalScroll).scroll_home(animate=False)

    def _draw(self) -> None:
        if not self.is_attached:
            return
        busy = self.signs.of(f"   {self._busy}…") if self._busy else ""
        title = (f"Lab: {visible(self._lab.title)}", "bold")
        self.query_one("#crumb", Static).update(Content.assemble(title, (busy, "$primary")))
        self.query_one("#outcome", Static).update(self._outcome_text())
        self.query_one("#help", Static).update(self._help())
        self.query_one("#text", Static).update(self._text())

    def _outcome_text(self) -> Content:
        outcome = self._outcome
        lines = []
        if self._refused:
            lines += [
                Content.styled(visible(self._refused, 400), "bold $error"),
                Content(""),
            ]
        if outcome is not None and outcome.solved:
            solved = solved_text(self._training.progress.of(self._lab.id), outcome)
            lines += [
                Content.styled(solved, "bold $success"),
                Content.styled(f"{outcome.done_text}.", "bold"),
                Content.styled(
                    "esc returns to the labs; enter there opens the next.",
                    "$primary",
                ),
                *self._afterwards(),
            ]
        lines += [
            Content.styled("Your task", "bold"),
            Content(flowing(self._lab.task)),
            Content(""),
        ]
        if outcome is None:
            return Content("\n").join(lines)
        if outcome.simulated:
            lines += [Content.styled(SIMULATED, "$warning"), Content("")]
        for good, word, text, seen in outcome.answers():
            color = {True: "$success", False: "$error", None: "$warning"}[good]
            mark = (f"  {self.signs.of(SIGNS[good])} {word:<9}", color)
            lines.append(Content.assemble(mark, visible(text, 120)))
            if seen:
                lines.append(Content.assemble("             ", (visible(seen, 200), "$muted")))
        if not self._lab.policy:
            lines += [
                Content(""),
                Content.assemble("  Created with ", (self._command(), "bold")),
            ]
        if stops := self._training.stops_at:
            lines.append(Content.styled(f"  It stops by itself at {stops}.", "$muted"))
        lines += [
            Content(""),
            Content.styled(f"  {outcome.done_text}", "bold"),
        ]
        lines += [Content.styled(visible(remark), "$warning") for remark in outcome.remarks]
        return Content("\n").join(lines)

    def _afterwards(self) -> Iterator[Content]:
        """What is told once it is solved."""
        for title, text in self._lab.afterwards:
            yield Content("")
            yield Content.styled(title, "bold")
            yield Content(flowing(text))
        if self._lab.reply:
            where = "The answer stands below." if self._replied else "e tells the answer."
            yield Content.styled(where, "$primary")
        yield Content("")

    def _command(self) -> str:
        """How the lab's container was created."""
        options = self._training.options_now(self._lab)
        return visible(f"podman run {shlex.join(options) or '(no options)'}", 300)

    def _help(self) -> Content:
        """What was asked for, the newest last."""
        solved = self._outcome is not None and self._outcome.solved
        parts = [("Next move", self._next_move())] if self._guided and not solved else []
        hints = self._lab.hints[: self._hints]
        parts += [(f"Hint {at}", flowing(text)) for at, text in enumerate(hints, 1)]
        parts.append(("Solution", visible_lines(self._shown)))
        parts.append(("The answer", flowing(self._lab.reply) if self._replied else ""))
        return _titled(parts)

    def _text(self) -> Content:
        lab = self._lab
        return _titled(
            [
                ("What happened", flowing(lab.story)),
                ("Why it matters", flowing(lab.learn)),
                ("", visible_lines(lab.picture.strip("\n"))),
            ]
        )

    def _next_move(self) -> str:
        """As on the command line, but with the keys of this screen."""
        if self._lab.policy:
            move = flowing(self._lab.guided.replace("hardentui train check", ""))
            return (
                f"{move}\n\nPress i to edit the policy below, ctrl+s to save and check it.".strip()
            )
        return f"{flowing(self._lab.guided)}\n\nPress i, change the options, press enter."

    def copied(self) -> tuple[str, str]:
        return (
            "this page",
            f"{self._outcome_text().plain}\n{self._help().plain}\n{self._text().plain}",
        )


def _titled(parts: Iterable[tuple[str, str]]) -> Content:
    """Texts below their titles; those that are empty are left out."""
    lines: list[Content] = []
    for title, text in parts:
        if text:
            heading = [Content.styled(title, "bold")] if title else []
            lines += [Content(""), *heading, Content(text)]
    return Content("\n").join(lines)


def flowing(text: str) -> str:
    """A text of a lab as paragraphs that the screen wraps."""
    paragraphs = visible_lines(text.strip()).replace(_COMMAND, "podman run").split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in paragraphs if part.strip())
