"""The hosts of a fleet, worst first. Enter opens one as if we were there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from msgspec.structs import replace
from textual.content import Content

from hardentui.features.first_look import FirstLook
from hardentui.features.reports.fleet_sections import fleet_sections
from hardentui.features.reports.host_result import HostResult
from hardentui.features.reports.result import CheckResult
from hardentui.features.views import Selection
from hardentui.harden.score import score_word
from hardentui.model.finding import Severity
from hardentui.tui.actions import BACK, BROWSE, COPY
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.visible import visible
from hardentui.words import plural


class HostsScreen(BrowseScreen):
    """Above it lies nothing: its rows were judged before the first screen was opened."""

    OF_CONNECTION = False
    ACTIONS = (*BROWSE, COPY, BACK)
    COLUMNS = (
        Column("Host", 0),
        Column("Group", 14, 100),
        Column("Score", 5),
        Column("Critical", 8),
        Column("High", 4),
        Column("Unknown", 7),
        Column("Containers", 10),
        Column("Saved", 20, 110),
    )

    @property
    def _fleet(self) -> CheckResult:
        fleet = self.harden.fleet
        if fleet is None:
            raise AssertionError("opened without a fleet")
        return fleet

    def lines(self) -> Sequence[BrowseRow] | None:
        return [_line(host) for host in self._fleet.hosts]

    def crumb(self) -> Content:
        hosts = self._fleet.hosts
        troubled = sum(bool(host.trouble) for host in hosts)
        told = f", {troubled} could not be checked" if troubled else ""
        return Content(f"{plural(len(hosts), 'host')}{told}")

    def nothing(self) -> str:
        return "No host."

    def about(self, key: str) -> Content:
        """The host, then what is true of all."""
        host = next((host for host in self._fleet.hosts if host.source == key), None)
        lines = [f"{visible(host.name)}  {visible(host.source)}"] if host is not None else []
        if host is not None and host.trouble:
            lines.append(f"could not be checked: {visible(host.trouble)}")
        return Content("\n".join((*lines, *self._of_all)))

    @cached_property
    def _of_all(self) -> tuple[str, ...]:
        return tuple(lines_of_all(self._fleet))

    def enter_row(self) -> None:
        """Its containers, from its saved facts."""
        host = next(
            (host for host in self._fleet.hosts if host.source == self.current),
            None,
        )
        if host is None:
            return
        selection = replace(
            Selection(),
            facts_file=host.source,
            checklist=self.harden.checklist,
        )
        self.harden.look_at(lambda: FirstLook.open(selection))


def lines_of_all(result: CheckResult) -> Iterator[str]:
    """What is true of all hosts, whichever is chosen."""
    for section in fleet_sections(result):
        yield from ("", section.title)
        yield from (f"{'  ' * (depth + 1)}{sentence}" for depth, sentence in section.lines)


def _line(host: HostResult) -> BrowseRow:
    critical, high = host.failing(Severity.CRITICAL), host.failing(Severity.HIGH)
    score = 101 if host.worst_score is None else host.worst_score
    return BrowseRow(
        host.source,
        (
            visible(host.name, 60),
            visible(host.group, 40),
            score_word(host.worst_score),
            str(critical or ""),
            str(high or ""),
            str(host.unknown or ""),
            str(host.containers),
            host.saved_at,
        ),
        (
            host.name,
            host.group,
            score,
            -critical,
            -high,
            -host.unknown,
            -host.containers,
            host.saved_at,
        ),
    )
