"""hardentui networks --split: separate networks for applications that share one, and their trial."""

from __future__ import annotations

import json
import threading
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import to_builtins

from hardentui.cli.images import page_text
from hardentui.cli.terminal import Terminal, foreign
from hardentui.cli.trial import ProgressLines, interruptible
from hardentui.errors import UsageError
from hardentui.files import write_bundle
from hardentui.model.facts import NetworkFacts
from hardentui.model.network_split import SplitResult
from hardentui.visible import strict_json, visible
from hardentui.workbench.networking.requests import known_containers, watch_everybody
from hardentui.workbench.networking.result_pages import split_trial_page
from hardentui.workbench.networking.splitting import lines_of, splits
from hardentui.workbench.networking.trying_split import try_proposal

if TYPE_CHECKING:
    from hardentui.model.network_split import SplitTrial
    from hardentui.workbench.networking.splitting import Split, Watched
    from hardentui.workbench.views import Row
    from hardentui.workbench.workbench import Workbench

SPLIT_SCHEMA = "hardentui/split/1"
_SPLIT_WATCH = 5.0
_CODES = {
    SplitResult.WORKS: 0,
    SplitResult.BREAKS: 1,
    SplitResult.NOT_TOLD: 4,
    SplitResult.NOTHING_WORKS: 6,
}


@contextmanager
def _until_interrupted() -> Iterator[threading.Event]:
    """A stop event that Ctrl-C sets for threads; their observations until then count."""
    stop = threading.Event()
    try:
        yield stop
    except KeyboardInterrupt:
        stop.set()


def split(bench: Workbench, rows: tuple[Row, ...], options: Namespace, terminal: Terminal) -> int:
    """Print the proposals; 0 also if there is nothing to split.

    With --try: 1 a proposal breaks something, 6 twins do not work even unchanged, 4 unknown.
    """
    networks = [
        network.about for network in bench.surroundings.networks() if isinstance(network.about, NetworkFacts)
    ]
    seconds = options.watch or _SPLIT_WATCH
    watched = None if bench.opened.simulated else _watched(bench, rows, seconds, terminal)
    proposals = splits(networks, known_containers(rows), watched)
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
        for proposal in proposals:
            _show_split(proposal, terminal)
        for trial in trials:
            terminal.write(f"{page_text(split_trial_page(trial))}\n")
        if not proposals:
            terminal.write(
                "No network is shared by several applications, or has members that need no route out.\n"
            )
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
            trials.append(
                try_proposal(
                    bench, rows, proposal, progress, stop, outside=options.outside, patience=options.patience
                )
            )
    terminal.clear()
    return tuple(trials)


def _watched(bench: Workbench, rows: Iterable[Row], seconds: float, terminal: Terminal) -> Watched:
    """The contacts of each container within the time."""
    with _until_interrupted() as stop:
        terminal.activity(f"watching the containers for {seconds:g} s")
        seen = watch_everybody(bench, rows, seconds, stop)
    terminal.clear()
    return seen


def _show_split(proposal: Split, terminal: Terminal) -> None:
    terminal.show(foreign(f"{proposal.network}  {proposal.engine}: {proposal.why}", 300, "bold"))
    lines = []
    for network in proposal.networks:
        kind = "no route out" if network.internal else "isolated"
        lines.append(f"  new: {network.name} ({kind}): {', '.join(network.members)}")
        lines.append(f"       {network.create_command()}")
    for move in proposal.moves:
        lines.append(f"  {move.container}: leaves {move.leaves}, joins {', '.join(move.joins)}")
        lines += [f"       {line}" for line in lines_of(move)]
        lines += [f"       caution: {warning}" for warning in move.minds]
    terminal.show(*(foreign(line, 1000) for line in lines))
    terminal.write("\n")


def _save(proposals: Iterable[Split], directory: str, terminal: Terminal) -> None:
    files = tuple(file for proposal in proposals for file in proposal.files)
    for written in write_bundle(directory, files, create=True):
        terminal.note(f"note: {visible(written.path)}: {written.state.value}")
