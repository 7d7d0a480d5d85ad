"""A check box that is readable without colours: Textual's own shows the same cross when empty."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Checkbox

_INNER = {True: "[x]", False: "[ ]"}


class Tick(Checkbox):
    BUTTON_LEFT = ""
    BUTTON_RIGHT = ""
    DEFAULT_CSS = """
    Tick {
        background: $background; width: auto;
        & > .toggle--button { color: $foreground; background: $background; text-style: bold; }
        &.-on > .toggle--button { color: $primary; background: $background; }
        &:focus > .toggle--label { background: $cursor; color: $foreground; text-style: bold; }
        &:nocolor:focus > .toggle--label { text-style: bold reverse; }
    }
    """

    def __init__(
        self,
        label: str,
        value: bool = False,
        *,
        id: str | None = None,
    ) -> None:
        self.BUTTON_INNER = _INNER[value]
        super().__init__(
            Content(label),
            value,
            id=id,
            compact=True,
        )

    def watch_value(self) -> None:
        self.BUTTON_INNER = _INNER[self.value]
        super().watch_value()
