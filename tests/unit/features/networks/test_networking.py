"""Proofs, contacts, allow-lists and splits: what is concluded from what was seen."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.checks.prelude import container, rootful
from hardentui.child_process import Ended
from hardentui.errors import InputError
from hardentui.features.networks.map import network_map
from hardentui.features.networks.proving import ConnectTarget, parse_target, prove
from hardentui.host.network.firewall import check_rules
from hardentui.model.facts import Kernel, NetworkFacts, NotRunning, SocketEndpoint
from hardentui.model.known import Known, Unread
from hardentui.model.reach import ConnectOutcome

HOSTILE = 'x"\n}\nflush ruleset\n#\x1b]0;x\x07'


def network(name: str, *members: str, **inspect: Any) -> NetworkFacts:
    gateway = [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.1"}]
    return NetworkFacts(
        name, {"driver": "bridge", "subnets": gateway, **inspect}, members, rootful()
    )


def member(
    name: str,
    *networks: NetworkFacts,
    address: str = "10.1.0.2",
    **over: Any,
) -> Any:
    sockets = (
        SocketEndpoint("tcp", "0.0.0.0", 80),
        SocketEndpoint("tcp", "127.0.0.1", 9000),
    )
    options = over.pop("options", ())
    labels = over.pop("labels", {})
    given: dict[str, Any] = {
        "kernel": Kernel(7, listening=sockets),
        "networks": {network.name: network for network in networks},
        "inspect": {
            "NetworkSettings": {
                "Networks": {network.name: {"IPAddress": address} for network in networks}
            },
            "Config": {"Labels": labels},
        },
        **over,
    }

    return container(*options, **given).replace(name=name)


def answering(
    word: str,
    asked: list[Sequence[str]] | None = None,
) -> Any:
    def run(words: Sequence[str], seconds: float) -> Known[str]:
        if asked is not None:
            asked.append(words)
        return json.dumps(word)

    return run


# --- proofs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("web", ConnectTarget("web")),
        ("web:80", ConnectTarget("web", 80)),
        ("192.0.2.1:443", ConnectTarget("192.0.2.1", 443)),
        ("[2001:db8::1]:443", ConnectTarget("2001:db8::1", 443)),
    ],
)
def test_each_form_of_a_target_is_parsed(
    text: str,
    target: ConnectTarget,
) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web:",
        "web:0",
        "web:99999",
        "a:b:c",
        ":80",
        HOSTILE + ":x",
    ],
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_target(text)


def proved(
    word: str,
    target: str = "db",
    *,
    end: Any = None,
    start: Any = None,
) -> Any:
    net = network("n", "web", "db")
    start = start or member("web", net)
    end = end or member("db", net, address="10.1.0.3")
    result = network_map((net,), (start, end), host="h")
    return prove(
        start,
        parse_target(target),
        end,
        result,
        answering(word),
    )


def test_what_cannot_be_tried_is_said() -> None:
    net = network("n", "web", "db")
    stopped = member("web", net, kernel=NotRunning("exited"))
    assert proved("connected", start=stopped)[0].outcome is ConnectOutcome.UNPROVEN
    silent = member("db", net, kernel=Kernel(7, listening=()))
    (proof,) = proved("connected", end=silent)
    assert (proof.outcome, proof.reached) == (ConnectOutcome.UNPROVEN, None)
    far = member("web", net, engine=rootful(local=False))
    assert proved("connected", start=far)[0].outcome is ConnectOutcome.UNPROVEN
    unreadable = member("db", net, kernel=Unread("no permission"))
    assert "no permission" in proved("connected", end=unreadable)[0].why


# --- allow-lists ----------------------------------------------------------------------------------

# --- splits ---------------------------------------------------------------------------------------

SHOP, BLOG = {"app": "shop"}, {"app": "blog"}


# --- the commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--prove", "shop-web", "db"), 4),
        (("--outgoing", "shop-web"), 0),
        (("--split",), 0),
        (("--prove", "shop-web", "nobody"), 2),
        (("--prove", "shop-web", "host"), 2),
        (("--outgoing", "nobody"), 2),
    ],
)
def test_on_a_simulated_host_nothing_is_proven(
    words: tuple[str, ...],
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["networks", "--demo", *words]) == code
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    if code != 2:
        assert main(["networks", "--demo", *words, "--format", "json"]) == code
        assert json.loads(capsys.readouterr().out)["schema"].startswith("hardentui/")


def test_nft_is_never_told_to_load_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Sequence[str]] = []

    def run(words: Sequence[str], **more: Any) -> Any:
        seen.append(words)
        return Ended(0, b"")

    monkeypatch.setattr("hardentui.host.network.firewall.run_child", run)
    assert check_rules("table inet x {}") == ""
    assert seen == [("nft", "--check", "--file", "-")]
