"""The plan as it grows: what it changes, what troubles it may make, and the live difference."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from hardentui.errors import HardenError
from hardentui.model.plan import Plan
from hardentui.tui.choosing import Choosing
from hardentui.tui.status import signs_of
from hardentui.tui.widgets.diff_view import DiffView
from hardentui.visible import visible
from hardentui.workbench.views import Target


def plan_notes(plan: Plan) -> Content:
    """Conflicts and skipped fixes, one line each; empty when there are none."""
    parts: list[str | tuple[str, str]] = []
    for conflict in plan.conflicts:
        parts.append((f"! {visible(conflict)}\n", "$status-medium"))
    for skipped in plan.skipped:
        parts.append((f"! {visible(skipped.check)} is left out: {visible(skipped.why)}\n", "$status-medium"))
    return Content.assemble(*parts).rstrip("\n")


class PlanPanel(Vertical):
    DEFAULT_CSS = """
    PlanPanel {
        & > #plan-head { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #plan-notes { height: auto; max-height: 6; padding: 0 1; }
        & > DiffView { height: 1fr; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="plan-head")
        yield Static(id="plan-notes")
        yield DiffView(id="plan-diff")

    def on_mount(self) -> None:
        self.query_one(DiffView).can_focus = False

    def show(self, choosing: Choosing) -> None:
        plan, view = choosing.plan, self.query_one(DiffView)
        head, notes = self.query_one("#plan-head", Static), self.query_one("#plan-notes", Static)
        notes.update(plan_notes(plan) if plan else "")
        notes.display = bool(plan and (plan.conflicts or plan.skipped))
        name = visible(choosing.report.subject.name, 40)
        if plan is None:
            head.update(Content.assemble(("Plan", "bold"), f" for {name}: ", ("nothing chosen", "$muted")))
            view.show(Content.assemble((_hint(choosing), "$muted")))
            return
        count = len(plan.changes)
        head.update(
            Content.assemble(
                ("Plan", "bold"),
                f" for {name}: {count} option{'s' * (count != 1)} changed ",
                (f"{signs_of(self).dot} d shows it all, w writes it", "$muted"),
            )
        )
        try:
            view.show(_short(choosing.diff(Target.QUADLET)))
        except HardenError as error:
            view.show(Content.assemble((visible(error.title), "$status-medium")))


def _hint(choosing: Choosing) -> str:
    if choosing.trouble:
        return visible(choosing.trouble)
    return "space chooses the fix under the cursor, a all safe ones; the Quadlet difference appears here."


def _short(diff: str) -> str:
    """Without the two lines that name the files: the heading has said it."""
    return "\n".join(line for line in diff.split("\n") if not line.startswith(("--- ", "+++ ")))
