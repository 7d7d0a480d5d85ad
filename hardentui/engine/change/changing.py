"""An engine whose objects may be changed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import pairwise
from typing import Any

from hardentui.engine.change.api_session import ApiSession
from hardentui.engine.change.containers import (
    ContainerControl,
)
from hardentui.engine.change.copying import Copying
from hardentui.engine.change.engine_thread import usual_thread
from hardentui.engine.change.forwarded_ports import drop_stale_forwards, nft
from hardentui.engine.change.objects import (
    Images,
    Networks,
    Pods,
)
from hardentui.engine.change.volumes import Volumes
from hardentui.engine.connection import Listener, UnixConnection
from hardentui.engine.peer import refuse_strangers_engine
from hardentui.engine.read import Engine
from hardentui.errors import ChangeFailed
from hardentui.model.known import Unread, known


def end_half_started(container: str, user: int) -> int:
    """End the processes of a start that nobody completes; returns how many. For a container that
    Podman says does not run, while nobody starts it.

    Args:
        container: its full id.
        user: uid of the engine's user.
    """
    makers, monitors = [], []
    for pid, words in _processes(user):
        if "create" in words and "--bundle" in words and container in words[-2:]:
            makers.append(pid)  # the runtime, in its first step
        elif os.path.basename(words[0]) == "conmon" and (("-c", container) in pairwise(words)):
            monitors.append(pid)
    if not makers:
        return 0
    for pid in (*makers, *monitors):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(makers) + len(monitors)


def _processes(user: int) -> Iterator[tuple[int, list[str]]]:
    """The processes of a user on this machine, with their words."""
    for name in os.listdir("/proc"):
        with suppress(OSError):
            if name.isdecimal():
                with open(f"/proc/{name}/status", "rb") as status:
                    uids = next((line for line in status if line.startswith(b"Uid:")), b"").split()[
                        1:
                    ]
                if uids and int(uids[0]) == user:
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        yield int(name), os.fsdecode(file.read(8192)).split("\0")


NO_TURNS: AbstractContextManager[object] = nullcontext()
API_VERSION = "5.0.0"  # Podman 4.4 to 6 answer below it


class ChangingEngine:
    """The engine behind an open `Engine`, for changes. Use from one thread at a time.

    Args:
        listener: called with each request and each command.
        turn: entered around what keeps the engine's processors busy (a trial's twins), so that
            trials side by side take turns.

    Attributes:
        containers, images, networks, volumes, pods: the operations, by kind of object.
        copying: of data, on this machine.

    Raises:
        ChangeFailed: the engine is simulated or saved.
        StrangersEngine: we are root, and it is another account's.
    """

    def __init__(
        self,
        engine: Engine,
        listener: Listener | None = None,
        turn: AbstractContextManager[object] = NO_TURNS,
    ) -> None:
        connection = engine.connection
        if not isinstance(connection, UnixConnection):
            why = (
                engine.facts.only_read
                or "Nothing can be changed here: this engine is not a running Podman."
            )
            raise ChangeFailed(why)
        refuse_strangers_engine(engine.facts.owner, engine.facts.url)
        self.engine = engine
        self.turn = turn
        self._session = ApiSession(
            connection.path,
            API_VERSION,
            listener,
            engine.facts.owner,
        )
        self.containers = ContainerControl(self._session)
        self.images = Images(self._session)
        self.networks = Networks(self._session)
        self.copying = Copying(engine, self._session, self.containers)
        self.volumes = Volumes(
            engine,
            self._session,
            self.containers,
            self.copying,
        )
        self.pods = Pods(self._session)

    def account(self) -> int:
        """The uid on this machine of the account that runs the engine. Raises EngineUnreachable."""
        return self._session.peer()[1]

    def info(self, *, again: bool = False) -> Mapping[str, Any]:
        """What the engine says of itself; empty if it does not say it. Raises EngineError.

        Args:
            again: ask it now, also where an earlier answer is known.
        """
        info = known(lambda: self.engine.facts.info)
        if again or isinstance(info, Unread):
            info = known(lambda: self.engine.load_info().info)
        return {} if isinstance(info, Unread) else info

    @property
    def service(self) -> int:
        """A thread of the process that answers for the engine, in the namespaces of its host; 0 if
        it cannot be seen from here.

        Raises:
            EngineUnreachable: there is none.
        """
        return usual_thread(self._session.peer()[0])

    def end_half_started(self, container: str) -> None:
        """End what is left of a start that Podman's service did not survive (see `half_started`).

        Raises:
            EngineUnreachable: Podman does not answer.
        """
        if self.engine.facts.local:
            end_half_started(container, self.account())

    def drop_stale_forwards(self, document: Mapping[str, Any]) -> int:
        """Remove forgotten forwards of a running container's ports (see `stale_forwards`); returns
        how many.

        Raises:
            EngineUnreachable: Podman does not answer.
        """
        service = self.service if self.account() == 0 else 0
        return drop_stale_forwards(service, document) if service else 0

    def set_table(self, name: str, chains: str = "") -> None:
        """Give the network of the engine's host a table of nftables of ours, or take it away:
        without chains.

        Raises:
            ChangeFailed: nft refuses, or the host's network is out of reach.
            EngineUnreachable: Podman does not answer.
        """
        rules = f"add table ip {name}\ndelete table ip {name}\n"
        if chains:
            rules += f"table ip {name} {{\n{chains}\n}}\n"
        nft(self.service, "-f", "-", rules=rules)

    def close(self) -> None:
        """Release the socket; the engine itself stays open."""
        self._session.close()
