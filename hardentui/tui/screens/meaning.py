"""The meaning of the score and the marks of one row."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding
from textual.content import Content

from hardentui.features.views import Report, Row
from hardentui.harden.score import SHORT, TAKEOVER_CEILING, Cell, Score, score_by_step, score_word
from hardentui.model.finding import Status
from hardentui.tui.actions import BACK, COPY, bindings
from hardentui.tui.screens.job import ReadingScreen
from hardentui.tui.status import look_of, look_of_cell
from hardentui.tui.text import Part, fit, hanging
from hardentui.visible import visible

_HEAD = "bold $primary"
_SHOWN = 5


class MeaningScreen(ReadingScreen):
    ACTIONS = (COPY, BACK)
    BINDINGS: ClassVar = [*bindings(ACTIONS), Binding("e", "back", show=False)]
    BINDING_GROUP_TITLE = "Meaning"

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key
        self._last = Content("")

    def on_mount(self) -> None:
        self.session.rows_changed.subscribe(self, lambda keys: self.draw() if self._key in keys else None)

    def heading(self) -> Content:
        row = self.session.rows.get(self._key)
        name = visible(row.name, 50) if row else "It was removed"
        return Content.assemble((name, "bold"), f" {self.signs.of('›')} score and marks")

    def page(self) -> Content:
        """Stays as it was when the container is removed."""
        if (row := self.session.rows.get(self._key)) is not None:
            self._last = self._content(row)
        return self._last

    def _content(self, row: Row) -> Content:
        report = row.report
        if report is None:
            return Content(self.signs.of("Loading its details…"))
        if report.trouble:
            return Content(f"Nothing could be judged: {visible(report.trouble, 300)}")
        width = min(100, self.app.size.width - 6)
        return Content.assemble(
            *self._score(report),
            "\n",
            ("Steps\n", _HEAD),
            *self._steps(report),
            ("\nWhat the score means\n", _HEAD),
            *hanging("", SHORT, width, indent=0),
        )

    def _score(self, report: Report) -> list[Part]:
        score = report.score
        width = min(100, self.app.size.width - 6)
        value = self.signs.of(score_word(score.value, otherwise="–"))
        failing = [f"{count} {severity.word}" for severity, count in score.failing]
        parts: list[Part] = [(f"Score {value} {score.level or ''}".rstrip() + "\n", _HEAD)]
        parts += hanging("failing", ", ".join(failing) or "nothing", width, indent=13)
        known, applying = score.looked_at
        unknown = f"{score.unknown}; {known} of {applying} were checked"
        parts += hanging("unknown", unknown, width, indent=13)
        if score.takes_over:
            limit = f"Whoever takes it over gets the host: at most {TAKEOVER_CEILING}."
            parts += hanging("", limit, width, indent=13)
        bench = self.session.bench
        helpful = bench.planner.raises_most(report, _SHOWN) if bench else ()
        for at, finding in enumerate(helpful):
            label = "helps most" if at == 0 else ""
            worth = score.worth(finding)
            gain = f"  +{worth}" if worth else ""
            text = f"{self.signs.mark(look_of(finding))} {look_of(finding).word:<9} {finding.title}{gain}"
            parts += hanging(label, text, width, f"${look_of(finding).style}", indent=13)
        return parts

    def _steps(self, report: Report) -> list[Part]:
        bench = self.session.bench
        titles = {step.number: step.title for step in bench.judge.checklist.steps} if bench else {}
        width = min(100, self.app.size.width - 6)
        scores = score_by_step(report.findings)
        parts: list[Part] = []
        for cell in report.cells:
            look = look_of_cell(cell)
            title = fit(titles.get(cell.step, ""), 20, self.signs.ellipsis)
            label = f"{cell.step:>2} {self.signs.mark(look)} {title}"
            style = f"${look.style}"
            parts += hanging(
                label, meaning(cell, scores.get(cell.step)), width, style, indent=26, label_style="bold"
            )
        return parts


def meaning(cell: Cell, score: Score | None = None) -> str:
    """`3 failing, worst high; 1 could not be checked; score 40`."""
    words = []
    if cell.failing:
        worst = f", worst {cell.severity.word}" if cell.severity else ""
        words.append(f"{cell.failing} failing{worst}")
    if cell.unknown:
        words.append(f"{cell.unknown} could not be checked")
    if not words:
        words.append(
            {Status.PASS: "all passed", Status.WAIVED: "waived", Status.NOT_APPLICABLE: "does not apply"}[
                cell.status
            ]
        )
    if score is not None and score.value is not None and (cell.failing or cell.unknown):
        words.append(f"score {score.value}")
    return "; ".join(words)
