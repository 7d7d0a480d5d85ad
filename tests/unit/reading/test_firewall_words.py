"""Packets are dropped in the words of what manages the host's packet filter."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from hardentui.host.network.firewall import METADATA_ADDRESS, drops_address, parse_ruleset
from hardentui.model.facts import NetworkFacts
from hardentui.model.host import Firewall
from hardentui.model.known import Unread
from hardentui.reading.firewall_words import (
    FirewallManager,
    manager_of,
    to_drop_forwarded,
    to_drop_from,
)
from hardentui.reading.packets import DROPPED, Packet, fate

_UFW = ({"chain": {"family": "ip", "table": "filter", "name": "ufw-before-forward"}},)
_NETWORK = NetworkFacts(
    "back",
    {"network_interface": "podman3", "subnets": [{"subnet": "10.89.3.0/24"}]},
)


@pytest.mark.parametrize(
    ("firewall", "manager", "forwarded", "from_network"),
    [
        (
            Firewall(rules=(), firewalld=True),
            FirewallManager.FIREWALLD,
            "--policy containers-out --add-ingress-zone ANY --add-egress-zone ANY",
            'source address="10.89.3.0/24" drop',
        ),
        (
            Firewall(rules=_UFW, firewalld=False),
            FirewallManager.UFW,
            "ufw route prepend deny to 169.254.169.254",
            "ufw prepend allow in on podman3 to any port 53",
        ),
        (
            Firewall(rules=Unread("only as root"), firewalld=False),
            FirewallManager.NFTABLES,
            "nft add table inet containers",
            "iifname podman3 tcp dport != 53 drop",
        ),
    ],
)
def test_each_firewall_is_told_in_its_own_words(
    firewall: Firewall,
    manager: FirewallManager,
    forwarded: str,
    from_network: str,
) -> None:
    assert manager_of(firewall) is manager
    out = "\n".join(to_drop_forwarded(firewall, METADATA_ADDRESS))
    back = "\n".join(to_drop_from(firewall, _NETWORK))
    assert forwarded in out
    assert from_network in back
    assert ("nft " in out + back) is (manager is FirewallManager.NFTABLES)


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"),
    reason="needs root and nft, for rules in a network namespace of its own",
)
def test_the_nft_lines_work_literally_where_no_table_was_before() -> None:
    """Run in an empty network namespace; then what the checks ask of the rules holds."""
    firewall = Firewall(rules=(), firewalld=False)
    lines = (*to_drop_forwarded(firewall, METADATA_ADDRESS), *to_drop_from(firewall, _NETWORK))
    script = "\n".join(("set -e", *lines, "nft -j list ruleset"))
    listed = subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    rules = parse_ruleset(listed.stdout)
    assert drops_address(rules, METADATA_ADDRESS)
    assert fate(rules, Packet("input", "podman3", "tcp", 22)) == {DROPPED}
    assert fate(rules, Packet("input", "podman3", "tcp", 53)) != {DROPPED}
    assert fate(rules, Packet("input", "podman4", "tcp", 22)) != {DROPPED}
