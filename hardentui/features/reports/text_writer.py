"""Lines of text for people: wrapped to a width, coloured if possible, foreign text made visible."""

from __future__ import annotations

import textwrap

from hardentui.features.reports.result import TextStyle
from hardentui.model.finding import Severity
from hardentui.visible import visible

COLORS = {
    Severity.CRITICAL: "1;31",
    Severity.HIGH: "31",
    Severity.MEDIUM: "33",
    Severity.LOW: "36",
}
UNKNOWN_COLOR = "35"
_INDENT = " " * 12


class Writer:
    """Lines in one layout."""

    def __init__(self, style: TextStyle) -> None:
        self.style = style
        self.width = max(40, style.width)

    def paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self.style.color else text

    def bold(self, text: str) -> str:
        return self.paint(text, "1")

    def wrapped(
        self,
        text: str,
        indent: str = "  ",
        first: str | None = None,
    ) -> list[str]:
        """The text in lines that begin with `indent`, the first one with `first`; none if it is
        empty."""
        text = visible(text, 2000)
        first = indent if first is None else first
        if not text or len(first) + len(text) <= self.width:
            return [f"{first}{text}"] if text else []
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=first,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
        )

    def marked(
        self,
        word: str,
        color: str,
        text: str,
    ) -> list[str]:
        """A coloured word in its own column, and the text beside it."""
        first, *rest = self.wrapped(text, _INDENT, f"  {word:<10}")
        return [first.replace(word, self.paint(word, color), 1), *rest]

    def below(self, text: str) -> list[str]:
        """A text under a marked one."""
        return self.wrapped(text, _INDENT)
