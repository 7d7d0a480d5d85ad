"""What becomes of the first packet of a stranger, by rulesets of nftables; two of them firewalld's
own."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.host.network.firewall import parse_ruleset
from hardentui.reading.packets import ACCEPTED, DROPPED, Packet, fate

DATA = Path(__file__).resolve().parents[2] / "data" / "firewall"
BOTH = ACCEPTED + DROPPED


def rules(*items: dict[str, Any]) -> tuple[Any, ...]:
    return parse_ruleset(json.dumps({"nftables": [{"metainfo": {}}, *items]}))


def recorded(name: str) -> tuple[Any, ...]:
    return parse_ruleset((DATA / f"{name}.json").read_text())


def chain(
    name: str,
    hook: str = "",
    policy: str = "accept",
    table: str = "f",
    family: str = "inet",
) -> Any:
    base = {"family": family, "table": table, "name": name}
    return {"chain": {**base, "hook": hook, "policy": policy, "type": "filter"} if hook else base}


def rule(
    name: str,
    *expressions: dict[str, Any],
    table: str = "f",
    family: str = "inet",
) -> dict[str, Any]:
    return {
        "rule": {
            "family": family,
            "table": table,
            "chain": name,
            "expr": list(expressions),
        }
    }


def match(
    left: dict[str, Any],
    right: Any,
    op: str = "==",
) -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def payload(protocol: str, field: str) -> dict[str, Any]:
    return {"payload": {"protocol": protocol, "field": field}}


DROP: dict[str, Any] = {"drop": None}
ACCEPT: dict[str, Any] = {"accept": None}
DPORT, SADDR, STATE = payload("tcp", "dport"), payload("ip", "saddr"), {"ct": {"key": "state"}}
DNAT = match({"ct": {"key": "status"}}, "dnat", "in")


def said(effects: frozenset[str]) -> str:
    return "".join(sorted(effects))


@pytest.mark.parametrize(
    ("name", "hook", "interface", "port", "ends"),
    [
        ("firewalld-public", "input", "eth0", 0, DROPPED),
        ("firewalld-public", "input", "eth0", 22, ACCEPTED),
        ("firewalld-public", "input", "eth0", 8080, ACCEPTED),
        ("firewalld-public", "input", "eth0", 9000, DROPPED),  # open for one network only
        ("firewalld-public", "input", "eth1", 8080, DROPPED),  # in another zone
        ("firewalld-public", "forward", "eth0", 8080, ACCEPTED),  # its destination was rewritten
        ("firewalld-trusted", "input", "eth0", 0, ACCEPTED),
    ],
)
def test_zones_of_firewalld(
    name: str,
    hook: str,
    interface: str,
    port: int,
    ends: str,
) -> None:
    assert said(fate(recorded(name), Packet(hook, interface, "tcp", port))) == ends


def test_strict_forwarding_of_firewalld_holds_published_ports_back() -> None:
    strict = tuple(
        item
        for item in recorded("firewalld-public")
        if DNAT not in item.get("rule", {}).get("expr", ())
    )
    assert said(fate(strict, Packet("forward", "eth0", "tcp", 8080))) == DROPPED


@pytest.mark.parametrize(
    ("expressions", "ends"),
    [
        ([DROP], DROPPED),
        ([{"counter": {}}, {"reject": None}], DROPPED),
        ([match(STATE, "invalid"), DROP], ACCEPTED),
        (
            [match(STATE, {"set": ["new", "untracked"]}), DROP],
            DROPPED,
        ),
        ([match(DPORT, 22), DROP], ACCEPTED),
        (
            [
                match(DPORT, {"set": [22, {"range": [8000, 8100]}]}),
                DROP,
            ],
            DROPPED,
        ),
        ([match(DPORT, "@open", "!="), DROP], ACCEPTED),
        ([match(payload("udp", "dport"), 8080), DROP], ACCEPTED),
        (
            [
                match(SADDR, {"prefix": {"addr": "192.0.2.0", "len": 24}}),
                DROP,
            ],
            ACCEPTED,
        ),
        (
            [
                match(
                    SADDR,
                    {"prefix": {"addr": "192.0.2.0", "len": 24}},
                    "!=",
                ),
                DROP,
            ],
            DROPPED,
        ),
        ([match(SADDR, "@blocked"), DROP], ACCEPTED),
        (
            [match({"meta": {"key": "iifname"}}, "eth*"), DROP],
            DROPPED,
        ),
        (
            [match({"meta": {"key": "iifname"}}, "wlan0"), DROP],
            ACCEPTED,
        ),
        (
            [match({"meta": {"key": "nfproto"}}, "ipv6"), DROP],
            ACCEPTED,
        ),
        ([{"limit": {"rate": 5}}, DROP], BOTH),
        (
            [{"xt": {"type": "match", "name": "recent"}}, DROP],
            BOTH,
        ),
        (
            [{"xt": {"type": "target", "name": "REJECT"}}],
            DROPPED,
        ),
        ([{"jump": {"target": "inner"}}], ACCEPTED),
        ([{"goto": {"target": "dropper"}}], DROPPED),
        (
            [
                {
                    "vmap": {
                        "key": {"meta": {"key": "iifname"}},
                        "data": {"set": [["eth0", DROP]]},
                    }
                }
            ],
            DROPPED,
        ),
        (
            [
                {
                    "vmap": {
                        "key": {"meta": {"key": "iifname"}},
                        "data": {"set": [["eth1", DROP]]},
                    }
                }
            ],
            ACCEPTED,
        ),
    ],
)
def test_a_rule_set_ends_in_its_verdict(
    expressions: list[dict[str, Any]],
    ends: str,
) -> None:
    result = rules(
        {
            "set": {
                "family": "inet",
                "table": "f",
                "name": "open",
                "elem": [22, 8080],
            }
        },
        {
            "set": {
                "family": "inet",
                "table": "f",
                "name": "blocked",
                "elem": ["198.51.100.1"],
            }
        },
        chain("in", "input"),
        chain("inner"),
        chain("dropper"),
        rule("inner", match(DPORT, 8080), {"return": None}),
        rule("inner", DROP),
        rule("dropper", DROP),
        rule("in", *expressions),
    )
    assert said(fate(result, Packet("input", "eth0", "tcp", 8080))) == ends


_WORDS = st.sampled_from(
    [
        "match",
        "vmap",
        "jump",
        "op",
        "left",
        "right",
        "set",
        "range",
        "key",
        "data",
        "ct",
    ]
)
_JSON = st.recursive(
    st.none() | st.integers() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(_WORDS, _JSON, max_size=3), max_size=4))
def test_strange_rules_are_answered_too(expressions: list[dict[str, Any]]) -> None:
    result = rules(chain("in", "input"), rule("in", *expressions))
    assert fate(result, Packet("input", "eth0", "tcp", 80)) <= {ACCEPTED, DROPPED}


def test_every_chain_must_let_it_pass_but_the_engines_own_do_not_count() -> None:
    packet = Packet("input", "eth0", "tcp", 8080)
    closed = chain("in", "input", "drop", table="b")
    assert said(fate(rules(chain("in", "input"), rule("in", ACCEPT), closed), packet)) == DROPPED
    assert (
        said(
            fate(
                rules(
                    chain(
                        "in",
                        "input",
                        "drop",
                        table="netavark",
                    )
                ),
                packet,
            )
        )
        == ACCEPTED
    )
    assert said(fate(rules(chain("in", "forward", "drop")), packet)) == ACCEPTED
    assert said(fate((), packet)) == ACCEPTED


def test_the_families_of_addresses_are_told_apart() -> None:
    only_4 = rules(chain("in", "input", "drop", family="ip"))
    assert said(fate(only_4, Packet("input", "eth0", "tcp", 80))) == DROPPED
    assert said(fate(only_4, Packet("input", "eth0", "tcp", 80, "ip6"))) == ACCEPTED


def test_chains_that_go_round_in_circles_end() -> None:
    result = rules(
        chain("in", "input", "drop"),
        rule("in", {"jump": {"target": "in"}}),
    )
    assert DROPPED in fate(result, Packet("input", "eth0", "tcp", 80))
