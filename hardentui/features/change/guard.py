"""A second process that looks after what this one is doing, in case this one is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from hardentui.account import our_module
from hardentui.errors import ChangeFailed
from hardentui.features.change.starting import start_detached


@contextmanager
def guarded_by(words: Sequence[str], otherwise: str) -> Iterator[None]:
    """While the block runs, a module of ours is run if this process dies.

    Args:
        words: the module and its arguments.
        otherwise: what would happen without the guard, to complete "Nothing could …".

    Raises:
        ChangeFailed: the guard cannot start; nothing was started.
    """
    theirs, ours = os.pipe()  # both are closed in every program that we start
    try:
        start_detached(
            our_module("hardentui.features.change.guard_process", *words),
            theirs,
        )
    except OSError as error:
        os.close(ours)
        raise ChangeFailed(f"Nothing could {otherwise}: {error.strerror}.") from error
    finally:
        os.close(theirs)
    try:
        yield
    finally:
        with suppress(OSError):
            os.write(ours, b".")
        os.close(ours)
