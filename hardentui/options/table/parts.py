"""What rows are made of besides codecs and readers: Quadlet keys and rules of protection."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.model.protection import Protection, ProtectionRule
from hardentui.model.spec import KeyKind, QuadletKey
from hardentui.model.version import Version


def key(
    name: str,
    since: str,
    kind: KeyKind = KeyKind.RAW_ONE,
    *,
    holds: Callable[[str, Version], bool] | None = None,
    repeats_since: str = "",
) -> QuadletKey:
    """A key of `[Container]`, by the first Podman that knows it."""
    repeats = Version.parse(repeats_since) if repeats_since else None
    return QuadletKey(name, Version.parse(since), kind, holds, repeats)


LOWER_IS_TIGHTER = Protection(ProtectionRule.HIGHER)
"""A number that limits; below 1 is no limit."""
ENTRIES_PROTECT = Protection(ProtectionRule.REMOVED)
ENTRIES_EXPOSE = Protection(ProtectionRule.ADDED)
CHANGE_IS_WEAKER = Protection(ProtectionRule.CHANGED)
"""Values cannot be compared, so one that is set must stay."""
JUDGED = Protection(ProtectionRule.JUDGED)
"""Other options and facts decide: `hardentui/harden/protection.py` has a function for it."""

NO_ORDER_PROGRAM = Protection(ProtectionRule.NEVER, "what its program does with it, only the program knows")
NO_ORDER_MAKING = Protection(ProtectionRule.NEVER, "how it is made, not how it is held")
NO_ORDER_NAMES = Protection(ProtectionRule.NEVER, "names and addresses, no rights")
NO_ORDER_TIMING = Protection(ProtectionRule.NEVER, "when and how it starts, stops and is looked after")
NO_ORDER_SHARE = Protection(ProtectionRule.NEVER, "a share among others, no limit")


def on_protects(without: str) -> Protection:
    """A switch that protects while it is on; `without` is what switching it off does."""
    return Protection(ProtectionRule.SWITCHED_OFF, without)


def on_exposes(exposure: str) -> Protection:
    """A switch that exposes something while it is on; `exposure` is what switching it on does."""
    return Protection(ProtectionRule.SWITCHED_ON, exposure)
