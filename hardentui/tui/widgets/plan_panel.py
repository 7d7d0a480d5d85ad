"""The plan as it grows: its changes, its possible side effects, and the live diff."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from hardentui.errors import HardenError
from hardentui.harden.decisions import what_changes
from hardentui.harden.score import score_word
from hardentui.model.draft import Target
from hardentui.model.plan import Plan, Skipped
from hardentui.tui.choosing import Choosing
from hardentui.tui.status import Signs, signs_of
from hardentui.tui.text import Part, hanging
from hardentui.tui.ways import in_keys
from hardentui.tui.widgets.diff_view import DiffView
from hardentui.visible import visible
from hardentui.words import plural


def plan_notes(plan: Plan, width: int, questions: Iterable[Skipped] = ()) -> Content:
    """Conflicts, skipped fixes and what is left to decide, wrapped to `width` cells; may be empty."""
    parts: list[Part] = []
    notes = [*plan.conflicts, *(f"{note.check}: {note.text}" for note in plan.notes)]
    notes += [f"{skipped.check} is left out: {skipped.why}" for skipped in plan.skipped]
    notes += [f"decide: {question.check}: {what_changes(question)}" for question in questions]
    for note in notes:
        parts += hanging("!", in_keys(note), width, indent=2, label_style="bold $status-medium")
    return Content.assemble(*parts).rstrip("\n")


def promise(choosing: Choosing, signs: Signs) -> Content:
    """`score 43 → 61 with 4 fixes`."""
    report = choosing.report
    now = score_word(report.score.value, otherwise="–")
    parts: list[Part] = ["score ", (signs.of(now), "bold")]
    if choosing.after is not None and choosing.plan is not None:
        fixes = plural(len(choosing.plan.choices), "fix", "fixes")
        parts += [f" {signs.arrow} ", (signs.of(_after(choosing)), "bold $primary"), f" with {fixes}"]
    return Content.assemble(*parts)


def _after(choosing: Choosing) -> str:
    after = choosing.after.value if choosing.after else None
    return score_word(after, otherwise="–")


class PlanPanel(Vertical):
    DEFAULT_CSS = """
    PlanPanel {
        & > #plan-head { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #plan-floor { height: 1fr; layout: vertical; }
        DiffView { height: 1fr; }
        #plan-side { height: auto; max-height: 50%; padding: 0 1; }
        #plan-notes { height: auto; width: 100%; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._plan: Plan | None = None
        self._decisions: tuple[Skipped, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="plan-head")
        with Container(id="plan-floor"):
            yield DiffView(id="plan-diff")
            with VerticalScroll(id="plan-side", can_focus=False):
                yield Static(id="plan-notes")

    def on_mount(self) -> None:
        self.query_one(DiffView).can_focus = False

    def on_resize(self) -> None:
        self._show_notes()
        self._reveal()

    def _reveal(self) -> None:
        """The first change, once laid out: what comes before it is unchanged."""
        view = self.query_one(DiffView)
        view.call_after_refresh(view.reveal)

    def _show_notes(self) -> None:
        plan = self._plan
        side = self.query_one("#plan-side")
        side.display = bool(plan and (plan.conflicts or plan.notes or plan.skipped or self._decisions))
        if plan is not None:
            wide = self.screen.has_class("-wide")
            width = (self.size.width * 45 // 100 if wide else self.size.width) - 5
            self.query_one("#plan-notes", Static).update(plan_notes(plan, width, self._decisions))

    def show(self, choosing: Choosing) -> None:
        plan = self._plan = choosing.plan
        self._decisions = choosing.decisions
        view, head = self.query_one(DiffView), self.query_one("#plan-head", Static)
        self._show_notes()
        self.set_class(plan is None, "-empty")
        name = visible(choosing.report.subject.name, 40)
        if plan is None:
            head.update(Content.assemble(("Plan", "bold"), f" for {name}: ", ("nothing chosen", "$muted")))
            view.show(Content.assemble((_hint(choosing), "$muted")))
            return
        count = len(plan.changes)
        head.update(
            Content.assemble(
                ("Plan", "bold"),
                f" for {name}: {plural(count, 'option')} changed ",
                (f"{signs_of(self).dot} d shows all of it, w writes it", "$muted"),
            )
        )
        try:
            view.show(short_diff(choosing.diff(Target.QUADLET)))
            self._reveal()
        except HardenError as error:
            view.show(Content.assemble((visible(error.title), "$status-medium")))


def _hint(choosing: Choosing) -> str:
    if choosing.trouble:
        return visible(choosing.trouble)
    return "space chooses a fix, p sets its values, a takes all safe ones. The Quadlet diff appears here."


def short_diff(diff: str) -> str:
    """Without the two lines that name the files, which the heading already does."""
    return "\n".join(line for line in diff.split("\n") if not line.startswith(("--- ", "+++ ")))
