"""The work behind the actions of the network map."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from hardentui.model.draft import TextFile
from hardentui.tui.screens.job import JobResult
from hardentui.workbench.networking.requests import propose_splits, prove_way, watch_outgoing
from hardentui.workbench.networking.result_pages import (
    outgoing_page,
    proofs_page,
    splits_page,
)

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
