"""hardentui networks: which containers are where, what is open to the outside, who can reach whom."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import to_builtins

from hardentui.cli import session
from hardentui.cli.parser import Given
from hardentui.cli.saving import save_text
from hardentui.cli.terminal import Terminal, foreign
from hardentui.model.facts import NetworkFacts
from hardentui.reports.network_svg import network_svg
from hardentui.visible import visible
from hardentui.workbench.pages.networks import places

if TYPE_CHECKING:
    from rich.table import Table

    from hardentui.model.network_map import NetworkMap
    from hardentui.workbench.pages.networks import Place

SCHEMA = "hardentui/networks/1"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "--svg", action=Given, metavar="FILE", default="", help="write the map as a picture into a file"
    )
    parser.epilog = "The exit code is 4 when a container could not be looked at."


def run(options: Namespace, terminal: Terminal) -> int:
    with session.workbench(options, terminal, everything=True) as bench:
        rows = session.scan(bench, terminal)
        networks = [one.about for one in bench.surroundings.networks() if isinstance(one.about, NetworkFacts)]
        containers = [row.report.facts for row in rows if row.report and row.report.facts]
        found = places(networks, containers)
        missing = [row.name for row in rows if not (row.report and row.report.facts)]
        picture = session.map_of(bench, rows)
        if options.svg:
            _draw(picture, options.svg, terminal)
        if options.format == "json":
            document = {
                "schema": SCHEMA,
                "simulated": bench.opened.simulated,
                "places": [to_builtins(one) for one in found],
                "map": to_builtins(picture),
            }
            terminal.write(json.dumps(document, indent=2) + "\n")
        else:
            terminal.show(_table(found))
    for name in missing:
        terminal.complain(f"{visible(name, 60)} could not be looked at, so its ways are not known")
    return 4 if missing else 0


def _draw(picture: NetworkMap, path: str, terminal: Terminal) -> None:
    save_text(path, network_svg(picture), backup=False)
    terminal.note(f"note: the map is in {path}")


def _table(found: Iterable[Place]) -> Table:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Network", "Engine", "Isolated", "Members", "Open to the outside", "Can reach"):
        shown.add_column(title, overflow="fold")
    for place in found:
        isolated = "internal" if place.internal else place.isolated or "-"
        texts = (
            place.name,
            place.engine,
            isolated,
            ", ".join(place.members),
            "; ".join(place.outside) or "-",
            ", ".join(place.reaches) or "nothing",
        )
        shown.add_row(*(foreign(text, 2000) for text in texts))
    return shown
