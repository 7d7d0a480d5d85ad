"""Headings and paragraphs for a human."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from hardentui.cli.terminal import Terminal
from hardentui.visible import visible

_WIDEST = 100


class Paragraphs:
    """Lines for this terminal; foreign text is made visible."""

    def __init__(self, terminal: Terminal) -> None:
        self._color = terminal.color
        self._width = max(40, min(_WIDEST, terminal.width))

    def painted(self, text: str, color: str) -> str:
        """Text in a colour, given as numbers of ECMA-48 (`1` bold, `31` red)."""
        return f"\x1b[{color}m{visible(text)}\x1b[0m" if self._color else visible(text)

    def bold(self, text: str) -> str:
        return self.painted(text, "1")

    def wrapped(
        self,
        text: str,
        indent: str = "  ",
    ) -> Iterator[str]:
        """A text whose paragraphs are separated by empty lines."""
        for paragraph in text.split("\n\n"):
            yield from textwrap.wrap(
                visible(" ".join(paragraph.split())),
                self._width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )

    def section(
        self,
        heading: str,
        text: str,
    ) -> Iterator[str]:
        """A heading and its text; nothing if the text is empty."""
        if text:
            yield ""
            yield self.bold(heading)
            yield from self.wrapped(text)

    def block(
        self,
        heading: str,
        lines: Iterable[str],
    ) -> Iterator[str]:
        """A heading and lines that are not wrapped."""
        yield ""
        yield self.bold(heading)
        yield from (f"  {visible(line)}" for line in lines)
