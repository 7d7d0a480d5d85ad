"""What `check --rights --format json` prints; its schema is made from this struct."""

from __future__ import annotations

from msgspec import Struct

from hardentui.features.rights.page import Rights


class RightsDocument(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="hardentui/rights/1"
):
    """What the kernel lets containers do."""

    simulated: bool  # it is the simulated host, not a real one
    containers: tuple[Rights, ...]
