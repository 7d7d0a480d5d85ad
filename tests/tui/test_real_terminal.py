"""The app on a real terminal (a pty): it hands it to the editor, and takes it back."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest


class Terminal:
    """A process on a pty. `seen` is all that it has written."""

    def __init__(self, environ: dict[str, str], *arguments: str) -> None:
        self.seen = b""
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "hardentui", *arguments], environ)  # noqa: S606
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", 32, 110, 0, 0))

    def type(self, keys: str) -> int:
        """Type, and tell how much was written so far."""
        os.write(self._handle, keys.encode())
        return len(self.seen)

    def wait_for(self, text: str, start: int = 0, seconds: float = 60) -> int:
        """Wait until it has written this; returns where."""
        deadline = time.monotonic() + seconds
        while (at := self.seen.find(text.encode(), start)) < 0:
            assert time.monotonic() < deadline, f"{text!r} never came; the end: {self.seen[-2000:]!r}"
            if select.select([self._handle], [], [], 0.1)[0]:
                with suppress(OSError):
                    self.seen += os.read(self._handle, 65536)
        return at

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._handle)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    editor = tmp_path / "editor"
    slip = "sed -i s/no-memory-limit/no-memory-limt/"
    editor.write_text(f'#!/bin/sh\ntest -t 0 && echo EDITOR-HAS-THE-TERMINAL\n{slip} "$1"\n')
    editor.chmod(0o755)
    own = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    environ = {name: str(tmp_path / name) for name in own}
    environ |= {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    environ["EDITOR"] = str(editor)
    process = Terminal(environ, "--demo")
    yield process
    process.close()


def test_the_editor_gets_the_terminal_and_the_app_takes_it_back(terminal: Terminal) -> None:
    terminal.wait_for("uyuni-server")
    terminal.wait_for("safe fix")  # the scan is done, and the outlook of a row computed
    at = terminal.type("\r")
    terminal.wait_for("esc", at)
    at = terminal.type("F")
    terminal.wait_for("PodmanArgs", at)
    at = terminal.type("d")
    terminal.wait_for("difference", at)
    at = terminal.wait_for("EDITOR-HAS-THE-TERMINAL", terminal.type("e"))
    left = terminal.seen.rfind(b"\x1b[?1049l", 0, at)
    assert left > terminal.seen.rfind(b"\x1b[?1049h", 0, at), "it had left its own screen"
    terminal.wait_for("\x1b[?1049h", at)
    terminal.wait_for("there is no check", at)
