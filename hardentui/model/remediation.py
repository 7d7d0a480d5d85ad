"""Fixes: what kind of work one is, its risk, and how to carry it out."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from hardentui.model.severity import Severity as Severity


class FixKind(StrEnum):
    """The kind of work that a fix needs."""

    LIVE_UPDATE = "live update"
    RECREATE = "recreate"
    UNIT_EDIT = "unit edit"
    HOST_FILE = "host file"
    IMAGE_REBUILD = "image rebuild"
    DECISION = "decision"

    @property
    def words(self) -> str:
        """What carrying it out does, for people."""
        return _WORK[self]


_WORK = {
    FixKind.LIVE_UPDATE: "changes the running container",
    FixKind.RECREATE: "recreates the container",
    FixKind.UNIT_EDIT: "changes its unit file",
    FixKind.HOST_FILE: "changes a file of the host",
    FixKind.IMAGE_REBUILD: "needs a new image",
    FixKind.DECISION: "yours to decide",
}


class Risk(StrEnum):
    """The risk of a fix for a working service.

    DECISION: it changes what others rely on (ports that clients use, which image the next start
    runs), which no trial can show. Only a person who names the fix takes it.
    """

    SAFE = "safe"
    MAY_BREAK = "may break"
    CHANGES_BEHAVIOUR = "changes behaviour"
    DECISION = "decision"


class Remediation(Struct, frozen=True):
    summary: str
    impact: str
    kind: FixKind
    risk: Risk  # the general risk; `here` is the risk for this container, if observations show it
    run: str = ""  # the change as `podman run` flags, one per line; empty if no flag fixes it
    quadlet: str = ""  # the change as Quadlet lines
    commands: tuple[str, ...] = ()  # commands or lines for what no container option can fix
    here: Risk | None = None
    notes: tuple[str, ...] = ()
