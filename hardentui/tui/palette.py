"""The command palette: actions and themes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.actions import parse
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from hardentui.tui.action import Action
from hardentui.tui.action_texts import key_of
from hardentui.tui.actions import APP

_NOT_LISTED = ("app.palette",)


class ActionProvider(Provider):
    """Actions that are enabled now."""

    def _actions(self) -> Iterator[Action]:
        for action in (*getattr(self.screen, "ACTIONS", ()), *APP):
            if action.id not in _NOT_LISTED and self._possible(action):
                yield action

    def _possible(self, action: Action) -> bool:
        _, name, parameters = parse(action.target)
        node = self.app if action in APP else self.screen
        return node.check_action(name, parameters) is True

    def _entry(self, action: Action, label: str | Content) -> Content:
        """Its label, and its key beside it."""
        key = key_of(action)
        return Content.assemble(label, f"  {key}" if key else "")

    async def _carry_out(self, action: Action) -> None:
        await self.app.run_action(
            action.target,
            self.app if action in APP else self.screen,
        )

    async def discover(self) -> Hits:
        for action in self._actions():
            yield DiscoveryHit(
                self._entry(action, action.label),
                partial(self._carry_out, action),
                text=action.label,
                help=action.tooltip,
            )

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._actions():
            if score := max(matcher.match(action.label), matcher.match(action.tooltip) * 0.7):
                yield Hit(
                    score,
                    self._entry(action, matcher.highlight(action.label)),
                    partial(self._carry_out, action),
                    text=action.label,
                    help=action.tooltip,
                )


class ThemeProvider(Provider):
    """The themes, by name."""

    def _choose(self, name: str) -> None:
        self.app.theme = name

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name in self.app.available_themes:
            label = f"Theme {name}"
            if score := matcher.match(label):
                yield Hit(
                    score,
                    matcher.highlight(label),
                    partial(self._choose, name),
                    help="Change the colours.",
                )
