"""Text of a picture that stays within its bounds: names come from containers, and may be long or wide.

The reader's font is unknown, so the widths are those of a wide one (DejaVu Sans), rounded up.
"""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape

from msgspec import Struct

from hardentui.visible import visible

_THIN = frozenset(" ',.:;ijl|")
_NARROW = frozenset("!()/[]`frt")
_BROAD = frozenset("%@MWm—…")
_BOLD = 1.12
_SHOWN_WHOLE = 400
"""Most characters in the tooltip of a text that does not fit."""


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """An upper bound of the width of a text, in units of the picture."""
    return size * (_BOLD if bold else 1.0) * sum(map(_width, text))


def _width(character: str) -> float:
    if character in _THIN:
        return 0.35
    if character in _NARROW:
        return 0.42
    if character in _BROAD:
        return 1.0
    if character.isascii():
        return 0.82 if character.isupper() or character == "w" else 0.64
    return 1.05 if unicodedata.east_asian_width(character) in "WF" else 0.85


class SvgStyle(Struct, frozen=True):
    """The looks of a text.

    Attributes:
        classes: of the style sheet of the picture.
        size: in units of the picture.
        anchor: what `x` is: `start`, `middle` or `end` of the text.
    """

    classes: str = ""
    size: float = 13
    bold: bool = False
    anchor: str = "start"

    def width(self, text: str) -> float:
        """An upper bound of the width of a text, in units of the picture."""
        return width_of(text, self.size, bold=self.bold)


PLAIN = SvgStyle()


def _fitted(text: str, room: float, style: SvgStyle) -> str:
    """A text without control characters, truncated to the room with an ellipsis."""
    whole = visible(text, _SHOWN_WHOLE)
    if style.width(whole) <= room:
        return whole
    left = room - style.width("…")
    for at, character in enumerate(whole):
        left -= style.width(character)
        if left < 0:
            return f"{whole[:at]}…"
    return whole


def svg_text(x: float, y: float, text: str, room: float, style: SvgStyle = PLAIN, *, ending: str = "") -> str:
    """One line of text as an element; a tooltip has the whole text if it does not fit.

    Args:
        room: units to the right of `x`, or to the left of it for the anchor `end`.
        ending: kept when the text is truncated.
    """
    shown = _fitted(text, room - style.width(ending), style) + ending
    whole = visible(text + ending, _SHOWN_WHOLE)
    title = f"<title>{escape(whole)}</title>" if shown != whole else ""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{style.anchor}" class="{style.classes}">'
        f"{escape(shown)}{title}</text>"
    )
