"""Which ports a substitute can serve, and the chains that forward them."""

from __future__ import annotations

from typing import Any

import pytest

from hardentui.features.change.substitute import forwarding


def _document(port: str, host: str) -> dict[str, Any]:
    places = [{"HostIp": host, "HostPort": "8080"}]
    return {"NetworkSettings": {"Ports": {port: places, "443/tcp": None}}}


@pytest.mark.parametrize(
    ("host", "match"),
    [
        ("", "fib daddr type local"),
        ("192.0.2.1", "ip daddr 192.0.2.1"),
    ],
)
def test_what_comes_to_a_port_is_sent_on_before_netavark_sees_it(
    host: str,
    match: str,
) -> None:
    chains = forwarding(_document("80/tcp", host), "10.88.0.5/16")
    assert chains.count(f"{match} tcp dport 8080 dnat to 10.88.0.5:80\n") == 2
    assert "hook prerouting priority -110" in chains
    assert "hook output priority -110" in chains
    assert (
        "ip daddr 10.88.0.5 ct status dnat ip saddr { 127.0.0.0/8, 10.88.0.5/16 } masquerade"
        in chains
    )


ODD = [
    ("53/udp", ""),
    ("80/tcp", "::1"),
    ("80/tcp", "1.2.3.4 accept; }"),
]


@pytest.mark.parametrize(("port", "host"), ODD)
def test_what_a_rule_for_tcp_over_ipv4_would_miss_is_not_forwarded(
    port: str,
    host: str,
) -> None:
    assert forwarding(_document(port, host), "10.88.0.5/16") == ""
    assert forwarding(_document("80/tcp", ""), "10.88.0.5/16; flush ruleset") == ""


def test_without_a_published_port_there_is_nothing_to_forward() -> None:
    assert (
        forwarding(
            {"NetworkSettings": {"Ports": {"80/tcp": None}}},
            "10.88.0.5/16",
        )
        == ""
    )
