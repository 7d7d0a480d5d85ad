"""The page of a change: its heading, and what stands below it at each stage."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content
from textual.geometry import Size

from hardentui.do import said
from hardentui.features.apply.entry_text import what_changed
from hardentui.features.apply.prepared import PreparedChange
from hardentui.features.change.data_told import told_newer, told_rows
from hardentui.features.harden.card import Card
from hardentui.features.harden.outset import Outset
from hardentui.features.harden.page import (
    EXPLAINS,
    LABEL,
    CardLine,
    details,
    downtime,
    lines,
    summary,
    title,
)
from hardentui.features.harden.probes import whose
from hardentui.harden.score import score_word
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.operations import described
from hardentui.tui.action_texts import in_keys
from hardentui.tui.change_state import ChangeState
from hardentui.tui.error_text import error_content
from hardentui.tui.stages import Data, Stage
from hardentui.tui.status import BARS, Part, Signs, both_ends, hanging
from hardentui.tui.widgets.page import diff_content
from hardentui.visible import visible
from hardentui.words import plural

_AROUND = 5
"""Lines of the screen that the card cannot have: title, heading, margins, footer."""
_TALL = 45
"""Lines of a screen that shows evidence and difference below the card."""


class ChangeDrawing:
    """A change as it is drawn once.

    Args:
        size: of the terminal, columns and lines.
    """

    def __init__(
        self,
        state: ChangeState,
        stage: Stage,
        signs: Signs,
        size: Size,
    ) -> None:
        self._state = state
        self._stage = stage
        self._signs = signs
        self._columns, self._height = size
        self._width = min(100, self._columns - 6)

    def heading(self, name: str, under_way: tuple[str, str]) -> Content:
        """`name`: of the container; `under_way`: what runs, with its style."""
        if self._state.files is not None:
            return self._state.files.heading()
        if self._stage is Stage.CARD and self._state.card is not None:
            left, right = (Content(self._signs.of(part)) for part in title(self._state.card))
            return both_ends(
                left.stylize("bold"),
                right,
                self._columns - 2,
            )
        also = f" and {plural(len(self._state.others), 'other')}" if self._state.others else ""
        modes = "".join(
            f"   {mode}"
            for mode, is_on in (
                ("all fixes", self._state.all),
                ("tight", self._state.tight),
                ("simulated", self._state.simulated),
            )
            if is_on
        )
        waits = self._state.entry is not None and self._state.entry.state is EntryState.WAITING
        now = (
            f"   K keeps it, {self._state.seconds_left} s left",
            "$primary",
        )
        what = "harden" if self._state.tries else "apply"
        return Content.assemble(
            (
                visible(name, 50),
                "bold",
            ),
            also,
            self._signs.of(f" › {what}"),
            modes,
            now if waits else under_way,
        )

    def page(self) -> Content:
        parts: list[Content] = []
        stage = self._stage
        if self._state.entry is not None:
            parts.append(self._result(self._state.entry))
        elif self._state.trouble is not None:
            parts.append(error_content(self._state.trouble))
            if stage is Stage.STEPS:
                parts.append(self._treatment())
        elif self._state.steps_done:
            parts.append(self._told(self._state.steps_done))
        elif stage is Stage.CARD and self._state.card is not None:
            parts += [
                self.card_content(self._state.card),
                *self._below(self._state.card),
            ]
        elif self._state.events:
            parts.append(self._told(self._state.events))
        elif stage is Stage.STEPS and self._state.prepared is not None:
            parts += [
                *self._soaked(),
                self._steps(self._state.prepared),
                diff_content(self._state.prepared.entry.diff),
            ]
        elif stage is Stage.OUTSET and self._state.outset is not None:
            parts.append(self._before(self._state.outset))
        if stage is Stage.ENDED and self._state.steps_done:
            parts.append(self._told(self._state.steps_done))
        return Content("\n\n").join(parts)

    def _before(self, outset: Outset) -> Content:
        checks = ", ".join(choice.check for choice in outset.plan.choices)
        count = plural(len(outset.plan.choices), "fix", "fixes")
        parts = hanging(
            "tries", f"{count}, on a twin beside it: {checks}", self._width, indent=LABEL
        )
        for sentence in outset.together:
            parts += hanging(
                "note",
                sentence,
                self._width,
                indent=LABEL,
            )
        for other in outset.others:
            fixes = plural(len(other.plan.choices), "fix", "fixes")
            name = other.plan.container
            theirs = [text for text in self._state.asked if whose(text, self._state.names) == name]
            proposed = other.probe.command if other.probe and not self._state.asked else ""
            command = theirs[0].partition("=")[2] if theirs else proposed
            judged = f"probe: {command}" if command else "no probe"
            told = f"{visible(name, 60)}: {fixes}, {judged}"
            parts += hanging(
                "with it",
                told,
                self._width,
                indent=LABEL,
            )
        for lack in outset.host_lacks:
            parts += hanging(
                "not on this host",
                lack,
                self._width,
                "$warning",
                indent=LABEL,
            )
        own = (
            text
            for text in self._state.probes
            if whose(text, self._state.names) in ("", self._state.names[0])
        )
        if probe := next(own, ""):
            now = (
                f"  (now: {outset.probe.answer})" if outset.probe and not self._state.asked else ""
            )
            parts += hanging(
                "probe",
                f"{probe.removeprefix(f'{self._state.names[0]}=')}{now}",
                self._width,
                indent=LABEL,
            )
        else:
            judged = outset.judged or "whether it starts and listens: no probe is known"
            parts += hanging(
                "judged by",
                judged,
                self._width,
                indent=LABEL,
            )
        about = (
            "Enter starts the trial; the container keeps running, untouched. i changes the probe."
        )
        return Content.assemble(*parts, "\n", (about, "$primary"))

    def _soaked(self) -> Iterator[Content]:
        if self._state.outset is not None and self._state.outset.soaked:
            yield Content("\n".join(said(told, in_keys) for told in self._state.outset.soaked))
            yield Content.styled("Enter enforces it now.", "$primary")

    def _steps(self, prepared: PreparedChange) -> Content:
        parts: list[Part] = [("What will be done\n", "bold")]
        for number, operation in enumerate(prepared.entry.operations, 1):
            parts += hanging(
                f"  {number}.",
                described(operation),
                self._width,
                indent=6,
            )
        for note in prepared.notes:
            parts += hanging(
                "  !",
                note,
                self._width,
                "$warning",
                indent=6,
            )
        for row in told_rows(prepared.entry.ledger):
            parts += hanging(
                "  data",
                self._signs.of(row),
                self._width,
                indent=8,
            )
        parts += [
            f"{prepared.downtime} Any failure restores the original.\n\n",
            self._treatment(),
        ]
        if self._stage is Stage.STEPS:
            parts.append(("\nEnter applies it; w writes its files.", "$primary"))
        return Content.assemble(*parts)

    def _treatment(self) -> Content:
        """What can be decided about it."""
        probe = next(iter(self._state.probes), "none")
        kept = (
            f"within {self._state.limit:g} s, else it rolls back"
            if self._state.limit
            else "without a limit"
        )
        parts = hanging(
            "probe",
            f"{probe}; i changes it",
            self._width,
            indent=LABEL,
        )
        parts += hanging(
            "data it wrote",
            f"{self._state.data.value}; space changes it",
            self._width,
            indent=LABEL,
        )
        parts += hanging(
            "to be kept",
            kept,
            self._width,
            indent=LABEL,
        )
        return Content.assemble(*parts).rstrip("\n")

    def card_content(self, card: Card) -> Content:
        parts: list[Part] = []
        others: list[Part] = []
        for other in card.others:
            told = self._signs.of(f"{visible(other.container, 40)}: {summary(other)}")
            others += hanging(
                "With it",
                told,
                self._width,
                indent=LABEL,
            )
        tall = self._height >= _TALL
        below = 4 if card.simulated else 2  # its banner, and a longer last sentence
        below += Content.assemble(*others).plain.count("\n")
        for line in lines(
            card,
            self._width,
            0 if tall else self._height - _AROUND - below,
            say=in_keys,
            without=() if tall else EXPLAINS,
        ):
            parts += self._line(line)
        parts += others
        press = self._press(card)
        if tall or not press:
            return Content.assemble(*parts, *press).rstrip("\n")
        parts = [*press, "\n", *parts]
        return Content.assemble(*parts).rstrip("\n")

    def _line(self, line: CardLine) -> list[Part]:
        text = Content(self._signs.of(line.text)).highlight_regex(BARS, style="$primary")
        return [(f"{line.label:<{LABEL}}", "$muted"), text, "\n"]

    def _press(self, card: Card) -> list[Part]:
        """What to press, and what it costs; on a small screen it stands first, so that it is seen."""
        if down := downtime(card, self._state.limit):
            earlier = (
                f"Tried at {self._state.tried_at}; i, F or v tries again. "
                if self._state.tried_at
                else ""
            )
            data = (
                ""
                if self._state.data is Data.KEEP
                else f"Data it wrote: {self._state.data.value}. "
            )
            return [down, "\n", (f"{earlier}{data}Enter applies it.", "bold $primary")]
        if not card.works:
            return []
        told = f"Data it wrote: {self._state.data.value}; space changes that."
        return [(told, "bold $primary")]

    def _below(self, card: Card) -> list[Content]:
        """What was asked for; on a tall screen all there is."""
        tall, parts = self._height >= _TALL, []
        if self._state.shown == "evidence" or tall:
            evidence = (
                f"{each.check}: {each.evidence}" for each in card.trial.left_out if each.evidence
            )
            parts += [
                self._told(self._state.events),
                *(Content(visible(text, 300)) for text in evidence),
            ]
            if not tall:
                shown = [
                    part
                    for line in details(card, self._width, in_keys)
                    for part in self._line(line)
                ]
                parts.append(Content.assemble(*shown).rstrip("\n"))
        prepared = self._state.hardening.prepared if self._state.hardening is not None else None
        if prepared is not None and (self._state.shown == "diff" or tall):
            parts += [
                self._steps(prepared),
                diff_content(prepared.entry.diff),
            ]
        return parts

    def _told(self, events: list[tuple[str, str, str]]) -> Content:
        parts: list[Part] = []
        for label, text, style in events:
            parts += hanging(
                f"{label} ", visible(text, 300), self._width, style, indent=3, label_style=style
            )
        return Content.assemble(*parts).rstrip("\n")

    def _result(self, entry: JournalEntry) -> Content:
        down = (
            ""
            if entry.downtime_seconds is None
            else f" It was down for {entry.downtime_seconds:.1f} s."
        )
        if entry.state is EntryState.WAITING:
            text, color = (
                f"It works. K keeps it; it rolls back in {self._state.seconds_left} s.{down}",
                "$warning",
            )
        elif entry.in_force and self._state.simulated:
            text, color = "Simulated to the end: nothing was changed.", "$success"
        elif entry.in_force:
            names = visible(", ".join(entry.originals), 200)
            kept = f" Kept, stopped: {names}." if names else ""
            text, color = f"Done.{down}{kept} u undoes it.", "$success"
        else:
            but = ", but for what was written since" if entry.newer else ""
            text, color = (
                f"Rolled back: everything is as before{but}. {visible(entry.reason, 200)}",
                "$warning",
            )
        parts = hanging(
            "",
            text,
            self._width,
            f"bold {color}",
            indent=0,
        )
        for line in told_newer(entry.newer):
            parts += hanging(
                "",
                self._signs.of(line),
                self._width,
                indent=0,
            )
        if entry.in_force:
            for line in self._changed(entry):
                parts += hanging(
                    "",
                    line,
                    self._width,
                    "bold",
                    indent=0,
                )
            for proof in entry.proof:
                of = f"{proof.container}: " if proof.container else ""
                told = (
                    f"{visible(of, 40)}{visible(proof.check, 60)} {visible(proof.effective, 160)}"
                )
                parts += hanging(
                    f"  {visible(proof.status, 8)}",
                    told,
                    self._width,
                    indent=8,
                )
        return Content.assemble(*parts).rstrip("\n")

    def _changed(self, entry: JournalEntry) -> Iterator[str]:
        """What is different, in points and in words."""
        task = self._state.hardening
        if (words := what_changed(entry)) and task is not None and task.plan is not None:
            after = task.bench.planner.score_after(task.report, task.plan)
            yield self._signs.of(
                f"score {score_word(task.report.score.value)} → {score_word(after.value)}"
            )
            yield f"{visible(', '.join(entry.changed), 200)}: {'; '.join(words)}"
