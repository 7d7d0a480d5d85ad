"""Parts of rows besides codecs and readers: Quadlet keys and protection rules."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.model.protection import Protection, ProtectionRule
from hardentui.model.spec import KeyKind, QuadletKey
from hardentui.model.version import Version

COMMA_LISTS_BEFORE = Version(5, 0)
"""Before it, Podman split the arguments of some more flags at commas."""


def key(
    name: str,
    since: str,
    kind: KeyKind = KeyKind.RAW_ONE,
    *,
    holds: Callable[[str, Version], bool] | None = None,
    repeats_since: str = "",
) -> QuadletKey:
    """A key of `[Container]`, with the first Podman version that supports it."""
    repeats = Version.parse(repeats_since) if repeats_since else None
    return QuadletKey(name, Version.parse(since), kind, holds, repeats)


LOWER_IS_TIGHTER = Protection(ProtectionRule.HIGHER)
"""A numeric limit; below 1 means no limit."""
ENTRIES_PROTECT = Protection(ProtectionRule.REMOVED)
ENTRIES_EXPOSE = Protection(ProtectionRule.ADDED)
CHANGE_IS_WEAKER = Protection(ProtectionRule.CHANGED)
"""Values cannot be compared, so a set value must not change."""
JUDGED = Protection(ProtectionRule.JUDGED)
"""Depends on other options and facts; see `hardentui/harden/protection.py`."""

NO_ORDER_PROGRAM = Protection(ProtectionRule.NEVER, "what its program does with it, only the program knows")
NO_ORDER_MAKING = Protection(ProtectionRule.NEVER, "how it is made, not how it is held")
NO_ORDER_NAMES = Protection(ProtectionRule.NEVER, "names and addresses, no rights")
NO_ORDER_TIMING = Protection(ProtectionRule.NEVER, "when and how it starts, stops and is looked after")
NO_ORDER_SHARE = Protection(ProtectionRule.NEVER, "a share among others, no limit")


def on_protects(without: str) -> Protection:
    """A switch that protects while it is on; `without` is the effect of switching it off."""
    return Protection(ProtectionRule.SWITCHED_OFF, without)


def on_exposes(exposure: str) -> Protection:
    """A switch that exposes something while it is on; `exposure` is the effect of switching it on."""
    return Protection(ProtectionRule.SWITCHED_ON, exposure)
