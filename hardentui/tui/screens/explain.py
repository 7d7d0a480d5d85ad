"""A check explained: what it checks, why it matters, what its fix may break."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from hardentui.errors import HardenError
from hardentui.features.waivers import Acceptance, Waiving
from hardentui.model.check import HEADINGS, AnyCheck
from hardentui.model.finding import Finding, Kind, Remediation, Waiver
from hardentui.reading.forms import FORMS, text_of
from hardentui.tui.actions import ACCEPT, BACK, COPY, EXPLAIN, FINDINGS, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.job import ReadingScreen
from hardentui.tui.status import look_of, worst_first
from hardentui.tui.text import hanging, paragraphs
from hardentui.tui.ways import in_keys, told
from hardentui.tui.widgets.diff_view import diff_content
from hardentui.tui.widgets.finding_list import Entry, FindingList, finding_text
from hardentui.tui.widgets.page import TextField
from hardentui.visible import visible

_FIELDS = (
    ("reason", "Reason", "why it may stay as it is"),
    ("owner", "Owner", "who answers for it"),
    ("until", "Until", "the last day, such as 2026-12-31"),
    ("control", "Instead", "what protects instead; may be empty"),
)


@dataclass
class Accepted(Message):
    outcome: Waiver | HardenError


class AcceptScreen(HardenScreen):
    """Enter goes to the next field, and from the last one writes."""

    CSS_PATH = "accept.tcss"
    ACTIONS = (*ACCEPT, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Accept"

    def __init__(self, waiving: Waiving, finding: Finding) -> None:
        super().__init__()
        self._waiving = waiving
        self._finding = finding
        self._writing = False
        self._trouble: HardenError | None = None

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        proposed = self._waiving.proposed()
        for name, label, placeholder in _FIELDS:
            with Horizontal(classes="field"):
                yield Label(label, classes="label")
                yield TextField(getattr(proposed, name), id=name, placeholder=placeholder, compact=True)
        yield Static(id="hint")

    def on_mount(self) -> None:
        self.query_one("#reason", Input).focus()
        subject, check = self._finding.subject, self._finding.check
        self.query_one("#crumb", Static).update(
            Content.assemble(
                (visible(subject.name, 40), "bold"), f" {self.signs.of('›')} accept {visible(check, 60)}"
            )
        )
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = max(20, self.app.size.width - 4)
        finding, trouble = self._finding, self._trouble
        why = f": {finding.verdict.reason}" if finding.verdict.reason else ""
        parts = hanging("", f"{finding.title}{why}.", width, "bold", indent=0)
        what = "Until that day it does not count in the score, and every report shows it as accepted."
        parts += hanging("", f"{what} Goes to {self._waiving.path}.", width, "$muted", indent=0)
        if trouble is not None:
            sentence = f"Not accepted: {told(trouble)}"
            parts += hanging("", sentence, width, "bold $status-high", indent=0)
        self.query_one("#hint", Static).update(Content.assemble(*parts).rstrip("\n"))

    @on(Input.Submitted)
    def _given(self, message: Input.Submitted) -> None:
        names = [name for name, _, _ in _FIELDS]
        at = names.index(str(message.input.id))
        if at + 1 < len(names):
            self.query_one(f"#{names[at + 1]}", Input).focus()
        else:
            self.action_save()

    def why_not(self, action: str) -> str:
        return "One moment: it is being written." if action == "save" and self._writing else ""

    def action_save(self) -> None:
        if self._writing:
            return
        self._writing = True
        values = {name: self.query_one(f"#{name}", Input).value for name, _, _ in _FIELDS}
        waiving, finding = self._waiving, self._finding

        def work() -> None:
            try:
                outcome: Waiver | HardenError = waiving.accept(finding, Acceptance(**values))
            except HardenError as error:
                outcome = error
            self.post_message(Accepted(outcome))

        self.run_worker(work, group="accept", thread=True)

    def on_accepted(self, message: Accepted) -> None:
        self._writing = False
        outcome = message.outcome
        if isinstance(outcome, HardenError):
            self._trouble = outcome
            self._draw()
            return
        self.notify(f"{outcome.check} on {outcome.subject} until {outcome.until}.", title="Accepted")
        self.session.judge_again(self._finding.subject)
        self.leave()


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


# The findings of an image or a network, to be explained and accepted.


class FindingsScreen(HardenScreen):
    """Args:
    page: what they are about.
    title: `Images › nginx`; foreign text in it is made visible here.
    find: the findings at this moment.
    """

    OF_CONNECTION: ClassVar = True
    CSS_PATH = "reading.tcss"
    ACTIONS = (*FINDINGS, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Findings"

    def __init__(self, page: Kind, title: str, find: Callable[[], Sequence[Finding]]) -> None:
        super().__init__()
        self._page = page
        self._title = title
        self._find = find

    def body(self) -> Iterable[Widget]:
        yield Static(Content.styled(self.signs.of(visible(self._title, 100)), "bold"), id="crumb")
        yield FindingList(id="findings")

    async def on_mount(self) -> None:
        self.query_one(FindingList).focus()
        await self._draw()

    async def show_state(self, what: str) -> None:
        if what in ("images", "networks", "scan"):
            await self._draw()

    async def _draw(self) -> None:
        entries = [Entry(finding, page=self._page) for finding in worst_first(self._find())]
        nothing = Content("No check applies to it.")
        await self.query_one(FindingList).show(entries, lambda finding: None, nothing)

    def why_not(self, action: str) -> str:
        if action == "explain" and self.query_one(FindingList).current is None:
            return "There is no finding under the cursor."
        return ""

    def action_next(self) -> None:
        self.query_one(FindingList).move(1)

    def action_previous(self) -> None:
        self.query_one(FindingList).move(-1)

    def action_explain(self) -> None:
        if (finding := self.query_one(FindingList).current) is not None:
            self.app.push_screen(ExplainScreen(finding, None))

    def copied(self) -> tuple[str, str]:
        finding = self.query_one(FindingList).current
        return ("the finding", finding_text(finding, None)) if finding else ("", "")
