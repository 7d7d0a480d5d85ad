"""From a command line to an exit code."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module

from hardentui.cli.parser import parse
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError

INTERRUPTED = 130
PIPE_CLOSED = 141


def run(argv: Sequence[str]) -> int:
    """Carry out a command line. Errors that are meant for the user become one sentence and a way out."""
    try:
        options = parse(argv)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 2
    terminal = Terminal.standard(options)
    try:
        return _command(options, terminal)
    except HardenError as error:
        terminal.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        terminal.complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has gone; Python would complain once more when it flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _command(options: Namespace, terminal: Terminal) -> int:
    module = options.command or "overview"
    code: int = import_module(f"hardentui.cli.{module}").run(options, terminal)
    return code
