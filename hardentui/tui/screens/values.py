"""The values of one fix. Each takes effect in the plan as soon as it is valid; nothing needs
confirming."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalGroup, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from hardentui.errors import HardenError, InputError
from hardentui.features.planner import typed_value
from hardentui.harden.fix_values import FixValue, From
from hardentui.model.draft import Target
from hardentui.model.finding import Finding
from hardentui.model.plan import Skipped
from hardentui.reading.forms import text_of
from hardentui.tui.action_texts import hint_of
from hardentui.tui.actions import BACK, VALUES
from hardentui.tui.choosing import Choosing
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.status import Part, both_ends, hanging
from hardentui.tui.widgets.page import DiffView, diff_content
from hardentui.tui.widgets.plan_panel import promise, short_diff
from hardentui.tui.widgets.text_field import TextField
from hardentui.visible import visible
from hardentui.words import plural

_BAD = "bold $status-high"
_LINES = 4
"""How many changed lines are shown here; the diff below has all of them."""


class ValueField(VerticalGroup):
    """One value: its name, the input, and below it the allowed values and where the value comes
    from.

    Attributes:
        fault: why the input is not accepted; empty when it is.
    """

    def __init__(self, setting: FixValue) -> None:
        super().__init__()
        self.setting = setting
        self.fault = ""

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Static(Content(visible(self.setting.name, 13)), classes="label")
            yield TextField(text_of(self.setting.value), compact=True)
        yield Static(classes="about")

    @property
    def input(self) -> Input:
        return self.query_one(Input)

    def show(self, width: int) -> None:
        """Update the description of the value, wrapped to `width` cells."""
        setting = self.setting
        parts: list[Part] = []
        if self.fault:
            kept = text_of(setting.value) or "nothing"
            parts += hanging(
                "!",
                f"{self.fault} The value stays {kept}.",
                width,
                _BAD,
                indent=2,
                label_style=_BAD,
            )
        else:
            parts += hanging(
                "",
                f"{setting.form}.",
                width,
                "$muted",
                indent=0,
            )
        parts += hanging(
            "",
            _origin(setting),
            width,
            "$muted",
            indent=0,
        )
        if setting.measured:
            written = text_of(setting.measured.value) or "none"
            parts += hanging(
                "", f"Will write {written}: {setting.measured.why}.", width, "bold", indent=0
            )
        self.query_one(".about", Static).update(Content.assemble(*parts).rstrip("\n"))


def _origin(setting: FixValue) -> str:
    default = text_of(setting.default)
    match setting.said_by:
        case From.CHOSEN:
            return (
                f"Chosen here; the default is {default}."
                if default
                else "Chosen here; there is no default."
            )
        case From.CHECKLIST:
            return "Set by the checklist."
        case From.SETTINGS:
            return "Set in your settings."
        case From.CHECK:
            return "The default." if default else "There is no default; you have to choose one."


class ValuesScreen(HardenScreen):
    CSS_PATH = "values.tcss"
    ACTIONS = (*VALUES, BACK)

    def __init__(
        self,
        choosing: Choosing,
        finding: Finding,
    ) -> None:
        super().__init__()
        self._choosing = choosing
        self._check = finding.check
        self._finding = finding
        self._why: Skipped | None = None
        self._warned = False

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with VerticalScroll(id="form", can_focus=False):
            for setting in self._choosing.settings(self._check):
                yield ValueField(setting)
        yield Static(id="outcome")
        yield DiffView(id="difference")

    def on_mount(self) -> None:
        self._why = self._choosing.refusal(self._check)
        self._draw()
        # not before layout: a long value would be scrolled out of sight
        self.call_after_refresh(self.query(ValueField).first().input.focus)

    def on_resize(self) -> None:
        self._draw()

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        field = next(field for field in self.query(ValueField) if field.input is message.input)
        self._warned = False
        try:
            value = typed_value(
                self._check,
                field.setting.name,
                message.value,
            )
        except InputError as error:
            field.fault = error.title
        else:
            field.fault = ""
            if value != field.setting.value:
                given = None if value == field.setting.default else value
                self._why = self._choosing.set_value(
                    self._check,
                    field.setting.name,
                    given,
                )
        self._draw()

    def action_default(self) -> None:
        if (field := self._current) is not None:
            field.input.value = text_of(field.setting.default)
            field.input.cursor_position = len(field.input.value)

    @property
    def _current(self) -> ValueField | None:
        return next(
            (field for field in self.query(ValueField) if field.input.has_focus),
            None,
        )

    def action_next(self) -> None:
        self._go(1)

    def action_previous(self) -> None:
        self._go(-1)

    @on(Input.Submitted)
    def _done(self) -> None:
        self._go(1)

    def _go(self, by: int) -> None:
        fields = list(self.query(ValueField))
        at = fields.index(self._current) + by if self._current in fields else 0
        fields[at % len(fields)].input.focus()

    def action_back(self) -> None:
        """An input that was not accepted is not discarded with a single key."""
        faults = [field for field in self.query(ValueField) if field.fault]
        if faults and not self._warned:
            self._warned = True
            self.complain(
                f"{faults[0].fault} esc again discards it.",
                "Not accepted",
            )
            return
        super().action_back()

    def _draw(self) -> None:
        choosing, width = self._choosing, self.app.size.width - 2
        name, check = visible(choosing.report.subject.name, 40), visible(self._check, 40)
        left = Content.assemble(
            (name, "bold"),
            f" {self.signs.of('›')} {check}: values",
        )
        right = promise(choosing, self.signs)
        self.query_one("#crumb", Static).update(
            both_ends(
                left,
                right,
                width,
                self.signs.ellipsis,
            )
        )
        known = {setting.name: setting for setting in choosing.settings(self._check)}
        for field in self.query(ValueField):
            field.setting = known[field.setting.name]
            field.show(width - 16)
        lines = self._lines()
        self.query_one("#outcome", Static).update(self._outcome(lines, width))
        view = self.query_one(DiffView)
        view.show(self._difference())
        view.call_after_refresh(
            view.reveal, next((line for line in lines if line.startswith("+")), "")
        )

    def _lines(self) -> tuple[str, ...]:
        """What the fix changes in a Quadlet, for display; empty while it is not in the plan."""
        if self._check not in self._choosing:
            return ()
        values = self._choosing.choice(self._check).parameters
        remedy = self._choosing.bench.planner.remediation(
            self._choosing.report, self._finding, values
        )
        return tuple(remedy.quadlet.split("\n"))

    def _outcome(
        self,
        lines: tuple[str, ...],
        width: int,
    ) -> Content:
        if self._why is not None:
            return Content.assemble(
                *hanging(
                    "!", f"Not in the plan: {self._why}.", width, _BAD, indent=2, label_style=_BAD
                )
            ).rstrip("\n")
        if self._check in self._choosing:
            message = ("In the plan, with these values:\n", "$status-pass")
            more = (
                f"\nand {plural(len(lines) - _LINES, 'line')} more, below"
                if len(lines) > _LINES
                else ""
            )
            return Content.assemble(
                message, diff_content("\n".join(lines[:_LINES])), (more, "$muted")
            )
        return Content.assemble(
            (
                "Not chosen. A new value chooses the fix; space in the walk does too.",
                "$muted",
            )
        )

    def _difference(self) -> Content | str:
        try:
            return short_diff(self._choosing.diff(Target.QUADLET)) or Content(
                "The plan changes nothing yet."
            )
        except HardenError as error:
            return Content.assemble(
                (visible(error.title), "bold $status-medium"), "\n", visible(hint_of(error))
            )
