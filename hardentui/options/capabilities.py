"""Capability sets: from options to the set they ask for, and back."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.model.capabilities import ALL_CAPABILITIES, capability_name
from hardentui.model.spec import Spec
from hardentui.options.table.security import CAP_ADD, CAP_DROP, PRIVILEGED


def bounding_set(spec: Spec, defaults: frozenset[str]) -> frozenset[str]:
    """The capabilities that the declared options ask for, given the engine's defaults."""
    if spec[PRIVILEGED]:
        return ALL_CAPABILITIES
    add, drop = spec[CAP_ADD], spec[CAP_DROP]
    if not add and not drop:
        return defaults
    added = {capability_name(name) for name in add}
    dropped = {capability_name(name) for name in drop}
    base = ALL_CAPABILITIES if "all" in added else defaults
    if "all" in dropped:
        base = frozenset()
    return (base - dropped) | (added - {"all"})


def with_only(spec: Spec, names: Iterable[str]) -> Spec:
    """A spec that asks for exactly these capabilities: drop all, add those."""
    wanted = tuple(sorted({capability_name(name) for name in names}))
    return spec.with_(CAP_DROP, ("all",)).with_(CAP_ADD, wanted)
