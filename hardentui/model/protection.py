"""How the values of an option compare: which of two protects a container more."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ProtectionRule(StrEnum):
    """When a changed value protects the container less than the previous one.

    JUDGED: it depends on other options and facts, see `harden/protection.py`.
    """

    NEVER = "no value protects more than another"
    HIGHER = "a higher number; below 1 is no limit"
    SWITCHED_OFF = "switching it off"
    SWITCHED_ON = "switching it on"
    ADDED = "each added entry"
    REMOVED = "each removed entry"
    CHANGED = "any change of a set value, because values cannot be compared"
    JUDGED = "depends on other options and facts"


class Protection(Struct, frozen=True):
    """The rule of one option.

    Attributes:
        text: for NEVER the reason; for a switch the effect of changing it, as a verb phrase.
    """

    rule: ProtectionRule
    text: str = ""
