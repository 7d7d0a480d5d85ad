"""Waits for a process that changes the host or runs twins to end, and clears up if it was killed.

Run by `account.our_module` with a module of ours and its arguments, and a pipe as standard input: a
byte says that the process ended in order, the end of the pipe without a byte that it died; then that
module is run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from hardentui.account import our_module


def main(words: Sequence[str]) -> None:
    if os.read(0, 1):
        return
    ours = our_module(*words)
    os.execv(ours[0], ours)  # noqa: S606 - our own program, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
