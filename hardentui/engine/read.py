"""One reachable engine and everything read from it. Nothing here can change anything: see connection.py."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from hardentui.engine import shapes
from hardentui.engine.connection import Connection, segment
from hardentui.engine.documents import (
    ChangedFile,
    ExecSession,
    HistoryEntry,
    Info,
    ListedImage,
    ListedPod,
    Network,
    Pod,
    Volume,
)
from hardentui.engine.inspecting import (
    ABSENT,
    IMAGES,
    NETWORKS,
    VOLUMES,
    Ahead,
    Inspecting,
    OnInspected,
    Prefetched,
    hand_over,
    image_path,
    start,
)
from hardentui.engine.shapes import Listed
from hardentui.errors import EngineError, EngineProtocolError
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Unread
from hardentui.model.spec import Version

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
        return _inspect(self._first, container)

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
        """The list of images, without intermediate layers."""
        return shapes.mappings(self._get(IMAGES), "the list of images", "Id", ListedImage)

    def image(self, image: str) -> Mapping[str, Any]:
        """One image's inspect document."""
        return shapes.image(self._get(image_path(image)))

    def history(self, image: str) -> tuple[Mapping[str, Any], ...]:
        """The layers of an image, newest first."""
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
        """All volumes, complete."""
        return shapes.mappings(self._get(VOLUMES), "the volumes", "Name", Volume)

    def pods(self) -> tuple[Mapping[str, Any], ...]:
        """The list of pods."""
        return shapes.mappings(self._first.get("/pods/json"), "the list of pods", "Id", ListedPod)

    def pod(self, pod: str) -> Mapping[str, Any]:
        """One pod's inspect document."""
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


def _inspect(connection: Connection, container: str) -> Mapping[str, Any]:
    return shapes.container(connection.get(f"/containers/{segment(container)}/json"), container)


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
