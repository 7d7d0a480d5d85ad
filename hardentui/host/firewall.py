"""The host's packet filter, read-only."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from hardentui.host.cloud import METADATA_ADDRESS
from hardentui.host.commands import Run
from hardentui.host.config import text, there
from hardentui.host.files import Files
from hardentui.model.facts import Known, Unreadable
from hardentui.model.host import Firewall

_SECONDS = 3.0
_ENGINE_TABLES = frozenset({"netavark"})
_UNITS = ("/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice")


def read_firewall(files: Files, run: Run, *, root: bool) -> Firewall:
    """nftables needs root; whether firewalld runs can be seen without."""
    firewalld = any(there(files, f"{slice_}/firewalld.service") for slice_ in _UNITS)
    zone = _default_zone(files)
    if not root:
        why = Unreadable("the packet filter can only be listed as root")
        return Firewall(why, why, why, firewalld, zone, why)
    listed = run(("nft", "-j", "list", "ruleset"), _SECONDS)
    filters = listed if isinstance(listed, Unreadable) else parse_ruleset(listed)
    if isinstance(filters, Unreadable):
        return Firewall(filters, filters, filters, firewalld, zone, filters)
    tables, hooks = filters
    return Firewall(
        "input" in hooks,
        "forward" in hooks,
        tables,
        firewalld or "inet firewalld" in tables,
        zone,
        isinstance(listed, str) and drops_address(listed, METADATA_ADDRESS),
    )


def parse_ruleset(content: str) -> Known[tuple[tuple[str, ...], frozenset[str]]]:
    """The tables, and the hooks at which something other than the engine's own rules drops or rejects.

    A base chain counts when its policy is drop, or when it or a chain that it jumps to has a rule that drops
    or rejects.
    """
    try:
        items = json.loads(content)["nftables"]
        tables = [item["table"] for item in items if "table" in item]
        chains = [item["chain"] for item in items if "chain" in item]
        rules = [item["rule"] for item in items if "rule" in item]
        return (
            tuple(f"{one['family']} {one['name']}" for one in tables),
            frozenset(
                chain["hook"]
                for chain in chains
                if chain.get("hook") and chain["table"] not in _ENGINE_TABLES and _filters(chain, rules)
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Unreadable("the answer of nft cannot be understood")


def drops_address(content: str, address: str) -> bool:
    """Whether a rule of a ruleset drops or rejects what goes to an address, alone or in a network or set."""
    wanted = ipaddress.ip_address(address)
    rules = [item["rule"] for item in json.loads(content)["nftables"] if "rule" in item]
    for rule in rules:
        expressions = rule.get("expr", ())
        if not any("drop" in one or "reject" in one for one in expressions):
            continue
        matches = (one["match"] for one in expressions if "match" in one)
        if any(_field(one) == "daddr" and _covers(one.get("right"), wanted) for one in matches):
            return True
    return False


def _field(match: dict[str, Any]) -> str:
    left = match.get("left")
    payload = left.get("payload") if isinstance(left, dict) and match.get("op") == "==" else None
    return str(payload.get("field")) if isinstance(payload, dict) else ""


def _covers(right: Any, wanted: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """`right` of a match: an address, `{"prefix": {"addr", "len"}}`, or `{"set": […]}` of such."""
    if isinstance(right, dict) and isinstance(right.get("set"), list):
        return any(_covers(one, wanted) for one in right["set"])
    if isinstance(right, dict) and isinstance(right.get("prefix"), dict):
        right = f"{right['prefix'].get('addr')}/{right['prefix'].get('len')}"
    try:
        return wanted in ipaddress.ip_network(right, strict=False) if isinstance(right, str) else False
    except ValueError:
        return False


def _filters(base: dict[str, Any], rules: list[dict[str, Any]]) -> bool:
    if base.get("policy") == "drop":
        return True
    seen, waiting = set[str](), [str(base["name"])]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for rule in rules:
            if (rule["family"], rule["table"], rule["chain"]) != (base["family"], base["table"], name):
                continue
            for expression in rule.get("expr", ()):
                if "drop" in expression or "reject" in expression:
                    return True
                for jump in ("jump", "goto"):
                    if jump in expression:
                        waiting.append(str(expression[jump]["target"]))
    return False


def _default_zone(files: Files) -> str:
    content = text(files, "/etc/firewalld/firewalld.conf")
    for line in content.splitlines() if isinstance(content, str) else ():
        if line.startswith("DefaultZone="):
            return line.partition("=")[2].strip()
    return ""
