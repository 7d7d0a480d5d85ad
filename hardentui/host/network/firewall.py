"""The host's packet filter, read-only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hardentui.host.cloud import METADATA_ADDRESS
from hardentui.host.commands import Run
from hardentui.host.files.reader import Files, names, text, there
from hardentui.model.host import Firewall, Zone
from hardentui.model.known import Known, Unread

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


_DIRECTORIES = ("/etc/firewalld", "/usr/lib/firewalld")  # the first one wins
_SETTINGS = "/etc/firewalld/firewalld.conf"
DEFAULT_ZONE = "public"


def read_settings(files: Files) -> Known[Mapping[str, str]]:
    """KEY=VALUE lines of firewalld.conf; missing keys have firewalld's defaults."""
    content = text(files, _SETTINGS)
    if isinstance(content, Unread):
        return content
    lines = content.splitlines() if isinstance(content, str) else ()
    pairs = (line.partition("=")[::2] for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def read_zones(files: Files, default: str) -> Known[tuple[Zone, ...]]:
    """Every zone; the default one is not marked in its file."""
    zones: dict[str, Zone] = {}
    services: dict[str, Known[tuple[str, ...]]] = {}
    for directory in _DIRECTORIES:
        inside = names(files, f"{directory}/zones")
        if isinstance(inside, Unread):
            return inside
        for name in inside:
            stem = name.removesuffix(".xml")
            if name.endswith(".xml") and stem not in zones:
                zone = _zone(files, f"{directory}/zones/{name}", stem, default, services)
                if isinstance(zone, Unread):
                    return zone
                zones[stem] = zone
    return tuple(zones.values())


def _zone(
    files: Files, path: str, name: str, default: str, services: dict[str, Known[tuple[str, ...]]]
) -> Known[Zone]:
    root = _tree(files, path)
    if isinstance(root, Unread):
        return root
    ports = list(_ports(root))
    used = _attributes(root, "service", "name")
    for service in used:
        if service not in services:
            services[service] = _service(files, service)
        known = services[service]
        if isinstance(known, Unread):
            return known
        ports += known
    return Zone(
        name=name,
        path=path,
        default=name == default,
        target=root.get("target", "default"),
        interfaces=_attributes(root, "interface", "name"),
        sources=tuple(
            word
            for source in root.findall("source")
            for word in (source.get("address"), source.get("ipset"))
            if word
        ),
        services=used,
        ports=tuple(dict.fromkeys(ports)),
        masquerade=root.find("masquerade") is not None,
        rich_rules=len(root.findall("rule")),
    )


def _service(files: Files, name: str) -> Known[tuple[str, ...]]:
    if "/" in name:
        return Unread(f"{name!r} is not a firewalld service name")
    for directory in _DIRECTORIES:
        root = _tree(files, f"{directory}/services/{name}.xml")
        if not isinstance(root, Unread):
            return tuple(_ports(root))
    return Unread(f"the firewalld service {name} is not known")


def _tree(files: Files, path: str) -> Known[Element]:
    """A small XML file. Entities are refused: firewalld uses none, and they can expand without limit."""
    content = text(files, path)
    if not isinstance(content, str):
        return content if isinstance(content, Unread) else Unread(f"{path} does not exist")
    if "<!DOCTYPE" in content or "<!ENTITY" in content:
        return Unread(f"{path} contains XML entities")
    from xml.etree.ElementTree import ParseError, fromstring

    try:
        return fromstring(content)  # noqa: S314 - without entities it cannot expand
    except (ParseError, ValueError):
        return Unread(f"{path} is not valid XML")


def _ports(root: Element) -> list[str]:
    """`8080/tcp`, `8000-8010/udp`."""
    return [f"{port.get('port')}/{port.get('protocol')}" for port in root.findall("port") if port.get("port")]


def _attributes(root: Element, tag: str, name: str) -> tuple[str, ...]:
    return tuple(value for element in root.findall(tag) if (value := element.get(name)))


_MODULES = ("nf_tables", "x_tables", "ip_tables", "ip6_tables")
_BUILT_IN = rf"/(?:{'|'.join(_MODULES)})\.ko"


def without_filter(files: Files) -> bool:
    """No packet filter is loaded, and none is built into the kernel. False where that cannot be told."""
    loaded = text(files, "/proc/modules")
    if not isinstance(loaded, str) or any(line.partition(" ")[0] in _MODULES for line in loaded.splitlines()):
        return False
    release = text(files, "/proc/sys/kernel/osrelease")
    if not isinstance(release, str) or not release.strip():
        return False
    built_in = text(files, f"/lib/modules/{release.strip()}/modules.builtin")
    return isinstance(built_in, str) and bool(built_in.strip()) and not re.search(_BUILT_IN, built_in)


_SECONDS = 3.0
_UNITS = ("/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice")
_ROUTES, _INTERFACES = "/proc/net/route", "/sys/class/net"


def read_firewall(files: Files, run: Run, *, root: bool) -> Firewall:
    """Listing rules needs root; whether firewalld runs, or there can be any rule, can be seen without."""
    running = any(there(files, f"{slice_}/firewalld.service") for slice_ in _UNITS)
    listed = (
        run(("nft", "-j", "list", "ruleset"), _SECONDS)
        if root
        else Unread("the packet filter can only be listed as root")
    )
    rules = listed if isinstance(listed, Unread) else parse_ruleset(listed)
    if isinstance(rules, Unread) and without_filter(files):
        rules = ()
    firewalld = running or (not isinstance(rules, Unread) and any(map(_is_firewalld, rules)))
    return Firewall(
        rules=rules,
        outside=_outside(files),
        firewalld=firewalld,
        zones=_zones(files) if firewalld else (),
        metadata_filtered=(rules if isinstance(rules, Unread) else drops_address(rules, METADATA_ADDRESS)),
    )


def _zones(files: Files) -> Known[tuple[Zone, ...]]:
    settings = read_settings(files)
    if isinstance(settings, Unread):
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


_GARBLED = Unread("the answer of nft cannot be parsed")
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
    if isinstance(routes, Unread):
        return routes
    rows = [line.split() for line in routes.splitlines()] if isinstance(routes, str) else []
    outside = tuple(dict.fromkeys(row[0] for row in rows if len(row) > 7 and row[1] == row[7] == "00000000"))
    if outside:
        return outside
    interfaces = names(files, _INTERFACES)
    if isinstance(interfaces, Unread):
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
