"""Answers of registries, as a page to read. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.features.images.pins import PinReport, PinState
from hardentui.features.images.updates import Update, state_text
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.trial.rehearsal import Rehearsal, lines_of
from hardentui.model.known import Unread

_TONES = {
    PinState.CURRENT: Tone.GOOD,
    PinState.MOVES: Tone.BAD,
    PinState.WAITS: Tone.PLAIN,
    PinState.STAYS: Tone.MUTED,
    PinState.UNKNOWN: Tone.MUTED,
}


def updates_page(updates: Iterable[Update]) -> PageSection:
    """Each name of each image, with what its registry offers."""
    lines = []
    for update in updates:
        known = not isinstance(update.answer, Unread)
        label = ("current" if update.here else "newer") if known else "unknown"
        tone = (Tone.GOOD if update.here else Tone.BAD) if known else Tone.MUTED
        lines.append(PageLine(label, f"{update.name}: {state_text(update)}", tone))
    return PageSection("Images", tuple(lines) or (PageLine("", "none has a registry name"),))


def pins_page(pins: Iterable[PinReport]) -> PageSection:
    """Each pin with its new state."""
    lines = []
    for report in pins:
        words = [report.reason] if report.reason else []
        if report.dead:
            words.append("its registry no longer has the pinned image")
        why = f": {'; '.join(words)}" if words else ""
        place = f"{report.path}:{report.pin.line}"
        lines.append(PageLine(report.state.value, f"{report.pin.name}  {place}{why}", _TONES[report.state]))
    nothing = PageLine("", "no Quadlet file pins an image by digest", Tone.MUTED)
    return PageSection("Pins in Quadlet files", tuple(lines) or (nothing,))


def rehearsal_page(rehearsal: Rehearsal, container: str) -> PageSection:
    """The result of a rehearsal, as a page to read."""
    lines = [PageLine("", line) for line in lines_of(rehearsal, container)]
    tone = Tone.GOOD if rehearsal.works else Tone.BAD
    lines[-1] = PageLine(lines[-1].label, lines[-1].text, tone)
    return PageSection(f"Update of {container} rehearsed on twins", tuple(lines))
