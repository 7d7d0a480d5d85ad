"""The answer to a control of a framework, and how it is told."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from hardentui.features.frameworks.controls import Control, FrameworkText
from hardentui.model.finding import Finding
from hardentui.words import plural

LONGEST = 2000
"""Characters of a sentence of `ControlResult` in a report."""


class ControlAnswer(StrEnum):
    """What can be said of a control."""

    SHOWN = "shown"
    CONTRADICTED = "contradicted"
    PERSON = "needs a person"
    UNKNOWN = "unknown"


Seen = tuple[str, Finding]
"""A finding with the name of its subject."""


class ControlResult(Struct, frozen=True, kw_only=True):
    """A control with its answer.

    Attributes:
        evidence: what contradicts it, else what is unknown, the worst first.
        shown_by: those of its checks that pass; wholly, if the answer is `shown`, else in part.
        passed: number of their results that pass.
        because: why it is unknown, or why no check of it applied; empty otherwise.
        applies: false if checks could decide it, but none applied to anything here.
    """

    control: Control
    answer: ControlAnswer
    evidence: tuple[Seen, ...] = ()
    shown_by: tuple[str, ...] = ()
    passed: int = 0
    because: str = ""
    applies: bool = True

    @property
    def needs(self) -> str:
        """What is left for a person to look at; empty if nothing is, or it is contradicted."""
        if self.answer is ControlAnswer.CONTRADICTED:
            return ""
        if not self.applies and not self.control.person:
            return f"Whether it really does not apply: {self.because}."
        return self.control.person

    @property
    def how_far(self) -> str:
        """How far checks show it: `wholly`, `in part`, or empty."""
        if self.answer is ControlAnswer.SHOWN:
            return "wholly"
        return "in part" if self.shown_by and self.answer is not ControlAnswer.CONTRADICTED else ""

    @property
    def sentence(self) -> str:
        """What is shown and what is left to do, in words; the evidence is told besides."""
        parts = []
        if self.answer is ControlAnswer.UNKNOWN:
            parts.append(f"Unknown because {self.because}.")
        if self.how_far:
            results = plural(self.passed, "result")
            parts.append(f"Shown {self.how_far} by {', '.join(self.shown_by)} ({results}).")
        if self.needs:
            parts.append(f"Look at: {self.needs}")
        return " ".join(parts)


class Framework(Struct, frozen=True, kw_only=True):
    """A framework with the answers to its controls."""

    id: str
    text: FrameworkText
    controls: tuple[ControlResult, ...]

    @property
    def title(self) -> str:
        return self.text.title
