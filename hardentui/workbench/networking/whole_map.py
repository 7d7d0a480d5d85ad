"""The network map of all opened engines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hardentui.model.facts import NetworkFacts
from hardentui.workbench.pages.network_map import network_map
from hardentui.workbench.views import without_originals

if TYPE_CHECKING:
    from hardentui.model.network_map import NetworkMap
    from hardentui.workbench.views import Row
    from hardentui.workbench.workbench import Workbench


def whole_map(bench: Workbench, rows: Iterable[Row]) -> NetworkMap:
    """Who can reach whom among these containers."""
    rows = without_originals(rows)
    networks = [
        network.about for network in bench.surroundings.networks() if isinstance(network.about, NetworkFacts)
    ]
    return network_map(
        networks,
        [row.report.facts for row in rows if row.report and row.report.facts],
        host=bench.opened.place,
        simulated=bench.opened.simulated,
        missing=[row.name for row in rows if not (row.report and row.report.facts)],
    )
