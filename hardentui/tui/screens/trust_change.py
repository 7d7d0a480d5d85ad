"""The trust assistant: rules, the files they produce, the pulls that prove them, and undo."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from hardentui.errors import HardenError
from hardentui.features.trust.change import TrustChange, simulated_trust_change, trust_change_of, why_not
from hardentui.features.trust.rules import for_any_tag, kind_by_name, rule_of, rule_text, with_rule
from hardentui.model.finding import Severity, Status
from hardentui.model.journal import JournalEntry
from hardentui.model.trust_change import NamedImages, PullProof, ScopeRule, TrustDraft
from hardentui.tui.actions import BACK, COPY, TRUST_CHANGE, bindings
from hardentui.tui.screens.job import StoppablePage, SureScreen
from hardentui.tui.status import look
from hardentui.tui.text import Part, hanging
from hardentui.tui.ways import hint_of, in_keys
from hardentui.tui.widgets.diff_view import diff_content
from hardentui.tui.widgets.page import TextField
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_INDENT = 14
_NO_PULLS = "This host is simulated: nothing is pulled or written."


@dataclass
class Drafted(Message):
    """The planned files; `change` can prove and apply them."""

    change: TrustChange
    draft: TrustDraft


@dataclass
class Proven(Message):
    """A pull ended."""

    proof: PullProof


@dataclass
class PullsEnded(Message):
    """The plan is made and all pulls ended, or an error stopped them."""

    error: HardenError | None = None
    stopped: bool = False


@dataclass
class Applied(Message):
    """The files are written; `entry` is None if they needed no change."""

    entry: JournalEntry | None


class TrustChangeScreen(StoppablePage):
    CSS_PATH = "trust_change.tcss"
    ACTIONS = (*TRUST_CHANGE, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    DOES: ClassVar = "can change the policy"
    BINDING_GROUP_TITLE = "Trust assistant"

    def __init__(self, bench: Workbench, in_use: Iterable[str]) -> None:
        super().__init__()
        self._bench = bench
        self._in_use = tuple(in_use)
        self._rules: tuple[ScopeRule, ...] = ()
        self._accept_in_use = True
        self._reject = True
        self._any_tag = False
        self._change: TrustChange | None = None
        self._draft: TrustDraft | None = None
        self._proofs: list[PullProof] = []
        self._complete = False
        self._trouble: HardenError | None = None
        self._entry: JournalEntry | None = None
        self._writing = False
        self._now = ""

    @property
    def _simulated(self) -> bool:
        return self._bench.opened.simulated

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with Horizontal(id="rule-line"):
            yield Label("Rule", classes="label")
            yield TextField(
                id="rule",
                placeholder="quay.io/team=~/team.pub, or SCOPE accept, reject, keyless …, pki …",
            )
        with Horizontal(id="signed-line"):
            yield Label("Signed", classes="label")
            yield TextField(id="signed", placeholder="an image signed with that key; empty: the running ones")
        with VerticalScroll(id="reading"):
            yield Static(id="text")

    # --- the rules ---------------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        if action in ("prove", "drop", "use", "default", "tags", "apply") and (why := self._under_way()):
            return why
        if action == "drop" and not self._rules:
            return "There is no rule to remove."
        return self._why_not_apply() if action == "apply" else ""

    def _why_not_apply(self) -> str:
        if self._simulated:
            return _NO_PULLS
        if self._draft is None or not self._complete or self._entry is not None:
            return "Prove the plan first with enter."
        if reason := why_not(self._draft, self._proofs):
            return f"Policy not changed: {reason}"
        return "" if self._draft.files else "The files are already up to date."

    def action_rule(self) -> None:
        self.query_one("#rule").focus()

    def action_signed(self) -> None:
        self.query_one("#signed").focus()

    @on(Input.Submitted, "#rule")
    def _rule_given(self, message: Input.Submitted) -> None:
        if not message.value.strip():
            self.query_one("#reading").focus()
            return
        try:
            rule = rule_of(message.value, kind_by_name) if self._simulated else rule_of(message.value)
        except HardenError as error:
            self.complain(hint_of(error), error.title)
            return
        message.input.value = ""
        self._changed(with_rule(self._rules, rule))

    @on(Input.Submitted, "#signed")
    def _signed_given(self) -> None:
        self.query_one("#reading").focus()
        self._changed(self._rules)

    def action_drop(self) -> None:
        self._changed(self._rules[:-1])

    def action_use(self) -> None:
        self._accept_in_use = not self._accept_in_use
        self._changed(self._rules)

    def action_default(self) -> None:
        self._reject = not self._reject
        self._changed(self._rules)

    def action_tags(self) -> None:
        self._any_tag = not self._any_tag
        self._changed(self._rules)

    def _changed(self, rules: tuple[ScopeRule, ...]) -> None:
        """Changed rules: earlier proofs are no longer valid."""
        if why := self._under_way():
            self.complain(why)
            return
        self._rules = rules
        self._draft, self._proofs, self._complete = None, [], False
        self._trouble, self._entry = None, None
        self.draw()

    # --- plan and pulls ----------------------------------------------------------------------------------

    def _under_way(self) -> str:
        """Work that has to finish first."""
        if self.stop is not None:
            return "Pulls are running. esc stops them."
        return "One moment: the files are being written." if self._writing else ""

    def action_prove(self) -> None:
        self._changed(self._rules)
        self._now = "reading the policy"
        signed = tuple(self.query_one("#signed", Input).value.split())
        self._prove(self.begin(), for_any_tag(self._rules, any_tag=self._any_tag), NamedImages(signed))
        self.query_one("#reading").focus()
        self.draw()

    @work(thread=True, group="trust")
    def _prove(self, stop: threading.Event, rules: tuple[ScopeRule, ...], named: NamedImages) -> None:
        def on_proof(proof: PullProof) -> None:
            self.post_message(Proven(proof))

        opens = simulated_trust_change if self._simulated else trust_change_of
        try:
            change = opens(self._bench.parts, self._in_use)
            draft = change.draft(rules, reject=self._reject, accept_in_use=self._accept_in_use)
            self.post_message(Drafted(change, draft))
            if not (self._simulated or draft.faults):
                change.prove(draft, named, on_proof, stop)
        except HardenError as error:
            self.post_message(PullsEnded(error, stop.is_set()))
            return
        self.post_message(PullsEnded(stopped=stop.is_set()))

    @on(Drafted)
    def _drafted(self, message: Drafted) -> None:
        self._change, self._draft = message.change, message.draft
        self._now = "pulling with the new policy"
        self.draw()

    @on(Proven)
    def _proven(self, message: Proven) -> None:
        self._proofs.append(message.proof)
        self.draw()
        self.to_end()

    @on(PullsEnded)
    def _ended(self, message: PullsEnded) -> None:
        self.stop, self._now, self._writing = None, "", False
        if message.stopped:
            self._draft, self._proofs = None, []
            self.notify("The pulls were stopped. Nothing was changed.", markup=False)
        else:
            self._trouble = message.error
            self._complete = message.error is None
        self.draw()
        self.to_end()

    # --- applying ----------------------------------------------------------------------------------------

    def action_apply(self) -> None:
        if (draft := self._draft) is not None:
            files = ", ".join(file.path for file in draft.files)
            question = SureScreen(f"Write {files}?", "The journal (J) undoes it.")
            self.app.push_screen(question, self._answered)

    def _answered(self, sure: bool | None) -> None:
        if sure and self._change is not None and self._draft is not None:
            self._writing, self._now = True, "writing"
            self._apply(self._change, self._draft, tuple(self._proofs))
            self.draw()

    @work(thread=True, group="trust")
    def _apply(self, change: TrustChange, draft: TrustDraft, proofs: tuple[PullProof, ...]) -> None:
        try:
            self.post_message(Applied(change.apply(draft, proofs)))
        except HardenError as error:
            self.post_message(PullsEnded(error))

    @on(Applied)
    def _applied(self, message: Applied) -> None:
        self._entry, self._now, self._writing = message.entry, "", False
        self.session.judge_host(again=True)
        self.draw()
        self.to_end()

    def action_back(self) -> None:
        if isinstance(self.focused, Input):
            self.query_one("#reading").focus()
        else:
            super().action_back()

    def copied(self) -> tuple[str, str]:
        return "the plan", self.page().plain

    # --- drawing -----------------------------------------------------------------------------------------

    def heading(self) -> Content:
        return Content.assemble(
            ("Trust", "bold"), f" {self.signs.of('›')} assistant", self.under_way(self._now)
        )

    def page(self) -> Content:
        parts: list[Part | Content] = [
            *self._of_rules(),
            *self._of_plan(),
            *self._of_pulls(),
            *self._of_end(),
        ]
        return Content.assemble(*parts).rstrip("\n")

    @property
    def _width(self) -> int:
        return min(110, self.app.size.width - 6)

    def _line(self, label: str, text: str, style: str = "") -> list[Part]:
        return hanging(visible(label, _INDENT - 2), text, self._width, style, indent=_INDENT)

    def _of_rules(self) -> list[Part]:
        parts: list[Part] = [("Rules\n", "bold $primary")]
        for rule in for_any_tag(self._rules, any_tag=self._any_tag):
            parts += hanging("", f"{rule.scope}: {rule_text(rule)}", self._width, indent=2)
        if not self._rules:
            parts += hanging("", "none yet: i adds one", self._width, "$muted", indent=2)
        in_use = "accepted unsigned, one rule each" if self._accept_in_use else "as the rules say"
        default = "rejected" if self._reject else "as today"
        parts += self._line("u  in use", f"{plural(len(self._in_use), 'running image')}: {in_use}")
        parts += self._line("d  no rule", f"images without a rule: {default}")
        parts += self._line("g  tags", "any tag, as signed by cosign" if self._any_tag else "name and tag")
        return parts

    def _of_plan(self) -> list[Part | Content]:
        draft = self._draft
        if draft is None:
            return [] if self._trouble or self._now else [("\nEnter makes the plan and proves it.", "$muted")]
        parts: list[Part | Content] = [("\nPlan\n", "bold $primary")]
        parts += [diff_content(draft.diff), "\n"] if draft.diff else ["The files are already up to date.\n"]
        for note in draft.notes:
            parts += self._line("note", note)
        for image in draft.unsigned:
            parts += self._line("unsigned", f"{image} is in use and accepted without a signature", "$warning")
        for image in draft.refused:
            parts += self._line("! refused", f"{image} is in use and could no longer be pulled", "$error")
        for fault in draft.faults:
            parts += self._line("! fault", fault, "$error")
        return parts

    def _of_pulls(self) -> list[Part]:
        if self._simulated and self._draft is not None:
            return [("\nPulls\n", "bold $primary"), f"{_NO_PULLS}\n"]
        if not self._proofs:
            return []
        parts: list[Part] = [("\nPulls\n", "bold $primary")]
        for proof in self._proofs:
            mark = self.signs.mark(look(Status.PASS) if proof.holds else look(Status.FAIL, Severity.HIGH))
            style = "$success" if proof.holds else "$error"
            pull = proof.pull
            text = f"{proof.case}: {pull.reference} {pull.verdict} ({pull.by})"
            parts += hanging(mark, text, self._width, style, indent=2, label_style=style)
            if not proof.holds:
                parts += hanging("", f"expected: {proof.wanted}; {pull.output}", self._width, indent=4)
                parts += hanging("", in_keys(proof.hint), self._width, indent=4)
        return parts

    def _of_end(self) -> list[Part]:
        if self._trouble is not None:
            error = self._trouble
            parts: list[Part] = ["\n", (f"{visible(error.title, 300)}\n", "bold $error")]
            return parts + hanging("", hint_of(error), self._width, indent=2) if error.hint else parts
        if self._entry is not None:
            text = f"Done: {self._entry.id}. J shows the journal; u undoes it there."
            return ["\n", (visible(text, 200), "bold $success")]
        if not self._complete or self._draft is None or self._simulated:
            return []
        if reason := why_not(self._draft, self._proofs):
            return ["\n", (f"Not applied: {visible(reason, 400)}", "bold $error")]
        if not self._draft.files:
            return []
        return ["\n", ("Every pull ended as expected. ctrl+s writes the files.", "bold $success")]
