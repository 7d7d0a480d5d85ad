"""The command `hardentui`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from hardentui import __version__
from hardentui.bundle import Bundle


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name) and return the exit code."""
    try:
        from hardentui.cli.run import run
    except KeyboardInterrupt:  # while it loads; `run` answers every later one
        return 130

    return run(sys.argv[1:] if argv is None else argv)


def command() -> NoReturn:
    """Run the command line of this process and end it.

    Python would take apart a hundred thousand objects one by one first, a tenth of the time of a check.
    """
    bundle = Bundle(__package__, os.path.dirname(__file__), __version__)
    sys.meta_path.insert(0, bundle)
    code = main()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # so when it was closed before we began
            with suppress(OSError, ValueError):
                stream.flush()
    bundle.keep()
    os._exit(code)


if __name__ == "__main__":
    command()
