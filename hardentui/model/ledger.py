"""The data ledger: the paths of a container that change their home by a fix. Plain records."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Home(StrEnum):
    """Where the files of a path are kept."""

    LAYER = "layer"  # the container's own writable layer
    VOLUME = "volume"
    TMPFS = "tmpfs"
    BIND = "bind"  # a directory of the host


class Holds(StrEnum):
    """What a path is for, by its name."""

    DATA = "data"
    LOGS = "logs"
    SCRATCH = "scratch"


class Lost(StrEnum):
    """When what a path holds is lost, and by whom."""

    NEVER = "never"  # somebody has to remove its volume or directory
    AT_STOP = "at each stop"
    WITH_CONTAINER = "when the container is made anew"


class LedgerRow(Struct, frozen=True, kw_only=True):
    """One path that changes its home."""

    container: str
    path: str
    holds: Holds
    bytes: int | None = None  # what the container wrote there until now; None: not known
    before: Home
    after: Home
    source: str = ""  # the volume, or the directory of the host, that it becomes
    copied: bool = False  # what it holds now is there afterwards
    limit: int | None = None  # in bytes; None: that of its disk, for a tmpfs half of the memory
    lost: Lost  # when what is written there is lost
    hides: bool = False  # the files that the next image brings there stay hidden


class NewerData(Struct, frozen=True, kw_only=True):
    """What was written to a path since a change, and where it lies after its undo."""

    container: str
    path: str
    home: Home
    source: str  # the volume, or the stopped container in whose layer it is
    brought: bool = False  # its container has it again, too
    mounted: bool = False  # because its unit mounts that volume
    former: str = ""  # the volume with what that container had there instead; empty: nothing
