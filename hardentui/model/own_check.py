"""A check of a site's own, as a row of a checklist says it. It holds no logic."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from hardentui.model.finding import Risk, Severity

OwnValue: TypeAlias = "bool | int | float | str | tuple[str, ...]"
"""What is compared with: of the shape of what the row looks at."""


class CheckOperator(StrEnum):
    """What a row demands."""

    PRESENT = "present"
    ABSENT = "absent"
    EQUALS = "equals"
    ONE_OF = "one-of"
    MATCHES = "matches"
    CONTAINS = "contains"
    LACKS = "lacks"
    AT_MOST = "at-most"
    AT_LEAST = "at-least"


class Shape(StrEnum):
    """What kind of value an option or a fact has."""

    SWITCH = "a switch"
    NUMBER = "a number"
    TEXT = "a string"
    LIST = "a list"


class OwnCheck(Struct, frozen=True, kw_only=True):
    """One row.

    Attributes:
        title: what is wrong when the demand is not met.
        option, fact: name of a row of the option table, or of a named fact; one of both.
        value: what is compared with; None for `present` and `absent`.
        set: what the fix writes, where the operator leaves a choice; None where it does not.
        why, breaks: for the documentation of the check.
        only: a pattern of container names; the row asks nothing of others.
    """

    id: str
    title: str
    step: int
    severity: Severity
    operator: CheckOperator
    option: str = ""
    fact: str = ""
    value: OwnValue | None = None
    set: OwnValue | None = None
    why: str = ""
    breaks: str = ""
    summary: str = ""
    risk: Risk = Risk.MAY_BREAK
    only: str = "*"
    references: tuple[str, ...] = ()
