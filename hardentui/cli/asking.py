"""Asking before something is changed."""

from __future__ import annotations

import sys

from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError


def sure(terminal: Terminal, question: str, *, yes: bool, command: str) -> None:
    """Ask whether to go on; `yes` = it was said already.

    Raises:
        UsageError: nobody can be asked, or the answer is no. Nothing was changed.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("Nothing was changed: nobody can be asked here.", f"To go on without: {command}")
    terminal.complain(f"{question} [y/N]")
    answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes"):
        raise UsageError("Nothing was changed.")
