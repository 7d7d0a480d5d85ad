"""The app on a real terminal (a pty): it hands it to the editor, and takes it back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.real_terminal import Terminal


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
    terminal.wait_for("fixes", at)
    at = terminal.type("d")
    terminal.wait_for("difference", at)
    at = terminal.wait_for("EDITOR-HAS-THE-TERMINAL", terminal.type("e"))
    left = terminal.seen.rfind(b"\x1b[?1049l", 0, at)
    assert left > terminal.seen.rfind(b"\x1b[?1049h", 0, at), "it had left its own screen"
    terminal.wait_for("\x1b[?1049h", at)
    terminal.wait_for("there is no check", at)
