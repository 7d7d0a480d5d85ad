"""The rows, one module per area. TABLE contains every row of these modules; there is no other list."""

from __future__ import annotations

from typing import Any

from hardentui.model.spec import Option
from hardentui.options.table import (
    filesystem,
    health,
    identity,
    lifecycle,
    logging,
    namespaces,
    network,
    process,
    resources,
    security,
)
from hardentui.options.table.filesystem import *
from hardentui.options.table.health import *
from hardentui.options.table.identity import *
from hardentui.options.table.lifecycle import *
from hardentui.options.table.logging import *
from hardentui.options.table.namespaces import *
from hardentui.options.table.network import *
from hardentui.options.table.process import *
from hardentui.options.table.resources import *
from hardentui.options.table.security import *

_AREAS = (
    process,
    lifecycle,
    identity,
    namespaces,
    network,
    filesystem,
    security,
    resources,
    health,
    logging,
)

TABLE: tuple[Option[Any], ...] = tuple(
    row for area in _AREAS for row in vars(area).values() if isinstance(row, Option)
)
"""Every row, in the order in which outputs list them."""

BY_NAME = {option.name: option for option in TABLE}
