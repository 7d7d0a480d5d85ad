"""hardentui without a command: the terminal UI on a terminal, plain lines on request, else the list."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from hardentui.cli.terminal import Terminal, command_module
from hardentui.features.settings.reading import wants_text


def run(options: Namespace, terminal: Terminal) -> int:
    if options.text or (terminal.is_terminal and sys.stdin.isatty() and wants_text(os.environ)):
        module = "text_mode"
    else:
        module = "screens" if terminal.is_terminal and sys.stdin.isatty() else "table"
    code: int = command_module(module).run(options, terminal)
    return code
