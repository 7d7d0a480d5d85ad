"""hardentui networks: which containers are where, what is reachable from outside, who can reach whom."""

from __future__ import annotations

import json
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import to_builtins

from hardentui.cli import session
from hardentui.cli.parser import Given, seconds
from hardentui.cli.terminal import Terminal, foreign, save_text
from hardentui.cli.trial import ProgressLines, interruptible
from hardentui.errors import UsageError
from hardentui.features.networks.page import PlaceKind, places
from hardentui.features.networks.requests import (
    outgoing_page,
    proofs_page,
    propose_splits,
    prove_way,
    split_trial_page,
    splits_page,
    watch_outgoing,
)
from hardentui.features.networks.splitting import try_proposal, whole_map
from hardentui.features.reports.network_svg import network_svg
from hardentui.features.sections import page_text
from hardentui.features.views import without_originals
from hardentui.files import write_bundle
from hardentui.model.facts import NetworkFacts
from hardentui.model.network import SplitResult
from hardentui.visible import strict_json, visible

if TYPE_CHECKING:
    from rich.table import Table

    from hardentui.features.networks.page import NetworkPlace
    from hardentui.features.networks.splitting import Split
    from hardentui.features.views import Row
    from hardentui.features.workbench import Workbench
    from hardentui.model.network import NetworkMap, SplitTrial


SPLIT_SCHEMA = "hardentui/split/1"
_CODES = {SplitResult.WORKS: 0, SplitResult.BREAKS: 1, SplitResult.NOT_TOLD: 4, SplitResult.NOTHING_WORKS: 6}


def split(bench: Workbench, rows: tuple[Row, ...], options: Namespace, terminal: Terminal) -> int:
    """Print the proposals; 0 also if there is nothing to split.

    With --try: 1 a proposal breaks something, 6 twins do not work even unchanged, 4 unknown.
    """
    terminal.activity(f"watching the containers for {options.watch:g} s")
    proposals = propose_splits(bench, rows, threading.Event(), seconds=options.watch)
    terminal.clear()
    trials = () if options.tried is None else _tried(bench, rows, proposals, options, terminal)
    if options.format == "json":
        document = {
            "schema": SPLIT_SCHEMA,
            "simulated": bench.opened.simulated,
            "splits": [
                {
                    **to_builtins(proposal),
                    "files": [
                        {"name": file.name, "text": file.text, "mode": file.mode} for file in proposal.files
                    ],
                }
                for proposal in proposals
            ],
            "trials": [trial_document(trial) for trial in trials],
        }
        terminal.write(strict_json(json.dumps(document, indent=1)) + "\n")
    else:
        pages = [*splits_page(proposals), *(part for trial in trials for part in split_trial_page(trial))]
        terminal.write(page_text(pages))
    if options.file and proposals:
        _save(proposals, options.file, terminal)
    codes = {_CODES[trial.result] for trial in trials}
    return next((code for code in (1, 6, 4) if code in codes), 0)


def trial_document(trial: SplitTrial) -> dict[str, object]:
    """A trial for JSON."""
    document: dict[str, object] = to_builtins(trial)
    document["ways"] = [{**to_builtins(way), "holds": way.holds} for way in trial.ways]
    return document


def _tried(
    bench: Workbench,
    rows: tuple[Row, ...],
    proposals: Iterable[Split],
    options: Namespace,
    terminal: Terminal,
) -> tuple[SplitTrial, ...]:
    """The trials of all proposals, or of the one for the named network.

    Raises:
        UsageError: there is no proposal for that network.
    """
    proposals = tuple(proposals)
    wanted = [proposal for proposal in proposals if options.tried in ("", proposal.network)]
    if options.tried and not wanted:
        names = ", ".join(visible(proposal.network, 60) for proposal in proposals) or "none"
        raise UsageError(
            f"Nothing is proposed for a network {visible(options.tried, 60)!r}.", f"Proposals: {names}"
        )
    trials = []
    with interruptible():
        for proposal in wanted:
            progress, stop = ProgressLines(terminal), threading.Event()
            trials.append(try_proposal(bench, rows, proposal, progress, stop))
    terminal.clear()
    return tuple(trials)


def _save(proposals: Iterable[Split], directory: str, terminal: Terminal) -> None:
    files = tuple(file for proposal in proposals for file in proposal.files)
    for written in write_bundle(directory, files, create=True):
        terminal.note(f"note: {visible(written.path)}: {written.state.value}")


PROOF_SCHEMA = "hardentui/proof/1"
OUTGOING_SCHEMA = "hardentui/outgoing/1"


def prove(bench: Workbench, rows: tuple[Row, ...], options: Namespace, terminal: Terminal) -> int:
    """0: a connection works. 1: none does. 4: unknown."""
    proofs = prove_way(bench, rows, *options.prove)
    if options.format == "json":
        document = {
            "schema": PROOF_SCHEMA,
            "proofs": [{**to_builtins(p), "agrees": p.agrees} for p in proofs],
        }
        terminal.write(strict_json(json.dumps(document, indent=1)) + "\n")
    else:
        terminal.write(page_text(proofs_page(proofs)))
    if any(proof.reached for proof in proofs):
        return 0
    return 1 if all(proof.reached is False for proof in proofs) else 4


def outgoing(bench: Workbench, rows: tuple[Row, ...], options: Namespace, terminal: Terminal) -> int:
    """The addresses a container contacts; 4 if they cannot be seen."""
    terminal.activity(f"watching {visible(options.outgoing, 60)} for {options.watch:g} s")
    seen = watch_outgoing(bench, rows, options.outgoing, threading.Event(), seconds=options.watch)
    terminal.clear()
    if options.format == "json":
        document = {"schema": OUTGOING_SCHEMA, **to_builtins(seen)}
        terminal.write(strict_json(json.dumps(document, indent=1)) + "\n")
    else:
        terminal.write(page_text(outgoing_page(seen)))
        if seen.rules:
            terminal.write_exact("\n" + seen.rules)
    if options.file and seen.rules:
        save_text(options.file, seen.rules, backup=False)
        terminal.note(f"note: the rules are in {visible(options.file)}; nft -f loads them")
    return 4 if seen.unknown else 0


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
        default=10.0,
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
            save_text(options.svg, network_svg(picture), backup=False)
            terminal.note(f"note: the map is in {options.svg}")
        if options.format == "json":
            document = {
                "schema": SCHEMA,
                "simulated": bench.opened.simulated,
                "places": [_document(place) for place in every_place],
                "map": to_builtins(picture),
            }
            terminal.write(strict_json(json.dumps(document, indent=2)) + "\n")
        else:
            terminal.show(_table(every_place, picture))
    for name in missing:
        terminal.complain(f"{visible(name, 60)} could not be checked, so its routes are unknown")
    return 4 if missing else 0


def _document(place: NetworkPlace) -> dict[str, object]:
    document: dict[str, object] = to_builtins(place)
    del document["ports"]
    every = place.kind is PlaceKind.HOST
    return document | {"outside": ["every port they open"] if every else [port.words for port in place.ports]}


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
