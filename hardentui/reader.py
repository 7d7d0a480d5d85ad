"""What strangers wrote is read by another process, with limits of the kernel: reader_process.py.

YAML, results of scanners, images and programs in containers. One process reads all documents of a
kind, one after the other, until this one ends; it is started for the first of them. What is too much
for it, or ends it, is one sentence about that document, and the next one gets a new process.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import msgspec

from hardentui import account
from hardentui.lib.frames import LENGTH, Answer, ReaderKind, Request, packed, pieces_of

if TYPE_CHECKING:
    import subprocess

_TICK = 100  # milliseconds between two looks at the stop sign
_ENDED_WITHIN = 10.0  # seconds
_STALLED = 900.0  # seconds without a byte in either direction
_LARGEST_ANSWER = 512 << 20
_PIECE = 1 << 20
T = TypeVar("T")


class NotRead(Exception):
    """Why a document was not read, as the end of a sentence, and what would help."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


class TooMuchToRead(NotRead):
    """It ended its reader, or would have taken more than one document may."""


class ReadingStopped(Exception):
    """The stop sign was set."""


def read_apart(
    kind: ReaderKind,
    parts: Iterable[bytes],
    type: type[T],
    request: Request = Request(),  # noqa: B008 - it is frozen
    stop: threading.Event | None = None,
) -> T:
    """Read a document in the process for its kind.

    Args:
        parts: the document, from front to back.
        type: of what is read.
        stop: ends it.

    Raises:
        NotRead: why.
        ReadingStopped
        Exception: whatever `parts` raises.
    """
    with _LOCK:
        free = _IDLE.setdefault(kind, [])
        reader = free.pop() if free else None
    reader = reader or _Reader(kind)
    try:
        answer = reader.ask(request, parts, stop)
    except BaseException:
        reader.close()
        raise
    if reader.is_in_step and not answer.out_of_memory:
        with _LOCK:
            _IDLE[kind].append(reader)
    else:
        reader.close()
    if answer.out_of_memory:
        raise TooMuchToRead(f"reading it takes more than {kind.memory >> 30} GiB of memory")
    if answer.refused:
        raise NotRead(answer.refused, answer.hint)
    return msgspec.msgpack.decode(answer.value, type=type)


def expect(kind: ReaderKind) -> None:
    """Start the process for a kind of document that will come: it loads its parser meanwhile."""
    with _LOCK:
        if kind not in _IDLE:
            _IDLE[kind] = []
            with suppress(NotRead):
                _IDLE[kind].append(_Reader(kind))


class _Reader:
    """A process, and the pipes to it; they never block.

    Attributes:
        is_in_step: it has taken all that it was sent, and answered.
    """

    def __init__(self, kind: ReaderKind) -> None:
        import subprocess  # few commands read any

        self._kind = kind
        self.is_in_step = True
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                account.our_module("hardentui.reader_process", kind.value),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=account.environment(),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise NotRead(f"no process can be started to read it: {error.strerror}") from error
        self._pipes = self._process.stdin, self._process.stdout
        self._in, self._out = (pipe.fileno() for pipe in self._pipes if pipe is not None)
        for handle in (self._in, self._out):
            os.set_blocking(handle, False)

    def ask(
        self,
        request: Request,
        parts: Iterable[bytes],
        stop: threading.Event | None,
    ) -> Answer:
        self.is_in_step = False
        asked = packed(msgspec.json.encode(request)) + packed(b"")
        whole = self._send(asked, stop)
        for piece in pieces_of(parts) if whole else ():
            if not self._send(piece, stop):
                whole = False
                break
        length = int.from_bytes(self._receive(LENGTH, stop), "big")
        if length > _LARGEST_ANSWER:
            raise TooMuchToRead("what was read of it is more than is kept")
        answer = msgspec.msgpack.decode(self._receive(length, stop), type=Answer)
        self.is_in_step = whole
        return answer

    def _send(self, data: bytes, stop: threading.Event | None) -> bool:
        """Whether all of it was taken; not where the answer comes before."""
        left = memoryview(data)
        while left:
            ready = self._wait({self._in: select.POLLOUT, self._out: select.POLLIN}, stop)
            if self._out in ready:
                return False
            try:
                left = left[os.write(self._in, left[:_PIECE]) :]
            except BlockingIOError:
                continue
            except OSError:
                return False  # it has ended, which its answer tells
        return True

    def _receive(self, size: int, stop: threading.Event | None) -> bytes:
        """Exactly so many bytes.

        Raises:
            TooMuchToRead: it has ended.
        """
        data = bytearray()
        while len(data) < size:
            self._wait({self._out: select.POLLIN}, stop)
            with suppress(BlockingIOError):
                piece = os.read(self._out, min(size - len(data), _PIECE))
                if not piece:
                    raise TooMuchToRead(self._why_ended())
                data += piece
        return bytes(data)

    def _wait(self, handles: dict[int, int], stop: threading.Event | None) -> set[int]:
        """The handles that are ready, or have been closed by the other end."""
        end = monotonic() + _STALLED
        poll = select.poll()
        for handle, events in handles.items():
            poll.register(handle, events)
        while not (ready := {handle for handle, _ in poll.poll(_TICK)}):
            if stop is not None and stop.is_set():
                raise ReadingStopped
            if monotonic() > end:
                raise TooMuchToRead("its reader does not answer")
        if stop is not None and stop.is_set():
            raise ReadingStopped
        return ready

    def _why_ended(self) -> str:
        self._reap()
        code = self._process.poll() or 0
        if code == -signal.SIGXCPU:
            seconds = f"{self._kind.seconds} seconds of the processor"
            return f"reading it takes more than {seconds}"
        if code == -signal.SIGKILL:
            return "reading it takes more memory than this host has"
        return "its reader has failed" + (f" ({signal.Signals(-code).name})" if code < 0 else "")

    def _reap(self) -> None:
        import subprocess

        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDED_WITHIN)

    def close(self) -> None:
        self._process.kill()
        for pipe in self._pipes:
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self._reap()


_LOCK = threading.Lock()
_IDLE: dict[ReaderKind, list[_Reader]] = {}
# the lock is held while this process forks, so that no child has one that nobody gives back
os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release)
os.register_at_fork(after_in_child=_LOCK.release)
os.register_at_fork(after_in_child=_IDLE.clear)
