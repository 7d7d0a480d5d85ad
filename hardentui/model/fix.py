"""Fixes: what kind of work one is, its risk, and how to carry it out."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class FixKind(StrEnum):
    """The kind of work that a fix needs."""

    LIVE_UPDATE = "live update"
    RECREATE = "recreate"
    UNIT_EDIT = "unit edit"
    HOST_FILE = "host file"
    IMAGE_REBUILD = "image rebuild"
    DECISION = "decision"


class Risk(StrEnum):
    """The risk of a fix for a working service.

    DECISION: it changes what others rely on (ports that clients use, which image the next start runs), which
    no trial can show. Only a person who names the fix takes it.
    """

    SAFE = "safe"
    MAY_BREAK = "may break"
    CHANGES_BEHAVIOUR = "changes behaviour"
    DECISION = "decision"


class Remediation(Struct, frozen=True):
    """How to fix a failing finding.

    Attributes:
        summary: one imperative sentence.
        impact: what it may break.
        run: the change as `podman run` flags, one per line; empty if no flag fixes it.
        quadlet: the change as Quadlet lines.
        commands: commands or lines for what no container option can fix.
        risk: the general risk; `here` is the risk for this container, if observations show it.
        notes: observations of this container and their consequences.
    """

    summary: str
    impact: str
    kind: FixKind
    risk: Risk
    run: str = ""
    quadlet: str = ""
    commands: tuple[str, ...] = ()
    here: Risk | None = None
    notes: tuple[str, ...] = ()
