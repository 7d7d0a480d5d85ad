"""The network map: which containers are where, what is reachable from outside, and who can reach whom."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from rich.cells import cell_len
from textual.content import Content

from hardentui.errors import UsageError
from hardentui.features.networks.page import NetworkPlace, PlaceKind, PublishedPort, places
from hardentui.features.networks.requests import (
    outgoing_page,
    proofs_page,
    propose_splits,
    prove_way,
    split_trial_page,
    splits_page,
    watch_outgoing,
)
from hardentui.features.networks.splitting import try_proposal
from hardentui.features.views import without_originals
from hardentui.model.draft import TextFile
from hardentui.model.facts import ContainerFacts, NetworkFacts
from hardentui.model.finding import Finding, Kind
from hardentui.model.trial import TrialEvent
from hardentui.tui.actions import BACK, BROWSE, COPY, NETWORKS, bindings
from hardentui.tui.screens.base import ScreenReport
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.tui.screens.findings import FindingsScreen
from hardentui.tui.screens.job import AskScreen, JobResult, JobScreen, Tell
from hardentui.tui.status import Part, Signs, fit
from hardentui.tui.widgets.page import page
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.views import Row
    from hardentui.features.workbench import Workbench


WATCH = 10.0
"""Seconds to watch containers."""
NetworkJob: TypeAlias = "Callable[[Workbench, Sequence[Row], str, threading.Event, Tell], JobResult]"
"""(workbench, rows, input, stop event, progress callback) -> result."""


def prove_job(
    bench: Workbench, rows: Sequence[Row], way: str, stop: threading.Event, tell: Tell
) -> JobResult:
    """Real connections for `FROM TO[:PORT]`."""
    if len(words := way.split()) != 2:
        raise UsageError(
            f"{visible(way, 100)!r} is not a route.",
            "Enter FROM TO, FROM TO:PORT, FROM host:PORT or FROM ADDRESS:PORT.",
        )
    return JobResult(proofs_page(prove_way(bench, rows, *words)))


def outgoing_job(
    bench: Workbench, rows: Sequence[Row], name: str, stop: threading.Event, tell: Tell
) -> JobResult:
    """The addresses a container contacts, with nftables rules."""
    seen = watch_outgoing(bench, rows, name, stop, seconds=WATCH)
    files = (TextFile(f"outgoing-{seen.container}.nft", seen.rules),) if seen.rules else ()
    return JobResult(outgoing_page(seen), files)


def split_job(
    bench: Workbench, rows: Sequence[Row], text: str, stop: threading.Event, tell: Tell
) -> JobResult:
    """Separate networks, as units."""
    proposals = propose_splits(bench, rows, stop, seconds=WATCH)
    return JobResult(splits_page(proposals), tuple(file for proposal in proposals for file in proposal.files))


def try_split_job(
    bench: Workbench, rows: Sequence[Row], network: str, stop: threading.Event, tell: Tell
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


class NetworksScreen(BrowseScreen):
    ACTIONS = (*NETWORKS, *BROWSE, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Networks"
    WANTED = "networks"
    COLUMNS = (
        Column("Network", 16),
        Column("Engine", 14, 100),
        Column("Isolated", 9, 76),
        Column("Members", 0),
        Column("Open", 4),
        Column("Can reach", 0),
    )

    def _places(self) -> tuple[NetworkPlace, ...] | None:
        reports = self.session.around.networks
        if reports is None:
            return None
        networks = [report.about for report in reports if isinstance(report.about, NetworkFacts)]
        return places(networks, self._containers())

    def _containers(self) -> list[ContainerFacts]:
        reports = [row.report for row in without_originals(self.session.rows.values())]
        return [report.facts for report in reports if report and report.facts]

    def lines(self) -> Sequence[BrowseRow] | None:
        shown = self._places()
        return None if shown is None else [_line(place) for place in shown]

    def about(self, key: str) -> Content:
        """The map: the chosen place with what fails of it, then the others."""
        every = self._places() or ()
        place = next((place for place in every if _key(place) == key), None)
        if place is None:
            return Content("")
        findings = page(self, (), self._findings(key), self.text_width)
        others = [drawing(other, self.text_width, self.signs) for other in every if other is not place]
        parts = [drawing(place, self.text_width, self.signs), findings, *others]
        return Content("\n\n").join(part for part in parts if part.plain)

    def _findings(self, key: str) -> tuple[Finding, ...]:
        for report in self.session.around.networks or ():
            if f"{report.subject.engine}/{report.subject.name}" == key:
                return report.findings
        return ()

    def crumb(self) -> Content:
        return Content.assemble(("Networks", "bold"), "   who can reach whom")

    def nothing(self) -> str:
        return "No container is on a network."

    def screen_report(self) -> ScreenReport:
        reports = self.session.around.networks or ()
        described = tuple((report, f"network  {report.subject.engine}") for report in reports)
        return ScreenReport("networks", described, tuple(self.session.rows.values()))

    def why_not(self, action: str) -> str:
        if action in ("findings", "prove", "outgoing", "split") and self._places() is None:
            return "The networks are still being read."
        if action in ("findings", "prove", "outgoing", "split") and not self.current:
            return "No container is on a network."
        if action == "outgoing" and self._simulated:
            return "This host is simulated: there are no sockets to watch."
        return ""

    @property
    def _simulated(self) -> bool:
        return self.session.opened is not None and self.session.opened.simulated

    def action_findings(self) -> None:
        key = self.current
        title = f"Networks › {key.partition('/')[2]}"
        self.app.push_screen(FindingsScreen(Kind.NETWORK, title, lambda: self._findings(key)))

    def action_refresh(self) -> None:
        self.session.relist()
        self.session.around.renew()

    def action_prove(self) -> None:
        question = "Open a real connection from a container; no data is sent"
        self.app.push_screen(AskScreen(question, "FROM TO, FROM TO:PORT, FROM host:22"), self._prove)

    def _prove(self, way: str | None) -> None:
        self._start(way, f"Networks › {way}", prove_job, "connecting")

    def action_outgoing(self) -> None:
        question = f"Watch for {WATCH:g} s which addresses a container contacts"
        self.app.push_screen(AskScreen(question, "name of the container"), self._outgoing)

    def _outgoing(self, name: str | None) -> None:
        self._start(name, f"Networks › outgoing of {name}", outgoing_job, f"watching for {WATCH:g} s")

    def action_split(self) -> None:
        self._start("all", "Networks › split", split_job, "watching the containers")

    def action_try(self) -> None:
        if self.session.opened is not None and self.session.opened.simulated:
            self.complain("This host is simulated: its containers cannot have twins.")
            return
        question = "Run twins of all members of a network on the networks that are proposed for it"
        self.app.push_screen(AskScreen(question, "name of the network"), self._try)

    def _try(self, network: str | None) -> None:
        self._start(network, f"Networks › trial of a split of {network}", try_split_job, "watching")

    def _start(self, text: str | None, title: str, job: NetworkJob, doing: str) -> None:
        bench, rows = self.session.bench, tuple(self.session.rows.values())
        if text and bench is not None:
            self.app.push_screen(JobScreen(title, partial(job, bench, rows, text), doing))

    def copied(self) -> tuple[str, str]:
        return ("the network's name", visible(self.current.partition("/")[2]))


_IN, _BOX = 22, 44
"""Cells for what comes in from outside, and at most for the box of a place."""


def drawing(place: NetworkPlace, width: int, signs: Signs) -> Content:
    """A place as a box with its members: on the left what is open to the outside, on the right where they can
    connect to.
    """
    box = min(_BOX, width - _IN - 20)
    by_member: dict[str, list[PublishedPort]] = {name: [] for name in place.members}
    for port in place.ports:
        by_member.setdefault(port.container, []).append(port)
    closed = PublishedPort("", "every port" if place.kind is PlaceKind.HOST else "", "")
    rows: list[tuple[str, PublishedPort]] = []
    for name, ports in by_member.items():
        rows += [(name if at == 0 else "", port) for at, port in enumerate(ports or [closed])]
    rows = rows or [("no container", PublishedPort("", "", ""))]
    reached = [
        (f"{'─▶ ' if at == 0 else '   '}{line}", "")
        for reach in place.reaches or ("nothing",)
        for at, line in enumerate(textwrap.wrap(visible(reach), width - _IN - box - 5))
    ]
    heading = fit(f" {place.about} ", min(box - 2, cell_len(visible(place.about)) + 2), signs.ellipsis)
    top = heading + signs.drawn("─" * (box - 2 - cell_len(heading)))
    parts: list[Part] = [(fit(" from outside" if any(port.outer for _, port in rows) else "", _IN), "$muted")]
    parts += [signs.drawn("┌"), (top, "bold $primary"), signs.drawn("┐\n")]
    for at in range(max(len(rows), len(reached))):
        name, port = rows[at] if at < len(rows) else ("", PublishedPort("", "", ""))
        parts += [_way_in(port.outer, signs), signs.drawn("│")]
        inner = visible(port.inner, 20)
        parts += [fit(f" {name}", box - 3 - cell_len(inner), signs.ellipsis), (inner, "$muted"), " "]
        parts.append(signs.drawn(f"│{reached[at][0] if at < len(reached) else ''}".rstrip() + "\n"))
    parts += [" " * _IN, signs.drawn(f"└{'─' * (box - 2)}┘")]
    return Content.assemble(*parts)


def _way_in(outer: str, signs: Signs) -> Part:
    """An arrow from the outside; dotted, if it comes from this host alone."""
    if not outer:
        return " " * _IN
    local = outer.startswith("loopback")
    text = f" {fit(outer, min(_IN - 4, cell_len(visible(outer))), signs.ellipsis)} "
    line = ("┄" if local else "─") * (_IN - 1 - cell_len(text)) + "▶"
    return (text + signs.drawn(line), "" if local else "$status-medium")


def _line(place: NetworkPlace) -> BrowseRow:
    isolated = "internal" if place.internal else place.isolated or "-"
    members, reaches = ", ".join(place.members), ", ".join(place.reaches) or "nothing"
    count = len(place.members) if place.kind is PlaceKind.HOST else len(place.ports)
    texts = (place.name, place.engine, isolated, members, str(count), reaches)
    return BrowseRow(
        _key(place),
        texts,
        (place.name, place.engine, isolated, -len(place.members), -count, -len(place.reaches)),
    )


def _key(place: NetworkPlace) -> str:
    return f"{place.engine}/{place.name}"
