"""How packets of containers are dropped on a host, in the words of what manages its packet filter.

A drop in any table is final, whoever wrote it; but only the host's own firewall keeps a rule over
its reload and the next boot.
"""

from __future__ import annotations

import re
import shlex
from enum import StrEnum

from hardentui.model.facts import NetworkFacts
from hardentui.model.host import Firewall
from hardentui.model.known import Unread
from hardentui.visible import command_word

_TABLE = "inet containers"
_KEEP = "# lost at the next boot: put the same lines into a file that nftables.service loads"
_SUBNET = r"[0-9a-fA-F.:]+/[0-9]+"
_RELOAD = "firewall-cmd --reload"


class FirewallManager(StrEnum):
    """Who writes the rules of the host."""

    FIREWALLD = "firewalld"
    UFW = "ufw"
    NFTABLES = "nftables"


def manager_of(firewall: Firewall) -> FirewallManager:
    """By its service or table, or by the chains that ufw makes."""
    if firewall.firewalld is True:
        return FirewallManager.FIREWALLD
    rules = () if isinstance(firewall.rules, Unread) else firewall.rules
    chains = (item.get("chain", {}).get("name", "") for item in rules)
    if any(name.startswith("ufw-") for name in chains):
        return FirewallManager.UFW
    return FirewallManager.NFTABLES


def to_drop_forwarded(
    firewall: Firewall,
    address: str,
) -> tuple[str, ...]:
    """The commands that keep containers from an IPv4 address outside."""
    manager = manager_of(firewall)
    if manager is FirewallManager.FIREWALLD:
        rule = f'rule family="ipv4" destination address="{address}" drop'
        return (*_policy("containers-out", "ANY", rule), _RELOAD)
    if manager is FirewallManager.UFW:
        return (f"ufw route prepend deny to {address}",)
    return (
        *_chain("forward"),
        _rule("forward", f"ip daddr {address} drop"),
        _KEEP,
    )


def to_drop_from(
    firewall: Firewall,
    network: NetworkFacts,
) -> tuple[str, ...]:
    """The commands that keep the members of a network from the host's services, but for DNS."""
    bridge = command_word(
        str(network.inspect.get("network_interface") or "BRIDGE"),
        "BRIDGE",
    )
    manager = manager_of(firewall)
    if manager is FirewallManager.FIREWALLD:
        rules = (rule for subnet in _subnets(network) for rule in _only_dns(subnet))
        return (*_policy("containers-host", "HOST", *rules), _RELOAD)
    if manager is FirewallManager.UFW:
        return (
            f"ufw prepend deny in on {bridge}",
            f"ufw prepend allow in on {bridge} to any port 53",
        )
    return (
        *_chain("input"),
        _rule("input", f"iifname {bridge} tcp dport != 53 drop"),
        _KEEP,
    )


def _subnets(network: NetworkFacts) -> tuple[str, ...]:
    given = (str(subnet.get("subnet", "")) for subnet in network.inspect.get("subnets") or ())
    return tuple(filter(re.compile(_SUBNET).fullmatch, given)) or ("SUBNET",)


def _only_dns(subnet: str) -> tuple[str, str]:
    family = "ipv6" if ":" in subnet else "ipv4"
    source = f'family="{family}" source address="{subnet}"'
    return (
        f'rule priority="-2" {source} service name="dns" accept',
        f'rule priority="-1" {source} drop',
    )


def _policy(name: str, leads_to: str, *rules: str) -> tuple[str, ...]:
    """A policy of firewalld from all zones; Podman's networks are in its zone `trusted`."""
    change = f"firewall-cmd --permanent --policy {name}"
    return (
        f"firewall-cmd --permanent --new-policy {name}",
        f"{change} --add-ingress-zone ANY --add-egress-zone {leads_to}",
        *(f"{change} --add-rich-rule {shlex.quote(rule)}" for rule in rules),
    )


def _chain(hook: str) -> tuple[str, ...]:
    """A chain of its own, before those of others: it needs none of theirs to be there."""
    where = f"{{ type filter hook {hook} priority filter - 5; }}"
    return (
        f"nft add table {_TABLE}",
        f"nft add chain {_TABLE} {hook} '{where}'",
    )


def _rule(hook: str, rule: str) -> str:
    return f"nft add rule {_TABLE} {hook} {rule}"
