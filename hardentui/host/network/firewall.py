"""The host's packet filter, read-only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.child_process import ChildTimedOut, run_child
from hardentui.host.commands import Run, program_environment
from hardentui.host.files import Files, names, text, text_or, there
from hardentui.model.host import Firewall
from hardentui.model.known import Known, Unread, known
from hardentui.visible import visible

METADATA_ADDRESS = "169.254.169.254"

_DIRECTORY = "/sys/class/dmi/id"
_FILES = (
    "sys_vendor",
    "product_name",
    "board_vendor",
    "bios_vendor",
    "chassis_asset_tag",
)
_CLOUDS = (  # as cloud-init's ds-identify recognises them
    ("amazon ec2", "Amazon EC2"),
    ("google compute engine", "Google Compute Engine"),
    (
        "7783-7084-3265-9085-8269-3286-77",
        "Microsoft Azure",
    ),  # Azure's chassis asset tag; Hyper-V has none
    ("openstack", "OpenStack"),
    ("digitalocean", "DigitalOcean"),
    ("hetzner", "Hetzner Cloud"),
    ("oraclecloud", "Oracle Cloud"),
    ("alibaba cloud", "Alibaba Cloud"),
    ("scaleway", "Scaleway"),
    ("vultr", "Vultr"),
    ("linode", "Akamai"),
    ("akamai", "Akamai"),
    ("upcloud", "UpCloud"),
    ("exoscale", "Exoscale"),
    ("ibmcloud", "IBM Cloud"),  # the chassis asset tag is `ibmcloud`
)


def read_cloud(files: Files) -> str:
    """The cloud that this machine runs in; empty if its firmware names no known one."""
    seen = []
    for name in _FILES:
        content = text(files, f"{_DIRECTORY}/{name}")
        if isinstance(content, str):
            seen.append(content.strip().lower())
    return next(
        (cloud for mark, cloud in _CLOUDS if any(mark in line for line in seen)),
        "",
    )


_CHECK_SECONDS = 5.0


def check_rules(text: str) -> Known[str]:
    """Empty if nft accepts the rules, else its first error; Unread if it could not be run."""
    try:
        done = run_child(
            ("nft", "--check", "--file", "-"),
            given=text.encode(),
            seconds=_CHECK_SECONDS,
            environment=program_environment(),
        )
    except FileNotFoundError:
        return Unread("the program nft is not installed")
    except ChildTimedOut:
        return Unread(f"nft did not answer within {_CHECK_SECONDS:g} s")
    except OSError as error:
        return Unread(f"nft cannot be run: {error.strerror}")
    complaint = done.errors.decode("utf-8", "replace").strip()
    if done.code and "Operation not permitted" in complaint:
        return Unread("only root can run nft")
    return visible(complaint.splitlines()[0], 300) if done.code and complaint else ""


_MODULES = ("nf_tables", "x_tables", "ip_tables", "ip6_tables")
_BUILT_IN = rf"/(?:{'|'.join(_MODULES)})\.ko"


def without_filter(files: Files) -> bool:
    """No packet filter is loaded, and none is built into the kernel. False where that cannot be
    told."""
    loaded = text_or(files, "/proc/modules", _MODULES[0])
    if any(line.partition(" ")[0] in _MODULES for line in loaded.splitlines()):
        return False
    release = text_or(files, "/proc/sys/kernel/osrelease").strip()
    built_in = text_or(files, f"/lib/modules/{release}/modules.builtin").strip() if release else ""
    return bool(built_in) and not re.search(_BUILT_IN, built_in)


_SECONDS = 3.0
_UNITS = ("/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice")
_ROUTES, _INTERFACES = "/proc/net/route", "/sys/class/net"


def read_firewall(
    files: Files,
    run: Run,
    *,
    root: bool,
) -> Firewall:
    """Listing rules needs root; whether firewalld runs, or there can be any rule, can be seen
    without."""
    running = any(there(files, f"{slice_}/firewalld.service") for slice_ in _UNITS)
    rules: Known[tuple[Mapping[str, Any], ...]] = known(lambda: _listed(run, root=root))
    if isinstance(rules, Unread) and without_filter(files):
        rules = ()
    firewalld = running or (not isinstance(rules, Unread) and any(map(_is_firewalld, rules)))
    return Firewall(
        rules=rules,
        outside=known(_outside, files),
        firewalld=firewalld,
        metadata_filtered=(
            rules if isinstance(rules, Unread) else drops_address(rules, METADATA_ADDRESS)
        ),
    )


def _listed(run: Run, *, root: bool) -> tuple[Mapping[str, Any], ...]:
    if not root:
        raise Unread("the packet filter can only be listed as root")
    listed = run(("nft", "-j", "list", "ruleset"), _SECONDS)
    if isinstance(listed, Unread):
        raise listed
    return parse_ruleset(listed)


def parse_ruleset(content: str) -> tuple[Mapping[str, Any], ...]:
    """The tables, chains, sets and rules of `nft -j list ruleset`, each with its required keys."""
    try:
        items = json.loads(content)["nftables"]
        kept = tuple(item for item in items if isinstance(item, dict) and _is_whole(item))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        kept, items = (), (None,)
    if len(kept) != len(items):
        raise Unread("the answer of nft cannot be parsed")
    return kept


_WORDS = {
    "chain": ("family", "table", "name"),
    "rule": ("family", "table", "chain"),
}


def _is_whole(item: dict[str, Any]) -> bool:
    """It has the keys by which rules are looked up."""
    for kind, words in _WORDS.items():
        if kind in item and not all(isinstance(item[kind].get(word), str) for word in words):
            return False
    return all(isinstance(part, dict) for part in item.get("rule", {}).get("expr") or ())


def _is_firewalld(item: Mapping[str, Any]) -> bool:
    table = item.get("table")
    return isinstance(table, dict) and table.get("name") == "firewalld"


def _outside(files: Files) -> tuple[str, ...]:
    """External interfaces: those of default routes; without any, all but loopback and bridges."""
    routes = text(files, _ROUTES)
    rows = [line.split() for line in routes.splitlines()] if isinstance(routes, str) else []
    outside = tuple(
        dict.fromkeys(row[0] for row in rows if len(row) > 7 and row[1] == row[7] == "00000000")
    )
    if outside:
        return outside
    inner = ("bridge", "brport")
    return tuple(
        name
        for name in names(files, _INTERFACES)
        if name != "lo" and not any(there(files, f"{_INTERFACES}/{name}/{kind}") for kind in inner)
    )


def drops_address(
    rules: Iterable[Mapping[str, Any]],
    address: str,
) -> bool:
    """Whether a rule of a ruleset drops or rejects packets to an address, alone or in a network or
    set."""
    for rule in (item["rule"] for item in rules if "rule" in item):
        expressions = rule.get("expr", ())
        if not any("drop" in expression or "reject" in expression for expression in expressions):
            continue
        matches = (expression["match"] for expression in expressions if "match" in expression)
        if any(
            _field(match) == "daddr" and _covers(match.get("right"), address) for match in matches
        ):
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
    from ipaddress import (
        ip_address,
        ip_network,
    )  # 2 ms, only for the few rules that match a destination

    try:
        return ip_address(wanted) in ip_network(right, strict=False)
    except ValueError:
        return False
