"""One reachable engine and everything read from it. Nothing here can change anything: see connection.py."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeAlias

from msgspec import Struct

from hardentui.engine import shapes
from hardentui.engine.connection import CONNECT_LIMIT, TIME_LIMIT, Connection, segment
from hardentui.engine.shapes import (
    ChangedFile,
    ExecSession,
    HistoryEntry,
    Info,
    Listed,
    ListedImage,
    ListedPod,
    Network,
    Pod,
    Volume,
)
from hardentui.errors import EngineError, EngineProtocolError, EngineUnreachable, HardenError, NotFound
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Unread
from hardentui.model.spec import Version

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
    """Workers that inspect."""

    containers: Mapping[str, str]  # path -> id of the containers to inspect
    todo: _Paths  # these paths, and before them others whose answers go to `kept`
    # the answers; the last one of each worker is None or an error
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
    """Prefetched answers. Each is taken once. `patience`: seconds without any answer after which an expected
    one counts as lost.
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


_INFO_LIMIT = 60.0  # seconds; the first /info of an engine has taken 2.6 s


class Engine:
    """One engine.

    Every method raises EngineUnreachable, EngineProtocolError or EngineError, and NotFound if it requests one
    object. Thread-safe.

    Args:
        facts: known without a request; `load_info` refines them.
        connect: creates a connection; called at most twice.
        on_close: ends what the connections run through: an ssh tunnel, our own service.
    """

    def __init__(
        self,
        facts: EngineFacts,
        connect: Callable[[], Connection],
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self.facts = facts
        self._connect = connect
        self._on_close = [on_close] if on_close else []
        self._first = connect()
        self._second: Connection | None = None
        self._ahead: Ahead | None = None

    @property
    def connection(self) -> Connection:
        """The first of the two connections."""
        return self._first

    def load_info(self) -> EngineFacts:
        """Request /info (0.4 to 2.6 s: never before the first row) and return the refined facts."""
        try:
            info = shapes.typed(self._first.get("/info", timeout=_INFO_LIMIT), Info, "info")
            self.facts = _refined(self.facts, info)
        except EngineError as error:
            self.facts = self.facts.replace(info=Unread(f"Podman's info failed: {error.title}"))
        return self.facts

    def use_info(self, info: Mapping[str, Any]) -> bool:
        """Refine the facts with a cached answer of /info; returns whether it could be used."""
        try:
            self.facts = _refined(self.facts, info)
        except EngineError:
            return False
        return True

    def begin(self) -> None:
        """Start to prefetch everything that a scan of all containers needs, in the background.

        The next `listed`, `inspect_many` and so on use what has arrived by then: the modules of the checks
        are loaded while the engine works.
        """
        self._ahead = Ahead(self._list, self._start_inspecting, self._second_connection())

    def listed(self) -> tuple[Listed, ...]:
        """All containers, running or not, with the infra containers of pods."""
        if self._ahead is not None and not self._ahead.list_taken:
            return self._ahead.listed()
        return self._list()

    def _get(self, path: str) -> Any:
        """A prefetched answer, else one requested now."""
        if self._ahead is not None and (answer := self._ahead.take(path)) is not ABSENT:
            if isinstance(answer, Exception):
                raise answer
            return answer
        return self._first.get(path)

    def _list(self) -> tuple[Listed, ...]:
        answer = self._first.get("/containers/json", {"all": "true"})
        if answer is not None and not isinstance(answer, list):
            raise EngineProtocolError("Podman's answer for the list of containers is not a list.")
        return tuple(map(shapes.listed, answer or ()))

    def inspect(self, container: str) -> Mapping[str, Any]:
        """One container's inspect document; by full id, because a name could also match an id prefix."""
        return shapes.container(self._first.get(f"/containers/{segment(container)}/json"), container)

    def inspect_many(self, ids: Iterable[str], on_result: OnInspected, stop: threading.Event) -> None:
        """Inspect containers over two connections; calls `on_result(id, …)` in this thread, as they arrive.

        A removed one is `Gone`, one that Podman cannot inspect is `Unread`; neither stops the others.
        More than two connections are not faster. When `stop` is set this returns within half a second
        and the rest is not requested.

        Raises:
            EngineUnreachable: the engine does not answer any more; earlier results were delivered.
        """
        wanted = tuple(ids)
        running = self._ahead.inspecting(wanted) if self._ahead is not None else None
        running = running or self._start_inspecting(wanted)
        try:
            hand_over(running.results, len(running.connections), on_result, stop)
        finally:
            running.end()

    def _start_inspecting(
        self, ids: tuple[str, ...], before: tuple[str, ...] = (), kept: Prefetched | None = None
    ) -> Inspecting:
        return start((self._first, self._second_connection()), ids, before, kept)

    def images(self) -> tuple[Mapping[str, Any], ...]:
        return shapes.mappings(self._get(IMAGES), "the list of images", "Id", ListedImage)

    def image(self, image: str) -> Mapping[str, Any]:
        return shapes.image(self._get(image_path(image)))

    def history(self, image: str) -> tuple[Mapping[str, Any], ...]:
        answer = self._first.get(f"/images/{segment(image)}/history")
        return shapes.mappings(answer, "the history of an image", "Id", HistoryEntry)

    def archive(self, image: str, stop: threading.Event) -> Iterator[bytes]:
        """An image as an archive, chunk by chunk; it is not run. Raises when `stop` is set."""
        path = f"/images/{segment(image)}/get"
        return self._first.download(path, {"format": "docker-archive"}, stop)

    def networks(self) -> tuple[Mapping[str, Any], ...]:
        """All networks, complete: one request; single ones are slow (148 ms each with many containers)."""
        return shapes.mappings(self._get(NETWORKS), "the networks", "name", Network)

    def volumes(self) -> tuple[Mapping[str, Any], ...]:
        return shapes.mappings(self._get(VOLUMES), "the volumes", "Name", Volume)

    def pods(self) -> tuple[Mapping[str, Any], ...]:
        return shapes.mappings(self._first.get("/pods/json"), "the list of pods", "Id", ListedPod)

    def pod(self, pod: str) -> Mapping[str, Any]:
        document = shapes.typed(self._first.get(f"/pods/{segment(pod)}/json"), Pod, "a pod")
        shapes.text(document, "Id", "a pod")
        return document

    def changes(self, container: str) -> tuple[Mapping[str, Any], ...]:
        """A container's differences from its image: `Path` and `Kind` (0 changed, 1 added, 2 deleted)."""
        answer = self._first.get(f"/containers/{segment(container)}/changes")
        return shapes.mappings(answer, "the changes of a container", "Path", ChangedFile)

    def exec_session(self, session: str) -> Mapping[str, Any]:
        """One exec session of a container (the ids are in `ExecIDs`)."""
        answer = self._first.get(f"/exec/{segment(session)}/json")
        return shapes.typed(answer, ExecSession, "an exec session")

    def events(self, kinds: tuple[str, ...], stop: threading.Event, tick: float) -> Iterator[Any]:
        """The raw event stream; use events.watch instead."""
        filters = json.dumps({"type": kinds})
        return self._first.stream("/events", {"stream": "true", "filters": filters}, stop, tick)

    def close(self) -> None:
        """Close the connections and what they run through; requests in progress fail."""
        self._first.close()
        if self._second is not None:
            self._second.close()
        while self._on_close:
            self._on_close.pop()()

    def also_close(self, action: Callable[[], None]) -> None:
        """Make `close` do this too."""
        self._on_close.append(action)

    def _second_connection(self) -> Connection:
        if self._second is None:
            self._second = self._connect()
        return self._second


def version_of(headers: Mapping[str, str]) -> Version:
    """The version from the headers of `/_ping`.

    Raises:
        EngineProtocolError: the other side is not Podman.
    """
    try:
        return Version.parse(headers["libpod-api-version"])
    except (KeyError, ValueError):
        raise EngineProtocolError("Something answers there, but it is not Podman.") from None


def _refined(facts: EngineFacts, info: Mapping[str, Any]) -> EngineFacts:
    """Facts with the data that only /info has."""
    host = shapes.typed(info, Info, "info")["host"]
    security = host["security"]
    changes: dict[str, Any] = {"info": info}
    if isinstance(security.get("rootless"), bool):
        changes["rootless"] = security["rootless"]
    if isinstance(security.get("capabilities"), str):
        named = (name.strip().upper() for name in security["capabilities"].split(","))
        changes["default_capabilities"] = frozenset(name for name in named if name)
    version = info.get("version")
    if isinstance(version, dict) and isinstance(version.get("Version"), str):
        try:
            changes["version"] = Version.parse(version["Version"])
        except ValueError as error:
            raise EngineProtocolError("Podman's answer for info has an invalid version.") from error
    if facts.local and not facts.simulated and host.get("kernel") not in (None, os.uname().release):
        changes["local"] = False  # another kernel, so another machine: a virtual one, a forwarded socket
    return facts.replace(**changes)
