"""A line to type in that draws any value safely."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Input

from hardentui.visible import visible_in_place


class TextField(Input):
    """Textual draws the value of an Input as it is, and we propose values: names, owners, limits."""

    @property
    def _value(self) -> Text:
        """The text that Textual draws; it asks for no other."""
        if self.password:
            return super()._value
        return Text(
            visible_in_place(self.value),
            no_wrap=True,
            overflow="ignore",
            end="",
        )
