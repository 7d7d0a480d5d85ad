"""Requests that change things, through podman-py's session: quoted paths, a deadline each, typed errors."""

from __future__ import annotations

import json
import shlex
import socket
import struct
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from hardentui import account
from hardentui.engine.connection import Listener, Request, segment, target
from hardentui.engine.wire import MESSAGE_LENGTH
from hardentui.errors import (
    ChangeFailed,
    ChangeTimedOut,
    EngineError,
    EngineProtocolError,
    EngineUnreachable,
    NameTaken,
    NotFound,
    PortTaken,
)
from hardentui.reading.masking import mask_text
from hardentui.visible import visible

if TYPE_CHECKING:
    from podman.errors import APIError


Method = Literal["GET", "POST", "PUT", "DELETE", "HEAD"]
CONNECT_LIMIT = 5.0
_TAKEN = ("address already in use", "port is already allocated", "already allocated", "bind for")
_PIECE = 1 << 16


def path(*parts: str) -> str:
    """A path of Podman's API from names; each is one part, whatever it contains."""
    return "/".join(segment(part) for part in parts)


class ApiSession:
    """One podman-py session on a unix socket. Not thread-safe.

    Args:
        listener: called with each request after its answer.
    """

    def __init__(self, socket: str, version: str, listener: Listener | None = None) -> None:
        self.socket = socket
        self.listener = listener
        from podman.api.client import APIClient  # a quarter of a second, for those who change something

        self._client = APIClient(base_url=f"unix://{socket}", version=version)

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
        response = self._ask(method, where, what, seconds, query, body, stream=False)
        return bytes(response.content)

    def exists(self, where: str, what: str, *, seconds: float) -> bool:
        """Whether `where` (a path that ends with `exists`) exists."""
        try:
            self._ask("GET", where, what, seconds, None, None, stream=False)
        except NotFound:
            return False
        return True

    def named(self, kind: str, name: str, what: str, *, seconds: float) -> Mapping[str, Any]:
        """The document of what has exactly this name or full id. Podman also takes the beginning of another
        one's id, or of another volume's name.

        Args:
            kind: as in the path: `containers`, `networks`, `pods`, `volumes`.

        Raises:
            NotFound: there is none.
        """
        document = json.loads(self.send("GET", path(kind, name, "json"), what, seconds=seconds))
        if not isinstance(document, dict):
            raise EngineProtocolError(f"Cannot {what}: Podman's answer is not a JSON object.")
        if name not in (document.get(key) for key in ("Name", "name", "Id", "id")):
            raise NotFound(f"Cannot {what}: there is none of this name.")
        return document

    def download(
        self, where: str, what: str, *, seconds: float, query: Mapping[str, str] | None = None
    ) -> Iterator[bytes]:
        """The bytes of an answer, chunk by chunk; all of them within `seconds`."""
        from requests.exceptions import RequestException

        end = monotonic() + seconds
        response = self._ask("GET", where, what, seconds, query, None, stream=True)
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
        self._ask("PUT", where, what, seconds, query, _in_time(pieces, end, what), stream=False)

    def peer(self) -> tuple[int, int]:
        """The process that listens on the socket, and its user; the kernel says so, not the engine. The
        process is 0 if it cannot be seen from here.

        Raises:
            EngineUnreachable: nothing listens.
        """
        layout = "3i"  # struct ucred: pid, uid, gid
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(CONNECT_LIMIT)
            try:
                connection.connect(self.socket)
            except OSError as error:
                raise EngineUnreachable(f"Podman does not answer: {error.strerror}.") from error
            raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(layout))
        pid, user, _ = struct.unpack(layout, raw)
        return pid, user

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
                self.listener(Request(method, target(f"/{where}", query), status, monotonic() - started))
        if status < 400:
            return response
        raise refusal(what, status, _message(response))


