"""What is asked of an engine in bulk: its containers over two connections, before them what they share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from msgspec import Struct

from hardentui.engine import shapes
from hardentui.engine.connection import Connection, segment
from hardentui.engine.shapes import Listed
from hardentui.errors import EngineError, EngineUnreachable, HardenError, NotFound
from hardentui.model.known import Unreadable

_STOP_TICK = 0.2  # seconds between two looks at the stop sign

ABSENT = object()
"""There is no such answer; JSON's null is one."""

SHARED = IMAGES, NETWORKS, VOLUMES = "/images/json", "/networks/json", "/volumes/json"
"""What all containers of an engine share: a request each."""


class Gone(Struct, frozen=True):
    """The container was removed between the list and the look at it."""


Inspected: TypeAlias = "Mapping[str, Any] | Gone | Unreadable"
OnInspected = Callable[[str, Inspected], None]


class Inspecting(Struct, frozen=True):
    """Workers that inspect.

    Attributes:
        containers: path -> id of what is to be inspected.
        todo: these paths, and before them others whose answers go to `kept`.
        results: what came; None or an error from each worker as its last.
    """

    containers: Mapping[str, str]
    todo: _Paths
    results: SimpleQueue[tuple[str, Inspected] | HardenError | None]
    connections: list[Connection]
    kept: Kept | None

    def work(self, connection: Connection) -> None:
        """One worker: ask until nothing is left, or the engine does not answer for a container."""
        end: HardenError | None = None
        left: list[str] = []
        more = True

        def arrived(path: str, answer: Any) -> None:
            nonlocal end, more
            self.todo.done()
            unreachable = isinstance(answer, EngineUnreachable)
            if path in self.containers and not unreachable:
                self.results.put((self.containers[path], _inspected(answer)))
            elif path in self.containers:
                end = answer
            else:  # what cannot be told of an image keeps no container back
                more = more or unreachable
                if self.kept is not None:
                    self.kept.put(path, answer)

        while more and end is None:
            more = False
            left = connection.get_many(chain(left, iter(self.todo.take, None)), arrived)
        if end is not None and self.kept is not None:
            self.kept.no_more()
        self.results.put(end)

    def end(self) -> None:
        """Ask for nothing any more."""
        if self.kept is not None:
            self.kept.no_more()
        if self.todo.end():
            for connection in self.connections:
                connection.close()  # wakes a worker that still waits for an answer


def start(
    connections: tuple[Connection, ...],
    ids: tuple[str, ...],
    before: tuple[str, ...] = (),
    kept: Kept | None = None,
) -> Inspecting:
    """Start a worker for each connection; `before` are other paths whose answers go to `kept` first."""
    results: SimpleQueue[tuple[str, Inspected] | HardenError | None] = SimpleQueue()
    containers = {}
    for identity in ids:
        try:
            containers[f"/containers/{segment(identity)}/json"] = identity
        except NotFound:  # no id of Podman's
            results.put((identity, Gone()))
    used = list(connections[: len(ids) + len(before)])
    running = Inspecting(containers, _Paths((*before, *containers)), results, used, kept)
    for connection in used:
        threading.Thread(
            target=running.work, args=(connection,), name="hardentui-inspect", daemon=True
        ).start()
    return running


class Kept:
    """Answers that are asked for before anybody wants them. Each is taken once."""

    def __init__(self) -> None:
        self._expected: set[str] = set()
        self._answers: dict[str, Any] = {}
        self._changed = threading.Condition()

    def expect(self, paths: Iterable[str]) -> None:
        with self._changed:
            self._expected.update(paths)

    def put(self, path: str, answer: Any) -> None:
        with self._changed:
            self._answers[path] = answer
            self._expected.discard(path)
            self._changed.notify_all()

    def no_more(self) -> None:
        """What has not come by now does not come."""
        with self._changed:
            self._expected.clear()
            self._changed.notify_all()

    def take(self, path: str) -> Any:
        """The answer or EngineError once it is there; ABSENT for what was not asked for."""
        with self._changed:
            self._changed.wait_for(lambda: path not in self._expected)
            return self._answers.pop(path, ABSENT)


class Ahead:
    """What a look at all containers needs, asked for before anybody wanted it.

    Over one connection comes the list, over the other what containers share; then over both the images that
    are in use, and the containers.
    """

    def __init__(
        self,
        read_list: Callable[[], tuple[Listed, ...]],
        start_inspecting: Callable[[tuple[str, ...], tuple[str, ...], Kept], Inspecting],
        second: Connection,
    ) -> None:
        self.told = False
        self._read_list = read_list
        self._start_inspecting = start_inspecting
        self._rows: tuple[Listed, ...] = ()
        self._error: HardenError | None = None
        self._running: Inspecting | None = None
        self._kept = Kept()
        self._kept.expect(SHARED)
        self.take = self._kept.take
        threading.Thread(target=self._share, args=(second,), name="hardentui-ahead", daemon=True).start()
        self._listing = threading.Thread(target=self._run, name="hardentui-ahead", daemon=True)
        self._listing.start()

    def _share(self, second: Connection) -> None:
        for path in second.get_many(SHARED, self._kept.put):
            self._kept.put(path, ABSENT)  # whoever wants it asks, and learns why there is no answer

    def _run(self) -> None:
        try:
            self._rows = self._read_list()
        except HardenError as error:
            self._error = error
            self._kept.no_more()
            return
        images = tuple({image_path(row.image_id): None for row in self._rows if row.image_id})
        self._kept.expect(images)
        self._running = self._start_inspecting(tuple(row.id for row in self._rows), images, self._kept)

    def listed(self) -> tuple[Listed, ...]:
        """The list, once it is there; raises what asking for it raised."""
        self.told = True
        self._listing.join()
        if self._error is not None:
            raise self._error
        return self._rows

    def inspecting(self, ids: tuple[str, ...]) -> Inspecting | None:
        """The inspection that is under way, once, when it is of exactly these."""
        self._listing.join()
        running, self._running = self._running, None
        if running is not None and set(ids) != {row.id for row in self._rows}:
            running.end()
            return None
        return running


class _Paths:
    """Paths that two workers take from, and how many of them are still asked for."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self._paths = iter(paths)
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

    def end(self) -> bool:
        """Give nothing out any more; whether somebody still works on something."""
        with self._lock:
            self._ended = True
            return self._working > 0


def image_path(image: str) -> str:
    return f"/images/{segment(image)}/json"


def _inspected(answer: Any) -> Inspected:
    if isinstance(answer, NotFound):
        return Gone()
    try:
        if isinstance(answer, EngineError):
            raise answer
        return shapes.container(answer)
    except EngineError as error:
        return Unreadable(error.title)


def hand_over(
    results: SimpleQueue[tuple[str, Inspected] | HardenError | None],
    workers: int,
    on_result: OnInspected,
    stop: threading.Event,
) -> None:
    """Pass results on until all workers have ended, one has failed, or `stop` is set."""
    while workers and not stop.is_set():
        try:
            result = results.get(timeout=_STOP_TICK)
        except Empty:
            continue
        if result is None:
            workers -= 1
        elif isinstance(result, HardenError):
            raise result
        else:
            on_result(*result)
