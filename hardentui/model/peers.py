"""The containers of one engine, for checks that compare a container with the others.

All containers share one `Peers`. Its indexes are built once, so a lookup does not get slower with
the number of containers."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from hardentui.model.network import K, V

ALL_IDS = 1 << 31
"""An ID range of this size or more maps all host IDs to themselves."""


_SHORT_ID = 12


class Peer(Struct, frozen=True):
    """A container of the same engine, with the properties that checks compare."""

    id: str
    name: str
    networks: tuple[str, ...] = ()
    app: str = ""  # the application named by its labels; empty if none
    pod: str = ""
    process_label: str = ""
    uid_ranges: tuple[tuple[int, int], ...] = ()  # (first host UID, size) of its user namespace
    ipc_namespace: str = ""  # its ID, `ipc:[4026532000]`; empty if unknown
    # paths of what the engine runs for it alone: runtime, init, conmon, hooks
    programs: tuple[str, ...] = ()


class PeerGroup(Struct, frozen=True):
    """The containers of one application, or of one pod without an application, on one network."""

    app: str
    pod: str
    members: tuple[Peer, ...]

    @property
    def application(self) -> str:
        """The name of the group; empty if it has none."""
        return self.app or (f"pod {self.pod}" if self.pod else "")


class Peers(Struct, frozen=True, dict=True):
    """All containers of an engine, including the checked one."""

    everyone: tuple[Peer, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.everyone)

    @cached_property
    def programs(self) -> tuple[str, ...]:
        """What the engine runs for single containers."""
        return tuple(sorted({path for peer in self.everyone for path in peer.programs}))

    def called(self, name: str) -> Peer | None:
        """The container with this name or ID prefix (12 characters or more)."""
        if (peer := self._by_name.get(name)) is not None:
            return peer
        candidates = self._by_short_id.get(name[:_SHORT_ID], ()) if len(name) >= _SHORT_ID else ()
        return next((peer for peer in candidates if peer.id.startswith(name)), None)

    def on(self, network: str) -> Mapping[tuple[str, str], PeerGroup]:
        """The groups on a network, by (application, pod)."""
        return self._by_network.get(network, {})

    def count_on(self, network: str, besides: str) -> int:
        """The number of containers on a network, except the one with this ID."""
        own = self._by_id.get(besides)
        return self._counts.get(network, 0) - (own is not None and network in own.networks)

    def apps_in(self, pod: str) -> frozenset[str]:
        """The applications of the members of a pod."""
        return self._apps_by_pod.get(pod, frozenset())

    def with_categories(
        self,
        categories: frozenset[str],
    ) -> tuple[Peer, ...]:
        """Containers whose SELinux label has exactly these MCS categories."""
        return self._by_categories.get(categories, ())

    def in_ipc_namespace(self, number: str) -> tuple[Peer, ...]:
        """Containers whose IPC namespace has this ID."""
        return tuple(self._by_ipc_namespace.get(number, ())) if number else ()

    def using_ids(
        self,
        first: int,
        size: int,
    ) -> Iterator[Peer]:
        """Containers whose user namespace overlaps the host UIDs `first` to `first + size - 1`."""
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
            ((network, peer.app, peer.pod), peer)
            for peer in self.everyone
            for network in peer.networks
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
    def _by_ipc_namespace(self) -> Mapping[str, list[Peer]]:
        return _grouped((peer.ipc_namespace, peer) for peer in self.everyone)

    @cached_property
    def _id_ranges(self) -> tuple[list[tuple[int, int, int]], int]:
        """Sorted (first, size, index of the peer), and the largest size."""
        ranges = sorted(
            (first, size, index)
            for index, peer in enumerate(self.everyone)
            for first, size in peer.uid_ranges
            if size < ALL_IDS
        )
        return ranges, max((size for _, size, _ in ranges), default=0)


def categories_of(label: str) -> frozenset[str]:
    """The MCS categories of an SELinux label `user:role:type:level:c1,c2`; empty if it has none."""
    level = label.split(":", 3)[3] if label.count(":") >= 3 else ""
    return frozenset(level.partition(":")[2].split(",")) - {""}


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
