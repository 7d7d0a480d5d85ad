"""The footer: keys of the screen, as many as fit."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct
from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Input

_WHILE_TYPING = {"?": "F1"}
"""Keys as the user would type them, and equivalent keys."""


class FooterKey(Struct, frozen=True):
    """One key of the footer."""

    key: str  # as Textual names it
    display: str  # as the user reads it
    label: str
    action: str  # what it does, as Textual names it
    enabled: bool
    tooltip: str

    @property
    def width(self) -> int:
        """In terminal cells."""
        return cell_len(self.display) + 1 + cell_len(self.label)


class KeyBar(Widget):
    """If not all keys fit, the later ones are dropped, but never the first or the last two: back
    and help.

    It is one widget and not one for each key, because the keys change with nearly every step of the
    user: a new line is drawn at once, where new widgets would have to be styled and laid out.

    Attributes:
        keys: all keys of the screen, in order.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar = {"key-bar--key", "key-bar--label", "key-bar--pointed"}
    DEFAULT_CSS = """
    KeyBar {
        dock: bottom; height: 1; width: 100%; padding: 0 1; text-wrap: nowrap;
        background: $footer-background; color: $footer-foreground;
    }
    .key-bar--key {
        color: $footer-key-foreground; background: $footer-key-background; text-style: bold;
    }
    .key-bar--label {
        color: $footer-description-foreground; background: $footer-description-background;
    }
    .key-bar--pointed { color: $footer-key-foreground; background: $block-hover-background; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: tuple[FooterKey, ...] = ()
        self._pointed: FooterKey | None = None

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(
            self,
            self._bindings_updated,
        )

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _bindings_updated(self, screen: Screen[object]) -> None:
        if screen.app.app_focus:
            self.call_after_refresh(self._show_keys)

    def _show_keys(self) -> None:
        """Textual asks for it at every focus change; most do not affect the keys."""
        if self.is_attached and (keys := self._keys_now()) != self.keys:
            self.keys = keys
            self.refresh()

    def _keys_now(self) -> tuple[FooterKey, ...]:
        typing = isinstance(self.screen.focused, Input)
        keys: dict[str, FooterKey] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and binding.action not in keys:
                display = self.app.get_key_display(binding)
                keys[binding.action] = FooterKey(
                    key=binding.key,
                    display=_WHILE_TYPING.get(display, display) if typing else display,
                    label=binding.description,
                    action=binding.action,
                    enabled=active.enabled,
                    tooltip=active.tooltip,
                )
        declared = [action.target for action in getattr(self.screen, "ACTIONS", ())]
        order = {target: at for at, target in enumerate(declared)}
        return tuple(sorted(keys.values(), key=lambda key: order.get(key.action, len(order))))

    def render(self) -> Content:
        key_style, label_style = (
            self.get_visual_style("key-bar--key"),
            self.get_visual_style("key-bar--label"),
        )
        pointed_style = self.get_visual_style("key-bar--pointed")
        parts: list[Content | str] = []
        for key in _that_fit(self.keys, self.content_size.width):
            by_key, by_label = (
                (pointed_style, pointed_style) if key is self._pointed else (key_style, label_style)
            )
            if not key.enabled:
                by_key, by_label = by_key + Style(dim=True), by_label + Style(dim=True)
            parts += [
                Content.styled(key.display, by_key),
                Content.styled(f" {key.label}", by_label),
                " ",
            ]
        return Content.assemble(*parts[:-1])

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._point_at(self._key_at(event))

    def on_leave(self) -> None:
        self._point_at(None)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if (key := self._key_at(event)) is None:
            return
        if key.enabled:
            self.app.simulate_key(key.key)
        else:
            self.app.bell()

    def _point_at(self, key: FooterKey | None) -> None:
        if key is not self._pointed:
            self._pointed = key
            self.tooltip = key.tooltip if key is not None else None
            self.refresh()

    def _key_at(self, event: events.MouseEvent) -> FooterKey | None:
        where = event.get_content_offset(self)
        if where is None:
            return None
        left = 0
        for key in _that_fit(self.keys, self.content_size.width):
            if left <= where.x < left + key.width:
                return key
            left += key.width + 1
        return None


def _that_fit(keys: tuple[FooterKey, ...], room: int) -> list[FooterKey]:
    shown = list(keys)
    left = sum(key.width + 1 for key in keys) - 1
    for key in reversed(keys[1:-2]):
        if left <= room:
            break
        shown.remove(key)
        left -= key.width + 1
    return shown
