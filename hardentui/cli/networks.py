"""hardentui networks: which containers are where, what is reachable from outside, who can reach whom."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import to_builtins

from hardentui.cli import network_actions, network_split, session
from hardentui.cli.parser import Given, seconds
from hardentui.cli.terminal import Terminal, foreign
from hardentui.cli.text_files import save_text
from hardentui.errors import UsageError
from hardentui.model.facts import NetworkFacts
from hardentui.reports.network_svg import network_svg
from hardentui.visible import strict_json, visible
from hardentui.workbench.pages.networks import places
from hardentui.workbench.views import without_originals

if TYPE_CHECKING:
    from rich.table import Table

    from hardentui.model.network_map import NetworkMap
    from hardentui.workbench.pages.networks import NetworkPlace

SCHEMA = "hardentui/networks/1"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "--svg", action=Given, metavar="FILE", default="", help="write the map to an SVG file"
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--prove",
        nargs=2,
        metavar=("FROM", "TO[:PORT]"),
        help="open a real connection from container FROM to a container, `host:PORT` or ADDRESS:PORT; "
        "no data is sent",
    )
    action.add_argument(
        "--outgoing",
        action=Given,
        metavar="NAME",
        default="",
        help="show what a container connects to, with nftables rules",
    )
    action.add_argument(
        "--split", action="store_true", help="propose separate networks for applications that share one"
    )
    _of_actions(parser)
    parser.epilog = (
        "The exit code is 4 when something could not be checked. With --prove: 0 a connection works, "
        "1 none does, 4 unknown. With --try: 0 every needed connection works and all others are blocked, "
        "1 otherwise, 6 the twins do not work even on one network, 4 unknown."
    )


def _of_actions(parser: ArgumentParser) -> None:
    """Options that only `--outgoing` or `--split` use."""
    parser.add_argument(
        "--watch",
        type=seconds,
        metavar="S",
        default=0.0,
        help="with --outgoing and --split: seconds to watch (default for --split: 5)",
    )
    parser.add_argument(
        "--try",
        dest="tried",
        nargs="?",
        const="",
        metavar="NETWORK",
        help="with --split: run twins of all members on the proposed networks and open real connections "
        "between them; default: every proposal",
    )
    parser.add_argument(
        "--outside",
        action="store_true",
        help="with --try: twins that keep a route out can use it during the trial; their traffic is real",
    )
    parser.add_argument(
        "--patience",
        type=seconds,
        metavar="S",
        default=30.0,
        help="with --try: how many seconds a twin may take to become ready (default: 30)",
    )
    parser.add_argument(
        "--trial", action=Given, metavar="FILE", default="", help="with --outgoing: add what a trial saw"
    )
    parser.add_argument(
        "-o",
        action=Given,
        metavar="PATH",
        dest="file",
        default="",
        help="the file for the rules of --outgoing, or the directory for the units of --split",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if options.tried is not None and not options.split:
        raise UsageError("--try needs --split.")
    with session.workbench(options, terminal, everything=True) as bench:
        rows = without_originals(session.scan(bench, terminal))
        if options.prove or options.outgoing or options.split:
            if options.prove:
                return network_actions.prove(bench, rows, options, terminal)
            if options.outgoing:
                return network_actions.outgoing(bench, rows, options, terminal)
            return network_split.split(bench, rows, options, terminal)
        networks = [
            network.about
            for network in bench.surroundings.networks()
            if isinstance(network.about, NetworkFacts)
        ]
        containers = [row.report.facts for row in rows if row.report and row.report.facts]
        every_place = places(networks, containers)
        missing = [row.name for row in rows if not (row.report and row.report.facts)]
        picture = bench.network_map(rows)
        if options.svg:
            _draw(picture, options.svg, terminal)
        if options.format == "json":
            document = {
                "schema": SCHEMA,
                "simulated": bench.opened.simulated,
                "places": [to_builtins(place) for place in every_place],
                "map": to_builtins(picture),
            }
            terminal.write(strict_json(json.dumps(document, indent=2)) + "\n")
        else:
            terminal.show(_table(every_place, picture))
    for name in missing:
        terminal.complain(f"{visible(name, 60)} could not be checked, so its routes are unknown")
    return 4 if missing else 0


def _draw(picture: NetworkMap, path: str, terminal: Terminal) -> None:
    save_text(path, network_svg(picture), backup=False)
    terminal.note(f"note: the map is in {path}")


def _table(every_place: Iterable[NetworkPlace], picture: NetworkMap) -> Table:
    from rich.table import Table

    gates = {
        (place.engine, place.name): [
            f"{opening.container} {opening.words}: {opening.gate.value}"
            if opening.port
            else f"{opening.words}: {opening.gate.value}"
            for opening in place.openings
        ]
        for place in picture.places
    }
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Network", "Engine", "Isolated", "Members", "Open to the outside", "Can reach"):
        shown.add_column(title, overflow="fold")
    for place in every_place:
        isolated = "internal" if place.internal else place.isolated or "-"
        texts = (
            place.name,
            place.engine,
            isolated,
            ", ".join(place.members),
            "; ".join(gates.get((place.engine, place.name), ())) or "-",
            ", ".join(place.reaches) or "nothing",
        )
        shown.add_row(*(foreign(text, 2000) for text in texts))
    return shown
