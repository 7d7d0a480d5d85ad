"""A proxy in front of Podman's socket that writes down which requests pass: proof that looking only
looks."""

import re
import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_REQUEST = re.compile(rb"^([A-Z]+) (\S+) HTTP/1\.[01]\r$", re.MULTILINE)


class RecordingProxy:
    """Listens at `socket`, hands everything on to `upstream`; `requests` are (method, target) in
    order.

    Bytes are passed on as they are. A request line is found wherever one stands in what the client
    sends, also behind another request, so nothing can slip by; what merely looks like one would be
    recorded too.
    """

    def __init__(
        self,
        upstream: str,
        directory: Path,
    ) -> None:
        self.upstream = upstream
        self.socket = str(directory / "proxy.sock")
        self.url = f"unix://{self.socket}"
        self.requests: list[tuple[str, str]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._listener.bind(self.socket)
        self._listener.listen(16)
        threading.Thread(
            target=self._accept,
            daemon=True,
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    @property
    def methods(self) -> set[str]:
        return {method for method, _ in self.requests}

    def cut(self) -> None:
        """Break all connections that stand; new ones are accepted."""
        with self._lock:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.upstream)
            except OSError:
                client.close()
                server.close()
                continue
            with self._lock:
                self._open |= {client, server}
            threading.Thread(
                target=self._serve,
                args=(client, server),
                daemon=True,
            ).start()

    def _serve(
        self,
        client: socket.socket,
        server: socket.socket,
    ) -> None:
        back = threading.Thread(
            target=_pump,
            args=(server, client),
            daemon=True,
        )
        back.start()
        rest = b""
        with suppress(OSError):
            while data := client.recv(65536):
                rest = self._note(rest + data)
                server.sendall(data)
        _hang_up(server)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _note(self, text: bytes) -> bytes:
        """Record the request lines in `text`; returns the last line, which may not be whole yet."""
        whole, newline, rest = text.rpartition(b"\n")
        for method, target in _REQUEST.findall(whole + newline):
            self.requests.append((method.decode(), target.decode("latin-1")))
        return rest


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _hang_up(sink)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