def refusal(what: str, status: int, message: str) -> ChangeFailed | NotFound:
    """The error for Podman's refusal; `status` 0 if only its message is known."""
    shown = visible(" ".join(message.split()), MESSAGE_LENGTH).rstrip(".")
    sentence = (
        f"Cannot {what}: {shown}." if shown else f"Cannot {what}: Podman answered with status {status}."
    )
    if (
        "already in use" in shown and "name" in shown
    ) or "UNIQUE constraint failed: ContainerConfig.Name" in shown:
        return NameTaken(sentence)
    if status == 404 or (not status and shown.lower().startswith(("error: no such", "no such"))):
        return NotFound(sentence)
    if any(words in shown.lower() for words in _TAKEN):
        return PortTaken(sentence)
    return ChangeFailed(sentence)


def _no_answer(what: str, seconds: float, error: APIError) -> ChangeTimedOut | EngineUnreachable:
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


def _in_time(pieces: Iterable[bytes], end: float, what: str) -> Iterator[bytes]:
    for piece in pieces:
        if monotonic() > end:
            raise ChangeTimedOut(f"Cannot {what}: the time limit has passed.")
        yield piece


# The program `podman`, pointed at the engine's own socket: for creating and updating.

_UNKNOWN_FLAG = "unknown flag"
_AWAY = (
    "unable to connect to Podman",
    "connection refused",
    "connection reset by peer",
    "broken pipe",
    ": EOF",
)
"""What the client says when the service is not there, or goes away while it answers."""
_NOT_OVER_A_SOCKET = ("--conmon-pidfile", "--decryption-key", "--env-host", "--pidfile")


def run_podman(session: ApiSession, arguments: Sequence[str], what: str, seconds: float) -> str:
    """The output of `podman --url unix://SOCKET ARGUMENTS`; never through a shell.

    Raises:
        NotFound, NameTaken, ChangeTimedOut, EngineUnreachable, ChangeFailed
    """
    code, printed, errors = exit_of_podman(session, arguments, what, seconds)
    if code == 0:
        return printed.strip()
    raise _refused(what, errors)


def exit_of_podman(
    session: ApiSession, arguments: Sequence[str], what: str, seconds: float
) -> tuple[int, str, str]:
    """Exit code, output and errors of `podman --url unix://SOCKET ARGUMENTS`; never through a shell.

    Raises:
        ChangeTimedOut, ChangeFailed: it could not be run at all.
    """
    words = ["podman", "--url", f"unix://{session.socket}", *arguments]
    started = monotonic()
    environment = {**account.environment(), "LC_ALL": "C"}
    for leading in ("CONTAINER_HOST", "CONTAINER_CONNECTION"):
        environment.pop(leading, None)
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            env=environment,
            check=False,
            close_fds=True,
        )
    except FileNotFoundError:
        raise ChangeFailed(f"Cannot {what}: the program podman is not installed here.") from None
    except subprocess.TimeoutExpired:
        raise ChangeTimedOut(f"Cannot {what}: Podman did not finish within {seconds:g} s.") from None
    except (OSError, ValueError) as error:
        raise ChangeFailed(f"Cannot {what}: podman cannot be run ({error}).") from error
    if session.listener is not None:
        shown = shlex.join(("podman", *map(mask_text, arguments)))
        session.listener(Request("run", shown, 200 if done.returncode == 0 else 500, monotonic() - started))
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def _refused(what: str, errors: str) -> EngineError:
    lines = [line for line in errors.splitlines() if line.strip()]
    message = next(
        (line for line in reversed(lines) if line.startswith("Error: ")), lines[-1] if lines else ""
    )
    message = message.removeprefix("Error: ")
    if any(words in errors for words in _AWAY):
        return EngineUnreachable(
            f"Cannot {what}: Podman does not answer.", "Check whether `podman ps` works."
        )
    if message.startswith(_UNKNOWN_FLAG) and any(flag in message for flag in _NOT_OVER_A_SOCKET):
        message += " (Podman does not take this option over its socket)"
    return refusal(what, 0, message)


def podman_is_installed() -> bool:
    """Whether podman is installed."""
    return account.find_program("podman") is not None
