"""What `check --rights --format json` prints; its schema is made from this struct."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hardentui.features.rights.page import Rights


class RightsDocument(Struct, frozen=True, kw_only=True):
    """What the kernel lets containers do."""

    schema: Literal["hardentui/rights/1"] = "hardentui/rights/1"
    simulated: bool  # it is the simulated host, not a real one
    containers: tuple[Rights, ...]
