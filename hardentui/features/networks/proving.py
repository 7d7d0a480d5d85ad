"""Proving the network map with real connections, and what a container contacts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.host.commands import Run
from hardentui.host.network.knock import SECONDS, knock
from hardentui.model.facts import ContainerFacts, Kernel, NotRunning
from hardentui.model.known import Known, Unread
from hardentui.model.network import NetworkMap
from hardentui.model.reach import ConnectOutcome, ReachProof
from hardentui.reading.containers import ask
from hardentui.reading.networks import gateways
from hardentui.visible import visible

HOST = "host"
_MOST_PORTS = 8
_TARGET = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>\d{1,5}))?")


class ConnectTarget(Struct, frozen=True):
    """`web`, `web:80`, `host:22`, `192.0.2.1:443`, `[2001:db8::1]:443`."""

    name: str
    port: int | None = None

    @property
    def is_address(self) -> bool:
        try:
            ip_address(self.name)
        except ValueError:
            return False
        return True


def parse_target(text: str) -> ConnectTarget:
    """Raises InputError for any other form."""
    match = _TARGET.fullmatch(text)
    port = int(match["port"]) if match and match["port"] else None
    if not match or (port is not None and not 0 < port < 65536):
        raise InputError(
            f"{visible(text, 100)!r} is not a target.",
            "Give NAME, NAME:PORT, host:PORT or ADDRESS:PORT.",
        )
    return ConnectTarget(match["six"] or match["name"], port)


def prove(
    start: ContainerFacts,
    target: ConnectTarget,
    end: ContainerFacts | None,
    network_map: NetworkMap,
    run: Run,
) -> tuple[ReachProof, ...]:
    """Attempts to connect from one container to another, to the host, or to an address.

    Args:
        end: the target container; None for the host and for an address.
        network_map: the map to prove.

    Raises:
        InputError: a port is missing, or the target is not a container, host or address.
    """
    plain = ReachProof(
        start.name,
        target.name,
        "",
        target.port or 0,
        ConnectOutcome.UNPROVEN,
        None,
    )
    plain = replace(
        plain,
        expected=_expected(
            start,
            target,
            end,
            network_map,
            "",
        ),
    )
    kernel = start.kernel
    if not start.engine.local:
        return (replace(plain, why=start.engine.unseen),)
    if not isinstance(kernel, Kernel):
        return (replace(plain, why=f"{start.name} is not running"),)
    if not kernel.pid:
        return (replace(plain, why="its process is not known"),)
    addresses = _addresses(start, target, end)
    if not addresses:
        return (replace(plain, why=f"{target.name} has no address of its own"),)
    ports, listening = _ports(target, end)
    if isinstance(ports, Unread):
        return (replace(plain, why=ports.reason),)
    proofs = []
    for address in addresses:
        for port in ports:
            expected = _expected(
                start,
                target,
                end,
                network_map,
                address,
            )
            proof = replace(
                plain,
                address=address,
                port=port,
                expected=expected,
            )
            listens = listening is not None and port in listening
            proof = _judged(
                proof,
                knock(run, kernel.pid, address, port),
                listens,
            )
            if proof.agrees is False:  # a single sample on a loaded machine says little
                proof = _judged(
                    proof,
                    knock(run, kernel.pid, address, port),
                    listens,
                )
            proofs.append(proof)
    return tuple(proofs)


def _addresses(
    start: ContainerFacts,
    target: ConnectTarget,
    end: ContainerFacts | None,
) -> tuple[str, ...]:
    if end is not None:
        return addresses_of(end)
    if target.name == HOST:
        on_host = [address for network in start.networks.values() for address in gateways(network)]
        return tuple(dict.fromkeys(on_host))
    return (target.name,)


def addresses_of(facts: ContainerFacts) -> tuple[str, ...]:
    """The addresses of a container on its networks."""
    section = facts.inspect.get("NetworkSettings")
    networks = section.get("Networks") if isinstance(section, Mapping) else None
    return tuple(
        dict.fromkeys(
            _network_addresses(networks.values() if isinstance(networks, Mapping) else ())
        )
    )


def _network_addresses(networks: Iterable[object]) -> Iterator[str]:
    for network in networks:
        for name in ("IPAddress", "GlobalIPv6Address"):
            address = network.get(name) if isinstance(network, Mapping) else None
            if isinstance(address, str) and address:
                yield address


def _ports(
    target: ConnectTarget,
    end: ContainerFacts | None,
) -> tuple[tuple[int, ...] | Unread, frozenset[int] | None]:
    """(ports to try, ports on which the target is known to listen).

    Raises:
        InputError: the host and other addresses need a port.
    """
    listening = _listening(end) if end is not None else None
    known = listening if isinstance(listening, frozenset) else None
    if target.port is not None:
        return (target.port,), known
    if end is None:
        raise InputError(
            f"Which port of {visible(target.name, 60)}?", f"{visible(target.name, 60)}:PORT"
        )
    if isinstance(listening, Unread):
        return Unread(f"its listening ports are unknown: {listening.reason}"), None
    if not known:
        return Unread("it listens on no TCP port, so nothing would answer; name a port"), known
    return tuple(sorted(known)[:_MOST_PORTS]), known


def _listening(facts: ContainerFacts) -> Known[frozenset[int]]:
    listening = ask(facts, lambda kernel: kernel.listening)
    if isinstance(listening, Unread):
        return listening
    if isinstance(listening, NotRunning):
        return Unread(f"{facts.name} is not running")
    return frozenset(
        socket.port
        for socket in listening
        if socket.protocol == "tcp"
        and not socket.address.startswith("127.")
        and socket.address != "::1"
    )


def _judged(
    proof: ReachProof,
    attempt: Known[ConnectOutcome],
    listens: bool,
) -> ReachProof:
    if isinstance(attempt, Unread):
        return replace(proof, why=attempt.reason)
    reached, why = {
        ConnectOutcome.CONNECTED: (True, "connection established"),
        ConnectOutcome.NO_ANSWER: (
            False,
            f"no answer within {SECONDS:g} s: packets are dropped on the way",
        ),
        ConnectOutcome.NO_ROUTE: (
            False,
            "the container's kernel has no route, or received an ICMP unreachable message",
        ),
    }.get(attempt, (None, ""))
    if attempt is ConnectOutcome.REFUSED:
        reached = None if not listens else False
        why = (
            "it listens there, so a filter rejected the connection"
            if listens
            else "refused: either packets arrive and nothing listens, or a filter rejects them"
        )
    return replace(
        proof,
        outcome=attempt,
        reached=reached,
        why=why,
    )


def _expected(
    start: ContainerFacts,
    target: ConnectTarget,
    end: ContainerFacts | None,
    network_map: NetworkMap,
    address: str,
) -> bool | None:
    """What the map predicts: whether a member of this place reaches that one.

    Args:
        address: of the target on one of its networks; empty = on any.
    """
    mine = {
        place.key: place
        for place in network_map.places
        if start.name in place.members and _same(place.engine, start)
    }
    if not mine:
        return None
    if end is None and target.name == HOST:
        return any(place.host for place in mine.values())
    if end is None:
        # that it may leave the host says nothing about what is beyond it
        return None if any(place.out for place in mine.values()) else False
    networks = _networks_of(end, address)
    theirs = {
        place.key
        for place in network_map.places
        if end.name in place.members
        and _same(place.engine, end)
        and (not networks or place.name in networks)
    }
    if any(place.together and key in theirs for key, place in mine.items()):
        return True
    return any(
        (way.start in mine and way.end in theirs)
        or (way.both and way.start in theirs and way.end in mine)
        for way in network_map.ways
    )


def _networks_of(facts: ContainerFacts, address: str) -> frozenset[str]:
    """Names of the networks on which it has this address; none = not checked, or unknown."""
    section = facts.inspect.get("NetworkSettings")
    networks = section.get("Networks") if isinstance(section, Mapping) else None
    if not address or not isinstance(networks, Mapping):
        return frozenset()
    return frozenset(
        str(name) for name, network in networks.items() if address in _network_addresses([network])
    )


def _same(label: str, facts: ContainerFacts) -> bool:
    return label == facts.engine.label
