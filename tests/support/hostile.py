"""A server on a unix socket that answers exactly the bytes that a test gives it."""

import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self


class Scripted:
    """Answers the n-th request (over all connections) with the n-th script; the last one is
    repeated.

    A script is a sequence of steps: bytes are sent, a float waits that many seconds (or until the
    end of the test), `HANG` waits until the end, `CLOSE` ends the connection. After a script
    without CLOSE the connection stays open for the next request.
    """

    HANG = "hang"
    CLOSE = "close"

    def __init__(
        self,
        directory: Path,
        *scripts: Iterable[bytes | float | str],
    ) -> None:
        self.path = str(directory / "hostile.sock")
        self.requests: list[bytes] = []
        self.connections = 0
        self._scripts = [tuple(script) for script in scripts]
        self._listener = socket.socket(socket.AF_UNIX)
        self._end = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listener.bind(self.path)
        self._listener.listen(8)
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(60)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(
            target=target,  # type: ignore[arg-type]
            args=args,
            daemon=True,
        )
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(0.05)
            came = bytearray()
            while (request := self._request(client, came)) is not None:
                self.requests.append(request)
                script = self._script(request)
                client.settimeout(5)
                if not self._play(client, script):
                    return
                client.settimeout(0.05)

    def _script(self, request: bytes) -> tuple[bytes | float | str, ...]:
        return self._scripts[min(len(self.requests), len(self._scripts)) - 1]

    def _request(
        self,
        client: socket.socket,
        came: bytearray,
    ) -> bytes | None:
        """The next request; what came after it stays in `came`."""
        while (end := came.find(b"\r\n\r\n")) < 0:
            try:
                data = client.recv(4096)
            except TimeoutError:
                if self._end.is_set():
                    return None
                continue
            if not data:
                return None
            came += data
        request = bytes(came[: end + 4])
        del came[: end + 4]
        return request

    def _play(
        self,
        client: socket.socket,
        script: tuple[bytes | float | str, ...],
    ) -> bool:
        for step in script:
            if isinstance(step, bytes):
                client.sendall(step)
            elif step == self.CLOSE:
                return False
            else:
                self._end.wait(step if isinstance(step, float) else None)
        return True


class ByPath(Scripted):
    """Answers by what was asked for: path below libpod -> script; others with the last one."""

    def __init__(
        self,
        directory: Path,
        by_path: Mapping[str, Iterable[bytes | float | str]],
        others: Iterable[bytes | float | str],
    ) -> None:
        super().__init__(directory, others)
        self._by_path = {path: tuple(script) for path, script in by_path.items()}

    def _script(self, request: bytes) -> tuple[bytes | float | str, ...]:
        path = request.split()[1].decode().partition("/libpod")[2].partition("?")[0]
        return self._by_path.get(path, self._scripts[-1])


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A complete answer with a length."""
    lines = "".join(f"{line}\r\n" for line in (f"Content-Length: {len(body)}", *headers))
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
