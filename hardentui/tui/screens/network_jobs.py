"""The work behind the actions of the network map."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from hardentui.errors import UsageError
from hardentui.model.draft import TextFile
from hardentui.model.trial import TrialEvent
from hardentui.tui.screens.job import JobResult
from hardentui.visible import visible
from hardentui.workbench.networking.requests import propose_splits, prove_way, watch_outgoing
from hardentui.workbench.networking.result_pages import (
    outgoing_page,
    proofs_page,
    split_trial_page,
    splits_page,
)
from hardentui.workbench.networking.trying_split import try_proposal

if TYPE_CHECKING:
    from hardentui.workbench.views import Row
    from hardentui.workbench.workbench import Workbench

WATCH = 10.0
"""Seconds to watch containers."""
NetworkJob: TypeAlias = (
    "Callable[[Workbench, Sequence[Row], str, threading.Event, Callable[[str], None]], JobResult]"
)
"""(workbench, rows, input, stop event, progress callback) -> result."""


def prove_job(
    bench: Workbench, rows: Sequence[Row], way: str, stop: threading.Event, tell: Callable[[str], None]
) -> JobResult:
    """Real connections for `FROM TO[:PORT]`."""
    return JobResult(proofs_page(prove_way(bench, rows, way)))


def outgoing_job(
    bench: Workbench, rows: Sequence[Row], name: str, stop: threading.Event, tell: Callable[[str], None]
) -> JobResult:
    """The addresses a container contacts, with nftables rules."""
    seen = watch_outgoing(bench, rows, name, stop, seconds=WATCH)
    files = (TextFile(f"outgoing-{seen.container}.nft", seen.rules),) if seen.rules else ()
    return JobResult(outgoing_page(seen), files)


def split_job(
    bench: Workbench, rows: Sequence[Row], text: str, stop: threading.Event, tell: Callable[[str], None]
) -> JobResult:
    """Separate networks, as units."""
    proposals = propose_splits(bench, rows, stop, seconds=WATCH)
    return JobResult(splits_page(proposals), tuple(file for proposal in proposals for file in proposal.files))


def try_split_job(
    bench: Workbench,
    rows: Sequence[Row],
    network: str,
    stop: threading.Event,
    tell: Callable[[str], None],
) -> JobResult:
    """Separate networks for a shared one, tried on twins of its members.

    Raises:
        UsageError: nothing is proposed for that network.
    """
    tell("watching the containers")
    every_proposal = propose_splits(bench, rows, stop, seconds=WATCH)
    if stop.is_set():
        raise KeyboardInterrupt
    proposals = [proposal for proposal in every_proposal if proposal.network == network]
    if not proposals:
        names = ", ".join(visible(proposal.network, 60) for proposal in every_proposal) or "none"
        raise UsageError(f"Nothing is proposed for {visible(network, 60)!r}.", f"Proposals: {names}")

    def on_event(event: TrialEvent) -> None:
        tell(event.text)

    trials = [try_proposal(bench, rows, proposal, on_event, stop) for proposal in proposals]
    pages = (*(page for trial in trials for page in split_trial_page(trial)), *splits_page(proposals))
    return JobResult(pages, tuple(file for proposal in proposals for file in proposal.files))
