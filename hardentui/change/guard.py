"""A change or undo whose process is killed is rolled back immediately: a second process watches the first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hardentui.account import our_module
from hardentui.change.ourselves import start_detached
from hardentui.errors import ChangeFailed


@contextmanager
def guarded(identity: str) -> Iterator[None]:
    """While the block runs, an entry is rolled back if this process dies.

    Raises:
        ChangeFailed: the guard cannot start; nothing was started.
    """
    theirs, ours = os.pipe()  # both are closed in every program that we start
    try:
        start_detached(our_module("hardentui.change.guard_process", identity), theirs)
    except OSError as error:
        os.close(ours)
        raise ChangeFailed(f"Nothing could roll it back if it were killed: {error.strerror}.") from error
    finally:
        os.close(theirs)
    try:
        yield
    finally:
        with suppress(OSError):
            os.write(ours, b".")
        os.close(ours)
