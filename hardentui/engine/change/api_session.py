"""One session with Podman's API that changes things: its requests, answers and refusals."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from hardentui.engine import shapes
from hardentui.engine.answers import MESSAGE_LENGTH, is_gone
from hardentui.engine.change.same_account import only_of
from hardentui.engine.connection import Listener, Request
from hardentui.engine.peer import peer_of
from hardentui.engine.target import segment, target
from hardentui.errors import (
    ChangeFailed,
    ChangeTimedOut,
    EngineProtocolError,
    EngineUnreachable,
    NameTaken,
    NotFound,
    PortTaken,
)
from hardentui.model.facts import SocketOwner
from hardentui.visible import visible

if TYPE_CHECKING:
    from podman.errors import APIError


Method = Literal["GET", "POST", "PUT", "DELETE", "HEAD"]


_KINDS = {
    "containers": shapes.Container,
    "networks": shapes.Network,
    "pods": shapes.Pod,
    "volumes": shapes.Volume,
}

CONNECT_LIMIT = 5.0


_TAKEN = (
    "address already in use",
    "port is already allocated",
    "already allocated",
    "bind for",
)


_PIECE = 1 << 16


def path(*parts: str) -> str:
    """A path of Podman's API from names; each is one part, whatever it contains."""
    return "/".join(segment(part) for part in parts)


