"""What is written, where to, the difference, and then the result for each file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from msgspec import Struct
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, ItemGrid, Vertical
from textual.content import Content
from textual.widgets import Button, Checkbox, Input, Static

from hardentui.errors import HardenError, WriteError
from hardentui.features.fix.saving import (
    OwnUnit,
    command_in_place,
    command_with_plan,
    look_in_place,
    save,
    save_in_place,
)
from hardentui.features.planning import plan_file
from hardentui.features.views import known_facts
from hardentui.model.draft import NO_STEPS, Draft, DraftFile, NextSteps, Target
from hardentui.model.plan import Plan
from hardentui.model.written_file import WrittenFile
from hardentui.tui.action_texts import hint_of, told
from hardentui.tui.choosing import Choosing
from hardentui.tui.messages import in_background
from hardentui.tui.session import Session
from hardentui.tui.status import Part, hanging, signs_of
from hardentui.tui.widgets.draft_parts import draft_parts
from hardentui.tui.widgets.next_steps import step_parts
from hardentui.tui.widgets.page import DiffView
from hardentui.tui.widgets.text_field import TextField
from hardentui.tui.widgets.tick import Tick
from hardentui.visible import visible, visible_lines
from hardentui.words import plural

_GOOD = "bold $status-pass"
_BAD = "bold $status-high"
_UNIT_TICKS = {Target.UNIT: "unit", Target.DROP_IN: "drop-in"}
_EXPORTS = {Target.KUBE: "kube", Target.ANSIBLE: "ansible"}
_TICKS = {Target.QUADLET: "quadlet", Target.RUN: "run", **_EXPORTS, **_UNIT_TICKS}


class DraftReady(Struct, frozen=True):
    """`in_place` is the effect of writing a changed unit in place, or why it cannot; empty for new
    files."""

    draft: Draft
    in_place: tuple[WrittenFile, ...] | HardenError = ()


class WriteFiles(Vertical):
    """Args:
    plan: what worked on a twin, including relaxations; None: the plan of the chosen fixes.
    reads: the difference is what the user wants to see, not the directory.
    """

    def __init__(
        self,
        session: Session,
        choosing: Choosing,
        plan: Plan | None = None,
        *,
        reads: bool = False,
    ) -> None:
        super().__init__()
        self.session = session
        self._signs = signs_of(self)
        self._choosing = choosing
        self._plan: Plan | None = plan or choosing.plan
        self._ready: dict[Target, DraftReady] = {}
        self._failed: dict[Target, HardenError] = {}
        self._making: set[Target] = set()
        self._reads = reads
        self._unit: OwnUnit | None = None
        self._looking = True  # for the unit, which decides what is ticked
        self._writing = False
        self._write_when_made = False
        self._commands: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical(id="form"):
            with Horizontal(classes="field", id="files"):
                yield Static(Content("Files"), classes="label")
                with ItemGrid(min_column_width=14, regular=False):
                    yield Tick("Quadlet", True, id="quadlet")
                    yield Tick("script", id="run")
                    yield Tick("kube", id="kube")
                    yield Tick("Ansible", id="ansible")
                    if self._plan is not None:
                        yield Tick("plan", id="plan")
            with Horizontal(classes="field", id="own"):
                yield Static(Content("Unit"), classes="label")
                with ItemGrid(min_column_width=18, regular=False):
                    yield Tick("edit its file", id="unit")
                    yield Tick("drop-in", id="drop-in")
                    yield Tick("in place", id="in-place")
            with Horizontal(classes="field"):
                yield Static(Content("Save to"), classes="label")
                yield TextField(
                    self.session.directory,
                    id="directory",
                    compact=True,
                )
                yield Button(
                    Content("Write"),
                    id="write",
                    variant="primary",
                    compact=True,
                )
            yield Static(id="hint")
        yield Static(id="result")
        yield DiffView(id="preview")

    def on_mount(self) -> None:
        self.query_one(
            "#write", Button
        ).active_effect_duration = 0  # the button is disabled while it runs
        self.query_one("#preview" if self._reads else "#directory").focus()
        self._prepare()
        find = partial(self._choosing.bench.drafter.own_unit, self._choosing.report)
        self.run_worker(
            lambda: self.call_later(self._found, find()),
            group="unit",
            thread=True,
        )

    def _found(self, unit: OwnUnit | None) -> None:
        self._unit, self._looking = unit, False
        if unit is not None and unit.ways and self._plan is not None:  # else nothing can be changed
            self.query_one("#own").add_class("-there")
            self.query_one("#unit").display = Target.UNIT in unit.ways
            if self._targets() == (
                Target.QUADLET,
            ):  # a second unit for the container is rarely wanted
                self.query_one(f"#{_UNIT_TICKS[unit.ways[0]]}", Checkbox).value = True
                self.query_one("#quadlet", Checkbox).value = False
        self._made()

    def _ticked(self, tick: str) -> bool:
        return self.query_one(f"#{tick}", Checkbox).value

    def _targets(self) -> tuple[Target, ...]:
        return tuple(target for target, tick in _TICKS.items() if self._ticked(tick))

    @property
    def _goes_in_place(self) -> Target | None:
        """How the unit is changed where systemd reads it; None if that is not selected."""
        if not self._ticked("in-place"):
            return None
        return next(
            (target for target in self._targets() if target.changes_unit),
            None,
        )

    @on(Checkbox.Changed)
    def _ticks_changed(self, message: Checkbox.Changed) -> None:
        """One way to change the unit at a time: both would make the same change twice."""
        ticks = tuple(_UNIT_TICKS.values())
        if message.value and message.checkbox.id in ticks:
            for other in ticks:
                if other != message.checkbox.id:
                    self.query_one(f"#{other}", Checkbox).value = False
        elif (
            message.value
            and message.checkbox.id == "in-place"
            and self._unit
            and not self._goes_in_place
        ):
            self.query_one(f"#{_UNIT_TICKS[self._unit.ways[0]]}", Checkbox).value = True
        self._prepare()

    def _prepare(self) -> None:
        for target in self._missing:
            if target not in self._making:
                self._make(target)
        self._draw()

    @property
    def _missing(self) -> tuple[Target, ...]:
        """The selected file types whose files are not made yet."""
        return tuple(
            kind for kind in self._targets() if kind not in self._ready and kind not in self._failed
        )

    @property
    def _incomplete(self) -> bool:
        """Whether the files to write are incomplete or still unknown."""
        return self._looking or bool(self._missing)

    def _plan_file(self) -> DraftFile | None:
        """The plan, if it is selected for writing."""
        if self._plan is None or not self._ticked("plan"):
            return None
        return plan_file(self._choosing.report, self._plan)

    def on_resize(self) -> None:
        self.call_after_refresh(
            self._draw
        )  # after the layout that is under way, which would miss it

    def _make(self, target: Target) -> None:
        self._making.add(target)
        choosing, plan = self._choosing, self._plan
        bench, report = choosing.bench, choosing.report

        def work() -> DraftReady:
            draft = bench.drafter.draft(report, plan, target)
            in_place: tuple[WrittenFile, ...] | HardenError = ()
            if target.changes_unit:
                try:
                    in_place = tuple(look_in_place(known_facts(report), draft))
                except HardenError as error:
                    in_place = error
            return DraftReady(draft, in_place)

        drafted = partial(self._drafted, target)
        in_background(
            self,
            work,
            drafted,
            drafted,
            group=f"draft-{target}",
        )

    def _drafted(
        self,
        target: Target,
        outcome: DraftReady | HardenError,
    ) -> None:
        self._making.discard(target)
        if isinstance(outcome, HardenError):
            self._failed[target] = outcome
        else:
            self._ready[target] = outcome
        self._made()
        if self._reads and target in self._ready:  # to the first change, below the notes
            preview = self.query_one("#preview", DiffView)
            preview.call_after_refresh(preview.reveal)

    def _made(self) -> None:
        self._draw()
        if self._write_when_made and not self._incomplete:
            self.save()

    def _draw(self) -> None:
        self.query_one("#write", Button).disabled = not (self._to_directory() or self._in_place())
        self.query_one("#preview", DiffView).show(self._preview())
        self._show_hint()

    def heading(self) -> Content:
        name = visible(self._choosing.report.subject.name, 40)
        count = len(self._plan.choices) if self._plan else 0
        what = (
            f"with {plural(count, 'fix', 'fixes')}"
            if count
            else "as it is today: nothing is hardened"
        )
        return Content.assemble(
            (name, "bold"),
            f" {self._signs.of('›')} write files, ",
            what,
        )

    def _preview(self) -> Content:
        parts: list[Part] = []
        for target in self._targets():
            if target in self._failed:
                error, width = self._failed[target], self.app.size.width - 4
                parts += hanging(
                    "",
                    error.title,
                    width,
                    _BAD,
                    indent=0,
                )
                parts += [*hanging("", hint_of(error), width, indent=0), "\n"]
            elif target not in self._ready:
                parts.append(self._signs.of("Generating the files and running the generator…\n"))
            else:
                parts += draft_parts(
                    self._ready[target].draft, self.app.size.width - 4, self._signs.arrow
                )
        if file := self._plan_file():
            command = command_with_plan(known_facts(self._choosing.report), file.name)
            parts += [
                (visible(file.name), "bold $primary"),
                f": {command} uses it again\n",
            ]
        return Content.assemble(*parts) if parts else Content("Choose at least one kind of file.")

    def jump(self, by: int) -> None:
        """To the next change, or the one before."""
        preview = self.query_one("#preview", DiffView)
        preview.focus()
        if not preview.jump(by):
            self.notify(
                "No more changes in this direction.",
                markup=False,
                timeout=2,
            )

    @on(Input.Changed, "#directory")
    def _directory_typed(self) -> None:
        self._show_hint()

    def _show_hint(self) -> None:
        """The destination, and why the unit cannot be changed in place if that is selected."""
        width = self.app.size.width - 12
        parts: list[Part] = []
        if self._goes_in_place is not None:
            parts += self._of_place(self._goes_in_place, width)
        elif self._unit is not None and not self._unit.ways:
            parts += hanging(
                "!", self._unit.why_not, width, indent=2, label_style="bold $status-medium"
            )
            if self._plan is not None and self._unit.elsewhere:
                parts += self._command(Target.UNIT, width)
        elif self._unit is not None:
            use = (
                "'In place' changes it there."
                if self._plan
                else "Chosen fixes can be applied to it there."
            )
            message = f"It runs from {self._unit.path}. {self._unit.why_not or use}"
            parts += hanging(
                "",
                message,
                width,
                "$muted",
                indent=0,
            )
        if any(target != self._goes_in_place for target in self._targets()) or self._plan_file():
            message = f"Goes to {self._directory()}; existing files are kept as backups."
            parts += hanging(
                "",
                message,
                width,
                "$muted",
                indent=0,
            )
        self.query_one("#hint", Static).update(Content.assemble(*parts).rstrip("\n"))

    def _of_place(
        self,
        target: Target,
        width: int,
    ) -> list[Part]:
        if (ready := self._ready.get(target)) is None:
            return []
        if isinstance(ready.in_place, HardenError):
            error = ready.in_place
            parts = hanging(
                "!",
                told(error),
                width,
                indent=2,
                label_style=_BAD,
            )
            may_be_root = isinstance(error, WriteError) and error.denied
            return parts + self._command(target, width) if may_be_root else parts
        parts = []
        for written in ready.in_place:
            kept = (
                f"; the previous file is kept as {Path(written.backup).name}"
                if written.backup
                else ""
            )
            message = f"{written.path} ({written.state}){kept}"
            parts += hanging(
                "in place",
                message,
                width,
                indent=9,
                label_style="bold",
            )
        return parts

    def _command(
        self,
        target: Target,
        width: int,
    ) -> list[Part]:
        """The commands to run where the files can be installed."""
        plan = plan_file(self._choosing.report, self._plan) if self._plan else None
        file = str(self._directory() / plan.name) if plan else "FILE"
        command = command_in_place(
            known_facts(self._choosing.report),
            target,
            file,
        )
        message = hanging(
            "",
            "Tick 'plan' and write it; then run:",
            width,
            "$muted",
            indent=2,
        )
        return message + hanging(
            "",
            command,
            width,
            "$primary",
            indent=2,
        )

    def _directory(self) -> Path:
        return (
            Path(self.query_one("#directory", Input).value.strip() or ".").expanduser().absolute()
        )

    def _to_directory(self) -> tuple[DraftFile, ...]:
        """The files that go to the directory."""
        targets = (target for target in self._targets() if target != self._goes_in_place)
        drafts = [self._ready[target].draft for target in targets if target in self._ready]
        files = [file for draft in drafts for file in draft.files]
        plan = self._plan_file()
        return (*files, plan) if plan else tuple(files)

    def _in_place(self) -> Draft | None:
        """The change that goes where systemd reads the unit; None if not selected or not possible."""
        ready = self._ready.get(self._goes_in_place) if self._goes_in_place else None
        if ready is None or isinstance(ready.in_place, HardenError) or not ready.draft.files:
            return None
        return ready.draft

    @on(Input.Submitted, "#directory")
    def _directory_given(self) -> None:
        self.query_one("#write", Button).focus()

    @on(Button.Pressed, "#write")
    def save(self) -> None:
        """Write everything selected, once all of it is ready."""
        self._write_when_made = self._incomplete
        if self._write_when_made:
            self._show_result(Content(self._signs.of("Generating the files…")))
            return
        files, in_place = self._to_directory(), self._in_place()
        if not files and in_place is None:
            self.app.clear_notifications()  # only the newest: they would pile up
            self.notify(
                "There is nothing to write.",
                severity="warning",
                markup=False,
            )
            return
        if self._writing:
            return
        self._writing = True
        bench, report, plan = self._choosing.bench, self._choosing.report, self._plan
        to_directory = [
            self._ready[target].draft for target in self._targets() if target in self._ready
        ]
        self._show_result(Content(self._signs.of("Writing…")))
        self.session.directory, directory = (
            self.query_one("#directory", Input).value,
            str(self._directory()),
        )

        def work() -> tuple[list[WrittenFile], NextSteps, HardenError | None]:
            written: list[WrittenFile] = []
            try:
                steps = NextSteps()
                if (
                    in_place is None and to_directory
                ):  # of several formats the first: they are alternatives
                    steps = bench.drafter.next_steps(
                        report,
                        to_directory[0],
                        directory,
                    )
                if files:
                    written += save(
                        (*files, *steps.files), directory, create=True
                    )  # all of it, or nothing
                if in_place is not None:
                    if bench.drafter.draft(report, plan, in_place.target) != in_place:
                        raise WriteError(
                            "The unit was changed meanwhile.", "Review the diff again."
                        )
                    saved = save_in_place(known_facts(report), in_place)
                    steps = bench.drafter.steps_in_place(report, in_place, saved)
                    written += saved
            except HardenError as error:
                return written, NO_STEPS, error
            return written, steps, None

        self.run_worker(
            lambda: self.call_later(self._written, *work()),
            group="write",
            thread=True,
        )

    def why_not(self) -> str:
        """Why nothing can be written now; empty when it can."""
        if self._writing:
            return "The files are being written."
        nothing = not self._incomplete and self.query_one("#write", Button).disabled
        return "There is nothing to write." if nothing else ""

    def copied(self) -> tuple[str, str]:
        if self._commands:
            return "the commands", "\n".join(self._commands)
        return "the files", self._preview().plain

    def _written(
        self,
        files: list[WrittenFile],
        steps: NextSteps,
        error: HardenError | None,
    ) -> None:
        """`error`: why some files were not written."""
        self._writing = False
        self._commands = steps.commands
        width = self.size.width - 4
        parts: list[Part] = []
        for file in files:
            kept = f", the previous one is kept as {file.backup}" if file.backup else ""
            parts += hanging(
                str(file.state), f"{file.path}{kept}", width, indent=10, label_style=_GOOD
            )
        parts += step_parts(steps, width)
        if self._commands:
            parts += hanging(
                "",
                "y copies the next commands.",
                width,
                "$muted",
                indent=10,
            )
        if error is not None:
            parts += [
                ("Not written: ", _BAD),
                visible(error.title),
                "\n",
                visible_lines(hint_of(error)),
            ]
        else:
            subject = self._choosing.report.subject
            # a trial may have changed values, or left a fix out
            key = subject.key
            self.session.written[key] = tuple(self.session.choices.get(key, {}).values())
            self.query_one("#write", Button).focus()  # in the directory field y is text input
        self._show_result(Content.assemble(*parts).rstrip("\n"))
        self._look_again()

    def _show_result(self, content: Content) -> None:
        result = self.query_one("#result", Static)
        result.update(content)
        result.add_class("-shown")
        result.call_after_refresh(result.scroll_visible, animate=False)  # a low screen scrolls

    def _look_again(self) -> None:
        """A changed unit no longer matches what was drafted."""
        for target in _UNIT_TICKS:
            self._ready.pop(target, None)
            self._failed.pop(target, None)
        self._prepare()
