"""How far a change is, and what happens to data meanwhile."""

from __future__ import annotations

from enum import StrEnum


class Data(StrEnum):
    """What happens to the data in the container's writable layer, which its successor would not
    have."""

    KEEP = "copied into volumes"
    DISCARD = "discarded"
    REFUSE = "apply is refused if data would be lost"


class Stage(StrEnum):
    """How far a change is, and why the keys of another stage do nothing."""

    LOOKING = "Still looking at the container."
    OUTSET = "Nothing was tried yet."
    STEPS = "Nothing was tried."
    CARD = "The trial is over."
    RUNNING = "It is running. esc stops it."
    ENDED = "It is done."
    FILES = "Its files are shown."


STAGES = {
    "go": (Stage.OUTSET, Stage.STEPS, Stage.CARD),
    "probe": (Stage.OUTSET, Stage.STEPS, Stage.CARD),
    "limit": (Stage.STEPS, Stage.CARD),
    "data": (Stage.STEPS, Stage.CARD),
    "all": (Stage.OUTSET, Stage.CARD),
    "level": (Stage.OUTSET, Stage.CARD),
    "soak": (Stage.CARD,),
    "write": (Stage.STEPS, Stage.CARD),
    "save": (Stage.FILES,),
    "hunk": (Stage.FILES,),
    "diff": (Stage.CARD,),
    "evidence": (Stage.CARD,),
    "keep": (Stage.ENDED,),
    "undo": (Stage.ENDED,),
}
"""Action -> when it is in the footer."""
