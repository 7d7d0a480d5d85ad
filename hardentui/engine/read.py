"""One reachable engine and everything read from it. Nothing here can change anything: see
connection.py."""

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
from hardentui.engine.connection import CONNECT_LIMIT, TIME_LIMIT, Connection
from hardentui.engine.peer import is_strangers
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
from hardentui.engine.target import segment
from hardentui.errors import EngineError, EngineProtocolError, EngineUnreachable, NotFound
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Unread
from hardentui.model.podman_version import Version

_STOP_TICK = 0.2  # seconds between checks of the stop event
PATIENCE = 2 * (TIME_LIMIT + CONNECT_LIMIT) + 10
"""Seconds without any answer after which a prefetched one counts as lost: longer than a request and
its one repetition take."""

ABSENT = object()
"""There is no such answer (unlike JSON's null)."""

SHARED = IMAGES, NETWORKS, VOLUMES = "/images/json", "/networks/json", "/volumes/json"
"""Documents that all containers of an engine share: a request each."""


class Gone(Struct, frozen=True):
    """The container was removed between being listed and inspected."""


Inspected: TypeAlias = "Mapping[str, Any] | Gone | Unread"
OnInspected = Callable[[str, Inspected], None]


class Scan:
    """What a scan of containers needs, requested in the background by a thread for each connection.

    For a scan of all, one asks for the list and the other for what containers share. Then both ask
    for the images in use, and for the containers. Each answer is told once.

    Args:
        ids: of the containers to inspect.
        read_list: returns all of them instead; raised errors are raised again by `listed`.
    """

    def __init__(
        self,
        connections: tuple[Connection, ...],
        ids: tuple[str, ...] = (),
        read_list: Callable[[], tuple[Listed, ...]] | None = None,
    ) -> None:
        self.list_taken = self._inspection_taken = False
        self._read_list = read_list
        self._rows: tuple[Listed, ...] = ()
        self._error: Exception | None = None
        self._listed = threading.Event()
        self._containers: dict[str, str] = {}  # path -> id of those to inspect
        # of them; the last one of each worker is None or an error
        self._results: SimpleQueue[tuple[str, Inspected] | Exception | None] = SimpleQueue()
        self._changed = threading.Condition()
        self._todo: Iterator[str] = iter(())
        self._busy = 0  # paths that were requested and have no answer yet
        self._ended = False
        self._expected: set[str] = set(SHARED if read_list else ())  # answers that will be kept
        self._answers: dict[str, Any] = {}
        self._arrived = 0
        if read_list is None:
            connections = connections[: len(ids)]
            self._inspect(ids, ())
        self._connections = connections
        self._workers = len(connections)
        for number, connection in enumerate(connections):
            threading.Thread(
                target=self._work,
                args=(connection, number == 0),
                name="hardentui-inspect",
                daemon=True,
            ).start()

    def listed(self) -> tuple[Listed, ...]:
        """The list, once available; raises what its request raised.

        Raises:
            EngineUnreachable: it takes longer than the time limits of its request allow.
        """
        self.list_taken = True
        if not self._listed.wait(PATIENCE):
            raise EngineUnreachable(f"Podman did not list its containers within {PATIENCE:g} s.")
        if self._error is not None:
            raise self._error
        return self._rows

    def inspects(self, ids: tuple[str, ...]) -> bool:
        """Whether it inspects exactly these; asked once. If not, it ends."""
        again, self._inspection_taken = self._inspection_taken, True
        self._listed.wait(PATIENCE)
        if not again and set(ids) == {row.id for row in self._rows}:
            return True
        self.end()
        return False

    def hand_over(
        self,
        on_result: OnInspected,
        stop: threading.Event,
    ) -> None:
        """Pass results on until all workers have ended, one has failed, or `stop` is set.

        Raises:
            EngineUnreachable: no result came for a long time.
        """
        deadline, workers = monotonic() + PATIENCE, len(self._connections)
        while workers and not stop.is_set():
            try:
                result = self._results.get(timeout=_STOP_TICK)
            except Empty:
                if monotonic() > deadline:
                    raise EngineUnreachable(
                        f"Podman reported no container for {PATIENCE:g} s."
                    ) from None
                continue
            if result is None:
                workers -= 1
            elif isinstance(result, Exception):
                raise result
            else:
                on_result(*result)
            deadline = monotonic() + PATIENCE

    def take(self, path: str) -> Any:
        """The answer or EngineError, once available; ABSENT if it was not requested, or does not
        arrive."""
        with self._changed:
            while path in self._expected:
                arrived = self._arrived
                self._changed.wait_for(
                    lambda: path not in self._expected or self._arrived != arrived,  # noqa: B023 - now
                    PATIENCE,
                )
                if self._arrived == arrived:
                    self._expected.discard(path)
            return self._answers.pop(path, ABSENT)

    def end(self) -> None:
        """Send no more requests."""
        self._no_more()
        with self._changed:
            self._ended = True
            waiting = self._connections if self._busy > 0 else ()
        for connection in waiting:
            connection.interrupt()  # wakes a worker that is waiting for an answer

    def _work(
        self,
        connection: Connection,
        leads: bool,
    ) -> None:
        end: Exception | None = None
        try:
            if self._read_list is not None:
                self._list() if leads else self._share(connection)
                self._listed.wait(PATIENCE)
            self._request(connection)
        except Exception as fault:  # also of our own: raised where the results are awaited
            end = fault
        with self._changed:
            self._workers -= 1
            last = not self._workers
        if (
            last or end is not None
        ):  # what only this worker would have requested does not arrive any more
            self._no_more()
        self._results.put(end)

    def _list(self) -> None:
        try:
            self._rows = self._read_list() if self._read_list is not None else ()
            images = {image_path(row.image_id): None for row in self._rows if row.image_id}
            self._inspect(tuple(row.id for row in self._rows), tuple(images))
        except Exception as error:  # raised when the list is requested
            self._error = error
        finally:
            self._listed.set()

    def _share(self, connection: Connection) -> None:
        left: Any = ABSENT  # requested again when needed, which shows why there is no answer
        try:
            connection.get_many(SHARED, self._keep)
        except Exception as fault:  # our own error: raised where the answer is used
            left = fault
        for path in self._expected.intersection(SHARED):
            self._keep(path, left)

    def _inspect(
        self,
        ids: tuple[str, ...],
        before: tuple[str, ...],
    ) -> None:
        """Let the workers ask for these containers, and before them for other paths."""
        for identity in ids:
            try:
                self._containers[f"/containers/{segment(identity)}/json"] = identity
            except NotFound:  # not an id of Podman's
                self._results.put((identity, Gone()))
        with self._changed:
            self._expected.update(before)
            self._todo = iter((*before, *self._containers))

    def _request(self, connection: Connection) -> None:
        """Request until nothing is left, or the engine does not answer for a container."""
        end: EngineUnreachable | None = None
        left: list[str] = []
        more = True

        def arrived(path: str, answer: Any) -> None:
            nonlocal end, more
            with self._changed:
                self._busy -= 1
            unreachable = isinstance(answer, EngineUnreachable)
            if path not in self._containers:  # an error about an image must not block containers
                more = more or unreachable
                self._keep(path, answer)
            elif unreachable:
                end = answer
            else:
                identity = self._containers[path]
                self._results.put((identity, _inspected(answer, identity)))

        while more and end is None:
            more = False
            left = connection.get_many(chain(left, iter(self._next, None)), arrived)
        if end is not None:
            raise end

    def _next(self) -> str | None:
        with self._changed:
            path = None if self._ended else next(self._todo, None)
            self._busy += path is not None
            return path

    def _keep(self, path: str, answer: Any) -> None:
        with self._changed:
            self._answers[path] = answer
            self._expected.discard(path)
            self._arrived += 1
            self._changed.notify_all()

    def _no_more(self) -> None:
        """Answers that have not arrived by now will not arrive."""
        with self._changed:
            self._expected.clear()
            self._changed.notify_all()


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


