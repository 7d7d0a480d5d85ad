"""The sets of capabilities of a process, from its status."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from hardentui.model.capabilities import CAPABILITIES_BY_NUMBER
from hardentui.model.facts import CapabilitySets


def capability_names(mask: int) -> frozenset[str]:
    """The names of the bits set in `mask`; a bit newer than this list is `CAP_` and its number."""
    return frozenset(
        CAPABILITIES_BY_NUMBER[bit] if bit < len(CAPABILITIES_BY_NUMBER) else f"CAP_{bit}"
        for bit in range(mask.bit_length())
        if mask >> bit & 1
    )


def capability_sets(*processes: Mapping[str, str]) -> CapabilitySets:
    """The capabilities that any of these processes has, from the lines of its /proc/PID/status.

    Raises:
        LookupError, ValueError: a line is missing, or is not a number.
    """

    def names(key: str) -> frozenset[str]:
        return capability_names(reduce(or_, (int(lines[key], 16) for lines in processes)))

    return CapabilitySets(
        effective=names("CapEff"),
        permitted=names("CapPrm"),
        inheritable=names("CapInh"),
        bounding=names("CapBnd"),
        ambient=names("CapAmb"),
    )
