"""Capability sets: from options to the requested set, and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.model.facts import ALL_CAPABILITIES, capability_name
from hardentui.model.spec import Spec
from hardentui.options.rows import CAP_ADD, CAP_DROP, PRIVILEGED


def bounding_set(spec: Spec, defaults: frozenset[str]) -> frozenset[str]:
    """The capabilities that the declared options request, given the engine's defaults."""
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


def given_explicitly(spec: Spec) -> frozenset[str]:
    return frozenset(capability_name(word) for word in spec[CAP_ADD]) - {"all"}


def with_only(spec: Spec, names: Iterable[str]) -> Spec:
    """A spec with exactly these capabilities: drop all, add these."""
    wanted = tuple(sorted({capability_name(name) for name in names}))
    return spec.with_(CAP_DROP, ("all",)).with_(CAP_ADD, wanted)


def with_no_more(
    spec: Spec,
    names: Iterable[str],
    defaults: frozenset[str],
) -> Spec:
    """A spec for an ordinary user whose setuid programs can get exactly these capabilities.

    None is added by name, because Podman would grant it to the user directly.
    """
    wanted = {capability_name(name) for name in names}
    added = {capability_name(name) for name in spec[CAP_ADD]} & wanted
    if wanted == added or "all" in {capability_name(name) for name in spec[CAP_ADD]}:
        return with_only(spec, wanted)
    kept = tuple(word for word in spec[CAP_ADD] if capability_name(word) in added)
    return spec.with_(CAP_DROP, tuple(sorted(defaults - wanted))).with_(
        CAP_ADD,
        kept,
    )