_INFO_LIMIT = 60.0  # seconds; the first /info of an engine has taken 2.6 s


class Engine:
    """One engine.

    Every method raises EngineUnreachable, EngineProtocolError or EngineError, and NotFound if it
    requests one object. Thread-safe.

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
        self._ahead: Scan | None = None

    @property
    def connection(self) -> Connection:
        """The first of the two connections."""
        return self._first

    def load_info(self) -> EngineFacts:
        """Request /info (0.4 to 2.6 s: never before the first row) and return the refined facts."""
        try:
            info = shapes.typed(
                self._first.get("/info", timeout=_INFO_LIMIT),
                Info,
                "info",
            )
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

        The next `listed`, `inspect_many` and so on use what has arrived by then: the modules of the
        checks are loaded while the engine works.
        """
        self._ahead = Scan(self._both(), read_list=self._list)

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
        """One container's inspect document; by full id, because a name could also match an id
        prefix."""
        return shapes.container(
            self._first.get(f"/containers/{segment(container)}/json"), container
        )

    def inspect_many(
        self,
        ids: Iterable[str],
        on_result: OnInspected,
        stop: threading.Event,
    ) -> None:
        """Inspect containers over two connections; calls `on_result(id, …)` in this thread, as they
        arrive.

        A removed one is `Gone`, one that Podman cannot inspect is `Unread`; neither stops the
        others. More than two connections are not faster. When `stop` is set this returns within
        half a second and the rest is not requested.

        Raises:
            EngineUnreachable: the engine does not answer any more; earlier results were delivered.
        """
        wanted = tuple(ids)
        begun = self._ahead if self._ahead is not None and self._ahead.inspects(wanted) else None
        scan = begun or Scan(self._both(), wanted)
        try:
            scan.hand_over(on_result, stop)
        finally:
            scan.end()

    def images(self) -> tuple[Mapping[str, Any], ...]:
        return shapes.mappings(
            self._get(IMAGES),
            "the list of images",
            "Id",
            ListedImage,
        )

    def image(self, image: str) -> Mapping[str, Any]:
        return shapes.image(self._get(image_path(image)))

    def history(self, image: str) -> tuple[Mapping[str, Any], ...]:
        answer = self._first.get(f"/images/{segment(image)}/history")
        return shapes.mappings(
            answer,
            "the history of an image",
            "Id",
            HistoryEntry,
        )

    def archive(
        self,
        image: str,
        stop: threading.Event,
    ) -> Iterator[bytes]:
        """An image as an archive, chunk by chunk; it is not run. Raises when `stop` is set."""
        path = f"/images/{segment(image)}/get"
        return self._first.download(
            path,
            {"format": "docker-archive"},
            stop,
        )

    def networks(self) -> tuple[Mapping[str, Any], ...]:
        """All networks, complete: one request; single ones are slow (148 ms each with many
        containers)."""
        return shapes.mappings(
            self._get(NETWORKS),
            "the networks",
            "name",
            Network,
        )

    def volumes(self) -> tuple[Mapping[str, Any], ...]:
        return shapes.mappings(
            self._get(VOLUMES),
            "the volumes",
            "Name",
            Volume,
        )

    def pods(self) -> tuple[Mapping[str, Any], ...]:
        return shapes.mappings(
            self._first.get("/pods/json"),
            "the list of pods",
            "Id",
            ListedPod,
        )

    def pod(self, pod: str) -> Mapping[str, Any]:
        document = shapes.typed(
            self._first.get(f"/pods/{segment(pod)}/json"),
            Pod,
            "a pod",
        )
        shapes.text(document, "Id", "a pod")
        return document

    def changes(self, container: str) -> tuple[Mapping[str, Any], ...]:
        """A container's differences from its image: `Path` and `Kind` (0 changed, 1 added, 2
        deleted)."""
        answer = self._first.get(f"/containers/{segment(container)}/changes")
        return shapes.mappings(
            answer,
            "the changes of a container",
            "Path",
            ChangedFile,
        )

    def exec_session(self, session: str) -> Mapping[str, Any]:
        """One exec session of a container (the ids are in `ExecIDs`)."""
        answer = self._first.get(f"/exec/{segment(session)}/json")
        return shapes.typed(answer, ExecSession, "an exec session")

    def events(
        self,
        kinds: tuple[str, ...],
        stop: threading.Event,
        tick: float,
    ) -> Iterator[Any]:
        """The raw event stream; use events.watch instead."""
        filters = json.dumps({"type": kinds})
        return self._first.stream(
            "/events",
            {"stream": "true", "filters": filters},
            stop,
            tick,
        )

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

    def _both(self) -> tuple[Connection, Connection]:
        if self._second is None:
            self._second = self._connect()
        return self._first, self._second


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
    """Facts with the data that only /info has. It is an answer: where the kernel says that another
    account is behind this engine, no answer makes it root's."""
    host = shapes.typed(info, Info, "info")["host"]
    security = host["security"]
    changes: dict[str, Any] = {"info": info}
    of_stranger = facts.owner is not None and is_strangers(facts.owner.uid)
    if isinstance(security.get("rootless"), bool) and not of_stranger:
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
        # another kernel, so another machine: a virtual one, a forwarded socket
        changes["local"] = False
    return facts.replace(**changes)
