"""A Docker engine, read only: its documents as those of Podman, so that no reader knows Docker.

Docker records what was asked for, without its own defaults. So a container's document gets, beside
Podman's fields, a `CreateCommand`: the words of `podman create` that ask for the same. `Remarks`
tells what they cannot, and what has to be done before Podman runs it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from hardentui.engine.connection import TICK, Connection, OnAnswer, outcome
from hardentui.engine.docker_documents import (
    Document,
    container,
    image_document,
    info_document,
    listed_document,
    named_image_document,
    network_document,
    volume_document,
)
from hardentui.errors import EngineError, EngineProtocolError

NOT_PODMAN = "this is a Docker engine"
ONLY_READ = "Docker's containers are only read here: nothing of them is tried, changed or saved."
_OF_INIT = frozenset({"/sbin", "/sbin/docker-init"})
"""What Docker makes where it mounts the program of --init."""
_PATHS = {"/networks/json": "/networks", "/volumes/json": "/volumes"}


class DockerConnection:
    """Answers as Podman would, from a Docker engine.

    What Docker has not (pods, secrets) raises EngineError: what needs it is unknown.

    Args:
        docker: a connection to the root of Docker's API.
        peer: the pid of the engine.
    """

    def __init__(
        self,
        docker: Connection,
        peer: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._docker = docker
        self.peer = peer
        self.info_document: Document | None = None

    @property
    def url(self) -> str:
        return self._docker.url

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        kind, _, rest = path[1:].partition("/")
        if kind not in ("containers", "images", "networks", "volumes", "info"):
            raise EngineError(f"{NOT_PODMAN}, which has no {kind}")
        answer = self._docker.get(_PATHS.get(path, path), query, timeout)
        try:
            return self._translated(kind, rest, answer)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise EngineProtocolError(f"Docker's answer for {kind} cannot be parsed.") from error

    def _translated(
        self,
        kind: str,
        rest: str,
        answer: Any,
    ) -> Any:
        match kind, rest.rpartition("/")[2]:
            case ["containers", "json"]:
                return (
                    [listed_document(row) for row in answer or ()]
                    if rest == "json"
                    else self._container(answer)
                )
            case ["images", "json"] if rest != "json":
                history = self._docker.get(f"/images/{rest.removesuffix('/json')}/history")
                return image_document(answer, history)
            case ["images", "json"]:
                return [named_image_document(image) for image in answer or ()]
            case ["networks", _]:
                return [network_document(network) for network in answer]
            case ["volumes", _]:
                return [volume_document(volume) for volume in answer.get("Volumes") or ()]
            case ["containers", "changes"]:
                return [change for change in answer or () if change["Path"] not in _OF_INIT]
            case ["info", _]:
                return info_document(answer)
        return answer

    def _container(self, document: Document) -> Document:
        if self.info_document is None:
            self.info_document = self._docker.get("/info")
        return container(
            document,
            self.info_document or {},
            self.peer() or 0,
        )

    def get_many(
        self,
        paths: Iterable[str],
        on_answer: OnAnswer,
    ) -> list[str]:
        for path in paths:
            on_answer(path, outcome(self.get, path))
        return []

    def stream(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
        tick: float = TICK,
    ) -> Iterator[Any]:
        raise EngineError(f"{NOT_PODMAN}, whose events are not read")

    def download(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
    ) -> Iterator[bytes]:
        return self._docker.download(path, None, stop)

    def ping(self, timeout: float | None = None) -> Mapping[str, str]:
        return self._docker.ping(timeout)

    def interrupt(self) -> None:
        self._docker.interrupt()

    def close(self) -> None:
        self._docker.close()
