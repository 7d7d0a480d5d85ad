"""What the host's packet filter does with the first packet from an unknown address to a port. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

ACCEPTED, DROPPED = "accepted", "dropped"
_REWRITES = -100  # priority of the DNAT for published ports
_DEEPEST = 16  # maximum number of nested jumps in the kernel
_OF_THE_ENGINE = frozenset({"netavark"})
_NO_MATCH = frozenset(
    {"counter", "log", "comment", "notrack", "mangle", "set", "map", "meter", "flow", "masquerade", "snat"}
    | {"dnat", "redirect", "dup", "fwd", "ct helper", "ct timeout", "secmark", "continue", "last"}
)
_REJECTING_TARGETS = frozenset({"REJECT", "DROP"})

Rules = tuple[Mapping[str, Any], ...]
"""The items of `nft -j list ruleset`."""


class Packet(Struct, frozen=True):
    """The first packet of a new connection from an address that no rule names."""

    hook: str  # `input`, or `forward` for a port whose destination the engine has rewritten
    interface: str
    protocol: str
    port: int  # on the host for `input`, in the container for `forward`; 0 = a port that no rule names
    family: str = "ip"  # `ip` or `ip6`
    host_port: int | None = None  # on the host, before the engine rewrites it; None = the same as `port`
    rewritten: bool = False  # its destination is already the container


class _Walk(Struct, frozen=True):
    """The possible verdicts for a packet in a chain, and whether it may return from the chain."""

    ends: frozenset[str]
    returns: bool


def fate(rules: Rules, packet: Packet) -> frozenset[str]:
    """ACCEPTED or DROPPED; both if the rules match on something that is not known about the packet.

    A packet passes the hooks `ingress` and `prerouting` before its own; packets dropped there never reach it.
    Rules written by Podman's own network helper are ignored, because they accept everything.
    """
    ends = [seen.base(chain) for seen, chain in _Filter(_ruleset(rules), packet).bases()]
    if any(end == {DROPPED} for end in ends):
        return frozenset({DROPPED})
    return frozenset[str]().union(*ends) or frozenset({ACCEPTED})


class _Ruleset(Struct, frozen=True):
    """The rules by (family, table, chain) and the sets by (family, table, name)."""

    chains: list[Any]
    rules: Mapping[tuple[str, str, str], list[Any]]
    sets: Mapping[tuple[str, str, str], Any]


def _ruleset(items: Rules) -> _Ruleset:
    rules: dict[tuple[str, str, str], list[Any]] = {}
    sets: dict[tuple[str, str, str], Any] = {}
    for item in items:
        if "rule" in item:
            entry = item["rule"]
            key = (entry["family"], entry["table"], entry["chain"])
            rules.setdefault(key, []).append(entry.get("expr") or ())
        elif "set" in item:
            entry = item["set"]
            sets[entry["family"], entry["table"], entry["name"]] = entry.get("elem") or ()
    return _Ruleset([item["chain"] for item in items if "chain" in item], rules, sets)


class _Filter:
    """What a ruleset does with one packet."""

    def __init__(self, ruleset: _Ruleset, packet: Packet) -> None:
        self._ruleset = ruleset
        self._packet = packet

    def bases(self) -> Iterator[tuple[_Filter, Mapping[str, Any]]]:
        """The base chains that the packet passes, each with the packet as it is there."""
        packet = self._packet
        for chain in self._ruleset.chains:
            hook = chain.get("hook")
            if chain.get("type", "filter") != "filter" or chain["table"] in _OF_THE_ENGINE:
                continue
            if hook == "ingress" and _is_device(chain.get("dev"), packet.interface):
                yield self._seeing(hook, False), chain
            elif chain["family"] not in ("inet", packet.family):
                continue
            elif hook == "prerouting":
                priority = chain.get("prio")
                late = isinstance(priority, int) and priority > _REWRITES
                yield self._seeing(hook, late and packet.hook == "forward"), chain
            elif hook == packet.hook:
                yield self._seeing(packet.hook, packet.hook == "forward"), chain

    def _seeing(self, hook: str, rewritten: bool) -> _Filter:
        """The same rules for the packet as it is at a hook."""
        packet = self._packet
        before = packet.port if packet.host_port is None else packet.host_port
        port = before if packet.hook == "forward" and not rewritten else packet.port
        return _Filter(self._ruleset, replace(packet, hook=hook, port=port, rewritten=rewritten))

    def base(self, chain: Mapping[str, Any]) -> frozenset[str]:
        try:
            walk = self._walk(chain["family"], chain["table"], chain["name"], 0)
        except (AttributeError, KeyError, TypeError, ValueError):
            return frozenset({ACCEPTED, DROPPED})  # a rule that cannot be parsed
        policy = DROPPED if chain.get("policy") == "drop" else ACCEPTED
        return walk.ends | {policy} if walk.returns else walk.ends

    def _walk(self, family: str, table: str, name: str, depth: int) -> _Walk:
        ends: frozenset[str] = frozenset()
        returns = False
        if depth > _DEEPEST:
            return _Walk(frozenset({ACCEPTED, DROPPED}), True)
        for expressions in self._ruleset.rules.get((family, table, name), ()):
            sure: bool | None = True
            for expression in expressions:
                for matched, verdict, target in self._read(expression, family, table):
                    sure = _both(sure, matched)
                    if sure is False or not verdict:
                        continue
                    if verdict in (ACCEPTED, DROPPED):
                        walk = _Walk(frozenset({verdict}), False)
                    elif verdict == "return":
                        walk = _Walk(frozenset(), False)
                        returns = True
                    else:
                        walk = self._walk(family, table, target, depth + 1)
                        if verdict == "goto" and walk.returns:
                            returns, walk = True, _Walk(walk.ends, False)
                    ends |= walk.ends
                    if sure and not walk.returns:
                        return _Walk(ends, returns)
                if sure is False:
                    break
        return _Walk(ends, True)

    def _read(
        self, expression: Mapping[str, Any], family: str, table: str
    ) -> Iterator[tuple[bool | None, str, str]]:
        """A statement of a rule: (whether it matches, verdict or empty, target chain)."""
        for name, value in expression.items():
            if name == "match":
                yield self._matches(value, family, table), "", ""
            elif name == "vmap":
                yield from self._mapped(value, family, table)
            elif name == "accept":
                yield True, ACCEPTED, ""
            elif name in ("drop", "reject"):
                yield True, DROPPED, ""
            elif name == "return":
                yield True, "return", ""
            elif name in ("jump", "goto"):
                yield True, name, str(value["target"])
            elif name == "xt" and isinstance(value, dict) and value.get("type") == "target":
                if value.get("name") in _REJECTING_TARGETS:
                    yield True, DROPPED, ""
            elif name not in _NO_MATCH:
                yield None, "", ""

    def _mapped(
        self, value: Mapping[str, Any], family: str, table: str
    ) -> Iterator[tuple[bool | None, str, str]]:
        """`iifname vmap { "eth0" : goto public }`: the matching entry, or all possible ones."""
        entries = value["data"].get("set") if isinstance(value["data"], dict) else None
        if entries is None:
            yield None, "", ""
            return
        for key, verdict in entries:
            matched = self._matches({"op": "==", "left": value["key"], "right": key}, family, table)
            if matched is False:
                continue
            for _, what, target in self._read(verdict, family, table):
                # without a matching entry, the rule has no effect, so the result is "may match"
                yield matched, what, target
            if matched:
                return

    def _matches(self, match: Mapping[str, Any], family: str, table: str) -> bool | None:
        operator = match.get("op", "==")
        right = match.get("right")
        if isinstance(right, str) and right.startswith("@"):
            right = {"set": self._ruleset.sets.get((family, table, right[1:]), ())}
        fits = self._fits(match.get("left"), right)
        if operator in ("==", "in"):
            return fits
        return not fits if operator == "!=" and fits is not None else None

    def _fits(self, left: Any, right: Any) -> bool | None:
        if not isinstance(left, dict):
            return None
        packet = self._packet
        if isinstance(meta := left.get("meta"), dict):
            return self._fits_meta(str(meta.get("key")), right)
        if isinstance(ct := left.get("ct"), dict):
            if ct.get("key") == "state":
                return _among(right, "new".__eq__)
            if ct.get("key") == "status":
                return _among(right, "dnat".__eq__) and packet.rewritten
            return None
        if isinstance(payload := left.get("payload"), dict):
            protocol, field = str(payload.get("protocol")), str(payload.get("field"))
            if protocol == "ether":
                return None
            if protocol in ("ip", "ip6", "icmp", "icmpv6", "arp") and protocol != packet.family:
                return False
            if protocol in ("tcp", "udp", "sctp", "dccp", "udplite") and protocol != packet.protocol:
                return False
            if field == "dport":
                return _among(right, packet.port.__eq__, packet.port)
            if field == "saddr":
                return _among(right, _everybody)
            if field in ("protocol", "nexthdr"):
                return _among(right, packet.protocol.__eq__)
            if field == "version":
                return True
        if isinstance(fib := left.get("fib"), dict):
            to_the_host = fib.get("result") == "type" and "daddr" in (fib.get("flags") or ())
            return _among(right, "local".__eq__) if to_the_host and not packet.rewritten else None
        return None

    def _fits_meta(self, key: str, right: Any) -> bool | None:
        packet = self._packet
        if key in ("iifname", "iif"):
            return _among(right, lambda name: _is_called(packet.interface, name))
        if key in ("oifname", "oif"):
            if packet.hook != "forward":
                return False
            # the outgoing interface of the container network is not known
            outside = _among(right, lambda name: not _is_called(packet.interface, name) and name != "lo")
            return None if outside else False
        if key == "l4proto":
            return _among(right, packet.protocol.__eq__)
        if key == "nfproto":
            return _among(right, {"ip": "ipv4", "ip6": "ipv6"}[packet.family].__eq__)
        if key == "protocol":
            return _among(right, packet.family.__eq__)
        return None


def _both(this: bool | None, other: bool | None) -> bool | None:
    if this is False or other is False:
        return False
    return None if this is None or other is None else True


def _among(right: Any, fits: Callable[[Any], object], number: int = 0) -> bool:
    """Whether a value, or one of a set, matches; for a range, whether it contains the number."""
    if isinstance(right, dict):
        if isinstance(right.get("set"), list | tuple):
            return any(_among(item, fits, number) for item in right["set"])
        if isinstance(right.get("elem"), dict):
            return _among(right["elem"].get("val"), fits, number)
        if isinstance(ends := right.get("range"), list) and all(isinstance(end, int) for end in ends):
            return bool(ends) and ends[0] <= number <= ends[-1]
        if isinstance(prefix := right.get("prefix"), dict):
            return fits(f"{prefix.get('addr')}/{prefix.get('len')}") is True
        return False
    if isinstance(right, list | tuple):
        return any(_among(item, fits, number) for item in right)
    return fits(right) is True


def _is_device(device: Any, interface: str) -> bool:
    """Whether an `ingress` chain is attached to the interface; without a device, it is attached to all."""
    if device is None:
        return True
    return interface in (device if isinstance(device, list) else [device])


def _is_called(interface: str, name: Any) -> bool:
    """Whether the interface matches a name or a pattern ending with a star."""
    if not isinstance(name, str):
        return False
    return interface.startswith(name[:-1]) if name.endswith("*") else interface == name


def _everybody(addresses: Any) -> bool:
    """Whether a network contains all addresses; an unknown address is in no smaller one."""
    if not isinstance(addresses, str):
        return False
    from ipaddress import ip_network

    try:
        return ip_network(addresses, strict=False).prefixlen == 0
    except ValueError:
        return False
