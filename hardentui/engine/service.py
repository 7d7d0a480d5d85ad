"""Our own Podman service, for hosts with podman but without a socket.

It belongs to the current user, listens on a socket in a private directory, and ends with us. The
user's systemd is never touched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from time import monotonic, sleep

from hardentui.account import find_program
from hardentui.engine.connection import Listener, UnixConnection
from hardentui.engine.locate import Candidate
from hardentui.engine.probe import NoAnswer, probe
from hardentui.engine.read import Engine
from hardentui.engine.ssh import Child, dies_with_us, private_base
from hardentui.errors import EngineError, EngineUnreachable

_START_LIMIT = 20.0
_IDLE_LIMIT = 600  # seconds; only if nothing else would end it after we are killed


class PrivateService:
    """`podman system service` as a child. Use `start`, then `engine`, then `close`."""

    def __init__(
        self,
        program: str = "podman",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._program = program
        self._environment = environment
        self._directory = ""
        self._child: Child | None = None

    @staticmethod
    def possible() -> bool:
        return find_program("podman") is not None

    @property
    def socket(self) -> str:
        return f"{self._directory}/podman.sock"

    @property
    def pid(self) -> int:
        return self._child.pid if self._child is not None else 0

    def command(self) -> tuple[str, ...]:
        """The command, for the command log."""
        idle = 0 if dies_with_us() else _IDLE_LIMIT
        return (
            self._program,
            "system",
            "service",
            f"--time={idle}",
            f"unix://{self.socket}",
        )

    def start(self, time_limit: float = _START_LIMIT) -> None:
        """Start it and wait until it answers.

        Raises:
            EngineUnreachable: it could not be started, ended, or did not answer in time.
        """
        self._directory = tempfile.mkdtemp(
            prefix="hardentui-",
            dir=private_base(),
        )
        try:
            self._child = Child(self.command(), self._environment)
            self._wait(self._child, monotonic() + time_limit)
        except BaseException:
            self.close()
            raise

    def engine(self, listener: Listener | None = None) -> Engine:
        """The engine behind it; closing the engine ends the service.

        Raises:
            EngineUnreachable: it no longer answers.
        """
        answer = probe(
            Candidate(
                "",
                f"unix://{self.socket}",
                "a service of our own",
            ),
            listener,
        )
        if isinstance(answer, NoAnswer):
            raise EngineUnreachable(answer.reason, answer.hint)
        answer.also_close(self.close)
        return answer

    def close(self) -> None:
        """End the service and remove its directory."""
        if self._child is not None:
            self._child.close()
            self._child = None
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _wait(self, child: Child, end: float) -> None:
        connection = UnixConnection(self.socket)
        while monotonic() < end and child.running:
            if os.path.exists(self.socket):
                try:
                    connection.ping(max(0.1, end - monotonic()))
                except EngineError:
                    pass  # bound, but not listening yet
                else:
                    connection.close()
                    return
            sleep(0.01)
        reason = child.errors or (
            "it did not answer in time" if child.running else "it ended at once"
        )
        raise EngineUnreachable(f"A private Podman service could not be started: {reason}")
