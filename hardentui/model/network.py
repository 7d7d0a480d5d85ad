"""The network map: who can reach whom, and what is open to the outside."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

# The containers of one engine, for checks that compare a container with the others.
#
# All containers share one `Peers`. Its indexes are built once, so a lookup does not get slower with
# the number of containers.

ALL_IDS = 1 << 31
"""An ID range of this size or more maps all host IDs to themselves."""
_SHORT_ID = 12

K = TypeVar("K")
V = TypeVar("V")


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


# Results of real connections, and observed contacts of a container.


class ConnectOutcome(StrEnum):
    CONNECTED = "connected"
    REFUSED = "refused"
    NO_ANSWER = "no answer"
    NO_ROUTE = "no route"
    UNPROVEN = "not proven"


class ReachProof(Struct, frozen=True):
    """One attempt to open a TCP connection from a container's network namespace, without sending
    data."""

    start: str  # whose namespace, as it was named
    end: str  # what was to be reached, as it was named
    address: str
    port: int
    outcome: ConnectOutcome
    reached: bool | None  # the target answered; None = unknown
    expected: bool | None = None  # the result according to the network map; None = unknown
    why: str = ""  # one sentence

    @property
    def agrees(self) -> bool | None:
        """Whether the map agrees with the kernel; None = one of them is unknown."""
        return None if None in (self.reached, self.expected) else self.reached == self.expected


class Contact(Struct, frozen=True):
    protocol: str
    address: str
    port: int
    who: str = ""  # what it is: `container db`, `the host`; empty if unknown
    container: str = ""  # name of the container with this address; empty if it is not a container


# A proposed split of a network, and the results of its trial.


class NewNetwork(Struct, frozen=True):
    name: str
    members: tuple[str, ...]
    internal: bool  # no way out of it
    isolated: bool  # it and other isolated bridges of the host cannot reach each other

    def create_command(self) -> str:
        flags = [
            word
            for word, on in (
                ("--internal", self.internal),
                ("-o isolate=true", self.isolated),
            )
            if on
        ]
        return " ".join(["podman network create", *flags, self.name])


class SeenWay(Struct, frozen=True):
    """An observed connection from one member to another."""

    start: str
    end: str


class SplitResult(StrEnum):
    """The result of a trial of a split."""

    WORKS = "works"
    BREAKS = "breaks"
    NOTHING_WORKS = "does not work even unchanged"
    NOT_TOLD = "not told"


class MemberTried(Struct, frozen=True):
    """The twin of a member, on one network with all others as today, and on the proposed ones."""

    container: str
    before: bool | None = None  # it became ready on one network as today; None = not tried yet
    after: bool | None = None  # it became ready on the proposed networks; None = not tried yet
    why: str = ""  # why it did not become ready or was not tried; empty if it was ready both times
    lacks: tuple[str, ...] = ()  # what the twin lacks compared with the original


class WayTried(Struct, frozen=True):
    """Connections from the network namespace of one twin to the ports of another."""

    start: str
    end: str
    ports: tuple[int, ...]
    # it has to work, because it was observed or because both share a proposed network; otherwise it
    # has to be blocked
    needed: bool
    seen: bool = False  # the original was observed connecting to the other
    before: bool | None = None  # one succeeded on one network as today; None = unknown
    after: bool | None = None  # one succeeded on the proposed networks; None = unknown
    # the twin itself was observed connecting to the other on the proposed networks; None = not
    # observed for the original
    by_itself: bool | None = None
    why: str = ""  # why the result is unknown; empty if it is known

    @property
    def holds(self) -> bool | None:
        """Whether the result is as required; None = unknown."""
        return None if self.after is None else self.after is self.needed


class SplitTrial(Struct, frozen=True):
    """The results of the trial of one split."""

    network: str
    engine: str
    result: SplitResult
    members: tuple[MemberTried, ...] = ()
    ways: tuple[WayTried, ...] = ()
    untried: int = 0  # number of connections beyond the limit, which were not tried
    seconds: float = 0.0


# A network as the engine made it.


class MadeNetwork(Struct, frozen=True):
    name: str
    interface: str = ""
    subnet: str = ""  # its first one; empty if it has none
    closed: bool = True  # the host has no address on it


class Gate(StrEnum):
    """What protects a port that a container opens to the outside."""

    OPEN = "open"
    FILTERED = "filtered"
    LOCAL = "this host only"
    UNKNOWN = "not known"


class Opening(Struct, frozen=True):
    """One port through which a container can be reached from outside."""

    container: str
    address: str  # the host address that it is bound to: `*`, `loopback` or one address
    host_port: int  # 0 = random, or all ports of a container on the host's network
    port: int
    protocol: str
    gate: Gate  # what the firewall does with the first packet from an unknown address
    why: str = ""

    @property
    def words(self) -> str:
        """`*:8080 -> 80/tcp`."""
        if not self.port:
            return "all its listening ports"
        return f"{self.address}:{self.host_port or 'random'} -> {self.port}/{self.protocol}"


class MapPlace(Struct, frozen=True):
    """A network, or the lack of one, with its members."""

    key: str  # of this place in `ways`
    engine: str
    name: str
    members: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    openings: tuple[Opening, ...] = ()
    out: bool = True  # its members can connect to the outside
    host: bool = True  # its members can connect to the host
    together: bool = True  # its members can reach one another
    sentence: str = ""  # other properties: isolated, internal, shared


class MapWay(Struct, frozen=True):
    """Members of one place can reach those of another; `both` = in both directions."""

    start: str
    end: str
    both: bool = True


class NetworkMap(Struct, frozen=True):
    """The places of all engines and the ways between them."""

    host: str
    places: tuple[MapPlace, ...] = ()
    ways: tuple[MapWay, ...] = ()
    notes: tuple[str, ...] = ()  # what the map does not know
    simulated: bool = False


# The application of a container, according to its labels.


COMPOSE = ("io.podman.compose.", "com.docker.compose.")
"""What the labels of compose tools begin with."""
_COMPOSE_PROJECTS = tuple(f"{prefix}project" for prefix in COMPOSE)
APP_LABELS = (
    *_COMPOSE_PROJECTS,
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "app",
)
"""Labels that name an application, in order of precedence. Unit names do not count: one app can
have many."""


def app_of(labels: Mapping[str, str], pod: str = "") -> str:
    """Name of the application, otherwise of the pod; empty if unknown."""
    return next(
        (labels[name] for name in APP_LABELS if labels.get(name)), f"pod {pod}" if pod else ""
    )


def compose_project(labels: Mapping[str, str]) -> str:
    """The compose project that a container was started by; empty if none is named."""
    return next(
        (labels[name] for name in _COMPOSE_PROJECTS if labels.get(name)),
        "",
    )


def compose_files(labels: Mapping[str, str]) -> tuple[str, str]:
    """The working directory of its compose project and the names of its files, as far as its labels
    say."""
    prefix = "com.docker.compose.project."  # podman-compose sets them too
    return labels.get(f"{prefix}working_dir", ""), labels.get(f"{prefix}config_files", "")
