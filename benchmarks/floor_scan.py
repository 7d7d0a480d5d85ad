"""The least that a scan can cost: fetch what it needs over two kept-alive connections, judge
nothing.

usage: python -m benchmarks.floor_scan SOCKET
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from typing import Any

API = "/v5.0.0/libpod"


class Raw:
    """HTTP/1.1 on a unix socket with nothing but what this needs."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._file = self._socket.makefile("rb")

    def get(self, target: str) -> Any:
        self._socket.sendall(f"GET {API}{target} HTTP/1.1\r\nHost: d\r\n\r\n".encode())
        self._file.readline()
        length, chunked = 0, False
        while (line := self._file.readline().lower()) != b"\r\n":
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            chunked = chunked or line.startswith(b"transfer-encoding")
        return json.loads(self._chunks() if chunked else self._file.read(length))

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._file.readline(), 16):
            parts.append(self._file.read(size))
            self._file.readline()
        self._file.readline()
        return b"".join(parts)


def main(path: str) -> None:
    """List, inspect all, then the images and networks."""
    first, second = Raw(path), Raw(path)
    todo = [container["Id"] for container in first.get("/containers/json?all=true")]
    halves = (todo[::2], todo[1::2])

    def inspect(raw: Raw, ids: list[str]) -> None:
        for identity in ids:
            raw.get(f"/containers/{identity}/json")

    threads = [
        threading.Thread(target=inspect, args=pair)
        for pair in zip((first, second), halves, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for image in first.get("/images/json"):
        first.get(f"/images/{image['Id']}/json")
    first.get("/networks/json")


if __name__ == "__main__":
    main(sys.argv[1].removeprefix("unix://"))
