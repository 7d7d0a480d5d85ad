"""The command `hardentui`."""

from __future__ import annotations

import hardentui.import_path  # noqa: F401 - first: nothing that follows comes from the current folder

# isort: split
import gc
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from hardentui.account import adopt_environment
from hardentui.faults import fault_text

_GARBAGE_THRESHOLD = 200_000
"""Objects created between two runs of the cyclic garbage collector (Python: 700). A check of a
hundred containers keeps 80 000 and drops next to none in a cycle, so one run would cost a tenth of
its time. The terminal UI, which runs for days, still gets rid of its cycles."""


def main(
    argv: Sequence[str] | None = None,
    become: Callable[[int, int], str] | None = None,
) -> int:
    """Run a command line (without the program's name) and return the exit code.

    Args:
        become: gives up the rights of this process for those of an account; without it, root does
            nothing on another account's engine.
    """
    try:
        from hardentui.cli.run import run
    except KeyboardInterrupt:  # while it loads; `run` answers every later one
        return 130

    return run(sys.argv[1:] if argv is None else argv, become)


def _become(uid: int, gid: int) -> str:
    from hardentui.become import become

    return become(uid, gid)


def _tell_fault(failed: threading.ExceptHookArgs) -> None:
    """A thread failed: report where, without the values that Python would print."""
    if failed.exc_value is not None and sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{fault_text(failed.exc_value)}\n")


def command() -> NoReturn:
    """Run the command line of this process and end it.

    Python would take apart a hundred thousand objects one by one first, a tenth of the time of a
    check.
    """
    os.umask(0o022 | os.umask(0o077))  # no file of ours is open to all, whatever was set before
    adopt_environment()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    threading.excepthook = _tell_fault
    code = main(become=_become)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # so when it was closed before we began
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


if __name__ == "__main__":
    command()
