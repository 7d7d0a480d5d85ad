"""A value that was read, or the reason why it could not be.

What could not be read is an `Unreadable` with the reason, never None, so that no check can mistake it for an
absent value.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from msgspec import Struct

V = TypeVar("V")


class Unreadable(Struct, frozen=True):
    """A value that could not be read. `reason` completes the sentence "unknown, because …"."""

    reason: str


Known: TypeAlias = V | Unreadable

NOT_READ = Unreadable("it was not read")
