"""A process of the reader's whose parser has been taken over: it does what the document says.

Run in its place, with its arguments. What the kernel lets it do is the answer.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from unittest.mock import patch

from hardentui import reader_process
from hardentui.lib.frames import ReaderKind, Request, Source


def _start() -> None:
    if not os.fork():
        os._exit(0)


def _signal_parent() -> None:
    os.kill(os.getppid(), 0)


def _take_memory() -> None:
    bytearray(ReaderKind.YAML.memory)


def _spin() -> None:
    while True:
        pass


TRIES: dict[str, Callable[[], object]] = {
    "open a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "write a file": lambda: os.open("/tmp/of-a-reader", os.O_WRONLY | os.O_CREAT),
    "connect": lambda: socket.socket(socket.AF_INET),
    "a unix socket": lambda: socket.socket(socket.AF_UNIX),
    "a pipe": os.pipe,
    "start a process": _start,
    "become root": lambda: os.setresuid(0, 0, 0),
    "signal its parent": _signal_parent,
}
ENDS: dict[str, Callable[[], object]] = {
    "memory": _take_memory,
    "time": _spin,
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "leave": lambda: os._exit(0),
    "garbage": lambda: os.write(1, b"\xff" * 64),
    "sleep": lambda: time.sleep(3600),
}


def _read(source: Source, _: Request) -> object:
    asked = source.whole().decode()
    if asked in ENDS:
        return ENDS[asked]()
    if asked not in TRIES:
        return asked
    try:
        TRIES[asked]()
    except (OSError, ValueError) as error:
        return f"refused: {type(error).__name__}"
    return "done"


if __name__ == "__main__":
    with (
        patch.dict(reader_process._READERS, {ReaderKind.YAML: lambda: _read}),
        patch.object(ReaderKind, "seconds", 1),
    ):
        reader_process.serve(ReaderKind.YAML, sys.stdin.buffer, sys.stdout.buffer)
