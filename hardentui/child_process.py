"""Child processes that end by themselves: fed, waited for and ended in one way.

`Popen.communicate` called again after a slice of time loses the input if the first slice passed
before a write (it waits for ever then). Here pipes never block, so a child that reads late, reads
nothing, or prints without end costs no more than its time limit and the bytes that are kept of it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import subprocess

KEPT = 64 << 20
"""Bytes of each output that are kept, unless a caller says otherwise."""
_PIECE = 64 << 10
_TICK = 0.05  # seconds between two looks at the stop sign and the clock
_SHORT = 0.005  # the same when all pipes are closed, and the end is near
_REAPED_WITHIN = 10.0  # seconds; a killed process that still waits for a disk is left to its end


class Ended(Struct, frozen=True):
    """How a child ended, and what it printed."""

    code: int  # its exit status; the negative number of the signal that killed it
    output: bytes
    errors: bytes = b""  # empty if both outputs are one
    cut: bool = False  # it printed more than was kept: the first bytes of each output are


class ChildTimedOut(Exception):
    """It did not end within its time, and was killed."""


class ChildStopped(Exception):
    """It was killed because the stop sign was set."""


def run_child(
    words: Sequence[str],
    *,
    seconds: float,
    environment: Mapping[str, str],
    given: bytes = b"",
    stop: threading.Event | None = None,
    directory: str | None = None,
    merged: bool = False,
    kept: int = KEPT,
    grace: float = 0.0,
) -> Ended:
    """Run a program to its end. It leads a session of its own; what is left of its process group is
    killed when it has ended, or when its time is up.

    Args:
        words: the program and its arguments; never through a shell.
        seconds: within which it has to end.
        given: its standard input; it may close it early.
        stop: ends it.
        merged: both outputs are one.
        kept: bytes of each output.
        grace: seconds that it has after SIGTERM, before it is killed.

    Raises:
        OSError, ValueError: it cannot be started.
        ChildTimedOut, ChildStopped: it was ended.
    """
    import subprocess  # few commands start a program

    pipe = subprocess.PIPE
    process = subprocess.Popen(
        list(words),
        stdin=pipe if given else subprocess.DEVNULL,
        stdout=pipe,
        stderr=subprocess.STDOUT if merged else pipe,
        env=dict(environment),
        cwd=directory,
        start_new_session=True,
    )
    pipes = _Pipes(process, given, kept)
    end = monotonic() + seconds
    try:
        while not pipes.are_done():
            if stop is not None and stop.is_set():
                raise ChildStopped
            if monotonic() > end:
                raise ChildTimedOut
    finally:
        pipes.close()
        _end(process, grace)
    return Ended(process.returncode, bytes(pipes.output), bytes(pipes.errors), pipes.cut)


class _Pipes:
    """The pipes to a child; none of them ever blocks.

    Attributes:
        output, errors: what it printed, the first bytes.
        cut: it printed more.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        given: bytes,
        kept: int,
    ) -> None:
        import selectors

        self._process = process
        self._left = memoryview(given)
        self._kept = kept
        self.output = bytearray()
        self.errors = bytearray()
        self.cut = False
        self._open = selectors.DefaultSelector()
        for file, kind, into in (
            (process.stdin, selectors.EVENT_WRITE, None),
            (process.stdout, selectors.EVENT_READ, self.output),
            (process.stderr, selectors.EVENT_READ, self.errors),
        ):
            if file is not None:
                os.set_blocking(file.fileno(), False)
                self._open.register(file, kind, into)

    def are_done(self) -> bool:
        """Move what can be moved, for a moment; whether the child has ended and said its last word.
        A grandchild that keeps a pipe open is not waited for."""
        ended = _has_ended(self._process)
        is_open = bool(self._open.get_map())
        ready = self._open.select(_TICK if is_open else _SHORT * (not ended))
        for key, _ in ready:
            moved = self._write() if key.data is None else self._read(key.fd, key.data)
            if not moved:
                self._open.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr] # it is a file of the process
        return ended and not ready

    def close(self) -> None:
        self._open.close()
        for file in (self._process.stdin, self._process.stdout, self._process.stderr):
            if file is not None:
                with suppress(OSError):
                    file.close()

    def _write(self) -> bool:
        """Whether there is more to write."""
        assert self._process.stdin is not None  # noqa: S101 - it is registered
        try:
            written = os.write(self._process.stdin.fileno(), self._left[:_PIECE])
        except BlockingIOError:
            return True
        except OSError:
            return False  # it does not want the rest
        self._left = self._left[written:]
        return bool(self._left)

    def _read(self, handle: int, into: bytearray) -> bool:
        """Whether there may be more to read."""
        try:
            piece = os.read(handle, _PIECE)
        except BlockingIOError:
            return True
        room = self._kept - len(into)
        into += piece[:room]
        self.cut = self.cut or len(piece) > room
        return bool(piece)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended; it is not reaped, so that its number stays its own."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    """End it and its process group, and reap it."""
    import subprocess

    end = monotonic() + grace
    if grace and not _has_ended(process):
        _signal(process.pid, signal.SIGTERM)
        while not _has_ended(process) and monotonic() < end:
            threading.Event().wait(_TICK)
    _signal(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_REAPED_WITHIN)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
