"""The addresses a container contacts, and rules that allow only those."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.host.files.reader import Files, reason
from hardentui.host.network.nft_check import check_rules
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.known import Unread, known
from hardentui.model.reach import Contact
from hardentui.reading.networks import gateways, uses_network_of_pod
from hardentui.trial.observe.connections import established
from hardentui.workbench.networking.proving import addresses_of
from hardentui.writers.nft_allow_list import LIMITS, allow_list

_EVERY = 0.25
_LEARNED = re.compile(
    r"(?:(?P<before>tcp|udp)[ :/]+)?\[?(?P<address>[0-9A-Fa-f:.]+?)\]?:(?P<port>\d{1,5})"
    r"(?:/(?P<after>tcp|udp))?"
)


class Outgoing(Struct, frozen=True):
    """The addresses a container contacts, with proposed rules.

    Attributes:
        seconds: how long it was watched; 0 = one reading.
        shared: the contacts include those of containers that share its network.
        rules: for nftables; if empty, the reason is in `no_rules`.
        checked: `nft --check` accepts the rules; None = it could not be run, for the reason in `unchecked`.
        limits: what the rules do not cover.
    """

    container: str
    engine: str
    contacts: tuple[Contact, ...]
    seconds: float = 0.0
    unknown: str = ""
    shared: bool = False
    rules: str = ""
    no_rules: str = ""
    checked: bool | None = None
    unchecked: str = ""
    limits: tuple[str, ...] = ()


def outgoing(
    facts: ContainerFacts,
    everybody: Iterable[ContainerFacts],
    files: Files,
    stop: threading.Event,
    *,
    seconds: float = 0.0,
    learned: Iterable[str] = (),
) -> Outgoing:
    """What `watch_contacts` sees, with rules that allow just that."""
    seen = watch_contacts(facts, everybody, files, stop, seconds=seconds, learned=learned)
    return _with_rules(seen, facts)


def watch_contacts(
    facts: ContainerFacts,
    everybody: Iterable[ContainerFacts],
    files: Files,
    stop: threading.Event,
    *,
    seconds: float = 0.0,
    learned: Iterable[str] = (),
) -> Outgoing:
    """Watch the sockets of its network namespace for a while, until `stop` is set or Ctrl-C.

    Args:
        everybody: containers, to identify the owner of an address.
        learned: addresses that a trial saw.
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
    listed = {(contact.protocol, contact.address, contact.port) for contact in contacts}
    for text in learned:
        call = parse_learned(text)
        if call is not None and call not in listed:
            contacts.append(_contact(call, names, learned=True))
    shared = uses_network_of_pod(facts)
    return Outgoing(
        facts.name,
        facts.engine.label,
        tuple(contacts),
        round(monotonic() - began, 1) if seconds else 0.0,
        unknown,
        shared,
    )


def _look(facts: ContainerFacts, files: Files) -> set[tuple[str, str, int]]:
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


def parse_learned(text: str) -> tuple[str, str, int] | None:
    """`192.0.2.1:443/tcp`, `tcp [2001:db8::1]:443`; None for anything else."""
    match = _LEARNED.fullmatch(text.strip())
    if not match:
        return None
    try:
        return match["before"] or match["after"] or "tcp", plain_address(match["address"]), int(match["port"])
    except ValueError:
        return None


def _contact(call: tuple[str, str, int], names: Mapping[str, str], *, learned: bool = False) -> Contact:
    protocol, address, port = call
    name = names.get(address)
    if name is None:
        return Contact(protocol, address, port, learned=learned)
    who = f"container {name}" if name else "the host"
    return Contact(protocol, address, port, who, learned, container=name)


def _names(facts: ContainerFacts, everybody: Iterable[ContainerFacts]) -> Mapping[str, str]:
    """Address -> name of its container; empty for the host."""
    names = {address: "" for network in facts.networks.values() for address in gateways(network)}
    for other in everybody:
        if other.engine.label == facts.engine.label:
            names.update(dict.fromkeys(addresses_of(other), other.name))
    return names


def _with_rules(result: Outgoing, facts: ContainerFacts) -> Outgoing:
    if result.unknown:
        return replace(result, no_rules=result.unknown)
    if not result.contacts and not result.seconds:
        return replace(
            result, no_rules="one reading saw no connection, so the rules would block all outgoing traffic"
        )
    if facts.engine.rootless is not False:
        why = (
            "packets of a rootless container leave the host like those of any program of its user, so host "
            "rules cannot identify them by address; an internal network blocks its outgoing traffic"
        )
        return replace(result, no_rules=why)
    try:
        rules = allow_list(facts.name, addresses_of(facts), result.contacts)
    except (CannotExpress, ValueError) as error:
        return replace(result, no_rules=str(error))
    complaint = check_rules(rules)
    if isinstance(complaint, Unread):
        return replace(result, rules=rules, unchecked=complaint.reason, limits=LIMITS)
    return replace(result, rules=rules, checked=not complaint, unchecked=complaint, limits=LIMITS)
