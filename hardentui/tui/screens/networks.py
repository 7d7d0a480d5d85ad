"""The network map: which containers are where, what is reachable from outside, and who can reach
whom."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import partial

from rich.cells import cell_len
from textual.content import Content

from hardentui.features.networks.page import NetworkPlace, PlaceKind, PublishedPort, places
from hardentui.features.networks.requests import WATCH, outgoing_task, prove_task, split_task
from hardentui.features.task import TaskResult
from hardentui.features.views import without_originals
from hardentui.model.facts import ContainerFacts, NetworkFacts
from hardentui.model.finding import Finding, Kind
from hardentui.tui.actions import BACK, BROWSE, COPY, NETWORKS
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.tui.screens.dialogs import ask
from hardentui.tui.screens.findings import FindingsScreen
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.status import Part, Signs, fit
from hardentui.tui.widgets.page import page
from hardentui.tui.widgets.title_bar import ScreenReport
from hardentui.visible import visible


class NetworksScreen(BrowseScreen):
    ACTIONS = (*NETWORKS, *BROWSE, COPY, BACK)
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
        findings = page(
            self,
            (),
            self._findings(key),
            self.text_width,
        )
        others = [
            drawing(other, self.text_width, self.signs) for other in every if other is not place
        ]
        parts = [
            drawing(place, self.text_width, self.signs),
            findings,
            *others,
        ]
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
        return ScreenReport(
            "networks",
            described,
            tuple(self.session.rows.values()),
        )

    def why_not(self, action: str) -> str:
        if action in ("findings", "prove", "outgoing", "split") and self._places() is None:
            return "The networks are still being read."
        if action in ("findings", "prove", "outgoing", "split") and not self.current:
            return "No container is on a network."
        if action == "outgoing" and self.simulated:
            return "This host is simulated: there are no sockets to watch."
        return ""

    def action_findings(self) -> None:
        key = self.current
        title = f"Networks › {key.partition('/')[2]}"
        self.app.push_screen(
            FindingsScreen(
                Kind.NETWORK,
                title,
                lambda: self._findings(key),
            )
        )

    def action_refresh(self) -> None:
        self.session.relist()
        self.session.around.renew()

    def action_prove(self) -> None:
        ask(
            self,
            "Open a real connection from a container; no data is sent",
            "FROM TO, FROM TO:PORT, FROM host:22",
            lambda way: self._start(
                way,
                "connecting",
                prove_task,
                way,
            ),
        )

    def action_outgoing(self) -> None:
        ask(
            self,
            f"Watch for {WATCH:g} s which addresses a container contacts",
            "name of the container",
            lambda name: self._start(
                f"outgoing of {name}", "watching", outgoing_task, name, seconds=WATCH
            ),
        )

    def action_split(self) -> None:
        self._start(
            "split",
            "watching the containers",
            split_task,
            None,
            seconds=WATCH,
        )

    def action_try(self) -> None:
        if self.simulated:
            self.complain("This host is simulated: its containers cannot have twins.")
            return
        ask(
            self,
            "Run twins of all members of a network on the networks that are proposed for it",
            "name of the network",
            lambda name: self._start(
                f"split of {name} tried", "watching", split_task, name, seconds=WATCH
            ),
        )

    def _start(
        self,
        what: str,
        doing: str,
        task: Callable[..., TaskResult],
        word: str | None,
        **more: float,
    ) -> None:
        if (bench := self.session.bench) is not None:
            job = partial(
                task,
                bench,
                tuple(self.session.rows.values()),
                word,
                **more,
            )
            self.app.push_screen(JobScreen(f"Networks › {what}", job, doing))

    def copied(self) -> tuple[str, str]:
        return (
            "the network's name",
            visible(self.current.partition("/")[2]),
        )


_IN, _BOX = 22, 44
"""Cells for what comes in from outside, and at most for the box of a place."""


def drawing(
    place: NetworkPlace,
    width: int,
    signs: Signs,
) -> Content:
    """A place as a box with its members: on the left what is open to the outside, on the right
    where they can connect to.
    """
    box = min(_BOX, width - _IN - 20)
    by_member: dict[str, list[PublishedPort]] = {name: [] for name in place.members}
    for port in place.ports:
        by_member.setdefault(port.container, []).append(port)
    closed = PublishedPort(
        "",
        "every port" if place.kind is PlaceKind.HOST else "",
        "",
    )
    rows: list[tuple[str, PublishedPort]] = []
    for name, ports in by_member.items():
        rows += [(name if at == 0 else "", port) for at, port in enumerate(ports or [closed])]
    rows = rows or [("no container", PublishedPort("", "", ""))]
    reached = [
        (f"{'─▶ ' if at == 0 else '   '}{line}", "")
        for reach in place.reaches or ("nothing",)
        for at, line in enumerate(textwrap.wrap(visible(reach), width - _IN - box - 5))
    ]
    heading = fit(
        f" {place.about} ", min(box - 2, cell_len(visible(place.about)) + 2), signs.ellipsis
    )
    top = heading + signs.drawn("─" * (box - 2 - cell_len(heading)))
    parts: list[Part] = [
        (
            fit(" from outside" if any(port.outer for _, port in rows) else "", _IN),
            "$muted",
        )
    ]
    parts += [
        signs.drawn("┌"),
        (top, "bold $primary"),
        signs.drawn("┐\n"),
    ]
    for at in range(max(len(rows), len(reached))):
        name, port = rows[at] if at < len(rows) else ("", PublishedPort("", "", ""))
        parts += [_way_in(port.outer, signs), signs.drawn("│")]
        inner = visible(port.inner, 20)
        parts += [
            fit(
                f" {name}",
                box - 3 - cell_len(inner),
                signs.ellipsis,
            ),
            (inner, "$muted"),
            " ",
        ]
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
    return (
        text + signs.drawn(line),
        "" if local else "$status-medium",
    )


def _line(place: NetworkPlace) -> BrowseRow:
    isolated = "internal" if place.internal else place.isolated or "-"
    members, reaches = ", ".join(place.members), ", ".join(place.reaches) or "nothing"
    count = len(place.members) if place.kind is PlaceKind.HOST else len(place.ports)
    texts = (
        place.name,
        place.engine,
        isolated,
        members,
        str(count),
        reaches,
    )
    return BrowseRow(
        _key(place),
        texts,
        (
            place.name,
            place.engine,
            isolated,
            -len(place.members),
            -count,
            -len(place.reaches),
        ),
    )


def _key(place: NetworkPlace) -> str:
    return f"{place.engine}/{place.name}"
