"""Who reaches whom: connections between twins of a split, tried and seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from msgspec.structs import replace

from hardentui.features.change.reached_ports import read_ports
from hardentui.features.trial.observe.connections import established
from hardentui.features.trial.split_request import SplitRequest, SplitTools
from hardentui.features.trial.twins import (
    Twin,
)
from hardentui.host.network.knock import knock
from hardentui.model.known import Known, Unread
from hardentui.model.network_split import (
    WayTried,
)
from hardentui.model.reach import ConnectOutcome
from hardentui.model.trial import TrialStep

_MOST_WAYS = 60


_MOST_PORTS = 3


_AGAIN_AFTER = (0.5, 2.0)  # seconds


_AT_ONCE = 8


_BY_ITSELF = 10.0
"""Seconds within which a twin must contact another one by itself, as its original did."""


_PAUSE = 0.2


def ways_to_try(
    parting: SplitRequest,
    listening: Mapping[str, frozenset[int]],
) -> tuple[tuple[WayTried, ...], int]:
    """The connections to listening members, and how many more there are.

    Members that also share another network are left out: splitting this one does not separate them.
    """
    networks = {facts.name: {*facts.networks} - {parting.network} for facts in parting.members}
    seen = {(way.start, way.end) for way in parting.seen}
    ways = []
    for start in networks:
        for end in networks:
            ports = tuple(sorted(listening.get(end, ()))[:_MOST_PORTS])
            if start == end or not ports:
                continue
            together = any({start, end} <= {*network.members} for network in parting.networks)
            contacted = (start, end) in seen
            if not contacted and not together and networks[start] & networks[end]:
                continue
            ways.append(
                WayTried(
                    start,
                    end,
                    ports,
                    together or contacted,
                    contacted,
                )
            )
    # observed connections first, then those to block
    ways.sort(key=lambda way: (not way.seen, way.needed))
    return tuple(ways[:_MOST_WAYS]), max(0, len(ways) - _MOST_WAYS)


class WayKnocker:
    """Opens connections between twins.

    Args:
        twins: name of a member -> its ready twin.
    """

    def __init__(
        self,
        twins: Mapping[str, Twin],
        tools: SplitTools,
    ) -> None:
        self._twins = twins
        self._tools = tools
        self._pids = {name: twin.pid for name, twin in twins.items()}
        self._addresses = {name: twin.addresses for name, twin in twins.items()}

    def ports(self, twin: Twin) -> frozenset[int]:
        """The TCP ports on which it listens for others."""
        ports = read_ports(self._tools.files, twin.pid)
        return frozenset() if isinstance(ports, Unread) else _numbers(ports)

    def before(self, ways: Iterable[WayTried]) -> tuple[WayTried, ...]:
        """The connections with the result on one network."""
        tried = self._tried(tuple(ways), "as today", lambda way: True)
        return tuple(replace(way, before=reached) for way, (reached, _) in tried)

    def after(self, ways: Iterable[WayTried]) -> tuple[WayTried, ...]:
        """The connections with the result on the proposed networks."""
        tried = self._tried(
            tuple(ways),
            "on the proposed networks",
            lambda way: way.needed,
        )
        results = tuple(replace(way, after=reached, why=why) for way, (reached, why) in tried)
        return self._by_themselves(results)

    def packets(self, ways: Iterable[WayTried]) -> tuple[WayTried, ...]:
        """The connections with whether packets arrive at twins whose programs were never started: a
        refusal is an answer too."""
        ways = tuple(ways)
        self._tools.tell(
            TrialStep.PREPARING,
            "sending packets on networks with a way out",
        )
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            results = tuple(pool.map(self._arrives, ways))
        return tuple(
            replace(way, after=arrived, why=why)
            for way, (arrived, why) in zip(ways, results, strict=True)
        )

    def _tried(
        self,
        ways: Sequence[WayTried],
        where: str,
        expected: Callable[[WayTried], bool],
    ) -> tuple[tuple[WayTried, tuple[bool | None, str]], ...]:
        self._tools.tell(TrialStep.PREPARING, f"opening connections {where}")
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(
                zip(
                    ways, pool.map(lambda way: self._sampled(way, expected(way)), ways), strict=True
                )
            )

    def _sampled(
        self,
        way: WayTried,
        expected: bool,
    ) -> tuple[bool | None, str]:
        """The result of a connection; one that was not expected is tried again, since a loaded
        machine may answer late once."""
        for pause in _AGAIN_AFTER:
            result = self._reached(way)
            if result[0] is expected or self._tools.stop.wait(pause):
                return result
        return self._reached(way)

    def _reached(self, way: WayTried) -> tuple[bool | None, str]:
        """Whether it connects: to each port if it must work, to any port if it must be blocked."""
        if missing := self._missing(way):
            return None, missing
        results = []
        for port in way.ports:
            outcomes = self._knocks(way, port)
            connected = ConnectOutcome.CONNECTED in outcomes
            reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Unread)]
            if reasons and not connected:
                return None, reasons[0]
            results.append(connected)
        return (all(results) if way.needed else any(results)), ""

    def _arrives(self, way: WayTried) -> tuple[bool | None, str]:
        if missing := self._missing(way):
            return None, missing
        outcomes = self._knocks(way, way.ports[0])
        if {ConnectOutcome.CONNECTED, ConnectOutcome.REFUSED} & {*outcomes}:
            return True, ""
        reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Unread)]
        return (None, reasons[0]) if reasons else (False, "")

    def _missing(self, way: WayTried) -> str:
        """Why a connection cannot be tried."""
        if self._tools.stop.is_set():
            raise KeyboardInterrupt
        for name in (way.start, way.end):
            if name not in self._twins:
                return f"the twin of {name} is not ready"
        return "" if self._addresses[way.end] else f"the twin of {way.end} has no address"

    def _knocks(
        self,
        way: WayTried,
        port: int,
    ) -> list[Known[ConnectOutcome]]:
        """The results of attempts, one for each address of the target."""
        return [
            knock(
                self._tools.run,
                self._pids[way.start],
                address,
                port,
            )
            for address in self._addresses[way.end]
        ]

    def _by_themselves(
        self,
        ways: tuple[WayTried, ...],
    ) -> tuple[WayTried, ...]:
        """The connections of the originals, with whether their twins also open them by themselves."""
        open_ways = {(way.start, way.end) for way in ways if way.seen and way.after}
        gone: set[tuple[str, str]] = set()
        if open_ways:
            self._tools.tell(TrialStep.PREPARING, "watching what the twins contact")
        end = monotonic() + _BY_ITSELF
        while open_ways - gone and monotonic() < end and not self._tools.stop.wait(_PAUSE):
            gone |= {
                (start, other) for start, other in open_ways - gone if self._contacts(start, other)
            }
        return tuple(
            replace(way, by_itself=(way.start, way.end) in gone)
            if (way.start, way.end) in open_ways
            else way
            for way in ways
        )

    def _contacts(self, start: str, end: str) -> bool:
        pid = self._pids[start]
        ports = read_ports(self._tools.files, pid)
        try:
            own = set() if isinstance(ports, Unread) else {*_numbers(ports)}
            calls = established(self._tools.files, pid, own)
            return any(
                call.address.rpartition(":ffff:")[2] in self._addresses[end] for call in calls
            )
        except OSError:
            return False  # it has ended


def _numbers(ports: Iterable[str]) -> frozenset[int]:
    return frozenset(int(port.partition("/")[2]) for port in ports)
