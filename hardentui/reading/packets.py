"""Whether the host's packet filter lets the first packet from an unknown address reach a port.
Pure.

What decides most firewalls is understood: interface, protocol, port, family, state, source, jumps
and maps. A rule that matches on anything else may match or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

ACCEPTED, DROPPED = "accepted", "dropped"
_EITHER = frozenset({ACCEPTED, DROPPED})
_REWRITES = -100  # priority of the DNAT for published ports
_DEEPEST = 16  # maximum number of nested jumps in the kernel
_OF_THE_ENGINE = "netavark"
_NO_MATCH = frozenset(
    (
        "counter log comment notrack mangle set map meter flow masquerade snat dnat redirect dup fwd "
        "last"
    ).split()
)
_PROTOCOLS = frozenset({"tcp", "udp", "sctp", "dccp", "udplite"})

Rules = tuple[Mapping[str, Any], ...]
"""The items of `nft -j list ruleset`."""
_Chain: TypeAlias = tuple[str, str, str]
"""Family, table and name, of a chain or a set."""


class Packet(Struct, frozen=True):
    """The first packet of a new connection from an address that no rule names."""

    hook: str  # `input`, or `forward` for a port whose destination the engine has rewritten
    interface: str
    protocol: str
    # on the host for `input`, in the container for `forward`; 0 = a port that no rule names
    port: int
    family: str = "ip"  # or `ip6`
    host_port: int | None = None  # before the engine rewrites it; None = the same as `port`


def fate(rules: Rules, packet: Packet) -> frozenset[str]:
    """ACCEPTED or DROPPED; both if the rules match on something that is not known about the packet.

    A packet passes the hooks `ingress` and `prerouting` before its own; packets dropped there never
    reach it. Rules written by Podman's own network helper are ignored, because they accept
    everything.
    """
    walk = _Walk(rules, packet)
    ends = [
        walk.base(item["chain"])
        for item in rules
        if "chain" in item and _passes(item["chain"], packet)
    ]
    if {DROPPED} in ends:
        return frozenset({DROPPED})
    return frozenset[str]().union(*ends) or frozenset({ACCEPTED})


def _passes(chain: Mapping[str, Any], packet: Packet) -> bool:
    if chain.get("type", "filter") != "filter" or chain["table"] == _OF_THE_ENGINE:
        return False
    if chain.get("hook") == "ingress":
        device = chain.get("dev") or packet.interface
        return packet.interface in (device if isinstance(device, list) else [device])
    return chain["family"] in ("inet", packet.family) and chain.get("hook") in (
        "prerouting",
        packet.hook,
    )


class _Walk:
    """A packet on its way through the chains of a ruleset."""

    def __init__(self, items: Rules, packet: Packet) -> None:
        self._packet = packet
        self._rewritten = False
        self._rules: dict[_Chain, list[Any]] = {}
        self._sets: dict[_Chain, Any] = {}
        for item in items:
            if rule := item.get("rule"):
                key = (rule["family"], rule["table"], rule["chain"])
                self._rules.setdefault(key, []).append(rule.get("expr") or ())
            elif entry := item.get("set"):
                self._sets[entry["family"], entry["table"], entry["name"]] = entry.get("elem") or ()

    def base(self, chain: Mapping[str, Any]) -> frozenset[str]:
        """The possible verdicts of a chain at a hook."""
        priority = chain.get("prio")
        early = chain["hook"] == "ingress" or (
            chain["hook"] == "prerouting"
            and not (isinstance(priority, int) and priority > _REWRITES)
        )
        self._rewritten = self._packet.hook == "forward" and not early
        try:
            ends, returns = self._ends((chain["family"], chain["table"], chain["name"]), 0)
        except (AttributeError, KeyError, TypeError, ValueError):
            return _EITHER  # a rule that cannot be parsed
        return ends | {DROPPED if chain.get("policy") == "drop" else ACCEPTED} if returns else ends

    def _ends(
        self,
        chain: _Chain,
        depth: int,
    ) -> tuple[frozenset[str], bool]:
        """The possible verdicts in a chain, and whether the packet may return from it."""
        ends: frozenset[str] = frozenset()
        returns = False
        if depth > _DEEPEST:
            return _EITHER, True
        for expressions in self._rules.get(chain, ()):
            sure: bool | None = True
            for matched, verdict, target in self._statements(expressions, chain):
                sure = False if matched is False else (sure and matched)
                if sure is False:
                    break
                if not verdict:
                    continue
                goes_on = False
                if verdict == "return":
                    returns = True
                elif verdict in (ACCEPTED, DROPPED):
                    ends |= {verdict}
                else:
                    inner, goes_on = self._ends((*chain[:2], target), depth + 1)
                    ends |= inner
                    if verdict == "goto":
                        returns, goes_on = returns or goes_on, False
                if sure and not goes_on:
                    return ends, returns
        return ends, True

    def _statements(
        self,
        expressions: Any,
        chain: _Chain,
    ) -> Iterator[tuple[bool | None, str, str]]:
        """(whether it matches, verdict or empty, target chain) of the parts of a rule."""
        for expression in expressions:
            for name, value in expression.items():
                if name == "match":
                    yield self._matches(value, chain), "", ""
                elif name == "vmap":
                    yield from self._mapped(value, chain)
                elif name in ("accept", "drop", "reject"):
                    yield True, ACCEPTED if name == "accept" else DROPPED, ""
                elif name in ("return", "jump", "goto"):
                    yield True, name, str(value["target"]) if value else ""
                elif name == "xt" and value.get("type") == "target":
                    if value.get("name") in ("REJECT", "DROP"):
                        yield True, DROPPED, ""
                elif name not in _NO_MATCH:
                    yield None, "", ""

    def _mapped(
        self,
        value: Mapping[str, Any],
        chain: _Chain,
    ) -> Iterator[tuple[bool | None, str, str]]:
        """`iifname vmap { "eth0" : goto public }`: each entry that may fit; a map with a name is
        unknown."""
        for key, verdict in value["data"]["set"] if isinstance(value["data"], dict) else ():
            matched = self._matches({"left": value["key"], "right": key}, chain)
            if matched is not False:
                ((_, what, target),) = self._statements((verdict,), chain)
                yield matched, what, target
            if matched:
                return
        if not isinstance(value["data"], dict):
            yield None, "", ""

    def _matches(
        self,
        match: Mapping[str, Any],
        chain: _Chain,
    ) -> bool | None:
        right = match.get("right")
        if isinstance(right, str) and right.startswith("@"):
            right = {"set": self._sets.get((*chain[:2], right[1:]), ())}
        fits = self._fits(match.get("left"), right)
        operator = match.get("op", "==")
        if operator in ("==", "in"):
            return fits
        return not fits if operator == "!=" and fits is not None else None

    def _fits(self, left: Any, right: Any) -> bool | None:
        packet = self._packet
        if not isinstance(left, dict):
            return None
        if isinstance(meta := left.get("meta"), dict):
            return self._fits_meta(str(meta.get("key")), right)
        if isinstance(ct := left.get("ct"), dict):
            if ct.get("key") == "status":
                return _among(right, "dnat".__eq__) and self._rewritten
            return _among(right, "new".__eq__) if ct.get("key") == "state" else None
        payload = left.get("payload")
        if not isinstance(payload, dict) or payload.get("protocol") == "ether":
            return None
        protocol, field = payload.get("protocol"), payload.get("field")
        if (
            protocol != (packet.protocol if protocol in _PROTOCOLS else packet.family)
            and protocol != "th"
        ):
            return False
        if field == "dport":
            before = packet.port if packet.host_port is None else packet.host_port
            port = before if packet.hook == "forward" and not self._rewritten else packet.port
            return _among(right, port.__eq__, port)
        if field == "saddr":
            return _among(
                right, lambda addresses: isinstance(addresses, str) and addresses.endswith("/0")
            )
        return _among(right, packet.protocol.__eq__) if field in ("protocol", "nexthdr") else None

    def _fits_meta(
        self,
        key: str,
        right: Any,
    ) -> bool | None:
        packet = self._packet
        if key in ("iifname", "iif"):
            return _among(right, lambda name: _is_called(packet.interface, name))
        if key in ("oifname", "oif"):  # that of the container's network is not known
            outside = _among(
                right, lambda name: not _is_called(packet.interface, name) and name != "lo"
            )
            return None if packet.hook == "forward" and outside else False
        known = {"l4proto": packet.protocol, "protocol": packet.family}
        known["nfproto"] = {"ip": "ipv4", "ip6": "ipv6"}[packet.family]
        return _among(right, known[key].__eq__) if key in known else None


def _among(
    right: Any,
    fits: Callable[[Any], object],
    number: int = 0,
) -> bool:
    """Whether a value, or one of a set, matches; for a range, whether it contains the number."""
    if isinstance(right, dict):
        if isinstance(ends := right.get("range"), list) and all(
            isinstance(end, int) for end in ends
        ):
            return bool(ends) and ends[0] <= number <= ends[-1]
        if isinstance(prefix := right.get("prefix"), dict):
            return fits(f"{prefix.get('addr')}/{prefix.get('len')}") is True
        right = right.get("set") or (right.get("elem") or {}).get("val", ())
    if isinstance(right, list | tuple):
        return any(_among(item, fits, number) for item in right)
    return fits(right) is True


def _is_called(interface: str, name: Any) -> bool:
    """Whether the interface matches a name or a pattern ending with a star."""
    if not isinstance(name, str):
        return False
    return interface.startswith(name[:-1]) if name.endswith("*") else interface == name
