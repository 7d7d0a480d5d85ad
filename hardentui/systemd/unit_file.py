"""A unit file: sections with keys in order, and safe comments."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from hardentui.systemd.escaping import EMPTY_WORD, HELPER_VARIABLES, SEMICOLON_WORD
from hardentui.visible import visible

_IN_ORDER_OF_THE_MANUAL = frozenset({"Pod", "Network", "Volume", "Image"})
"""podman-systemd.unit(5) sorts the keys of these sections by name, ignoring case."""


class Unit(Struct):
    """A unit under construction.

    Attributes:
        name: file name with suffix.
        comments: plain sentences for the top.
        sections: name -> (key, escaped text) in order; an empty key is a blank line.
    """

    name: str
    comments: list[str] = field(default_factory=list)
    sections: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, section: str, key: str, text: str) -> None:
        """Append `key=text`; the text is already escaped."""
        self.sections.setdefault(section, []).append((key, text))

    def define_helpers(self) -> None:
        """Define the variables for an empty word and a lone semicolon, if they are used."""
        used = any(
            EMPTY_WORD in text.replace("$$", "") or SEMICOLON_WORD in text.replace("$$", "")
            for lines in self.sections.values()
            for _, text in lines
        )
        if used:
            self.add("Service", "Environment", HELPER_VARIABLES)

    def text(self) -> str:
        blocks = []
        if self.comments:
            blocks.append("\n".join(comment_lines(self.comments)))
        order = ("Unit", "Container", "Pod", "Network", "Volume", "Image", "Service", "Install")
        for section in sorted(self.sections, key=order.index):
            given = self.sections[section]
            if section in _IN_ORDER_OF_THE_MANUAL:
                given = sorted(given, key=lambda line: line[0].casefold())
            lines = [f"[{section}]", *(f"{key}={text}" if key else "" for key, text in given)]
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks) + "\n"


def comment_lines(comments: Sequence[str]) -> list[str]:
    """Comments for a script or a unit: one line each, nothing that a terminal or parser would interpret."""
    return [("# " + visible(comment)).rstrip("\\ ") for comment in comments]
