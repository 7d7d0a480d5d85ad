"""Proving the network map with real connections, and what a container contacts."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress, InputError
from hardentui.features.trial.observe.processes import established
from hardentui.host.commands import Run
from hardentui.host.files import Files, reason
from hardentui.host.network.firewall import check_rules
from hardentui.host.network.knock import SECONDS, knock
from hardentui.model.facts import ContainerFacts, Kernel, NotRunning
from hardentui.model.known import Known, Unread, known
from hardentui.model.network import NetworkMap
from hardentui.model.reach import ConnectOutcome, Contact, ReachProof
from hardentui.reading.containers import ask
from hardentui.reading.networks import gateways, uses_network_of_pod
from hardentui.systemd.unit_text import comment_lines
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


# The addresses a container contacts, and rules that allow only those.

_EVERY = 0.25


class Outgoing(Struct, frozen=True, tag_field="schema", tag="hardentui/outgoing/1"):
    """The addresses a container contacts, with proposed rules."""

    container: str
    engine: str
    contacts: tuple[Contact, ...]
    seconds: float = 0.0  # how long it was watched; 0 = one reading
    unknown: str = ""
    shared: bool = False  # the contacts include those of containers that share its network
    rules: str = ""  # for nftables; if empty, the reason is in `no_rules`
    no_rules: str = ""
    # `nft --check` accepts the rules; None = it could not be run, for the reason in `unchecked`
    checked: bool | None = None
    unchecked: str = ""
    limits: tuple[str, ...] = ()  # what the rules do not cover


def watch_contacts(
    facts: ContainerFacts,
    everybody: Iterable[ContainerFacts],
    files: Files,
    stop: threading.Event,
    *,
    seconds: float = 0.0,
) -> Outgoing:
    """Watch the sockets of its network namespace for a while, until `stop` is set or Ctrl-C.

    Args:
        everybody: containers, to identify the owner of an address.
    """
    began = monotonic()
    calls: set[tuple[str, str, int]] = set()
    unknown = ""
    while True:
        seen = known(lambda: _look(facts, files))
        if isinstance(seen, Unread):
            unknown = "" if calls else seen.reason
            break
        calls |= seen
        if stop.is_set() or monotonic() - began >= seconds:
            break
        try:
            stop.wait(_EVERY)
        except KeyboardInterrupt:
            break  # what was seen until then counts
    names = _names(facts, everybody)
    contacts = [_contact(call, names) for call in sorted(calls)]
    shared = uses_network_of_pod(facts)
    return Outgoing(
        facts.name,
        facts.engine.label,
        tuple(contacts),
        round(monotonic() - began, 1) if seconds else 0.0,
        unknown,
        shared,
    )


def _look(
    facts: ContainerFacts,
    files: Files,
) -> set[tuple[str, str, int]]:
    kernel = facts.kernel
    if not facts.engine.local:
        raise Unread(facts.engine.unseen)
    if not isinstance(kernel, Kernel):
        raise Unread(f"it is not running ({kernel.state})")
    if "net" in known(lambda: kernel.shared_namespaces, else_=("net",)):
        raise Unread("it uses the host's network, whose connections are those of all programs")
    ports = {socket.port for socket in kernel.listening}
    try:
        return {
            (peer.protocol, plain_address(peer.address), peer.port)
            for peer in established(files, kernel.pid, ports)
            if not ip_address(peer.address).is_loopback
        }
    except FileNotFoundError:
        raise Unread("it has ended") from None
    except OSError as error:
        raise Unread(f"/proc/{kernel.pid}/net: {reason(error)}") from error


def plain_address(text: str) -> str:
    """An IPv4 address written as an IPv6 address, converted back."""
    address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _contact(
    call: tuple[str, str, int],
    names: Mapping[str, str],
) -> Contact:
    protocol, address, port = call
    name = names.get(address)
    if name is None:
        return Contact(protocol, address, port)
    who = f"container {name}" if name else "the host"
    return Contact(
        protocol,
        address,
        port,
        who,
        container=name,
    )


def _names(
    facts: ContainerFacts,
    everybody: Iterable[ContainerFacts],
) -> Mapping[str, str]:
    """Address -> name of its container; empty for the host."""
    names = {address: "" for network in facts.networks.values() for address in gateways(network)}
    for other in everybody:
        if other.engine.label == facts.engine.label:
            names.update(dict.fromkeys(addresses_of(other), other.name))
    return names


def with_rules(result: Outgoing, facts: ContainerFacts) -> Outgoing:
    if result.unknown:
        return replace(result, no_rules=result.unknown)
    if not result.contacts and not result.seconds:
        return replace(
            result,
            no_rules="one reading saw no connection, so the rules would block all outgoing traffic",
        )
    if facts.engine.rootless is not False:
        why = (
            "packets of a rootless container leave the host like those of any program of its user, so host "
            "rules cannot identify them by address; an internal network blocks its outgoing traffic"
        )
        return replace(result, no_rules=why)
    try:
        rules = allow_list(
            facts.name,
            addresses_of(facts),
            result.contacts,
        )
    except (CannotExpress, ValueError) as error:
        return replace(result, no_rules=str(error))
    complaint = check_rules(rules)
    if isinstance(complaint, Unread):
        return replace(
            result,
            rules=rules,
            unchecked=complaint.reason,
            limits=LIMITS,
        )
    return replace(
        result,
        rules=rules,
        checked=not complaint,
        unchecked=complaint,
        limits=LIMITS,
    )


# nftables rules that allow a container to contact some addresses and nothing else. Pure text.


_PROTOCOLS = ("tcp", "udp")
_BEFORE_NETAVARK = -5

LIMITS = (
    (
        "Only what was seen is allowed: what the container rarely contacts (updates, renewals) is "
        "missing."
    ),
    "Names that resolve to other addresses later are refused then; the rules know addresses only.",
    (
        "The rules name the container by its address: give it a fixed one (--ip), or they hold for "
        "another one."
    ),
    "Packets to members of its own network do not pass the forward hook, nor does DNS to Podman's resolver, "
    "through which data can leave.",
    "They are gone after a restart of the machine or of the firewall unless the host loads them: include the "
    "file in /etc/nftables.conf.",
)


def table_name(container: str) -> str:
    """A valid nft name from any text."""
    return "hardentui_out_" + (
        re.sub(r"[^A-Za-z0-9]+", "_", container).strip("_")[:60] or "container"
    )


def allow_list(
    container: str,
    addresses: Sequence[str],
    contacts: Iterable[Contact],
) -> str:
    """The rules for a container with these addresses.

    Raises:
        CannotExpress: it has no address, so no rule can identify its packets.
    """
    own = [ip_address(address) for address in addresses]
    if not own:
        raise CannotExpress(
            "It has no address of its own on a bridge, so no rule can tell its packets apart."
        )
    name = table_name(container)
    lines = [
        *comment_lines(
            [
                f"What the container {container} may contact, and nothing else.",
                *LIMITS,
            ]
        ),
        f"table inet {name}",
        f"delete table inet {name}",
        f"table inet {name} {{",
    ]
    wanted = {4: set[str](), 6: set[str]()}
    for contact in contacts:
        peer = ip_address(contact.address.partition("%")[0])
        if contact.protocol in _PROTOCOLS and 0 < contact.port < 65536:
            wanted[peer.version].add(f"{peer} . {contact.protocol} . {contact.port}")
    for version, word in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        lines += [
            f"\tset allowed{version} {{",
            f"\t\ttype {word} . inet_proto . inet_service",
        ]
        if wanted[version]:
            lines.append(f"\t\telements = {{ {', '.join(sorted(wanted[version]))} }}")
        lines.append("\t}")
    lines += [
        "\tchain outgoing {",
        f"\t\ttype filter hook forward priority {_BEFORE_NETAVARK}; policy accept;",
        "\t\tct state established,related accept",
    ]
    for version, word in ((4, "ip"), (6, "ip6")):
        mine = [str(address) for address in own if address.version == version]
        if mine:
            lines.append(f"\t\t{word} saddr {{ {', '.join(mine)} }} goto container{version}")
    lines.append("\t}")
    for version, word in ((4, "ip"), (6, "ip6")):
        lines += [
            f"\tchain container{version} {{",
            f"\t\t{word} daddr . meta l4proto . th dport @allowed{version} accept",
            f'\t\tcounter log prefix "{name[:40]}: " drop',
            "\t}",
        ]
    return "\n".join([*lines, "}", ""])
