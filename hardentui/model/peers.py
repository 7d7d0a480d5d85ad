"""The containers of one engine, as far as checks compare a container with the others.

All containers share one `Peers`. Its indexes are made once, so what a check asks about one container takes a
time that does not grow with the number of all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

ALL_IDS = 1 << 31
"""A range of ids of this size or more maps the ids of the host themselves."""
_SHORT_ID = 12

K = TypeVar("K")
V = TypeVar("V")


class Peer(Struct, frozen=True):
    """A container of the same engine, as far as checks compare with it.

    Attributes:
        app: the application that its labels name; empty when they name none.
        uid_ranges: (first uid on the host, how many) of its user namespace.
    """

    id: str
    name: str
    networks: tuple[str, ...] = ()
    app: str = ""
    pod: str = ""
    process_label: str = ""
    uid_ranges: tuple[tuple[int, int], ...] = ()


class PeerGroup(Struct, frozen=True):
    """The containers of one application, or of one pod without an application, on one network."""

    app: str
    pod: str
    members: tuple[Peer, ...]

    @property
    def application(self) -> str:
        """What the group is called; empty when nothing tells."""
        return self.app or (f"pod {self.pod}" if self.pod else "")


class Peers(Struct, frozen=True, dict=True):
    """All containers of an engine, the asking one among them."""

    everyone: tuple[Peer, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.everyone)

    def called(self, name: str) -> Peer | None:
        """The container with this name, or with an id that begins so (12 characters or more)."""
        if (peer := self._by_name.get(name)) is not None:
            return peer
        candidates = self._by_short_id.get(name[:_SHORT_ID], ()) if len(name) >= _SHORT_ID else ()
        return next((peer for peer in candidates if peer.id.startswith(name)), None)

    def on(self, network: str) -> Mapping[tuple[str, str], PeerGroup]:
        """The groups on a network, by (application, pod)."""
        return self._by_network.get(network, {})

    def count_on(self, network: str, besides: str) -> int:
        """How many containers are on a network, without the one with this id."""
        own = self._by_id.get(besides)
        return self._counts.get(network, 0) - (own is not None and network in own.networks)

    def apps_in(self, pod: str) -> frozenset[str]:
        """The applications that the members of a pod name."""
        return self._apps_by_pod.get(pod, frozenset())

    def with_categories(self, categories: frozenset[str]) -> tuple[Peer, ...]:
        """Those whose SELinux label has exactly these MCS categories."""
        return self._by_categories.get(categories, ())

    def using_ids(self, first: int, size: int) -> Iterator[Peer]:
        """Those whose user namespace shares a host uid with the range of `size` ids from `first`."""
        ranges, longest = self._id_ranges
        start = bisect_left(ranges, (first - longest + 1, 0, 0))
        for begin, count, index in ranges[start:]:
            if begin >= first + size:
                return
            if begin + count > first:
                yield self.everyone[index]

    @cached_property
    def _by_name(self) -> Mapping[str, Peer]:
        return {peer.name: peer for peer in reversed(self.everyone)}

    @cached_property
    def _by_id(self) -> Mapping[str, Peer]:
        return {peer.id: peer for peer in self.everyone}

    @cached_property
    def _counts(self) -> Mapping[str, int]:
        return Counter(network for peer in self.everyone for network in peer.networks)

    @cached_property
    def _by_short_id(self) -> Mapping[str, list[Peer]]:
        return _grouped((peer.id[:_SHORT_ID], peer) for peer in self.everyone)

    @cached_property
    def _by_network(self) -> Mapping[str, Mapping[tuple[str, str], PeerGroup]]:
        members = _grouped(
            ((network, peer.app, peer.pod), peer) for peer in self.everyone for network in peer.networks
        )
        networks: dict[str, dict[tuple[str, str], PeerGroup]] = {}
        for (network, app, pod), group in members.items():
            networks.setdefault(network, {})[app, pod] = PeerGroup(app, pod, tuple(group))
        return networks

    @cached_property
    def _apps_by_pod(self) -> Mapping[str, frozenset[str]]:
        apps = _grouped((peer.pod, peer.app) for peer in self.everyone if peer.pod and peer.app)
        return {pod: frozenset(names) for pod, names in apps.items()}

    @cached_property
    def _by_categories(self) -> Mapping[frozenset[str], tuple[Peer, ...]]:
        labelled = ((categories_of(peer.process_label), peer) for peer in self.everyone)
        return {key: tuple(peers) for key, peers in _grouped(labelled).items() if key}

    @cached_property
    def _id_ranges(self) -> tuple[list[tuple[int, int, int]], int]:
        """(first, size, index of the peer), sorted, and the longest size."""
        ranges = sorted(
            (first, size, index)
            for index, peer in enumerate(self.everyone)
            for first, size in peer.uid_ranges
            if size < ALL_IDS
        )
        return ranges, max((size for _, size, _ in ranges), default=0)


def categories_of(label: str) -> frozenset[str]:
    """The MCS categories of an SELinux label `user:role:type:level:c1,c2`; empty when it has none."""
    level = label.split(":", 3)[3] if label.count(":") >= 3 else ""
    return frozenset(level.partition(":")[2].split(",")) - {""}


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
