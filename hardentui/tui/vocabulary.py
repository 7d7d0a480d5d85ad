"""The names that settings may use: themes, actions, keys, columns. Settings are validated against it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from textual.binding import Binding
from textual.keys import KEY_NAME_REPLACEMENTS, Keys
from textual.theme import BUILTIN_THEMES

from hardentui.model.settings import Vocabulary
from hardentui.tui import actions
from hardentui.tui.actions import APP, BACK, COPY, Action
from hardentui.tui.themes import THEMES

_KEYS = frozenset(key.value for key in Keys) | frozenset(KEY_NAME_REPLACEMENTS.values())


_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})


def vocabulary() -> Vocabulary:
    """Every name that a setting may use."""
    screens = [frozenset(action.id for action in (*screen, *APP, BACK, COPY)) for screen in _screens()]
    return Vocabulary(
        themes=tuple(sorted({*(theme.name for theme in THEMES), *BUILTIN_THEMES})),
        actions={action.id: action.key for action in all_actions()},
        rivals=tuple(screens),
    )


def all_actions() -> tuple[Action, ...]:
    """Every action, those of the app first."""
    screens = (action for screen in _screens() for action in screen)
    return tuple(dict.fromkeys((*APP, COPY, BACK, *screens)))


def _screens() -> Iterator[tuple[Action, ...]]:
    """The declarations of `actions.py`, screen by screen."""
    for name, value in vars(actions).items():
        if name.isupper() and isinstance(value, tuple) and value is not APP and not name.startswith("_"):
            yield value


def key_name(text: str) -> str:
    """Textual's name of a key (`/` is `slash`); empty if there is no such key."""
    if len(text) == 1:
        if not text.isprintable() or text in " ,":
            return ""
        return next(iter(Binding.make_bindings([Binding(text, "none")]))).key
    *modifiers, key = text.split("+")
    if not _MODIFIERS.issuperset(modifiers):
        return ""
    known = len(key) == 1 or key in _KEYS or _is_sign(key)
    return text if known and key.isprintable() and not key.isspace() else ""


def _is_sign(name: str) -> bool:
    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return False
    return True
