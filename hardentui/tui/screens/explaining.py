"""Explaining a check, and accepting a finding."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.binding import Binding
from textual.content import Content

from hardentui.errors import HardenError
from hardentui.features.accepting import Acceptance, Waiving
from hardentui.features.training.lab_files import labs_about
from hardentui.model.check import HEADINGS, Check
from hardentui.model.finding import Finding
from hardentui.model.remediation import Remediation
from hardentui.model.waiver import Waiver
from hardentui.reading.forms import FORMS, text_of
from hardentui.tui.action import bindings
from hardentui.tui.action_texts import reason_of, told
from hardentui.tui.actions import BACK, COPY, EXPLAIN
from hardentui.tui.messages import in_background
from hardentui.tui.screens.form import Field, FormScreen
from hardentui.tui.screens.reading import ReadingScreen
from hardentui.tui.status import look_of, paragraphs
from hardentui.tui.widgets.page import diff_content
from hardentui.visible import visible


class AcceptScreen(FormScreen):
    """A waiver of one finding."""

    OF_CONNECTION: ClassVar = False

    def __init__(
        self,
        waiving: Waiving,
        finding: Finding,
    ) -> None:
        super().__init__()
        self._waiving = waiving
        self._finding = finding
        self._writing = False

    def heading(self) -> str:
        return f"{self._finding.subject.name} › accept {self._finding.check}"

    def about(self) -> str:
        finding = self._finding
        why = f": {finding.verdict.reason}" if finding.verdict.reason else ""
        what = (
            "Until that day it does not count in the score, and every report shows it as accepted."
        )
        return f"{finding.title}{why}.\n{what} Goes to {self._waiving.path}."

    def fields(self) -> tuple[Field, ...]:
        proposed = self._waiving.proposed()
        return (
            Field(
                "reason",
                "Reason",
                "why it may stay as it is",
                proposed.reason,
            ),
            Field(
                "owner",
                "Owner",
                "who answers for it",
                proposed.owner,
            ),
            Field(
                "until",
                "Until",
                "the last day, such as 2026-12-31",
                proposed.until,
            ),
            Field(
                "control",
                "Instead",
                "what protects instead; may be empty",
                proposed.control,
            ),
        )

    def why_not(self, action: str) -> str:
        return "One moment: it is being written." if action == "save" and self._writing else ""

    def submit(self, values: dict[str, str]) -> None:
        self._writing = True
        accept = partial(
            self._waiving.accept,
            self._finding,
            Acceptance(**values),
        )
        in_background(
            self,
            accept,
            self._accepted,
            self._refused,
            group="accept",
        )

    def _refused(self, error: HardenError) -> None:
        self._writing = False
        self.show_fault(f"Not accepted: {told(error)}")

    def _accepted(self, waiver: Waiver) -> None:
        self.notify(
            f"{waiver.check} on {waiver.subject} until {waiver.until}.",
            title="Accepted",
        )
        self.session.judge_again(self._finding.subject)
        self.leave()


_HEAD = "bold $primary"


class ExplainScreen(ReadingScreen):
    ACTIONS = (*EXPLAIN, COPY, BACK)
    BINDINGS: ClassVar = [*bindings(ACTIONS), Binding("e", "back", show=False)]

    def __init__(
        self,
        finding: Finding,
        remedy: Remediation | None,
    ) -> None:
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
            (
                f"{self.signs.mark(look)} {look.word}",
                f"bold ${look.style}",
            ),
            "  ",
            (visible(finding.title), "bold"),
            "\n",
        ]
        if finding.verdict.reason:
            parts += [visible(reason_of(finding.verdict)), "\n"]
        check = bench.judge.check(finding.check) if bench is not None else None
        if check is not None:
            parts += self._fix_of(check)
        if self._remedy is not None and self._remedy.run:
            parts += [
                "\n",
                ("podman run\n", _HEAD),
                diff_content(self._remedy.run),
                "\n",
            ]
        if self._remedy is not None and self._remedy.quadlet:
            parts += [
                "\n",
                ("Quadlet\n", _HEAD),
                diff_content(self._remedy.quadlet),
                "\n",
            ]
        if finding.verdict.commands:
            parts += [
                "\n",
                ("Commands\n", _HEAD),
                paragraphs("\n".join(finding.verdict.commands)),
                "\n",
            ]
        if check is not None:
            for heading in HEADINGS:
                if text := check.section(heading):
                    parts += ["\n", (f"{heading}\n", _HEAD), paragraphs(text), "\n"]
        if labs := labs_about(finding.check):
            lines = "\n".join(f"  {lab.id}  {visible(lab.title, 60)}" for lab in labs)
            parts += ["\n", ("Learn it in a lab (T)\n", _HEAD), lines, "\n"]
        if finding.references:
            lines = "\n".join(f"  {visible(reference)}" for reference in finding.references)
            parts += ["\n", ("References\n", _HEAD), lines]
        return Content.assemble(*parts)

    def _fix_of(
        self,
        check: Check,
    ) -> list[str | Content | tuple[str, str]]:
        """What to do, with its values: it stands first."""
        parts: list[str | Content | tuple[str, str]] = []
        fix = f"{visible(check.summary)} ({check.risk}; {check.fix.words})"
        parts += ["\n", ("Fix\n", _HEAD), fix, "\n"]
        if check.takes:
            parts += [
                "\n",
                ("Values of the fix (i in the walk sets them)\n", _HEAD),
            ]
        for name, form in check.takes.items():
            default = text_of(check.parameters[name]) or "none"
            parts.append(f"  {name}: {FORMS[form].words}; the default is {default}\n")
        return parts
