"""Work that was begun before anybody needs what comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from hardentui.errors import HardenError

T = TypeVar("T")

LIMIT = 300.0
"""Longer than the time limits of all that is asked in one piece of work."""


class Begun(Generic[T]):
    """Does some work at once, on a thread of its own that does not keep the process alive.

    Args:
        what: names the work in the error of whoever waited too long for it.
        limit: seconds that the work may take, from the moment when somebody waits for it.
    """

    def __init__(self, work: Callable[[], T], what: str = "Reading", limit: float = LIMIT) -> None:
        self._work = work
        self._what = what
        self._limit = limit
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
        """What came of it, once it has come; raises what the work raised.

        Raises:
            HardenError: it takes longer than the limit: a file system that does not answer, for example.
        """
        self._thread.join(self._limit)
        if self._thread.is_alive():
            raise HardenError(f"{self._what} did not come to an end within {self._limit:g} s.")
        if self._error is not None:
            raise self._error
        return self._found[0]