class ApiSession:
    """One podman-py session on a unix socket. Not thread-safe. `listener`: called with each request
    after its answer.
    """

    def __init__(
        self,
        socket: str,
        version: str,
        listener: Listener | None = None,
        owner: SocketOwner | None = None,
    ) -> None:
        self.socket = socket
        self.listener = listener
        from podman.api.client import (
            APIClient,
        )  # a quarter of a second, for those who change something

        self._client = APIClient(
            base_url=f"unix://{socket}",
            version=version,
        )
        only_of(self._client, socket, owner)

    def send(
        self,
        method: Method,
        where: str,
        what: str,
        *,
        seconds: float,
        query: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
    ) -> bytes:
        """Send one request; returns the body of its answer.

        Args:
            what: the purpose, completing "cannot …": "start the container web".

        Raises:
            NotFound, NameTaken, ChangeTimedOut, EngineUnreachable, ChangeFailed
        """
        response = self._ask(
            method,
            where,
            what,
            seconds,
            query,
            body,
            stream=False,
        )
        return bytes(response.content)

    def exists(
        self,
        where: str,
        what: str,
        *,
        seconds: float,
    ) -> bool:
        """Whether `where` (a path that ends with `exists`) exists."""
        try:
            self._ask(
                "GET",
                where,
                what,
                seconds,
                None,
                None,
                stream=False,
            )
        except NotFound:
            return False
        return True

    def named(
        self,
        kind: str,
        name: str,
        what: str,
        *,
        seconds: float,
    ) -> Mapping[str, Any]:
        """The document of what has exactly this name or full id. Podman also takes the beginning of
        another one's id, or of another volume's name.

        Args:
            kind: as in the path: `containers`, `networks`, `pods`, `volumes`.

        Raises:
            NotFound: there is none.
        """
        document = shapes.typed(
            self.document(path(kind, name, "json"), what, seconds=seconds),
            _KINDS[kind],
            what,
        )
        if name not in (document.get(key) for key in ("Name", "name", "Id", "id")):
            raise NotFound(f"Cannot {what}: there is none of this name.")
        return document

    def document(
        self,
        where: str,
        what: str,
        *,
        seconds: float,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """What a GET answers, as JSON of any shape.

        Raises:
            EngineProtocolError: it is none.
        """
        try:
            return json.loads(self.send("GET", where, what, seconds=seconds, query=query))
        except (ValueError, RecursionError):
            raise EngineProtocolError(f"Cannot {what}: Podman's answer is not JSON.") from None

    def labelled(
        self,
        where: str,
        label: str,
        key: str,
        *,
        seconds: float,
        query: Mapping[str, str] | None = None,
    ) -> tuple[Mapping[str, Any], ...]:
        """What has a label (`KEY` or `KEY=VALUE`), as listed there. `key`: names each."""
        what = "list what was created"
        filters = {"filters": json.dumps({"label": [label]})}
        listed = self.document(
            where,
            what,
            seconds=seconds,
            query={**(query or {}), **filters},
        )
        return shapes.mappings(listed, what, key, shapes.Labelled)

    def download(
        self,
        where: str,
        what: str,
        *,
        seconds: float,
        query: Mapping[str, str] | None = None,
    ) -> Iterator[bytes]:
        """The bytes of an answer, chunk by chunk; all of them within `seconds`."""
        from requests.exceptions import RequestException

        end = monotonic() + seconds
        response = self._ask(
            "GET",
            where,
            what,
            seconds,
            query,
            None,
            stream=True,
        )
        try:
            yield from _in_time(response.iter_content(_PIECE), end, what)
        except RequestException as error:
            raise EngineUnreachable(f"The connection to Podman was lost: cannot {what}.") from error
        finally:
            response.close()

    def upload(
        self,
        where: str,
        what: str,
        pieces: Iterable[bytes],
        *,
        seconds: float,
        query: Mapping[str, str] | None = None,
    ) -> None:
        """Send bytes as they come; all of them within `seconds`."""
        end = monotonic() + seconds
        self._ask(
            "PUT",
            where,
            what,
            seconds,
            query,
            _in_time(pieces, end, what),
            stream=False,
        )

    def peer(self) -> tuple[int, int]:
        """The process that listens on the socket, and its user; the kernel says so, not the engine.
        The process is 0 if it cannot be seen from here.

        Raises:
            EngineUnreachable: nothing listens.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(CONNECT_LIMIT)
            try:
                connection.connect(self.socket)
            except OSError as error:
                raise EngineUnreachable(f"Podman does not answer: {error.strerror}.") from error
            peer = peer_of(connection)
        return peer.pid, peer.owner.uid

    def close(self) -> None:
        self._client.close()

    def _ask(
        self,
        method: Method,
        where: str,
        what: str,
        seconds: float,
        query: Mapping[str, str] | None,
        body: Any,
        *,
        stream: bool,
    ) -> Any:
        from podman.errors import APIError

        started = monotonic()
        status = 0
        try:
            response = self._client._request(
                method,
                where,
                params=dict(query or {}),
                data=body,
                headers={"Content-Type": "application/json"} if isinstance(body, str) else None,
                timeout=(CONNECT_LIMIT, max(0.1, seconds)),
                stream=stream,
            )
            status = int(response.status_code)
        except APIError as error:
            raise _no_answer(what, seconds, error) from error
        finally:
            if self.listener is not None:
                self.listener(
                    Request(
                        method,
                        target(f"/{where}", query),
                        status,
                        monotonic() - started,
                    )
                )
        if status < 400:
            return response
        raise refusal(what, status, _message(response))


def refusal(
    what: str,
    status: int,
    message: str,
) -> ChangeFailed | NotFound:
    """The error for Podman's refusal; `status` 0 if only its message is known."""
    shown = visible(" ".join(message.split()), MESSAGE_LENGTH).rstrip(".")
    sentence = (
        f"Cannot {what}: {shown}."
        if shown
        else f"Cannot {what}: Podman answered with status {status}."
    )
    if (
        "already in use" in shown and "name" in shown
    ) or "UNIQUE constraint failed: ContainerConfig.Name" in shown:
        return NameTaken(sentence)
    if is_gone(status, shown) or (
        not status and shown.lower().startswith(("error: no such", "no such"))
    ):
        return NotFound(sentence)
    if any(words in shown.lower() for words in _TAKEN):
        return PortTaken(sentence)
    return ChangeFailed(sentence)


def _no_answer(
    what: str,
    seconds: float,
    error: APIError,
) -> ChangeTimedOut | EngineUnreachable:
    cause = error.__cause__
    if "timed out" in str(cause).lower():
        return ChangeTimedOut(f"Cannot {what}: Podman did not finish within {seconds:g} s.")
    return EngineUnreachable(
        f"Cannot {what}: Podman does not answer.", "Check whether `podman ps` works there."
    )


def _message(response: Any) -> str:
    with suppress(ValueError):
        document = response.json()
        if isinstance(document, dict):
            return str(document.get("message") or document.get("cause") or "")
    return ""


def _in_time(
    pieces: Iterable[bytes],
    end: float,
    what: str,
) -> Iterator[bytes]:
    for piece in pieces:
        if monotonic() > end:
            raise ChangeTimedOut(f"Cannot {what}: the time limit has passed.")
        yield piece
