"""An engine that may be changed."""

from __future__ import annotations

from hardentui.engine.change.containers import ContainerControl
from hardentui.engine.change.images import Images
from hardentui.engine.change.resources import Networks, Pods, Volumes
from hardentui.engine.change.session import ApiSession
from hardentui.engine.connection import Listener, UnixConnection
from hardentui.engine.read import Engine
from hardentui.errors import ChangeFailed

API_VERSION = "5.0.0"  # Podman 4.4 to 6 answer below it


class ChangingEngine:
    """The engine behind an open `Engine`, for what changes it. Use from one thread at a time.

    Args:
        listener: is told each request and each command.

    Attributes:
        containers, images, networks, volumes, pods: what can be done, by what it is done to.

    Raises:
        ChangeFailed: the engine is a simulated or a saved one.
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
        self.volumes = Volumes(engine, self._session, self.containers)
        self.pods = Pods(self._session)

    def close(self) -> None:
        """Let go of the socket; the engine itself stays open."""
        self._session.close()
