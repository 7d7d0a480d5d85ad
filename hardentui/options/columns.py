"""What the columns of the option table are written with: how a value protects, and keys of Quadlet."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.model.podman_version import Version
from hardentui.model.spec import (
    KeyKind,
    Protection,
    ProtectionRule,
    QuadletKey,
    Readability,
    TwinUse,
)

RAW_ALL, BOOLEAN, KEY_VALUE = KeyKind.RAW_ALL, KeyKind.BOOLEAN, KeyKind.KEY_VALUE


WORDS_LITERAL, WORDS_ESCAPED = KeyKind.WORDS_LITERAL, KeyKind.WORDS_ESCAPED


ALWAYS, LOSSY = Readability.ALWAYS, Readability.LOSSY


CREATE_COMMAND, CLIENT = Readability.CREATE_COMMAND, Readability.CLIENT


AS_IS, REPLACED = TwinUse.AS_IS, TwinUse.REPLACED
DROPPED, WITHHELD = TwinUse.DROPPED, TwinUse.WITHHELD


NO_PORTS = "a twin publishes no port"
OWN_NETWORK = "a twin is on a separate network without a route out"
NO_RESTART = "nothing restarts a twin"
SAME_IMAGE = "a twin runs the container's current image"
OWN_LOG = "a twin writes its log to a separate file"
OWN_LIFE = "a twin has its own name and lifetime"
"""Why a twin cannot show the effect of changing an option that it has in a harmless form."""


V5 = Version(5, 0)
"""Before it, Podman split the arguments of some more flags at commas."""


LOWER_IS_TIGHTER = Protection(ProtectionRule.HIGHER)
"""A numeric limit; below 1 means no limit."""


ENTRIES_PROTECT = Protection(ProtectionRule.REMOVED)


ENTRIES_EXPOSE = Protection(ProtectionRule.ADDED)


CHANGE_IS_WEAKER = Protection(ProtectionRule.CHANGED)
"""Values cannot be compared, so a set value must not change."""


JUDGED = Protection(ProtectionRule.JUDGED)
"""Depends on other options and facts; see `hardentui/harden/protection.py`."""


PROGRAM = Protection(
    ProtectionRule.NEVER,
    "what its program does with it, only the program knows",
)


MAKING = Protection(ProtectionRule.NEVER, "how it is made, not how it is held")


NAMES = Protection(ProtectionRule.NEVER, "names and addresses, no rights")


TIMING = Protection(
    ProtectionRule.NEVER,
    "when and how it starts, stops and is looked after",
)


SHARE = Protection(ProtectionRule.NEVER, "a share among others, no limit")


def on_protects(without: str) -> Protection:
    """A switch that protects while it is on; `without` is the effect of switching it off."""
    return Protection(ProtectionRule.SWITCHED_OFF, without)


def on_exposes(exposure: str) -> Protection:
    """A switch that exposes something while it is on; `exposure` is the effect of switching it on."""
    return Protection(ProtectionRule.SWITCHED_ON, exposure)


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
    return QuadletKey(
        name,
        Version.parse(since),
        kind,
        holds,
        repeats,
    )
