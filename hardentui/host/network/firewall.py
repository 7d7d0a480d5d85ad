"""The host's packet filter, read-only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.host.cloud import METADATA_ADDRESS
from hardentui.host.commands import Run
from hardentui.host.files.config import names, text, there
from hardentui.host.files.reader import Files
from hardentui.host.network.filter_modules import without_filter
from hardentui.host.network.firewalld import DEFAULT_ZONE, read_settings, read_zones
from hardentui.model.host import Firewall, Zone
from hardentui.model.known import Known, Unreadable

_SECONDS = 3.0
_UNITS = ("/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice")
_ROUTES, _INTERFACES = "/proc/net/route", "/sys/class/net"


def read_firewall(files: Files, run: Run, *, root: bool) -> Firewall:
    """Listing rules needs root; whether firewalld runs, or there can be any rule, can be seen without."""
    running = any(there(files, f"{slice_}/firewalld.service") for slice_ in _UNITS)
    listed = (
        run(("nft", "-j", "list", "ruleset"), _SECONDS)
        if root
        else Unreadable("the packet filter can only be listed as root")
    )
    rules = listed if isinstance(listed, Unreadable) else parse_ruleset(listed)
    if isinstance(rules, Unreadable) and without_filter(files):
        rules = ()
    firewalld = running or (not isinstance(rules, Unreadable) and any(map(_is_firewalld, rules)))
    return Firewall(
        rules=rules,
        outside=_outside(files),
        firewalld=firewalld,
        zones=_zones(files) if firewalld else (),
        metadata_filtered=(
            rules if isinstance(rules, Unreadable) else drops_address(rules, METADATA_ADDRESS)
        ),
    )


def _zones(files: Files) -> Known[tuple[Zone, ...]]:
    settings = read_settings(files)
    if isinstance(settings, Unreadable):
        return settings
    return read_zones(files, settings.get("DefaultZone") or DEFAULT_ZONE)


def parse_ruleset(content: str) -> Known[tuple[Mapping[str, Any], ...]]:
    """The tables, chains, sets and rules of `nft -j list ruleset`, each with its required keys."""
    try:
        items = json.loads(content)["nftables"]
        kept = tuple(item for item in items if isinstance(item, dict) and _is_whole(item))
        return kept if len(kept) == len(items) else _GARBLED
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _GARBLED


_GARBLED = Unreadable("the answer of nft cannot be parsed")
_WORDS = {"chain": ("family", "table", "name"), "rule": ("family", "table", "chain")}


def _is_whole(item: dict[str, Any]) -> bool:
    """It has the keys by which rules are looked up."""
    for kind, words in _WORDS.items():
        if kind in item and not all(isinstance(item[kind].get(word), str) for word in words):
            return False
    return all(isinstance(part, dict) for part in item.get("rule", {}).get("expr") or ())


def _is_firewalld(item: Mapping[str, Any]) -> bool:
    table = item.get("table")
    return isinstance(table, dict) and table.get("name") == "firewalld"


def _outside(files: Files) -> Known[tuple[str, ...]]:
    """External interfaces: those of default routes; without any, all but loopback and bridges."""
    routes = text(files, _ROUTES)
    if isinstance(routes, Unreadable):
        return routes
    rows = [line.split() for line in routes.splitlines()] if isinstance(routes, str) else []
    outside = tuple(dict.fromkeys(row[0] for row in rows if len(row) > 7 and row[1] == row[7] == "00000000"))
    if outside:
        return outside
    interfaces = names(files, _INTERFACES)
    if isinstance(interfaces, Unreadable):
        return interfaces
    inner = ("bridge", "brport")
    return tuple(
        name
        for name in interfaces
        if name != "lo" and not any(there(files, f"{_INTERFACES}/{name}/{kind}") for kind in inner)
    )


def drops_address(rules: Iterable[Mapping[str, Any]], address: str) -> bool:
    """Whether a rule of a ruleset drops or rejects packets to an address, alone or in a network or set."""
    for rule in (item["rule"] for item in rules if "rule" in item):
        expressions = rule.get("expr", ())
        if not any("drop" in expression or "reject" in expression for expression in expressions):
            continue
        matches = (expression["match"] for expression in expressions if "match" in expression)
        if any(_field(match) == "daddr" and _covers(match.get("right"), address) for match in matches):
            return True
    return False


def _field(match: dict[str, Any]) -> str:
    left = match.get("left")
    payload = left.get("payload") if isinstance(left, dict) and match.get("op") == "==" else None
    return str(payload.get("field")) if isinstance(payload, dict) else ""


def _covers(right: Any, wanted: str) -> bool:
    """`right` of a match: an address, `{"prefix": {"addr", "len"}}`, or a `{"set": […]}` of these."""
    if isinstance(right, dict) and isinstance(right.get("set"), list):
        return any(_covers(member, wanted) for member in right["set"])
    if isinstance(right, dict) and isinstance(right.get("prefix"), dict):
        right = f"{right['prefix'].get('addr')}/{right['prefix'].get('len')}"
    if not isinstance(right, str):
        return False
    from ipaddress import ip_address, ip_network  # 2 ms, only for the few rules that match a destination

    try:
        return ip_address(wanted) in ip_network(right, strict=False)
    except ValueError:
        return False
