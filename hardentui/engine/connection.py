"""Requests to Podman. Everything that reads an engine goes through a `Connection`, which can only
GET.

Reading uses the unix socket directly with the standard library, not podman-py, because
- a scan of N containers is N small GETs: on a kept-alive socket each takes about 1.3 ms from end to
  end, with podman-py (requests, urllib3) 2.3 ms, and importing it takes another 140 to 190 ms at
  each start;
- podman-py pastes raw names into paths (`networks.get("../containers/json")` lists containers), has
  no limit on time or size unless told, and swallows errors of single containers in its lists;
- a type without any verb but GET cannot change anything by mistake.
Changes (create, start, remove) use podman-py, imported when needed.

`http.client` would do, but it imports the e-mail parser (about 20 ms) and cannot watch a stop
event.
"""

from __future__ import annotations

import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from msgspec import Struct

from hardentui.engine.answers import check, parsed, unreachable
from hardentui.engine.peer import owner_of, peer_of, refuse_other_account
from hardentui.engine.target import target
from hardentui.engine.wire import Head, PeerClosed, Wire, held, parse_json
from hardentui.errors import EngineError, EngineProtocolError, EngineUnreachable
from hardentui.model.facts import SocketOwner

API = "/v5.0.0/libpod"  # Podman 4.4 to 6 answer below it
TIME_LIMIT = 30.0
CONNECT_LIMIT = 5.0
SIZE_LIMIT = 64 << 20
TICK = 0.25
_AHEAD = 8  # requests sent before their answers are read

_TARGET = re.compile(r"/[!-~]*")


class Request(Struct, frozen=True):
    """One request for the command log: `target` as sent, `status` 0 without an answer."""

    method: str
    target: str
    status: int
    seconds: float


Listener = Callable[[Request], None]
OnAnswer = Callable[[str, "Any | EngineError"], None]


class Connection(Protocol):
    """One engine, read only. `path` is below libpod: `/containers/json`, its parts built with
    `segment`."""

    @property
    def url(self) -> str: ...

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """The parsed JSON of an answer; `timeout` in seconds for the whole of it.

        Raises:
            EngineUnreachable, EngineProtocolError, NotFound, EngineError
        """

    def get_many(
        self,
        paths: Iterable[str],
        on_answer: OnAnswer,
    ) -> list[str]:
        """The result of `get` for each path, or the EngineError that it raises, delivered in this
        thread.

        A path is taken from `paths` only when it can be requested soon: at most a few requests are
        in flight. Ends after the first EngineUnreachable. `on_answer` must not raise.

        Returns:
            the paths that were taken and got no answer because of an EngineUnreachable
        """

    def stream(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
        tick: float = TICK,
    ) -> Iterator[Any]:
        """The JSON lines of an endless answer, on a separate socket.

        Returns once the engine has accepted. Yields None each time nothing arrived for `tick`
        seconds; ends when `stop` is set.

        Raises:
            the errors of `get`, at the call and, when the engine goes away, at the next item
        """

    def download(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
    ) -> Iterator[bytes]:
        """The bytes of an answer of any length, chunk by chunk, on a separate socket.

        Raises:
            the errors of `get`, at the call and at the next piece; GivenUp's when `stop` is set
        """

    def ping(self, timeout: float | None = None) -> Mapping[str, str]:
        """The headers of `/_ping`, names in lower case; they show the version at no cost."""

    def interrupt(self) -> None:
        """Close the socket. A request in progress in another thread ends immediately; the next
        request connects again."""

    def close(self) -> None:
        """Close the socket permanently: every further request raises EngineUnreachable."""


def outcome(get: Callable[[str], Any], path: str) -> Any | EngineError:
    """The result of `get`, or the EngineError that it raises."""
    try:
        return get(path)
    except EngineError as error:
        return error


