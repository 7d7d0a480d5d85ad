"""The plan as it grows: its changes, its possible side effects, and the live diff."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct
from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from hardentui.errors import HardenError
from hardentui.features.views import Report, Row
from hardentui.harden.decisions import both_sides
from hardentui.harden.score import Cell, Rise, score_word
from hardentui.model.checklist import Step
from hardentui.model.draft import Target
from hardentui.model.finding import Finding
from hardentui.model.plan import Plan, Skipped
from hardentui.tui.attack_drawing import drawn_in_two
from hardentui.tui.choosing import Choosing
from hardentui.tui.listing import about_kept
from hardentui.tui.status import Part, Signs, fit, hanging, look_of, look_of_cell, signs_of
from hardentui.tui.widgets.page import DiffView, titled
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.harden.attack import AttackStops


def plan_notes(
    plan: Plan,
    width: int,
    questions: Iterable[Skipped] = (),
) -> Content:
    """Conflicts, skipped fixes and what is left to decide, wrapped to `width` cells; may be empty."""
    parts: list[Part] = []
    notes = [
        *plan.conflicts,
        *(f"{note.check}: {note.text}" for note in plan.notes),
    ]
    notes += [f"{skipped.check} is left out: {skipped.why}" for skipped in plan.skipped]
    notes += [f"decide: {question.check}: {both_sides(question)}" for question in questions]
    for note in notes:
        parts += hanging(
            "!",
            note,
            width,
            indent=2,
            label_style="bold $status-medium",
        )
    return Content.assemble(*parts).rstrip("\n")


def promise(choosing: Choosing, signs: Signs) -> Content:
    """`score 43 → 61 with 4 fixes`."""
    report = choosing.report
    now = score_word(report.score.value, otherwise="–")
    parts: list[Part] = ["score ", (signs.of(now), "bold")]
    if choosing.after is not None and choosing.plan is not None:
        fixes = plural(len(choosing.plan.choices), "fix", "fixes")
        parts += [
            f" {signs.arrow} ",
            (signs.of(_after(choosing)), "bold $primary"),
            f" with {fixes}",
        ]
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
            with VerticalScroll(
                id="plan-side",
                can_focus=False,
            ):
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
        side.display = bool(
            plan and (plan.conflicts or plan.notes or plan.skipped or self._decisions)
        )
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
            head.update(
                Content.assemble(
                    ("Plan", "bold"),
                    f" for {name}: ",
                    ("nothing chosen", "$muted"),
                )
            )
            view.show(Content.assemble((_hint(choosing), "$muted")))
            return
        count = len(plan.changes)
        head.update(
            Content.assemble(
                ("Plan", "bold"),
                f" for {name}: {plural(count, 'option')} changed ",
                (
                    f"{signs_of(self).dot} d shows all of it, w writes it",
                    "$muted",
                ),
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
    return "space chooses a fix, a all safe ones; their diff appears here."


def short_diff(diff: str) -> str:
    """Without the two lines that name the files, which the heading already does."""
    return "\n".join(line for line in diff.split("\n") if not line.startswith(("--- ", "+++ ")))


class Outlook(Static):
    """Its height is fixed, so new text needs no layout, which would redraw the whole screen at each
    key."""

    DEFAULT_CSS = """
    Outlook {
        height: 5; padding: 0 1; border-top: solid $border; color: $foreground;
    }
    """

    def show(
        self,
        row: Row | None,
        attack: AttackStops | None = None,
        promise: str = "",
        helpful: Sequence[tuple[Finding, Rise]] = (),
    ) -> None:
        """What an attacker gains from a container, and which fix helps most.

        Args:
            attack: what its findings add up to; None if nothing stands out.
            promise: what the plans make of its score, in one sentence; empty while unknown.
            helpful: what raises its score most, each with what its fix alone brings.
        """
        titled(self, row.name if row is not None else "")
        self.update(
            "" if row is None else self._content(row, attack, promise, helpful), layout=False
        )

    def _content(
        self,
        row: Row,
        attack: AttackStops | None,
        promise: str,
        helpful: Sequence[tuple[Finding, Rise]],
    ) -> Content:
        signs = signs_of(self)
        if row.kept is not None:
            return Content(about_kept(row))
        if row.report is None:
            return Content(signs.of("Loading its details…"))
        if row.report.trouble:
            return Content(f"Nothing could be judged: {visible(row.report.trouble, 300)}")
        drawn = drawn_in_two(attack, signs, self.size.width) if attack else "Nothing stands out."
        parts: list[Part] = [drawn, "\n"]
        if helpful:
            parts += _helps_most(row.report, helpful, signs)
        if promise:
            parts += [
                "\n" if helpful else "",
                (f"{signs.arrow} {promise}", "bold $primary"),
            ]
        elif not helpful:
            parts.append(_nothing_helps(row.report))
        return Content.assemble(*parts)


def _helps_most(
    report: Report,
    helpful: Sequence[tuple[Finding, Rise]],
    signs: Signs,
) -> list[Part]:
    """Of a takeover, what ends it alone; if nothing does, it says so."""
    takes_over = report.score.takes_over
    ending = [pair for pair in helpful if pair[1].ends_takeover]
    parts: list[Part] = [("Helps most  ", "$muted")]
    for finding, rise in ending or helpful:
        look = look_of(finding)
        points = f" +{rise.points}" if rise.points and bool(ending) == takes_over else ""
        parts += [
            (f"{signs.mark(look)} ", f"${look.style}"),
            f"{visible(finding.check, 40)}{points}  ",
        ]
    if takes_over:
        parts.append(
            (
                "ends the takeover" if ending else "none alone ends the takeover",
                "$muted",
            )
        )
    return parts


def _nothing_helps(report: Report) -> str:
    if any(finding.failing for finding in report.findings):
        return "No automatic fix: what fails needs a decision, or a change to host or image."
    unknown = report.score.unknown
    return "Nothing fails. " + (f"{unknown} could not be checked." if unknown else "")


class FixLine(Struct, frozen=True):
    """One failing finding: by how much the score rises without it, and whether the plan fixes it."""

    finding: Finding
    rise: Rise
    fixed: bool


class Prospect(Struct, frozen=True):
    """What all fixes together make of a container."""

    # before, after: the scores; None for none
    before: int | None
    after: int | None
    fixes: tuple[FixLine, ...]
    diff: str  # of the file that would be written
    takes_over: bool  # whoever takes over the container has the host


def prospect_of(
    report: Report,
    plan: Plan,
    after: int | None,
    diff: str,
    rises: Mapping[str, Rise],
) -> Prospect:
    """What the plan makes of a container; the fixes that raise its score most first."""
    fixed = {choice.check for choice in plan.choices}
    lines = (
        FixLine(
            finding,
            rises[finding.check],
            finding.check in fixed,
        )
        for finding in report.failing
    )
    order = sorted(
        lines,
        key=lambda line: (
            -line.finding.severity,
            -line.rise.points,
            line.finding.check,
        ),
    )
    return Prospect(
        report.score.value,
        after,
        tuple(order),
        diff,
        report.score.takes_over,
    )


class Beside(Horizontal):
    """The fixes of the container under the cursor, and what they change: where there is room for
    it."""

    DEFAULT_CSS = """
    Beside { display: none; width: 1fr; border-left: solid $border; }
    Beside > VerticalScroll { width: 1fr; padding: 0 1; }
    Beside > DiffView { width: 1fr; border-left: solid $border; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Static()
        yield DiffView()

    def show(
        self,
        name: str,
        seen: Prospect | None,
    ) -> None:
        """Args:
        seen: None while it is computed, or where nothing can be planned.
        """
        text, diff = self.query_one("VerticalScroll > Static", Static), self.query_one(DiffView)
        if seen is None:
            text.update(Content.assemble((visible(name, 60), "bold")))
            diff.show(Content(""))
            return
        signs, width = signs_of(self), max(20, text.size.width)
        score = f"  score {score_word(seen.before)} {signs.arrow} {score_word(seen.after)}"
        parts: list[Part] = [(visible(name, 60), "bold"), score, "\n\n"]
        for line in seen.fixes:
            look = look_of(line.finding)
            counts = line.rise.points and line.rise.ends_takeover is seen.takes_over
            points = f"+{line.rise.points}" if counts else ""
            title = fit(line.finding.title, width - 8)
            style = "" if line.fixed else "$muted"
            parts += [
                (f"{signs.mark(look)} ", f"${look.style}"),
                (f"{title:<{width - 8}}", style),
                f"{points:>4}\n",
            ]
        if any(not line.fixed for line in seen.fixes):
            parts.append(("\nGrey: needs a decision, or no option fixes it.", "$muted"))
        if seen.takes_over:
            parts.append(("\nWithout points: alone, it does not end the takeover.", "$muted"))
        text.update(Content.assemble(*parts))
        diff.show(seen.diff or Content("No option is changed."))


_STRIP_ITEM = 6


class StepRail(Static):
    DEFAULT_CSS = """
    StepRail { width: 33; padding: 0 1; color: $foreground; }
    StepRail.-strip { width: 100%; height: 1; padding: 0 1; }
    """

    @dataclass
    class StepClicked(Message):
        """A step was clicked; `at` counts from 0."""

        at: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._steps: Sequence[Step] = ()
        self._cells: Sequence[Cell] = ()
        self._at = 0

    def show(
        self,
        steps: Sequence[Step],
        cells: Sequence[Cell],
        at: int,
    ) -> None:
        self._steps, self._cells, self._at = steps, cells, at
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        narrow = self.app.size.width < 100
        self.set_class(narrow, "-strip")
        self.update(self._strip() if narrow else self._column())

    def _column(self) -> Content:
        signs = signs_of(self)
        lines: list[Content] = []
        for at, (step, cell) in enumerate(zip(self._steps, self._cells, strict=False)):
            look = look_of_cell(cell)
            here = at == self._at
            count = cell.failing or cell.unknown
            lines.append(
                Content.assemble(
                    (
                        f"{signs.cursor if here else ' '} {step.number % 10} ",
                        "bold" if here else "$muted",
                    ),
                    (
                        fit(step.title, 20, signs.ellipsis),
                        "bold $primary" if here else "",
                    ),
                    (f" {signs.mark(look)} ", f"bold ${look.style}"),
                    (f"{count}" if count else "", f"${look.style}"),
                )
            )
        return Content("\n").join(lines)

    def _strip(self) -> Content:
        signs = signs_of(self)
        parts: list[tuple[str, str]] = []
        for at, (step, cell) in enumerate(zip(self._steps, self._cells, strict=False)):
            look = look_of_cell(cell)
            here = "reverse bold " if at == self._at else ""
            parts.append((f" {step.number % 10} ", f"{here}$foreground"))
            parts.append((f"{signs.mark(look)} ", f"{here}${look.style}"))
            parts.append((" ", ""))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        at = (event.x - 1) // _STRIP_ITEM if self.has_class("-strip") else event.y
        if 0 <= at < len(self._steps):
            self.post_message(self.StepClicked(at))
