"""Waits for a process that changes the host to end, and rolls the change back if it was killed.

Run as `python -P -m hardentui.features.change.guard_process ID` with a pipe as standard input: a
byte says that the change ended in order, the end of the pipe without a byte that its process died.
Loads nothing else.
"""

from __future__ import annotations

import os
import sys


def main(identity: str) -> None:
    if os.read(0, 1):
        return
    words = [
        sys.executable,
        "-P",
        "-m",
        "hardentui",
        "--quiet",
        "undo",
        identity,
        "--cut-off",
        "--yes",
    ]
    os.execv(sys.executable, words)  # noqa: S606 - our own program, without a shell


if __name__ == "__main__":
    main(sys.argv[1])
