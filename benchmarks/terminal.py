"""A program in a pseudo-terminal: when its screen shows a text, and how soon it answers keys."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter, sleep

_ESCAPES = re.compile(
    rb"\x1b\[[0-9;?<>=$ ]*[A-Za-z~]|\x1b[()][A-Z0-9]|\x1b[=>]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
)
_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Milliseconds until `marker` stood on the screen, milliseconds per key (each), MiB of memory."""

    paint: float
    keys: tuple[float, ...]
    pages: tuple[float, ...]
    memory: float


_DOWN = b"\x1b[B"
_PAGE_DOWN = b"\x1b[6~"


def watch(
    command: Sequence[str],
    marker: bytes,
    presses: int = 20,
) -> Seen:
    """Run a program at 120x40 until the marker is painted, then press down and page down, again and
    again."""
    started = perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ.update(
            TERM="xterm-256color",
            COLORTERM="truecolor",
            COLUMNS="120",
            LINES="40",
        )
        os.execvp(command[0], list(command))  # noqa: S606 - a fixed list, no shell
    try:
        fcntl.ioctl(
            terminal,
            termios.TIOCSWINSZ,
            struct.pack("HHHH", 40, 120, 0, 0),
        )
        paint = _until(terminal, marker, started)
        _quiet(terminal, 1.0, 120.0)  # a scan that still draws would answer for the key
        keys = tuple(_press(terminal, _DOWN) for _ in range(presses))
        pages = tuple(_press(terminal, _PAGE_DOWN) for _ in range(presses))
        return Seen(paint, keys, pages, _memory(pid))
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def _until(
    terminal: int,
    marker: bytes,
    started: float,
) -> float:
    screen = b""
    while perf_counter() - started < _LIMIT:
        screen += _read(terminal, 1.0)
        if marker in _ESCAPES.sub(b"", screen):
            return 1e3 * (perf_counter() - started)
    raise TimeoutError(f"{marker!r} was not painted; the end of the screen: {screen[-500:]!r}")


def _press(terminal: int, key: bytes) -> float:
    sleep(0.05)
    while _read(terminal, 0):  # what came by itself since the last key is no answer
        continue
    started = perf_counter()
    os.write(terminal, key)
    _read(terminal, 1.0)
    taken = 1e3 * (perf_counter() - started)
    _quiet(terminal, 0.03)
    return taken


def _quiet(
    terminal: int,
    silence: float = 0.3,
    longest: float = 10.0,
) -> None:
    end = perf_counter() + longest
    while _read(terminal, silence) and perf_counter() < end:
        continue


def _read(terminal: int, seconds: float) -> bytes:
    ready, _, _ = select.select([terminal], [], [], seconds)
    if not ready:
        return b""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def _memory(pid: int) -> float:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))
