"""Hardening a container on one screen: what will be tried, the trial, the card, and what follows from it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from msgspec.structs import replace
from textual import on, work
from textual.content import Content
from textual.message import Message

from hardentui.errors import HardenError, NotFound
from hardentui.features.apply.soak import USUAL
from hardentui.features.harden.card import Card
from hardentui.features.harden.page import LABEL, downtime, lines, title
from hardentui.features.harden.task import CONFIRM_WITHIN, Hardening, HardenWishes, Outset
from hardentui.model.plan import Choice
from hardentui.model.trial import TrialEvent, TrialStep
from hardentui.tui.actions import BACK, CARD, COPY, bindings
from hardentui.tui.choosing import Choosing
from hardentui.tui.screens.apply import ApplyScreen
from hardentui.tui.screens.job import AskScreen, StoppablePage, error_content
from hardentui.tui.screens.write import WriteScreen
from hardentui.tui.status import Part, Signs, both_ends, hanging
from hardentui.tui.widgets.page import diff_content
from hardentui.visible import visible
from hardentui.words import plural

_AROUND = 5
"""Lines of the screen that the card cannot have: title, heading, margins, footer."""
_TALL = 45
"""Lines of a screen that shows evidence and difference below the card."""


@dataclass
class OutsetKnown(Message):
    task: Hardening
    outset: Outset


@dataclass
class CardProgress(Message):
    event: TrialEvent


@dataclass
class CardReady(Message):
    card: Card
    tried_at: str = ""  # of an earlier trial


@dataclass
class HardeningEnded(Message):
    """Without a card; None: it was stopped."""

    error: HardenError | None


def progress_line(event: TrialEvent, number: int, signs: Signs) -> tuple[str, str, str] | None:
    """An event of a trial as sign, text and style; None for one that is only the current activity.

    Args:
        number: of the last round.
    """
    if (tried := event.round) is not None:
        sign, color = ("✓", "$success") if tried.ready else ("✗", "$error")
        why = f": {visible(tried.why, 200)}" if tried.why else ""
        text = f"round {number}, {visible(tried.purpose, 60)}, {tried.seconds:.1f} s{why}"
        return signs.of(sign), text, color
    if event.loosened:
        return "", f"relaxed: {event.loosened}", "$warning"
    if (left := event.left_out) is not None:
        return "", f"left out: {left.check}: {left.reason}", "$warning"
    if event.step in (TrialStep.BASELINE, TrialStep.LEARNING, TrialStep.RESTART, TrialStep.PROOF):
        return signs.of("·"), event.text, ""
    return None


class CardScreen(StoppablePage):
    """Args:
    key: of the container's row.
    queued: how many others are hardened after it.
    choices: these fixes alone are tried; empty = all that a trial can judge.
    """

    ACTIONS = (*CARD, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    DOES: ClassVar = "makes a twin"
    BINDING_GROUP_TITLE = "Harden"

    def __init__(self, key: str, queued: int = 0, choices: tuple[Choice, ...] = ()) -> None:
        super().__init__()
        self._key = key
        self._queued = queued
        self._choices = choices
        self._all = False
        self._probe: str | None = None  # the user's
        self._hardening: Hardening | None = None
        self._outset: Outset | None = None
        self._card: Card | None = None
        self._trouble: HardenError | None = None
        self._events: list[tuple[str, str, str]] = []
        self._rounds = 0
        self._now = "looking at it"
        self._tried_at = ""
        self._shown = ""  # below the card: the diff, or the evidence

    def on_mount(self) -> None:
        self.session.replaced.subscribe(self, self._follow)
        self._look_at_it()

    def _follow(self, successors: Mapping[str, str]) -> None:
        """Once it is applied, the container is only the kept original."""
        if self._key in successors:
            self.leave()

    # --- actions -------------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        card = self._card
        if action in ("go", "probe", "all") and self.stop is not None:
            return "It is running. esc stops it."
        if action in ("go", "probe", "all") and self._outset is None and self._trouble is None:
            return "Still looking at the container."
        if action == "all" and self._choices:
            return "The fixes were chosen in the walk."
        if action == "go" and self._outset is None:
            return "The reason is shown here."
        if action == "go" and card is not None and (card.obstacle or not card.works):
            return "It cannot be applied: the card says why." if card.works else "No change could be kept."
        if action in ("write", "diff", "soak", "apply") and (card is None or not card.works):
            return "There is no result yet." if card is None else "No change could be kept."
        if action == "evidence" and not self._events:
            return "Nothing was tried yet."
        return ""

    def action_go(self) -> None:
        if self._card is not None or (self._outset is not None and self._outset.soaked):
            self._apply()
        elif self._hardening is not None and self._outset is not None:
            self._try(self._hardening, self._outset, self._probes(self._outset), self.begin())
            self.draw()

    def action_probe(self) -> None:
        outset = self._outset
        known = self._probe or (outset.probe.command if outset and outset.probe else "")
        question = "A read-only command that proves it works; $TARGET is its address"
        self.app.push_screen(AskScreen(question, value=known), self._probe_given)

    def _probe_given(self, command: str | None) -> None:
        if command:
            self._probe, self._card, self._events, self._shown = command, None, [], ""
        self.draw()

    def action_all(self) -> None:
        self._all, self._card, self._events, self._shown = not self._all, None, [], ""
        self._look_at_it()

    def action_soak(self) -> None:
        self._apply(soak=USUAL)

    def action_write(self) -> None:
        choosing, task = self._choosing, self._hardening
        if choosing is not None and task is not None and task.plan is not None:
            self.app.push_screen(WriteScreen(choosing, task.plan))

    def action_diff(self) -> None:
        self._show_below("diff")

    def action_evidence(self) -> None:
        self._show_below("evidence")

    def action_apply(self) -> None:
        """Also what the card cannot decide, such as what happens to data, is decided there."""
        choosing, task = self._choosing, self._hardening
        if choosing is not None and task is not None and task.plan is not None:
            wishes = task.prepared.wishes if task.prepared is not None else None
            self.app.push_screen(ApplyScreen(choosing, task.plan, wishes))

    def _show_below(self, what: str) -> None:
        self._shown = "" if self._shown == what else what
        self.draw()
        if self._shown and self._card is not None:  # on a small screen it begins below the last line
            begins = self._card_content(self._card).plain.count("\n") + 2
            self.call_after_refresh(self.query_one("#reading").scroll_to, y=begins, animate=False)

    def _apply(self, soak: float = 0.0) -> None:
        choosing, task = self._choosing, self._hardening
        if choosing is not None and task is not None and task.plan is not None and task.prepared is not None:
            wishes = replace(task.prepared.wishes, soak=soak)
            screen = ApplyScreen(choosing, task.plan, wishes, at_once=True)
            self.app.push_screen(screen)

    @property
    def _choosing(self) -> Choosing | None:
        task = self._hardening
        return Choosing(task.bench, task.report, {}, {}) if task is not None else None

    def _probes(self, outset: Outset) -> tuple[str, ...]:
        if self._probe:
            return (self._probe,)
        return (outset.probe.command,) if outset.probe else ()

    # --- the work ------------------------------------------------------------------------------------

    def _look_at_it(self) -> None:
        self._outset, self._trouble, self._now = None, None, "looking at it"
        wishes = HardenWishes(choices=self._choices, everything=self._all, confirm_within=CONFIRM_WITHIN)
        self._look(wishes)
        self.draw()

    @work(thread=True, group="card")
    def _look(self, wishes: HardenWishes) -> None:
        """Only reads, so there is nothing to stop: esc leaves at once."""
        bench = self.session.bench
        try:
            row = bench.containers.refresh(self._key) if bench is not None else None
            if bench is None or row is None or row.report is None:
                raise NotFound("The container is gone.")
            task = Hardening(bench, row.report, wishes)
            outset = task.soak_outset() or task.outset()
            kept = None if outset.soaked else task.tried_before()
            self.post_message(OutsetKnown(task, outset))
            if kept is not None:
                self.post_message(CardReady(task.picked_up(outset, kept), kept.when))
        except HardenError as error:
            self.post_message(HardeningEnded(error))

    @work(thread=True, group="card")
    def _try(self, task: Hardening, outset: Outset, probes: tuple[str, ...], stop: threading.Event) -> None:
        def tell(event: TrialEvent) -> None:
            self.post_message(CardProgress(event))

        try:
            card = task.try_out(outset, probes, tell, stop)
            self.post_message(CardReady(card))
        except KeyboardInterrupt:
            self.post_message(HardeningEnded(None))
        except HardenError as error:
            self.post_message(HardeningEnded(error))

    @on(OutsetKnown)
    def _known(self, message: OutsetKnown) -> None:
        self._hardening, self._outset, self.stop, self._now = message.task, message.outset, None, ""
        self.draw()

    @on(CardProgress)
    def _progressed(self, message: CardProgress) -> None:
        event = message.event
        self._now = visible(event.text, 60)
        self._rounds += event.round is not None
        if line := progress_line(event, self._rounds, self.signs):
            self._events.append(line)
        self.draw()
        self.to_end()

    @on(CardReady)
    def _ready(self, message: CardReady) -> None:
        self._card, self.stop, self._now = message.card, None, ""
        self._tried_at = message.tried_at
        self.draw()
        self.query_one("#reading").scroll_home(animate=False)

    @on(HardeningEnded)
    def _ended(self, message: HardeningEnded) -> None:
        self.stop, self._now, self._trouble = None, "", message.error
        if message.error is None:
            self._events.append(("", "Stopped. The twin is removed; the container is untouched.", ""))
        self.draw()

    # --- drawing -------------------------------------------------------------------------------------

    @property
    def _width(self) -> int:
        return min(100, self.app.size.width - 6)

    def heading(self) -> Content:
        queued = f"   then {plural(self._queued, 'other')}" if self._queued else ""
        if self._card is not None:
            left, right = (Content(self.signs.of(part)) for part in title(self._card))
            return both_ends(left.stylize("bold"), right, self.app.size.width - 2)
        row = self.session.rows.get(self._key)
        name = visible(row.name if row is not None else self._key, 50)
        modes = ("   all fixes" if self._all else "") + queued
        return Content.assemble((name, "bold"), self.signs.of(" › harden"), modes, self.under_way(self._now))

    def page(self) -> Content:
        if self._trouble is not None:
            return error_content(self._trouble)
        if self._card is not None:
            return Content("\n\n").join([self._card_content(self._card), *self._below(self._card)])
        if self._events:
            return self._told_so_far()
        return self._before(self._outset) if self._outset is not None else Content("")

    def _before(self, outset: Outset) -> Content:
        if outset.soaked:
            lines_ = [Content(sentence) for sentence in outset.soaked]
            return Content("\n").join([*lines_, Content.styled("\nEnter enforces it now.", "$primary")])
        checks = ", ".join(choice.check for choice in outset.plan.choices)
        count = plural(len(outset.plan.choices), "fix", "fixes")
        parts = hanging("tries", f"{count}, on a twin beside it: {checks}", self._width, indent=LABEL)
        for sentence in outset.together:
            parts += hanging("note", sentence, self._width, indent=LABEL)
        for lack in outset.host_lacks:
            parts += hanging("not on this host", lack, self._width, "$warning", indent=LABEL)
        if probe := next(iter(self._probes(outset)), ""):
            now = f"  (now: {outset.probe.answer})" if outset.probe and not self._probe else ""
            parts += hanging("probe", f"{probe}{now}", self._width, indent=LABEL)
        else:
            judged = outset.judged or "whether it starts and listens: no probe is known"
            parts += hanging("judged by", judged, self._width, indent=LABEL)
        about = "Enter starts the trial; the container keeps running, untouched. i changes the probe."
        return Content.assemble(*parts, "\n", (about, "$primary"))

    def _card_content(self, card: Card) -> Content:
        parts: list[Part] = []
        tall = self.app.size.height >= _TALL
        below = 4 if card.simulated else 2  # its banner, and a longer last sentence
        for line in lines(card, self._width, 0 if tall else self.app.size.height - _AROUND - below):
            parts += [(f"{line.label:<{LABEL}}", "$muted"), self.signs.of(line.text), "\n"]
        if down := downtime(card, CONFIRM_WITHIN):
            earlier = f"Tried at {self._tried_at}; i or F tries again. " if self._tried_at else ""
            parts += [down, "\n", (f"{earlier}Enter applies it.", "bold $primary")]
        elif card.works:
            parts.append(("A shows the steps, and what can be decided there.", "bold $primary"))
        return Content.assemble(*parts).rstrip("\n")

    def _below(self, card: Card) -> list[Content]:
        """What was asked for; on a tall screen all there is."""
        tall = self.app.size.height >= _TALL
        parts = []
        if self._shown == "evidence" or tall:
            evidence = (f"{each.check}: {each.evidence}" for each in card.trial.left_out if each.evidence)
            parts += [self._told_so_far(), *(Content(visible(text, 300)) for text in evidence)]
        if (self._shown == "diff" or tall) and self._hardening is not None:
            parts.append(diff_content(self._hardening.diff))
        return parts

    def _told_so_far(self) -> Content:
        parts: list[Part] = []
        for label, text, style in self._events:
            parts += hanging(f"{label} ", visible(text, 300), self._width, style, indent=3, label_style=style)
        return Content.assemble(*parts).rstrip("\n")
