"""Answers of registries, as a page to read. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.features.images.updates import COOL_DOWN, Update, state_text
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.trial.rehearsal import Rehearsal, lines_of
from hardentui.model.known import Unread


def updates_page(updates: Iterable[Update], days: int = COOL_DOWN) -> PageSection:
    """Each name of each image, with what its registry offers."""
    lines = []
    for update in updates:
        known = not isinstance(update.answer, Unread)
        label = ("current" if update.here else "newer") if known else "unknown"
        tone = (Tone.GOOD if update.here else Tone.BAD) if known else Tone.MUTED
        lines.append(PageLine(label, f"{update.name}: {state_text(update, days)}", tone))
    return PageSection("Images", tuple(lines) or (PageLine("", "none has a registry name"),))


def rehearsal_page(rehearsal: Rehearsal, container: str) -> PageSection:
    """The result of a rehearsal, as a page to read."""
    lines = [PageLine("", line) for line in lines_of(rehearsal, container)]
    tone = Tone.GOOD if rehearsal.works else Tone.BAD
    lines[-1] = PageLine(lines[-1].label, lines[-1].text, tone)
    return PageSection(f"Update of {container} rehearsed on twins", tuple(lines))
