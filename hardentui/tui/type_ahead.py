"""Keys that were pressed before a screen was ready."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from textual.app import App
from textual.dom import DOMNode
from textual.events import Key
from textual.timer import Timer

_AT_ONCE = frozenset({"ctrl+c", "ctrl+q"})
"""Keys that quit. They never wait for another one."""


_PATIENCE = 3.0
"""Seconds after which a key no longer waits for the one before it."""


class TypeAhead:
    """Handles one key after the other, each when the screen that the last one opened takes keys.

    Textual gives a key to whatever has the focus when it arrives. Over ssh several arrive at once:
    those meant for a dialog that the first one opens would go to the old screen, and be lost or do
    something else.

    A key climbs from the focused widget to the app through a message queue at each level. A
    callback that takes the same way behind it tells when it has been handled.
    """

    def __init__(
        self,
        app: App[None],
        handle: Callable[[Key], Awaitable[None]],
    ) -> None:
        """Args:
        handle: gives the key to the focused widget.
        """
        self._app = app
        self._handle = handle
        self._waiting: deque[Key] = deque()
        self._handled = 0
        self._busy = False
        self._timer: Timer | None = None

    async def take(self, key: Key) -> None:
        if key.key in _AT_ONCE:
            await self._handle(key)
        elif self._busy:
            self._waiting.append(key)
        else:
            await self._give(key)

    async def _give(self, key: Key) -> None:
        self._busy = True
        self._timer = self._app.set_timer(_PATIENCE, partial(self._no_longer, self._handled))
        focus = self._focus()
        await self._handle(key)
        # the second time behind the messages that the key caused, such as Input.Submitted
        again = partial(
            self._climb,
            focus,
            partial(self._settle, focus, self._handled),
        )
        self._climb(focus, again)

    def _focus(self) -> DOMNode:
        return self._app.focused or self._app.screen

    def _climb(
        self,
        node: DOMNode,
        then: Callable[[], None],
    ) -> None:
        """Do something when the node, and those around it, have handled all that they were sent
        before."""
        if node is self._app:
            then()
        elif not node.call_later(
            self._climb, node.parent or self._app, then
        ):  # it has been removed
            self._app.call_later(then)

    def _settle(
        self,
        focus: DOMNode,
        number: int,
    ) -> None:
        """Wait also for what has the focus now."""
        if not self._app.screen_stack:
            return  # the app ends
        if (now := self._focus()) is not focus:
            self._climb(now, partial(self._settle, now, number))
        else:
            self._app.call_later(self._no_longer, number)

    async def _no_longer(self, number: int) -> None:
        """The next key needs not wait for this one any more."""
        if number != self._handled:
            return
        self._handled += 1
        self._busy = False
        if self._timer is not None:
            self._timer.stop()
        if self._waiting:
            await self._give(self._waiting.popleft())
