"""What a stranger reaches: the gate of each opening."""

from typing import Any

from hardentui.checks.prelude import container, rootful
from hardentui.features.networks.openings import openings
from hardentui.model.host import Firewall, HostFacts
from hardentui.model.known import Unread
from hardentui.model.network import Gate
from hardentui.options import PUBLISH, Port

DROP: dict[str, Any] = {
    "family": "inet",
    "table": "f",
    "type": "filter",
    "policy": "drop",
    "prio": 0,
}


def host(*hooks: str) -> HostFacts:
    chains = tuple({"chain": {**DROP, "name": hook, "hook": hook}} for hook in hooks)
    return HostFacts(firewall=Firewall(rules=chains, outside=("eth0",)))


def web(*ports: Port, **over: Any) -> Any:
    return container((PUBLISH, ports), **{"host": host(), **over})


def gates(facts: Any) -> list[Gate]:
    return [opening.gate for opening in openings(facts)]


def test_the_gate_is_what_the_firewall_does_with_a_stranger() -> None:
    wide, local = Port(80, "8080"), Port(80, "8081", "127.0.0.1")
    assert gates(web(wide, local)) == [Gate.OPEN, Gate.LOCAL]
    assert gates(web(wide, host=host("forward"))) == [Gate.FILTERED]
    assert gates(web(wide, host=host("input"))) == [Gate.OPEN], (
        "a published port does not pass input"
    )
    assert gates(
        web(
            wide,
            engine=rootful(rootless=True),
            host=host("input"),
        )
    ) == [Gate.FILTERED]
    assert gates(web(wide, host=Unread("no permission"))) == [Gate.UNKNOWN]
    assert gates(web(wide, engine=rootful(local=False))) == [Gate.UNKNOWN]
    assert gates(web()) == []
    on_host = container("--network=host", host=host("input"))
    assert [(opening.gate, opening.words) for opening in openings(on_host)] == [
        (Gate.FILTERED, "all its listening ports")
    ]
