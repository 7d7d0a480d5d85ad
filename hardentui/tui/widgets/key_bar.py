"""The footer with the keys of the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.widgets import Footer, Input
from textual.widgets._footer import FooterKey

_WHILE_TYPING = {"?": "F1"}
"""Keys as the user would type them, and equivalent keys."""


class KeyBar(Footer):
    """If not all keys fit, the later ones are dropped, but never the first or the last two: back and help."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._composed: tuple[object, ...] = ()

    def _wanted(self) -> tuple[object, ...]:
        """Everything that decides which keys are shown, except the width."""
        bindings = [
            (key, active.binding, active.enabled, active.tooltip)
            for key, active in self.screen.active_bindings.items()
            if active.binding.show
        ]
        return (self._bindings_ready, isinstance(self.screen.focused, Input), *bindings)

    async def recompose(self) -> None:
        """Textual calls it at every focus change; most do not affect the keys."""
        if self.is_attached and self._wanted() != self._composed:
            await super().recompose()

    def compose(self) -> ComposeResult:
        self._composed = self._wanted()
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        if isinstance(self.screen.focused, Input):
            for key in keys:
                key.key_display = _WHILE_TYPING.get(key.key_display, key.key_display)
        _fit(keys, self.app.size.width - 2)
        yield from keys

    def on_resize(self) -> None:
        _fit(list(self.query(FooterKey)), self.app.size.width - 2)


def _fit(keys: Sequence[FooterKey], room: int) -> None:
    left = sum(map(_width, keys)) - 1
    for key in keys:
        key.display = True
    for key in reversed(keys[1:-2]):
        if left <= room:
            break
        key.display = False
        left -= _width(key)


def _width(key: FooterKey) -> int:
    return cell_len(key.key_display) + 1 + cell_len(key.description) + 1
