"""The addresses a container contacts, and rules that allow only those."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.features.networks.outgoing_rules import LIMITS, allow_list
from hardentui.features.networks.proving import addresses_of
from hardentui.features.trial.observe.connections import established
from hardentui.host.files import Files, reason
from hardentui.host.network.firewall import check_rules
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.known import Unread, known
from hardentui.model.reach import Contact
from hardentui.reading.networks import gateways, uses_network_of_pod

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
