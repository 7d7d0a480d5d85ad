"""What is beside and below the list: what an attacker gains, the fixes of a container, what they change."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from hardentui.features.views import Report, Row
from hardentui.harden.do_first import gain
from hardentui.harden.score import score_word
from hardentui.model.finding import Finding
from hardentui.model.plan import Plan
from hardentui.tui.listing import about_kept
from hardentui.tui.status import look_of, signs_of
from hardentui.tui.text import Part, fit
from hardentui.tui.widgets.diff_view import DiffView
from hardentui.visible import visible


class Outlook(Static):
    """Its height is fixed, so new text needs no layout, which would redraw the whole screen at each key."""

    DEFAULT_CSS = """
    Outlook {
        height: 5; padding: 0 1; border-top: solid $border; color: $foreground;
    }
    """

    def show(
        self, row: Row | None, attack: str = "", promise: str = "", helpful: Sequence[Finding] = ()
    ) -> None:
        """What an attacker gains from a container, and which fix helps most.

        Args:
            attack: what its findings add up to; empty if nothing stands out.
            promise: the effect of the safe fixes in one sentence; empty while unknown.
            helpful: what raises its score most.
        """
        self.update("" if row is None else self._content(row, attack, promise, helpful), layout=False)

    def _content(self, row: Row, attack: str, promise: str, helpful: Sequence[Finding]) -> Content:
        signs = signs_of(self)
        name = (visible(row.name, 60), "bold")
        if row.kept is not None:
            return Content.assemble(name, ": ", about_kept(row))
        if row.report is None:
            return Content.assemble(name, signs.of(": loading its details…"))
        if row.report.trouble:
            return Content.assemble(name, ": nothing could be judged: ", visible(row.report.trouble, 300))
        words = visible(attack, 400) or "nothing stands out."
        parts: list[str | Content | tuple[str, str]] = [name, ": ", words, "\n"]
        if helpful:
            parts.append(("Helps most  ", "$muted"))
        for finding in helpful:
            look = look_of(finding)
            parts += [(f"{signs.mark(look)} ", f"${look.style}"), visible(finding.check, 40), "  "]
        if promise:
            parts.append((f"{signs.arrow} {promise}", "bold $primary"))
        elif not helpful:
            parts.append(_nothing_helps(row.report))
        return Content.assemble(*parts)


def _nothing_helps(report: Report) -> str:
    if any(finding.failing for finding in report.findings):
        return "No automatic fix: what fails needs a decision, or a change to host or image."
    unknown = report.score.unknown
    return "Nothing fails. " + (f"{unknown} could not be checked." if unknown else "")


class FixLine(Struct, frozen=True):
    """One failing finding: by how much the score rises without it, and whether the plan fixes it."""

    finding: Finding
    points: int
    fixed: bool


class Prospect(Struct, frozen=True):
    """What all fixes together make of a container.

    Attributes:
        before, after: the scores; None for none.
        diff: of the file that would be written.
    """

    before: int | None
    after: int | None
    fixes: tuple[FixLine, ...]
    diff: str


def prospect(report: Report, plan: Plan, after: int | None, diff: str) -> Prospect:
    """What the plan makes of a container; the fixes that raise its score most first."""
    fixed = {choice.check for choice in plan.choices}
    lines = (
        FixLine(
            finding, gain(report.score, report.findings, frozenset({finding.check})), finding.check in fixed
        )
        for finding in report.failing
    )
    order = sorted(lines, key=lambda line: (-line.finding.severity, -line.points, line.finding.check))
    return Prospect(report.score.value, after, tuple(order), diff)


class Beside(Horizontal):
    """The fixes of the container under the cursor, and what they change: where there is room for it."""

    DEFAULT_CSS = """
    Beside { display: none; width: 1fr; border-left: solid $border; }
    Beside > VerticalScroll { width: 2fr; padding: 0 1; }
    Beside > DiffView { width: 3fr; border-left: solid $border; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Static()
        yield DiffView()

    def show(self, name: str, seen: Prospect | None) -> None:
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
            points = f"+{line.points}" if line.points else ""
            title = fit(line.finding.title, width - 8)
            style = "" if line.fixed else "$muted"
            parts += [
                (f"{signs.mark(look)} ", f"${look.style}"),
                (f"{title:<{width - 8}}", style),
                f"{points:>4}\n",
            ]
        if any(not line.fixed for line in seen.fixes):
            parts.append(("\nGrey: needs a decision, or no option fixes it.", "$muted"))
        text.update(Content.assemble(*parts))
        diff.show(seen.diff or Content("No option is changed."))
