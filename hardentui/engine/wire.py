"""Reading HTTP/1.1 answers from a socket: only the part that Podman uses, and everything bounded.

The other side may be hostile or broken: every length is checked before memory is allocated, every
wait has a time limit, and anything invalid is an EngineProtocolError.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

from msgspec import Struct
from msgspec.json import decode

from hardentui.errors import EngineProtocolError

_RECEIVE = 1 << 16
_TICK = 0.25
_LONGEST_LINE = 1 << 14
_MOST_HEADERS = 100
_LONGEST_EVENT = 1 << 20
_NO_BODY = frozenset({204, 304})

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: |$)")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?")


class PeerClosed(ConnectionError):
    """The other side closed the connection; `untouched` if not one byte of an answer had arrived."""

    def __init__(self, untouched: bool) -> None:
        super().__init__("the connection was closed")
        self.untouched = untouched


class GivenUp(ConnectionError):
    """The stop event was set while waiting for the answer."""


class Head(Struct, frozen=True):
    """Status line and headers (names in lower case) of an answer."""

    status: int
    headers: Mapping[str, str]

    @property
    def chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def keep_alive(self) -> bool:
        """The socket can be reused, because the end of this answer is known."""
        framed = self.chunked or "content-length" in self.headers or self.status in _NO_BODY
        return framed and "close" not in self.headers.get("connection", "").lower()


class Wire:
    """A connected socket and the received bytes that were not used yet. `stop`: an event that is
    checked every _TICK seconds while waiting for bytes.
    """

    def __init__(
        self,
        connected: socket.socket,
        stop: threading.Event | None = None,
    ) -> None:
        self.socket = connected
        self._stop = stop
        self._buffer = bytearray()
        self._received = False

    def send(self, request: bytes, deadline: float) -> None:
        """Send a whole request. Raises TimeoutError after `deadline` (monotonic seconds)."""
        self._received = False
        self.socket.settimeout(_left(deadline))
        self.socket.sendall(request)

    def head(self, deadline: float) -> Head:
        """Read status line and headers."""
        status = _STATUS.match(self._line(deadline))
        if not status:
            raise EngineProtocolError("The answer is not HTTP.")
        headers: dict[str, str] = {}
        for _ in range(_MOST_HEADERS):
            line = self._line(deadline)
            if not line:
                return Head(int(status[1]), headers)
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise EngineProtocolError("The answer has an invalid header line.")
            headers[name.strip().lower()] = value.strip()
        raise EngineProtocolError(f"The answer has more than {_MOST_HEADERS} header lines.")

    def body(
        self,
        head: Head,
        deadline: float,
        limit: int,
    ) -> bytes:
        """Read the body of an answer, at most `limit` bytes."""
        if head.status in _NO_BODY:
            return b""
        if head.chunked:
            return b"".join(self._chunks(deadline, limit))
        length = head.headers.get("content-length")
        if length is None:
            return self._rest(deadline, limit)
        if not _LENGTH.fullmatch(length):
            raise EngineProtocolError("The answer has a length that is not a number.")
        _within(int(length), limit)
        return self._take(int(length), deadline)

    def lines(
        self,
        head: Head,
        stop: threading.Event,
        tick: float,
    ) -> Iterator[bytes | None]:
        """The lines of an endless body; None each time nothing arrived for `tick` seconds.

        Ends when `stop` is set or the other side ends the body. Raises PeerClosed if it just
        disconnects.
        """
        text = bytearray()
        framed = head.chunked
        left = 0 if framed else -1  # bytes of the current chunk that have not arrived yet
        while not stop.is_set():
            if framed and left == 0:
                size = self._chunk_size_if_there()
                if size == 0:
                    return
                left = size or 0
            taken = self._available(left) if left else b""
            if taken:
                left -= len(taken) if framed else 0
                text += taken
                yield from _whole_lines(text)
                if len(text) > _LONGEST_EVENT:
                    raise EngineProtocolError(
                        f"The stream has a line of more than {_LONGEST_EVENT} bytes."
                    )
            elif not left and self._buffer.find(b"\n") >= 0:
                continue  # the empty line after a chunk
            elif not self._poll(tick):
                yield None

    def pieces(
        self,
        head: Head,
        patience: float,
    ) -> Iterator[bytes]:
        """A body of any length in chunks as they arrive; each may take `patience` seconds."""
        if head.chunked:
            while size := _chunk_size(self._line(monotonic() + patience)):
                while size:
                    yield (piece := self._some(size, patience))
                    size -= len(piece)
                self._line(monotonic() + patience)
            return
        length = head.headers.get("content-length")
        left = int(length) if length is not None and _LENGTH.fullmatch(length) else -1
        while left:
            try:
                piece = self._some(left, patience)
            except PeerClosed:
                if left < 0:
                    return
                raise
            left -= len(piece) if left > 0 else 0
            yield piece

    def _some(self, most: int, patience: float) -> bytes:
        if not self._buffer:
            self._more(monotonic() + patience)
        return self._available(most)

    def close(self) -> None:
        self.socket.close()

    def _more(self, deadline: float) -> None:
        data = self._receive(deadline)
        if not data:
            raise PeerClosed(untouched=not self._received)
        self._received = True
        self._buffer += data

    def _receive(self, deadline: float) -> bytes:
        if self._stop is None:
            self.socket.settimeout(_left(deadline))
            return self.socket.recv(_RECEIVE)
        while not self._stop.is_set():
            self.socket.settimeout(min(_TICK, _left(deadline)))
            try:
                return self.socket.recv(_RECEIVE)
            except TimeoutError:
                continue
        raise GivenUp

    def _poll(self, tick: float) -> bool:
        """Wait up to `tick` seconds for more bytes; returns whether some arrived."""
        try:
            self._more(monotonic() + tick)
        except (TimeoutError, GivenUp):
            return False
        return True

    def _available(self, most: int) -> bytes:
        taken = bytes(self._buffer) if most < 0 else bytes(self._buffer[:most])
        del self._buffer[: len(taken)]
        return taken

    def _line_if_there(self) -> bytes | None:
        end = self._buffer.find(b"\n", 0, _LONGEST_LINE)
        if end < 0:
            if len(self._buffer) >= _LONGEST_LINE:
                raise EngineProtocolError(
                    f"The answer has a header line of more than {_LONGEST_LINE} bytes."
                )
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line

    def _line(self, deadline: float) -> bytes:
        while (line := self._line_if_there()) is None:
            self._more(deadline)
        return line

    def _take(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            self._more(deadline)
        return self._available(count)

    def _rest(self, deadline: float, limit: int) -> bytes:
        while True:
            _within(len(self._buffer), limit)
            try:
                self._more(deadline)
            except PeerClosed:
                return self._available(-1)

    def _chunks(
        self,
        deadline: float,
        limit: int,
    ) -> Iterator[bytes]:
        total = 0
        while size := _chunk_size(self._line(deadline)):
            total += size
            _within(total, limit)
            yield self._take(size, deadline)
            if self._line(deadline):
                raise EngineProtocolError("The answer has a chunk that is longer than declared.")
        for _ in range(_MOST_HEADERS):
            if not self._line(deadline):
                return
        raise EngineProtocolError("The answer does not end.")

    def _chunk_size_if_there(self) -> int | None:
        """The size of the next chunk, once its line has arrived; skips the line end of the previous
        one."""
        line = self._line_if_there()
        return _chunk_size(line) if line else None


@contextmanager
def held(lock: threading.Lock, deadline: float) -> Iterator[None]:
    """Hold a lock; TimeoutError if another thread keeps it until `deadline`."""
    if not lock.acquire(timeout=max(0.0, deadline - monotonic())):
        raise TimeoutError
    try:
        yield
    finally:
        lock.release()


def _left(deadline: float) -> float:
    """Seconds until `deadline`; raises TimeoutError if it has passed."""
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _chunk_size(line: bytes) -> int:
    size = _CHUNK.fullmatch(line)
    if not size:
        raise EngineProtocolError("The answer has a chunk without a size.")
    return int(size[1], 16)


def _within(length: int, limit: int) -> None:
    if length > limit:
        raise EngineProtocolError(f"The answer is larger than {limit >> 20} MiB.")


def _whole_lines(text: bytearray) -> Iterator[bytes]:
    """Remove the complete lines from `text`; the rest after the last line end stays."""
    end = text.rfind(b"\n")
    if end < 0:
        return
    whole = bytes(text[:end])
    del text[: end + 1]
    yield from (line for line in whole.split(b"\n") if line.strip())


def parse_json(text: bytes) -> Any:
    """JSON from Podman. Raises EngineProtocolError if it is invalid, or nested too deeply."""
    try:
        return decode(text)
    except (ValueError, RecursionError) as error:
        raise EngineProtocolError("The answer is not JSON.") from error


_STREAMS = ("stdin", "stdout", "stderr")


def frames_of(log: bytes) -> Iterator[tuple[str, bytes]]:
    """The frames of a log with two streams: a header of eight bytes (stream, three zeros, length),
    then the data. What has no header, as the log of a terminal, is of the stream "".
    """
    at = 0
    while at < len(log):
        head = log[at : at + 8]
        if head[0] >= len(_STREAMS) or head[1:4].strip(b"\0"):
            yield "", log[at:]
            return
        end = at + 8 + int.from_bytes(head[4:], "big")
        yield _STREAMS[head[0]], log[at + 8 : end]
        at = end
