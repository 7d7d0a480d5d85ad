"""An engine whose objects may be changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hardentui.engine.change.containers import ContainerControl
from hardentui.engine.change.copying import Copying
from hardentui.engine.change.half_started import end_half_started
from hardentui.engine.change.images import Images
from hardentui.engine.change.resources import Networks, Pods, Volumes
from hardentui.engine.change.session import ApiSession
from hardentui.engine.change.stale_forwards import drop_stale_forwards
from hardentui.engine.connection import Listener, UnixConnection
from hardentui.engine.read import Engine
from hardentui.errors import ChangeFailed

API_VERSION = "5.0.0"  # Podman 4.4 to 6 answer below it


class ChangingEngine:
    """The engine behind an open `Engine`, for changes. Use from one thread at a time.

    Args:
        listener: called with each request and each command.

    Attributes:
        containers, images, networks, volumes, pods: the operations, by kind of object.
        copying: of data, on this machine.

    Raises:
        ChangeFailed: the engine is simulated or saved.
    """

    def __init__(self, engine: Engine, listener: Listener | None = None) -> None:
        connection = engine.connection
        if not isinstance(connection, UnixConnection):
            raise ChangeFailed("Nothing can be changed here: this engine is not a running Podman.")
        self.engine = engine
        self._session = ApiSession(connection.path, API_VERSION, listener)
        self.containers = ContainerControl(self._session)
        self.images = Images(self._session)
        self.networks = Networks(self._session)
        self.copying = Copying(engine, self._session, self.containers)
        self.volumes = Volumes(engine, self._session, self.containers, self.copying)
        self.pods = Pods(self._session)

    def account(self) -> int:
        """The uid on this machine of the account that runs the engine. Raises EngineUnreachable."""
        return self._session.peer()[1]

    @property
    def service(self) -> int:
        """A thread of the process that answers for the engine, in the network of its host; 0 if it cannot be
        seen from here. Podman moves single threads, the first one too, into networks of containers for good.

        Raises:
            EngineUnreachable: there is none.
        """
        pid = self._session.peer()[0]
        networks: dict[str, list[int]] = {}
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with suppress(OSError):  # it has ended
                    network = os.readlink(f"/proc/{pid}/task/{thread}/ns/net")
                    networks.setdefault(network, []).append(int(thread))
        return max(networks.values(), key=len)[0] if networks else 0

    def end_half_started(self, container: str) -> None:
        """End what is left of a start that Podman's service did not survive (see `half_started`).

        Raises:
            EngineUnreachable: Podman does not answer.
        """
        if self.engine.facts.local:
            end_half_started(container, self.account())

    def drop_stale_forwards(self, document: Mapping[str, Any]) -> int:
        """Remove forgotten forwards of a running container's ports (see `stale_forwards`); returns how many.

        Raises:
            EngineUnreachable: Podman does not answer.
        """
        service = self.service if self.account() == 0 else 0
        return drop_stale_forwards(service, document) if service else 0

    def close(self) -> None:
        """Release the socket; the engine itself stays open."""
        self._session.close()
