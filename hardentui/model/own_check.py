"""A site's own check, as declared in a row of a checklist. It has no logic."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from hardentui.model.finding import Severity
from hardentui.model.remediation import Risk

OwnValue: TypeAlias = "bool | int | float | str | tuple[str, ...]"
"""The value to compare with; its shape is that of the option or fact."""


class CheckOperator(StrEnum):
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
    """The kind of value of an option or fact."""

    SWITCH = "a switch"
    NUMBER = "a number"
    TEXT = "a string"
    LIST = "a list"


class OwnCheck(Struct, frozen=True, kw_only=True):
    """One row of a checklist."""

    id: str
    title: str  # what is wrong if the requirement is not met
    step: int
    severity: Severity
    operator: CheckOperator
    # option, fact: name of an option or of a fact; exactly one is set
    option: str = ""
    fact: str = ""
    value: OwnValue | None = None  # the value to compare with; None for `present` and `absent`
    # the value that the fix writes, if the operator leaves a choice; otherwise None
    set: OwnValue | None = None
    why: str = ""
    breaks: str = ""
    summary: str = ""
    risk: Risk = Risk.MAY_BREAK
    only: str = "*"  # a pattern of container names; the row applies only to these
    references: tuple[str, ...] = ()
