"""Confirmation before a change."""

from __future__ import annotations

import sys

from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError


def sure(terminal: Terminal, question: str, *, yes: bool, command: str) -> None:
    """Ask whether to continue; `yes` = already confirmed.

    Raises:
        UsageError: there is no terminal to ask on, or the answer is no. Nothing was changed.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "Nothing was changed: there is no terminal to ask for confirmation.",
            f"To skip the question: {command}",
        )
    terminal.complain(f"{question} [y/N]")
    answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes"):
        raise UsageError("Nothing was changed.")
