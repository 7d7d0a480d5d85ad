"""Child programs that must not outlive us, even if we are killed."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue

from hardentui import account
from hardentui.errors import EngineUnreachable
from hardentui.visible import visible

_PATIENCE = 5.0  # seconds between SIGTERM and SIGKILL
_START_LIMIT = 20.0  # seconds; a busy machine needs a while to start a program
_ERROR_LENGTH = 4096
_MESSAGE_LENGTH = 500


def dies_with_us() -> bool:
    """Whether this host can tie a program's life to ours (setpriv of util-linux)."""
    return account.find_program("setpriv") is not None


class Child:
    """A running program.

    The kernel's parent-death signal is tied to the *thread* that started the program, so a thread of its own
    starts it and stays until it has ended. `setpriv` sets the signal, because code between fork and exec is
    not safe in a program with threads.

    Raises:
        EngineUnreachable: the program could not be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.command = tuple(command)
        self._errors = bytearray()
        if account.find_program(command[0]) is None:
            raise EngineUnreachable(f"{command[0]} is not installed.")
        started: SimpleQueue[subprocess.Popen[bytes] | OSError | ValueError] = SimpleQueue()
        self._keeper = threading.Thread(
            target=self._keep, args=(started, environment), name=f"hardentui-{command[0]}", daemon=True
        )
        self._keeper.start()
        try:
            process = started.get(timeout=_START_LIMIT)
        except Empty:
            raise EngineUnreachable(f"{command[0]} did not start within {_START_LIMIT:g} s.") from None
        if isinstance(process, Exception):
            reason = visible(getattr(process, "strerror", None) or str(process))
            raise EngineUnreachable(f"{command[0]} could not be started: {reason}.") from process
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def errors(self) -> str:
        """The last lines of its standard error, joined, safe to show."""
        last = bytes(self._errors).decode("utf-8", "replace").strip().splitlines()[-3:]
        return visible(" ".join(last), _MESSAGE_LENGTH)

    def close(self) -> None:
        """Ask the program to end, wait, then kill it."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._keeper.join(_PATIENCE)

    def _keep(
        self,
        started: SimpleQueue[subprocess.Popen[bytes] | OSError | ValueError],
        environment: Mapping[str, str] | None,
    ) -> None:
        tie = ("setpriv", "--pdeathsig", "TERM", "--") if dies_with_us() else ()
        try:
            process = subprocess.Popen(
                [*tie, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=account.environment() if environment is None else environment,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
            )
        except (OSError, ValueError) as error:  # ValueError: a word with a NUL
            started.put(error)
            return
        started.put(process)
        with process:
            for line in process.stderr or ():
                self._errors += line
                del self._errors[:-_ERROR_LENGTH]
