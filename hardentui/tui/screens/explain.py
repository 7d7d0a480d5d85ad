"""A check explained: what it checks, why it matters, what its fix may break."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding
from textual.content import Content

from hardentui.model.check import HEADINGS, AnyCheck
from hardentui.model.finding import Finding
from hardentui.model.fix import Remediation
from hardentui.reading.forms import FORMS, text_of
from hardentui.tui.actions import BACK, COPY, EXPLAIN, bindings
from hardentui.tui.screens.accept import AcceptScreen
from hardentui.tui.screens.reading import ReadingScreen
from hardentui.tui.status import look_of
from hardentui.tui.text import paragraphs
from hardentui.tui.ways import in_keys
from hardentui.tui.widgets.diff_view import diff_content
from hardentui.visible import visible

_HEAD = "bold $primary"


class ExplainScreen(ReadingScreen):
    ACTIONS = (*EXPLAIN, COPY, BACK)
    BINDINGS: ClassVar = [*bindings(ACTIONS), Binding("e", "back", show=False)]
    BINDING_GROUP_TITLE = "Explanation"

    def __init__(self, finding: Finding, remedy: Remediation | None) -> None:
        super().__init__()
        self._finding = finding
        self._remedy = remedy

    def why_not(self, action: str) -> str:
        if action != "accept":
            return ""
        if (bench := self.session.bench) is None:
            return "The checks are still being loaded."
        return bench.waiving.why_not(self._finding)

    def action_accept(self) -> None:
        if (bench := self.session.bench) is not None:
            self.app.switch_screen(AcceptScreen(bench.waiving, self._finding))

    def heading(self) -> Content:
        return Content.assemble((visible(self._finding.check, 60), "bold"))

    def page(self) -> Content:
        finding, bench = self._finding, self.session.bench
        look = look_of(finding)
        parts: list[str | Content | tuple[str, str]] = [
            (f"{self.signs.mark(look)} {look.word}", f"bold ${look.style}"),
            "  ",
            (visible(finding.title), "bold"),
            "\n",
        ]
        if finding.verdict.reason:
            parts += [visible(in_keys(finding.verdict.reason)), "\n"]
        check = bench.judge.check(finding.check) if bench is not None else None
        if check is not None:
            parts += self._of_check(check)
        if self._remedy is not None and self._remedy.run:
            parts += ["\n", ("As podman run flags\n", _HEAD), diff_content(self._remedy.run), "\n"]
        if self._remedy is not None and self._remedy.quadlet:
            parts += ["\n", ("As Quadlet lines\n", _HEAD), diff_content(self._remedy.quadlet), "\n"]
        if finding.verdict.commands:
            parts += ["\n", ("Commands\n", _HEAD), paragraphs("\n".join(finding.verdict.commands)), "\n"]
        if finding.references:
            lines = "\n".join(f"  {visible(reference)}" for reference in finding.references)
            parts += ["\n", ("References\n", _HEAD), lines]
        return Content.assemble(*parts)

    def _of_check(self, check: AnyCheck) -> list[str | Content | tuple[str, str]]:
        parts: list[str | Content | tuple[str, str]] = []
        for heading in HEADINGS:
            if text := check.section(heading):
                parts += ["\n", (f"{heading}\n", _HEAD), paragraphs(in_keys(text)), "\n"]
        fix = f"{visible(check.summary)} ({check.risk}, {check.fix})"
        parts += ["\n", ("Fix\n", _HEAD), fix, "\n"]
        if check.takes:
            parts += ["\n", ("Values of the fix (p in the walk sets them)\n", _HEAD)]
        for name, form in check.takes.items():
            default = text_of(check.parameters[name]) or "none"
            parts.append(f"  {name}: {FORMS[form].words}; the default is {default}\n")
        return parts
