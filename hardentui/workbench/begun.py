"""Work that was begun before anybody needs what comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """Does some work at once, on a thread of its own that does not keep the process alive."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._found: list[T] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="begun", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except Exception as error:  # whoever asks for the result gets it
            self._error = error

    def result(self) -> T:
        """What came of it, once it has come; raises what the work raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found[0]
