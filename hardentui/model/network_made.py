"""A network as the engine made it."""

from __future__ import annotations

from msgspec import Struct


class MadeNetwork(Struct, frozen=True):
    """A bridge network.

    Attributes:
        interface: name of its bridge on the host.
        subnet: its first one; empty if it has none.
        closed: the host has no address on it.
    """

    name: str
    interface: str = ""
    subnet: str = ""
    closed: bool = True
