"""Work that starts before its result is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from hardentui.errors import HardenError

T = TypeVar("T")

LIMIT = 300.0
"""Longer than the time limits of all requests in one piece of work."""


class Begun(Generic[T]):
    """Starts some work immediately, on its own daemon thread.

    Args:
        what: names the work in the error if it takes too long.
        limit: seconds that the work may take, counted from when its result is requested.
    """

    def __init__(
        self,
        work: Callable[[], T],
        what: str = "Reading",
        limit: float = LIMIT,
    ) -> None:
        self._work = work
        self._what = what
        self._limit = limit
        self._found: list[T] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(
            target=self._run,
            name="begun",
            daemon=True,
        )
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except Exception as error:  # raised again when the result is requested
            self._error = error

    def result(self) -> T:
        """The result, once available; raises what the work raised.

        Raises:
            HardenError: it exceeds the limit, for example because a file system does not answer.
        """
        self._thread.join(self._limit)
        if self._thread.is_alive():
            raise HardenError(f"{self._what} did not finish within {self._limit:g} s.")
        if self._error is not None:
            raise self._error
        return self._found[0]