def listens_on(path: str) -> int:
    """The pid of the process that listens on a socket, even if it answers nothing; 0 = none that we
    see."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(CONNECT_LIMIT)
        try:
            probe.connect(path)
        except (OSError, ValueError):
            return 0
        return peer_of(probe).pid


class UnixConnection:
    """A kept-alive connection to a unix socket.

    Thread-safe: one request at a time, except that `get_many` sends some before reading answers, so
    that Podman works while this process does. A socket that Podman has closed since the last
    request is reopened, once.

    Args:
        path: of the socket.
        listener: called with each request after its answer; must be quick and must not raise.
        url: the value of `url`, if it is not simply the socket.
        before_connect: called before each new socket; an ssh tunnel ensures here that it is up.
        api: what every path is below.
    """

    def __init__(
        self,
        path: str,
        listener: Listener | None = None,
        url: str = "",
        timeout: float = TIME_LIMIT,
        size_limit: int = SIZE_LIMIT,
        before_connect: Callable[[], None] | None = None,
        api: str = API,
    ) -> None:
        self.path = path
        self._url = url or f"unix://{path}"
        self._listener = listener
        self._timeout = timeout
        self._size_limit = size_limit
        self._before_connect = before_connect
        self._api = api
        self._lock = threading.Lock()
        self._turn = (
            threading.Lock()
        )  # held by a thread that wants the socket for one answer: get_many lets it go first
        self._wire: Wire | None = None
        self.owner: SocketOwner | None = None  # the account that the first socket reached
        self._listening: int | None = None
        self._closings = 0
        self._is_closed = False

    @property
    def url(self) -> str:
        return self._url

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        return parse_json(self._answer(target(path, query), timeout)[1])

    def ping(self, timeout: float | None = None) -> Mapping[str, str]:
        return self._answer("/_ping", timeout)[0].headers

    def get_many(
        self,
        paths: Iterable[str],
        on_answer: OnAnswer,
    ) -> list[str]:
        coming = iter(paths)
        more = True
        while more:
            closings = self._closings
            with self._lock:
                more, unanswered, in_time = self._pipeline(coming, on_answer, closings)
            if not in_time:
                on_answer(unanswered[0], unreachable(self.path, TimeoutError()))
                return unanswered[1:]
            for place, path in enumerate(
                unanswered, 1
            ):  # the socket broke: repeat each once, on a new one
                closed = closings != self._closings
                answer = (
                    unreachable(self.path, PeerClosed(untouched=True))
                    if closed
                    else outcome(self.get, path)
                )
                on_answer(path, answer)
                if isinstance(answer, EngineUnreachable):
                    return unanswered[place:]
            with self._turn:
                pass
        return []

    def _pipeline(
        self,
        coming: Iterator[str],
        on_answer: OnAnswer,
        closings: int,
    ) -> tuple[bool, list[str], bool]:
        """Send requests until nothing is left or another thread wants the socket.

        Returns:
            whether more may be left; what was sent and not answered; whether the first of these
            came to its end in time.
        """
        sent: deque[str] = deque()
        more = True
        while True:
            try:
                while more and len(sent) < _AHEAD and not self._turn.locked():
                    if more := (path := next(coming, None)) is not None:
                        sent.append(path)
                        self._send(path, closings)
                if not sent:
                    return more, [], True
                head, body = self._next_answer(sent[0])
            except (OSError, EngineProtocolError) as error:
                self._drop()
                return more, list(sent), not isinstance(error, TimeoutError)
            except BaseException:
                self._drop()
                raise
            on_answer(sent.popleft(), parsed(head, body))
            if self._wire is None:
                return more, list(sent), True

    def _send(self, path: str, closings: int) -> None:
        if self._wire is None:
            self._wire = self._connect(monotonic() + CONNECT_LIMIT)
        if closings != self._closings:  # closed meanwhile: close the new socket too
            raise PeerClosed(untouched=True)
        self._wire.send(_request(self._api, path), monotonic() + self._timeout)

    def _next_answer(self, path: str) -> tuple[Head, bytes]:
        """The answer to the oldest unanswered request."""
        started = monotonic()
        assert self._wire is not None  # noqa: S101 - `_send` made it
        head = self._wire.head(started + self._timeout)
        body = self._wire.body(
            head,
            started + self._timeout,
            self._size_limit,
        )
        self._tell(path, head.status, started)
        if not head.keep_alive:
            self._drop()
        return head, body

    def stream(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
        tick: float = TICK,
    ) -> Iterator[Any]:
        wire, head = self._begin(target(path, query), stop)
        return self._items(wire, head, stop, tick)

    def download(
        self,
        path: str,
        query: Mapping[str, str] | None,
        stop: threading.Event,
    ) -> Iterator[bytes]:
        wire, head = self._begin(target(path, query), stop)
        return self._pieces(wire, head)

    def _begin(
        self,
        wanted: str,
        stop: threading.Event,
    ) -> tuple[Wire, Head]:
        """Send a request on a separate socket and read the head of the answer."""
        started = monotonic()
        status = 0
        wire: Wire | None = None
        try:
            wire = self._connect(started + CONNECT_LIMIT, stop)
            wire.send(_request(self._api, wanted), started + self._timeout)
            head = wire.head(started + self._timeout)
            status = head.status
            check(
                head,
                b""
                if status == 200
                else wire.body(
                    head,
                    started + self._timeout,
                    self._size_limit,
                ),
            )
        except BaseException as error:
            if wire is not None:
                wire.close()
            if isinstance(error, OSError):
                raise unreachable(self.path, error) from error
            raise
        finally:
            self._tell(wanted, status, started)
        return wire, head

    def peer(self) -> int | None:
        """The pid of the process that listened on the socket when it was last connected: 0 if it is
        in a pid namespace that is not ours, None if nothing ever was."""
        return self._listening

    def close(self) -> None:
        self._is_closed = True
        self.interrupt()

    def interrupt(self) -> None:
        self._closings += 1
        wire = self._wire
        if wire is not None:
            with suppress(OSError):
                wire.socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in recv
        with self._lock:
            self._drop()

    def _items(
        self,
        wire: Wire,
        head: Head,
        stop: threading.Event,
        tick: float,
    ) -> Iterator[Any]:
        try:
            for line in wire.lines(head, stop, tick):
                yield None if line is None else parse_json(line)
        except OSError as error:
            raise unreachable(self.path, error) from error
        finally:
            wire.close()

    def _pieces(
        self,
        wire: Wire,
        head: Head,
    ) -> Iterator[bytes]:
        try:
            yield from wire.pieces(head, self._timeout)
        except OSError as error:
            raise unreachable(self.path, error) from error
        finally:
            wire.close()

    def _answer(
        self,
        wanted: str,
        timeout: float | None,
    ) -> tuple[Head, bytes]:
        started = monotonic()
        deadline = started + (self._timeout if timeout is None else timeout)
        status = 0
        try:
            with held(self._turn, deadline), held(self._lock, deadline):
                head, body = self._exchange(_request(self._api, wanted), deadline)
            status = head.status
        except OSError as error:
            raise unreachable(self.path, error) from error
        finally:
            self._tell(wanted, status, started)
        check(head, body)
        return head, body

    def _exchange(
        self,
        request: bytes,
        deadline: float,
    ) -> tuple[Head, bytes]:
        """One request and its answer; a kept-alive socket that proves to be closed is replaced
        once."""
        closings = self._closings
        if self._wire is not None:
            try:
                return self._once(self._wire, request, deadline)
            except (BrokenPipeError, ConnectionResetError, PeerClosed) as error:
                untouched = not isinstance(error, PeerClosed) or error.untouched
                if not untouched or closings != self._closings:
                    raise
        self._wire = self._connect(min(deadline, monotonic() + CONNECT_LIMIT))
        if closings != self._closings:
            self._drop()
            raise PeerClosed(untouched=True)
        return self._once(self._wire, request, deadline)

    def _once(
        self,
        wire: Wire,
        request: bytes,
        deadline: float,
    ) -> tuple[Head, bytes]:
        try:
            wire.send(request, deadline)
            head = wire.head(deadline)
            body = wire.body(head, deadline, self._size_limit)
        except BaseException:
            self._drop()
            raise
        if not head.keep_alive:
            self._drop()
        return head, body

    def _connect(
        self,
        deadline: float,
        stop: threading.Event | None = None,
    ) -> Wire:
        if self._is_closed:
            raise PeerClosed(untouched=True)
        if self._before_connect is not None:
            self._before_connect()
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.settimeout(max(0.01, deadline - monotonic()))
            connected.connect(self.path)
            refuse_other_account(connected, self.path, self.owner)
        except BaseException:
            connected.close()
            raise
        self.owner = self.owner or owner_of(self.path, connected)
        self._listening = peer_of(connected).pid
        return Wire(connected, stop)

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _tell(
        self,
        wanted: str,
        status: int,
        started: float,
    ) -> None:
        if self._listener is not None:
            self._listener(
                Request(
                    "GET",
                    self._api + wanted,
                    status,
                    monotonic() - started,
                )
            )


def _request(api: str, wanted: str) -> bytes:
    if not _TARGET.fullmatch(wanted):
        raise ValueError(f"not a request target; use segment(): {wanted!r}")
    return f"GET {api}{wanted} HTTP/1.1\r\nHost: d\r\n\r\n".encode("ascii")
