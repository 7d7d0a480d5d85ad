"""Bulk requests to an engine: its containers over two connections, and before that what they share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeAlias

from msgspec import Struct

from hardentui.engine import shapes
from hardentui.engine.connection import CONNECT_LIMIT, TIME_LIMIT, Connection, segment
from hardentui.engine.shapes import Listed
from hardentui.errors import EngineError, EngineUnreachable, HardenError, NotFound
from hardentui.model.known import Unread

_STOP_TICK = 0.2  # seconds between checks of the stop event
PATIENCE = 2 * (TIME_LIMIT + CONNECT_LIMIT) + 10
"""Seconds without any answer after which a prefetched one counts as lost: longer than a request and its one
repetition take."""

ABSENT = object()
"""There is no such answer (unlike JSON's null)."""

SHARED = IMAGES, NETWORKS, VOLUMES = "/images/json", "/networks/json", "/volumes/json"
"""Documents that all containers of an engine share: a request each."""


class Gone(Struct, frozen=True):
    """The container was removed between being listed and inspected."""


Inspected: TypeAlias = "Mapping[str, Any] | Gone | Unread"
OnInspected = Callable[[str, Inspected], None]


class Inspecting(Struct, frozen=True):
    """Workers that inspect.

    Attributes:
        containers: path -> id of the containers to inspect.
        todo: these paths, and before them others whose answers go to `kept`.
        results: the answers; the last one of each worker is None or an error.
    """

    containers: Mapping[str, str]
    todo: _Paths
    results: SimpleQueue[tuple[str, Inspected] | Exception | None]
    connections: list[Connection]
    kept: Prefetched | None

    def work(self, connection: Connection) -> None:
        """One worker: request until nothing is left, or the engine does not answer for a container."""
        end: HardenError | None = None
        left: list[str] = []
        more = True

        def arrived(path: str, answer: Any) -> None:
            nonlocal end, more
            self.todo.done()
            unreachable = isinstance(answer, EngineUnreachable)
            if path in self.containers and not unreachable:
                identity = self.containers[path]
                self.results.put((identity, _inspected(answer, identity)))
            elif path in self.containers:
                end = answer
            else:  # an error about an image must not block containers
                more = more or unreachable
                if self.kept is not None:
                    self.kept.put(path, answer)

        try:
            while more and end is None:
                more = False
                left = connection.get_many(chain(left, iter(self.todo.take, None)), arrived)
        except HardenError as error:
            end = error
        except Exception as fault:  # our own error: raised where the results are awaited
            self._ends(fault)
        else:
            self._ends(end)

    def _ends(self, end: Exception | None) -> None:
        """A worker's last result. What only it would have requested does not arrive any more."""
        if self.kept is not None and (self.todo.leave() or end is not None):
            self.kept.no_more()
        self.results.put(end)

    def end(self) -> None:
        """Send no more requests."""
        if self.kept is not None:
            self.kept.no_more()
        if self.todo.end():
            for connection in self.connections:
                connection.interrupt()  # wakes a worker that is waiting for an answer


def start(
    connections: tuple[Connection, ...],
    ids: tuple[str, ...],
    before: tuple[str, ...] = (),
    kept: Prefetched | None = None,
) -> Inspecting:
    """Start a worker for each connection; `before` are other paths whose answers go to `kept` first."""
    results: SimpleQueue[tuple[str, Inspected] | Exception | None] = SimpleQueue()
    containers = {}
    for identity in ids:
        try:
            containers[f"/containers/{segment(identity)}/json"] = identity
        except NotFound:  # not an id of Podman's
            results.put((identity, Gone()))
    used = list(connections[: len(ids) + len(before)])
    running = Inspecting(containers, _Paths((*before, *containers), len(used)), results, used, kept)
    for connection in used:
        threading.Thread(
            target=running.work, args=(connection,), name="hardentui-inspect", daemon=True
        ).start()
    return running


class Prefetched:
    """Prefetched answers. Each is taken once.

    Args:
        patience: seconds without any answer after which an expected one counts as lost.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._expected: set[str] = set()
        self._answers: dict[str, Any] = {}
        self._arrived = 0
        self._changed = threading.Condition()

    def expect(self, paths: Iterable[str]) -> None:
        with self._changed:
            self._expected.update(paths)

    def put(self, path: str, answer: Any) -> None:
        with self._changed:
            self._answers[path] = answer
            self._expected.discard(path)
            self._arrived += 1
            self._changed.notify_all()

    def no_more(self) -> None:
        """Answers that have not arrived by now will not arrive."""
        with self._changed:
            self._expected.clear()
            self._changed.notify_all()

    def take(self, path: str) -> Any:
        """The answer or EngineError, once available; ABSENT if it was not requested, or does not arrive."""
        with self._changed:
            while path in self._expected:
                arrived = self._arrived
                self._changed.wait_for(
                    lambda: path not in self._expected or self._arrived != arrived,  # noqa: B023 - now
                    self._patience,
                )
                if self._arrived == arrived:
                    self._expected.discard(path)
            return self._answers.pop(path, ABSENT)


class Ahead:
    """Prefetches what a scan of all containers needs.

    One connection fetches the list, the other what containers share; then both fetch the images in use, and
    the containers.
    """

    def __init__(
        self,
        read_list: Callable[[], tuple[Listed, ...]],
        start_inspecting: Callable[[tuple[str, ...], tuple[str, ...], Prefetched], Inspecting],
        second: Connection,
    ) -> None:
        self.list_taken = False
        self._read_list = read_list
        self._start_inspecting = start_inspecting
        self._rows: tuple[Listed, ...] = ()
        self._error: Exception | None = None
        self._running: Inspecting | None = None
        self._kept = Prefetched()
        self._kept.expect(SHARED)
        self.take = self._kept.take
        threading.Thread(target=self._share, args=(second,), name="hardentui-ahead", daemon=True).start()
        self._listing = threading.Thread(target=self._run, name="hardentui-ahead", daemon=True)
        self._listing.start()

    def _share(self, second: Connection) -> None:
        asked = set(SHARED)

        def arrived(path: str, answer: Any) -> None:
            asked.discard(path)
            self._kept.put(path, answer)

        left: Any = ABSENT  # requested again when needed, which shows why there is no answer
        try:
            second.get_many(SHARED, arrived)
        except Exception as fault:  # our own error: raised where the answer is used
            left = fault
        for path in asked:
            self._kept.put(path, left)

    def _run(self) -> None:
        try:
            self._rows = self._read_list()
            self._start()
        except Exception as error:  # raised when the list is requested
            self._error = error
            self._kept.no_more()

    def _start(self) -> None:
        images = tuple({image_path(row.image_id): None for row in self._rows if row.image_id})
        self._kept.expect(images)
        self._running = self._start_inspecting(tuple(row.id for row in self._rows), images, self._kept)

    def listed(self) -> tuple[Listed, ...]:
        """The list, once available; raises what its request raised."""
        self.list_taken = True
        self._wait()
        if self._error is not None:
            raise self._error
        return self._rows

    def inspecting(self, ids: tuple[str, ...]) -> Inspecting | None:
        """The running inspection, once, if it covers exactly these."""
        self._wait()
        running, self._running = self._running, None
        if running is not None and set(ids) != {row.id for row in self._rows}:
            running.end()
            return None
        return running

    def _wait(self) -> None:
        """Wait for the list.

        Raises:
            EngineUnreachable: it takes longer than the time limits of its request allow.
        """
        self._listing.join(PATIENCE)
        if self._listing.is_alive():
            raise EngineUnreachable(f"Podman did not list its containers within {PATIENCE:g} s.")


class _Paths:
    """Paths that workers take from, and how many are still in flight."""

    def __init__(self, paths: tuple[str, ...], workers: int) -> None:
        self._paths = iter(paths)
        self._workers = workers
        self._lock = threading.Lock()
        self._ended = False
        self._working = 0

    def take(self) -> str | None:
        with self._lock:
            path = None if self._ended else next(self._paths, None)
            self._working += path is not None
            return path

    def done(self) -> None:
        with self._lock:
            self._working -= 1

    def leave(self) -> bool:
        """A worker has ended; whether it was the last one."""
        with self._lock:
            self._workers -= 1
            return self._workers <= 0

    def end(self) -> bool:
        """Give out no more paths; returns whether any worker is still busy."""
        with self._lock:
            self._ended = True
            return self._working > 0


def image_path(image: str) -> str:
    return f"/images/{segment(image)}/json"


def _inspected(answer: Any, identity: str) -> Inspected:
    if isinstance(answer, NotFound):
        return Gone()
    try:
        if isinstance(answer, EngineError):
            raise answer
        return shapes.container(answer, identity)
    except EngineError as error:
        return Unread(error.title)


def hand_over(
    results: SimpleQueue[tuple[str, Inspected] | Exception | None],
    workers: int,
    on_result: OnInspected,
    stop: threading.Event,
    patience: float = PATIENCE,
) -> None:
    """Pass results on until all workers have ended, one has failed, or `stop` is set.

    Raises:
        EngineUnreachable: no result came for `patience` seconds.
    """
    deadline = monotonic() + patience
    while workers and not stop.is_set():
        try:
            result = results.get(timeout=_STOP_TICK)
        except Empty:
            if monotonic() > deadline:
                raise EngineUnreachable(f"Podman reported no container for {patience:g} s.") from None
            continue
        if result is None:
            workers -= 1
        elif isinstance(result, Exception):
            raise result
        else:
            on_result(*result)
        deadline = monotonic() + patience
