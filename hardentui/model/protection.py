"""How the values of an option compare: which of two protects a container more."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ProtectionRule(StrEnum):
    """When a changed value protects the container less than the previous one.

    JUDGED: other options and facts decide; `harden/protection.py` knows.
    """

    NEVER = "no value protects more than another one"
    HIGHER = "a higher number does; below 1 is no limit"
    SWITCHED_OFF = "switching it off does"
    SWITCHED_ON = "switching it on does"
    ADDED = "each entry that comes does"
    REMOVED = "each entry that goes does"
    CHANGED = "values cannot be compared: every change of one that is set does"
    JUDGED = "other options and facts decide"


class Protection(Struct, frozen=True):
    """The rule of one option.

    Attributes:
        text: for NEVER the reason; for a switch the effect of changing it, as a verb phrase.
    """

    rule: ProtectionRule
    text: str = ""
