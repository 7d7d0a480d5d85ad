"""The requests sent to Podman and the commands run on this host, for display."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import strftime

from hardentui.engine.connection import Request
from hardentui.features.views import Command

KEPT = 500


class CommandLog:
    """The latest requests and commands; called from the threads that send them."""

    def __init__(self) -> None:
        self._commands: deque[Command] = deque(maxlen=KEPT)
        self._listeners: list[Callable[[Command], None]] = []
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> None:
        command = Command(
            strftime("%H:%M:%S"),
            f"{request.method} {request.target}",
            str(request.status or "no answer"),
            request.seconds,
        )
        with self._lock:
            self._commands.append(command)
        for listener in self._listeners:
            listener(command)

    def listen(self, listener: Callable[[Command], None]) -> None:
        """Register a callback for each new one."""
        self._listeners.append(listener)

    def newest(self) -> tuple[Command, ...]:
        """Newest last."""
        with self._lock:
            return tuple(self._commands)
