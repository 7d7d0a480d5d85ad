"""Writing: the files and their difference first, then a folder, then what became of each file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, Static

from hardentui.errors import HardenError
from hardentui.model.plan import Plan
from hardentui.tui.actions import BACK, WRITE, bindings
from hardentui.tui.bench import Saved
from hardentui.tui.choosing import Choosing
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.text import Part, hanging
from hardentui.tui.widgets.diff_view import DiffView, diff_content
from hardentui.tui.widgets.tick import Tick
from hardentui.visible import visible, visible_lines
from hardentui.words import plural
from hardentui.workbench.views import Output, OutputFile, Target

_FOLDER = "./hardened"
_GOOD = "bold $status-pass"


@dataclass
class OutputReady(Message):
    target: Target
    output: Output
    diff: str
    files: tuple[OutputFile, ...]


@dataclass
class UnitFound(Message):
    path: str


@dataclass
class OutputFailed(Message):
    target: Target
    error: HardenError


@dataclass
class FilesWritten(Message):
    files: tuple[Saved, ...]


@dataclass
class WritingFailed(Message):
    error: HardenError


class WriteScreen(HardenScreen):
    CSS_PATH = "write.tcss"
    ACTIONS = (*WRITE, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Write"

    def __init__(self, choosing: Choosing) -> None:
        super().__init__()
        self._choosing = choosing
        self._plan: Plan | None = choosing.plan
        self._ready: dict[Target, OutputReady] = {}
        self._failed: dict[Target, HardenError] = {}
        self._unit = ""

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with Vertical(id="form"):
            with Horizontal(classes="field"):
                yield Static(Content("Files "), classes="label")
                yield Tick("Quadlet", True, id="quadlet")
                yield Tick("run script", id="run")
                yield Tick("its own unit", id="unit")
                if self._plan is not None:
                    yield Tick("plan", id="plan")
            with Horizontal(classes="field"):
                yield Static(Content("Folder"), classes="label")
                yield Input(_FOLDER, id="folder", compact=True)
                yield Button(Content("Write"), id="write", variant="primary", compact=True)
            yield Static(id="hint")
        yield Static(id="result")
        yield DiffView(id="preview")

    def on_mount(self) -> None:
        self.query_one("#write", Button).active_effect_duration = 0  # while it lasts, the button is deaf
        self.query_one("#folder", Input).focus()
        self._show_hint()
        self._prepare()
        self.run_worker(self._look_for_unit, group="unit", thread=True)

    def _look_for_unit(self) -> None:
        try:
            path = self._choosing.bench.unit_of(self._choosing.report)
        except HardenError:
            return  # a unit that cannot be used is none that could be edited
        if path:
            self.post_message(UnitFound(path))

    def on_unit_found(self, message: UnitFound) -> None:
        self._unit = message.path
        unit, quadlet = self.query_one("#unit", Checkbox), self.query_one("#quadlet", Checkbox)
        unit.add_class("-there")
        if self._plan is not None and self._targets() == (Target.QUADLET,):  # as it was at first
            unit.value, quadlet.value = True, False  # a second unit for the container is the exception
        self._show_hint()

    # --- what would be written -----------------------------------------------------------------------

    def _targets(self) -> tuple[Target, ...]:
        chosen = (("quadlet", Target.QUADLET), ("run", Target.RUN), ("unit", Target.UNIT))
        return tuple(target for name, target in chosen if self.query_one(f"#{name}", Checkbox).value)

    @on(Checkbox.Changed)
    def _prepare(self) -> None:
        for target in self._targets():
            if target not in self._ready and target not in self._failed:
                self._make(target)
        self._draw()

    def _plan_file(self) -> OutputFile | None:
        """The plan, where it is to be written too."""
        if self._plan is None or not self.query_one("#plan", Checkbox).value:
            return None
        return self._choosing.bench.plan_file(self._choosing.report, self._plan)

    def on_resize(self) -> None:
        self._draw()

    def _make(self, target: Target) -> None:
        choosing, plan = self._choosing, self._plan

        def work() -> None:
            try:
                output = choosing.bench.output(choosing.report, plan, target)
                diff = choosing.bench.diff(choosing.report, plan, target) if plan else ""
                files = choosing.bench.shown(choosing.report, plan, target)
            except HardenError as error:
                self.post_message(OutputFailed(target, error))
            else:
                self.post_message(OutputReady(target, output, diff, files))

        self.run_worker(work, group=f"output-{target}", thread=True)

    def on_output_ready(self, message: OutputReady) -> None:
        self._ready[message.target] = message
        self._draw()

    def on_output_failed(self, message: OutputFailed) -> None:
        self._failed[message.target] = message.error
        self._draw()

    def _draw(self) -> None:
        name = visible(self._choosing.report.subject.name, 40)
        count = len(self._plan.choices) if self._plan else 0
        what = f"with {plural(count, 'fix', 'fixes')}" if count else "as it is today: nothing is hardened"
        self.query_one("#crumb", Static).update(
            Content.assemble((name, "bold"), f" {self.signs.of('›')} write files, ", what)
        )
        ready = any(t in self._ready for t in self._targets()) or self._plan_file() is not None
        self.query_one("#write", Button).disabled = not ready
        self.query_one("#preview", DiffView).show(self._preview())

    def _preview(self) -> Content:
        parts: list[Part] = []
        for target in self._targets():
            if target in self._failed:
                error = self._failed[target]
                parts += [
                    (f"{visible(error.title)}\n", "bold $status-high"),
                    f"{visible_lines(error.hint)}\n\n",
                ]
            elif target not in self._ready:
                parts.append(self.signs.of("Making the files and asking the generator…\n"))
            else:
                parts += self._of_output(self._ready[target])
        if file := self._plan_file():
            use = ": hardentui fix NAME --plan FILE uses it again\n"
            parts += [(visible(file.name), "bold $primary"), use]
        return Content.assemble(*parts) if parts else Content("Choose at least one kind of file.")

    def _of_output(self, ready: OutputReady) -> list[Part]:
        output = ready.output
        names = ", ".join(visible(file.name) for file in output.files)
        width = self.app.size.width - 4
        parts: list[Part] = hanging("", names, width, "bold $primary", indent=0)
        if output.proof:
            parts += hanging(self.signs.arrow, output.proof, width, indent=3, label_style=_GOOD)
        for note in output.notes:
            parts += hanging("!", note, width, indent=3, label_style="bold $status-medium")
        for sentence in output.left_out:
            parts += hanging("not changed", sentence, width, indent=12, label_style="bold $status-high")
        if ready.diff:
            return [*parts, diff_content(ready.diff), "\n\n"]
        for file in ready.files:
            parts.append(f"\n{visible_lines(file.text)}\n")
        return parts

    # --- writing -------------------------------------------------------------------------------------

    def _folder(self) -> Path:
        return Path(self.query_one("#folder", Input).value.strip() or _FOLDER).expanduser().absolute()

    @on(Input.Changed, "#folder")
    def _show_hint(self) -> None:
        hint = Content.assemble(
            (f"goes to {visible(str(self._folder()), 200)}; what is there is kept", "$muted")
        )
        if self._unit:
            hint = Content.assemble(hint, (f" · it runs from {visible(self._unit, 200)}", "$muted"))
        self.query_one("#hint", Static).update(hint)

    @on(Input.Submitted, "#folder")
    def _folder_given(self) -> None:
        self.query_one("#write", Button).focus()

    @on(Button.Pressed, "#write")
    def action_save(self) -> None:
        outputs = [self._ready[target].output for target in self._targets() if target in self._ready]
        files = [file for output in outputs for file in output.files]
        if plan := self._plan_file():
            files.append(plan)
        if not files:
            self.complain("There is nothing to write yet.")
            return
        bundle = Output(tuple(files))  # all of it, or nothing
        bench, folder = self._choosing.bench, str(self._folder())

        def work() -> None:
            try:
                files = bench.save(bundle, folder, create=True)
            except HardenError as error:
                self.post_message(WritingFailed(error))
            else:
                self.post_message(FilesWritten(tuple(files)))

        self.run_worker(work, group="write", thread=True)

    def on_files_written(self, message: FilesWritten) -> None:
        subject = self._choosing.report.subject
        self.session.written[f"{subject.engine}/{subject.id}"] = self._choosing.chosen
        width = self.size.width - 4
        parts: list[Part] = []
        for file in message.files:
            kept = f", the former one is kept as {file.backup}" if file.backup else ""
            parts += hanging(str(file.state), f"{file.path}{kept}", width, indent=10, label_style=_GOOD)
        self._show_result(Content.assemble(*parts).rstrip("\n"))

    def on_writing_failed(self, message: WritingFailed) -> None:
        error = message.error
        self._show_result(
            Content.assemble(
                ("Not written: ", "bold $status-high"), visible(error.title), "\n", visible_lines(error.hint)
            )
        )

    def _show_result(self, content: Content) -> None:
        result = self.query_one("#result", Static)
        result.update(content)
        result.add_class("-shown")
