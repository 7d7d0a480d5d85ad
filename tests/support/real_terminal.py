"""HardenTUI on a real terminal: a process on a pty."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from contextlib import suppress


class Terminal:
    """A process on a pty. `seen` is all that it has written."""

    def __init__(self, environ: dict[str, str], *arguments: str) -> None:
        self.seen = b""
        self._ended = False
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            os.execve(  # noqa: S606
                sys.executable,
                [sys.executable, "-m", "hardentui", *arguments],
                environ,
            )
        fcntl.ioctl(
            self._handle,
            termios.TIOCSWINSZ,
            struct.pack("HHHH", 32, 110, 0, 0),
        )

    def type(self, keys: str) -> int:
        """Type, and tell how much was written so far."""
        os.write(self._handle, keys.encode())
        return len(self.seen)

    def wait_for(
        self,
        text: str,
        start: int = 0,
        seconds: float = 60,
    ) -> int:
        """Wait until it has written this; returns where."""
        deadline = time.monotonic() + seconds
        while (at := self.seen.find(text.encode(), start)) < 0:
            assert time.monotonic() < deadline, f"{text!r} never came; the end: {self._end()}"
            if select.select([self._handle], [], [], 0.1)[0]:
                with suppress(OSError):
                    self.seen += os.read(self._handle, 65536)
        return at

    def _end(self) -> str:
        """The last of what it has written, without what moves the cursor and colours it."""
        return re.sub(
            rb"\x1b\[[0-9;?]*[A-Za-z]",
            b" ",
            self.seen[-40_000:],
        ).decode(errors="replace")[-8000:]

    def wait_for_end(self, seconds: float = 60) -> int:
        """Wait until the process has ended by itself; returns its exit code."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(OSError):  # a terminal that nobody is left on
                if select.select([self._handle], [], [], 0.1)[0]:
                    self.seen += os.read(self._handle, 65536)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended = True
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, f"it did not end; the end: {self.seen[-2000:]!r}"

    def close(self) -> None:
        if not self._ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._handle)
