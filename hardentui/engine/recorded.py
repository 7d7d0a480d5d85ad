"""Recorded answers: for the simulated host, for saved facts and for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hardentui.do import Do, Verb
from hardentui.engine.answers import MESSAGE_LENGTH
from hardentui.engine.connection import TICK, Connection, OnAnswer, outcome
from hardentui.engine.target import target
from hardentui.errors import EngineError, EngineProtocolError, NotFound
from hardentui.visible import visible


class RecordedConnection:
    """Answers from a dictionary; it never changes and never waits.

    Args:
        answers: `target(path, query)` -> parsed JSON; `/_ping` -> its headers. The items of a
            stream are a list. A missing one is NotFound.
        failures: `target(path, query)` -> the message of an EngineError.
    """

    def __init__(
        self,
        answers: Mapping[str, Any],
        failures: Mapping[str, str] | None = None,
        url: str = "recorded:",
    ) -> None:
        self.answers = answers
        self.failures = failures or {}
        self._url = url

    @property
    def url(self) -> str:
        return self._url

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        wanted = target(path, query)
        if wanted in self.failures:
            raise EngineError(visible(self.failures[wanted], MESSAGE_LENGTH))
        try:
            return self.answers[wanted]
        except KeyError:
            raise NotFound(f"{visible(wanted, 200)} is not in the record.") from None

    def get_many(
        self,
        paths: Iterable[str],
        on_answer: OnAnswer,
    ) -> list[str]:
        for path in paths:
            on_answer(path, outcome(self.get, path))
        return []

    def ping(self, timeout: float | None = None) -> Mapping[str, str]:
        headers = self.get("/_ping")
        if not isinstance(headers, Mapping):
            raise EngineProtocolError("The record of /_ping is not a mapping of headers.")
        return {str(name): str(value) for name, value in headers.items()}

    def stream(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
        tick: float = TICK,
    ) -> Iterator[Any]:
        wanted = target(path, query)
        items = self.answers.get(wanted, [])
        if not isinstance(items, list):
            raise EngineProtocolError(f"The record of {visible(wanted, 200)} is not a list.")
        return _replay(items, stop, tick)

    def download(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
    ) -> Iterator[bytes]:
        raise NotFound(
            "Saved facts contain no images; inspect them on their host.", (Do(Verb.IMAGE_INSIDE),)
        )

    def interrupt(self) -> None:
        """Answers arrive immediately."""

    def close(self) -> None:
        """There is nothing to release."""


def _replay(
    items: list[Any],
    stop: threading.Event,
    tick: float,
) -> Iterator[Any]:
    yield from items
    while not stop.wait(tick):
        yield None


class RecordingConnection:
    """Passes requests on and records the answers, in the form that RecordedConnection reads.

    Streams are passed on and not recorded. Thread-safe.
    """

    def __init__(self, inner: Connection) -> None:
        self.inner = inner
        self.answers: dict[str, Any] = {}
        self.failures: dict[str, str] = {}

    @property
    def url(self) -> str:
        return self.inner.url

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        answer = outcome(lambda path: self.inner.get(path, query, timeout), path)
        self._keep(target(path, query), answer)
        if isinstance(answer, EngineError):
            raise answer
        return answer

    def get_many(
        self,
        paths: Iterable[str],
        on_answer: OnAnswer,
    ) -> list[str]:
        def arrived(path: str, answer: Any) -> None:
            self._keep(path, answer)
            on_answer(path, answer)

        return self.inner.get_many(paths, arrived)

    def _keep(self, wanted: str, answer: Any) -> None:
        if isinstance(answer, NotFound):
            return  # replayed as such because it is not in the record
        if isinstance(answer, EngineError):
            self.failures[wanted] = answer.title
        else:
            self.answers[wanted] = answer
            self.failures.pop(wanted, None)

    def ping(self, timeout: float | None = None) -> Mapping[str, str]:
        headers = self.inner.ping(timeout)
        self.answers["/_ping"] = dict(headers)
        return headers

    def stream(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
        tick: float = TICK,
    ) -> Iterator[Any]:
        return self.inner.stream(path, query, stop, tick)

    def download(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
    ) -> Iterator[bytes]:
        return self.inner.download(path, query, stop)

    def interrupt(self) -> None:
        self.inner.interrupt()

    def close(self) -> None:
        self.inner.close()
