"""One reachable engine and all that is read from it. Nothing here can change anything: see connection.py."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from hardentui.engine import shapes
from hardentui.engine.connection import Connection
from hardentui.engine.documents.container import ChangedFile, ExecSession
from hardentui.engine.documents.image import HistoryEntry, ListedImage
from hardentui.engine.documents.info import Info
from hardentui.engine.documents.resources import ListedPod, Network, Pod, Volume
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
from hardentui.engine.targets import segment
from hardentui.errors import EngineError, EngineProtocolError
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Unreadable
from hardentui.model.version import Version

_INFO_LIMIT = 60.0  # seconds; the first /info of an engine has taken 2.6 s


class Engine:
    """One engine.

    Every method raises EngineUnreachable, EngineProtocolError or EngineError, and NotFound where it asks for
    one object. Safe to use from several threads.

    Args:
        facts: what is known without asking; `load_info` refines them.
        connect: makes a connection; called twice at most.
        on_close: ends what carries the connections: an ssh tunnel, a service of our own.
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
        """The first of its two connections."""
        return self._first

    def load_info(self) -> EngineFacts:
        """Ask /info (0.4 to 2.6 s: never on the way to the first row) and return the refined facts."""
        try:
            info = shapes.typed(self._first.get("/info", timeout=_INFO_LIMIT), Info, "info")
            self.facts = _refined(self.facts, info)
        except EngineError as error:
            self.facts = replace(self.facts, info=Unreadable(f"Podman's info failed: {error.title}"))
        return self.facts

    def use_info(self, info: Mapping[str, Any]) -> bool:
        """Refine the facts by an answer of /info that was kept; whether it could be used."""
        try:
            self.facts = _refined(self.facts, info)
        except EngineError:
            return False
        return True

    def begin(self) -> None:
        """Start to read everything that a look at all containers needs, in the background.

        The next `listed`, `inspect_many` and so on take what has come by then: a check's own modules are
        loaded while the engine is at work.
        """
        self._ahead = Ahead(self._list, self._start_inspecting, self._second_connection())

    def listed(self) -> tuple[Listed, ...]:
        """All containers, running or not, with the infra containers of pods."""
        if self._ahead is not None and not self._ahead.told:
            return self._ahead.listed()
        return self._list()

    def _get(self, path: str) -> Any:
        """An answer that was asked for ahead, else one that is asked for now."""
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
        """One container's inspect document; by full id, because names also match beginnings of ids."""
        return _inspect(self._first, container)

    def inspect_many(self, ids: Iterable[str], on_result: OnInspected, stop: threading.Event) -> None:
        """Inspect containers over two connections; `on_result(id, …)` in this thread, as they arrive.

        One that has been removed is `Gone`, one that Podman cannot tell about is `Unreadable`; neither
        keeps the others back. Two connections are what an engine's own limits reward; more are not faster.
        When `stop` is set this returns within half a second and the rest is not asked for.

        Raises:
            EngineUnreachable: the engine does not answer any more; what arrived before was handed over.
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
        """An image as an archive, piece by piece; it is not run. Ends with an error when `stop` is set."""
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
        """What a container changed against its image: `Path` and `Kind` (0 changed, 1 added, 2 deleted)."""
        answer = self._first.get(f"/containers/{segment(container)}/changes")
        return shapes.mappings(answer, "the changes of a container", "Path", ChangedFile)

    def exec_session(self, session: str) -> Mapping[str, Any]:
        """One exec session of a container (its ids stand in `ExecIDs`)."""
        answer = self._first.get(f"/exec/{segment(session)}/json")
        return shapes.typed(answer, ExecSession, "an exec session")

    def events(self, kinds: tuple[str, ...], stop: threading.Event, tick: float) -> Iterator[Any]:
        """The raw event stream; see events.watch for the one to use."""
        filters = json.dumps({"type": kinds})
        return self._first.stream("/events", {"stream": "true", "filters": filters}, stop, tick)

    def close(self) -> None:
        """End the connections and what carries them; requests that are under way fail."""
        self._first.close()
        if self._second is not None:
            self._second.close()
        while self._on_close:
            self._on_close.pop()()

    def also_close(self, action: Callable[[], None]) -> None:
        """Have `close` do this too."""
        self._on_close.append(action)

    def _second_connection(self) -> Connection:
        if self._second is None:
            self._second = self._connect()
        return self._second


def _inspect(connection: Connection, container: str) -> Mapping[str, Any]:
    return shapes.container(connection.get(f"/containers/{segment(container)}/json"), container)


def version_of(headers: Mapping[str, str]) -> Version:
    """The version that `/_ping` tells in its headers.

    Raises:
        EngineProtocolError: the other side is no Podman.
    """
    try:
        return Version.parse(headers["libpod-api-version"])
    except (KeyError, ValueError):
        raise EngineProtocolError("Something answers there, but it is not Podman.") from None


def _refined(facts: EngineFacts, info: Mapping[str, Any]) -> EngineFacts:
    """Facts with what only /info knows."""
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
    return replace(facts, **changes)
