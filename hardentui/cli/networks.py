"""hardentui networks: which containers are where, what is reachable from outside, who can reach
whom."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from hardentui.cli import session
from hardentui.cli.parser import flag, format_option, given, seconds
from hardentui.cli.saved_text import save_text
from hardentui.cli.task import carry_out
from hardentui.cli.terminal import Terminal, foreign
from hardentui.cli.trial import ProgressLines, interruptible
from hardentui.errors import UsageError
from hardentui.features.networks.documents import NetworksDocument, place_entry
from hardentui.features.networks.map import whole_map
from hardentui.features.networks.page import NetworkPlace, places
from hardentui.features.networks.requests import WATCH, outgoing_task, prove_task, split_task
from hardentui.features.reports.network_svg import network_svg
from hardentui.features.views import Row, without_originals
from hardentui.files import write_bundle
from hardentui.model.facts import NetworkFacts
from hardentui.visible import visible

if TYPE_CHECKING:
    from rich.table import Table

    from hardentui.features.workbench import Workbench
    from hardentui.model.network import NetworkMap


def prove(
    bench: Workbench,
    rows: tuple[Row, ...],
    options: Namespace,
    terminal: Terminal,
) -> int:
    task = partial(
        prove_task,
        bench,
        rows,
        " ".join(options.prove),
    )
    return carry_out(
        task,
        terminal,
        "connecting",
        as_json=options.format == "json",
        indent=1,
    ).code


def outgoing(
    bench: Workbench,
    rows: tuple[Row, ...],
    options: Namespace,
    terminal: Terminal,
) -> int:
    task = partial(
        outgoing_task,
        bench,
        rows,
        options.outgoing,
        seconds=options.watch,
    )
    doing = f"watching {visible(options.outgoing, 60)} for {options.watch:g} s"
    as_json = options.format == "json"
    result = carry_out(
        task,
        terminal,
        doing,
        as_json=as_json,
        indent=1,
    )
    for rules in result.files:
        if not as_json:
            terminal.write_exact(f"\n{rules.text}")
        if options.file:
            save_text(options.file, rules.text, backup=False)
            terminal.note(f"note: the rules are in {visible(options.file)}; nft -f loads them")
    return result.code


def split(
    bench: Workbench,
    rows: tuple[Row, ...],
    options: Namespace,
    terminal: Terminal,
) -> int:
    task = partial(
        split_task,
        bench,
        rows,
        options.tried,
        seconds=options.watch,
        on_event=ProgressLines(terminal),
    )
    with interruptible():
        result = carry_out(
            task,
            terminal,
            "looking",
            as_json=options.format == "json",
            indent=1,
        )
    if options.file and result.files:
        terminal.tell_written(
            write_bundle(options.file, result.files, create=True),
            note=True,
        )
    return result.code


def arguments(parser: ArgumentParser) -> None:
    format_option(parser)
    given(
        parser,
        "--svg",
        "FILE",
        "write the map to an SVG file",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--prove",
        nargs=2,
        metavar=("FROM", "TO[:PORT]"),
        help="open a real connection from container FROM to a container, `host:PORT` or ADDRESS:PORT; "
        "no data is sent",
    )
    given(
        action,
        "--outgoing",
        "NAME",
        "show what a container connects to, with nftables rules",
    )
    flag(
        action,
        "--split",
        "propose separate networks for applications that share one",
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
        default=WATCH,
        help="with --outgoing and --split: seconds to watch (default: 10)",
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
    about = "the file for the rules of --outgoing, or the directory for the units of --split"
    given(
        parser,
        "-o",
        "PATH",
        about,
        dest="file",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if options.tried is not None and not options.split:
        raise UsageError("--try needs --split.")
    with session.workbench(options, terminal, everything=True) as bench:
        rows = without_originals(session.scan(bench, terminal))
        if options.prove or options.outgoing or options.split:
            if options.prove:
                return prove(bench, rows, options, terminal)
            if options.outgoing:
                return outgoing(bench, rows, options, terminal)
            return split(bench, rows, options, terminal)
        networks = [
            network.about
            for network in bench.surroundings.networks()
            if isinstance(network.about, NetworkFacts)
        ]
        containers = [row.report.facts for row in rows if row.report and row.report.facts]
        every_place = places(networks, containers)
        missing = [row.name for row in rows if not (row.report and row.report.facts)]
        picture = whole_map(bench, rows)
        if options.svg:
            save_text(
                options.svg,
                network_svg(picture),
                backup=False,
            )
            terminal.note(f"note: the map is in {options.svg}")
        if options.format == "json":
            document = NetworksDocument(
                simulated=bench.opened.simulated,
                places=tuple(map(place_entry, every_place)),
                map=picture,
            )
            terminal.write_json(document)
        else:
            terminal.show(_table(every_place, picture))
    for name in missing:
        terminal.complain(f"{visible(name, 60)} could not be checked, so its routes are unknown")
    return 4 if missing else 0


def _table(
    every_place: Iterable[NetworkPlace],
    picture: NetworkMap,
) -> Table:
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
    shown = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
    )
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
