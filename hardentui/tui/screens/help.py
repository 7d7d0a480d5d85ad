"""Every key of the screen below, made from the declarations of its actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from hardentui.features.looking.row_filter import EXAMPLES
from hardentui.harden.score import SHORT
from hardentui.tui.actions import APP, BACK, COPY, Action, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.status import FAILING, OTHERS
from hardentui.tui.text import Part, hanging
from hardentui.tui.widgets.container_list import CHOSEN, MARKED

_KEYS = {
    "escape": "esc",
    "slash": "/",
    "question_mark": "?",
    "at": "@",
    "colon": ":",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


class HelpScreen(HardenScreen):
    CSS_PATH = "reading.tcss"
    ACTIONS = (COPY, BACK)
    BINDINGS: ClassVar = [*bindings(ACTIONS), Binding("question_mark,f1", "back", show=False)]
    BINDING_GROUP_TITLE = "Help"

    def __init__(self, about: Screen[object], reasons: Mapping[str, str]) -> None:
        """Args:
        about: the screen below.
        reasons: id of an action -> why it cannot be carried out now.
        """
        super().__init__()
        self._reasons = reasons
        self._about: tuple[Action, ...] = getattr(about, "ACTIONS", ())
        self._filters = any(action.id == "home.filter" for action in self._about)

    def body(self) -> Iterable[Widget]:
        yield Static(Content("Help"), id="crumb")
        with VerticalScroll(id="reading"):
            yield Static(id="text")

    def on_mount(self) -> None:
        self.query_one("#reading").focus()

    def on_resize(self) -> None:
        self.query_one("#text", Static).update(self._content())

    def _content(self) -> Content:
        parts: list[Part] = []
        width = min(100, self.app.size.width - 6)
        group = ""
        groups = [*dict.fromkeys(action.group for action in (*self._about, *APP))]
        for action in sorted((*self._about, *APP), key=lambda action: groups.index(action.group)):
            if action.group != group:
                parts += ["\n" if group else "", (f"{action.group}\n", "bold $primary")]
                group = action.group
            keys = f"  {self._keys(action):<8} {action.label}"
            parts += hanging(keys, action.tooltip, width, "$muted", indent=28, label_style="bold")
            if why := self._reasons.get(action.id):
                parts += hanging("", f"Not now: {why}", width, "$status-medium", indent=28)
        if self._filters:
            parts.append(("\nFilter: all words must match\n", "bold $primary"))
            for example, meaning in EXAMPLES:
                parts += hanging(f"  {example}", meaning, width, "$muted", indent=28, label_style="bold")
        parts.append(("\nSigns\n", "bold $primary"))
        if self._filters:
            parts.append(f"  {MARKED} marked      {CHOSEN} fixes chosen, not written\n")
        for look in (*FAILING.values(), *OTHERS.values()):
            parts.append((f"  {self.signs.mark(look)} {look.word:<10}", f"${look.style}"))
            parts.append("\n" if look.order % 4 == 3 else "")
        parts += [
            ("\nScore\n", "bold $primary"),
            *hanging("", SHORT, width, "", indent=2),
        ]
        return Content.assemble(*parts)

    def copied(self) -> tuple[str, str]:
        return "this page", self._content().plain

    def _keys(self, action: Action) -> str:
        """The current keys: the user may have chosen others."""
        keys = self.app._keymap.get(action.id, action.key)
        return self.signs.of(" ".join(_KEYS.get(key, key) for key in keys.split(",")))
