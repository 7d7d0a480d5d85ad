"""A page to read, as sections of labelled lines; and a task, which ends in one. Pure.

The texts are raw: the caller makes them safe to show.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from hardentui.do import Do, Sentence, said
from hardentui.visible import visible
from hardentui.words import plural


class Tone(StrEnum):
    """The meaning of a line; a screen may add a colour to the words, but never replace them."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    MUTED = "muted"


class PageLine(Struct, frozen=True):
    """One fact; an empty label continues the line above. `do` is what follows from it."""

    label: str
    text: Sentence
    tone: Tone = Tone.PLAIN
    do: Do | None = None


class PageSection(Struct, frozen=True):
    """A title and its lines."""

    title: str
    lines: tuple[PageLine, ...]


def page_text(sections: Iterable[PageSection]) -> str:
    """Sections as plain lines, safe to show; bad ones are marked."""
    lines: list[str] = []
    for section in sections:
        lines.append(visible(section.title, 100))
        for line in section.lines:
            mark = "!" if line.tone is Tone.BAD else " "
            text = said(line.text, with_flags=True)
            then = f"; {line.do}" if line.do is not None else ""
            lines.append(f"{mark} {visible(line.label):<12} {visible(text, 1000)}{then}".rstrip())
        lines.append("")
    return "\n".join(lines)


def size_text(size: int) -> str:
    """Bytes for display, in powers of 1000 as Podman prints them."""
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return (
                f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
            )
        number /= 1000
    return f"{number:.1f} GB"


def age_text(made: datetime | None, now: datetime) -> str:
    """The age: `3 days`, `2 years`; empty if unknown."""
    if made is None:
        return ""
    days = max(0, (now - made).days)
    if days < 1:
        return "today"
    for unit, length in (("year", 365), ("month", 30)):
        if days >= 2 * length:
            return f"{days // length} {unit}s"
    return plural(days, "day")
