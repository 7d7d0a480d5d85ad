"""Proofs, contacts, allow-lists and splits: what is concluded from what was seen."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.checks.examples import container, rootful, rootless
from hardentui.errors import CannotExpress, InputError
from hardentui.features.networks.proving import (
    ConnectTarget,
    parse_learned,
    parse_target,
    plain_address,
    prove,
)
from hardentui.features.networks.splitting import SeenContacts, lines_of, network_map, splits
from hardentui.host.network.knock import knock
from hardentui.host.network.nft_check import check_rules
from hardentui.model.facts import Kernel, ListeningSocket, NetworkFacts, NotRunning
from hardentui.model.known import Known, Unread
from hardentui.model.network import ConnectOutcome, Contact
from hardentui.options import NETWORK, PUBLISH, Port
from hardentui.writers.nft_allow_list import allow_list, table_name
from tests.conftest import cannot_run

HOSTILE = 'x"\n}\nflush ruleset\n#\x1b]0;x\x07'


def network(name: str, *members: str, **inspect: Any) -> NetworkFacts:
    gateway = [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.1"}]
    return NetworkFacts(name, {"driver": "bridge", "subnets": gateway, **inspect}, members, rootful())


def member(name: str, *networks: NetworkFacts, address: str = "10.1.0.2", **over: Any) -> Any:
    sockets = (ListeningSocket("tcp", "0.0.0.0", 80), ListeningSocket("tcp", "127.0.0.1", 9000))
    options = over.pop("options", ())
    labels = over.pop("labels", {})
    given: dict[str, Any] = {
        "kernel": Kernel(7, listening=sockets),
        "networks": {network.name: network for network in networks},
        "inspect": {
            "NetworkSettings": {"Networks": {network.name: {"IPAddress": address} for network in networks}},
            "Config": {"Labels": labels},
        },
        **over,
    }

    return container(*options, **given).replace(name=name)


def answering(word: str, asked: list[Sequence[str]] | None = None) -> Any:
    def run(words: Sequence[str], seconds: float) -> Known[str]:
        if asked is not None:
            asked.append(words)
        return json.dumps(word)

    return run


# --- proofs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("web", ConnectTarget("web")),
        ("web:80", ConnectTarget("web", 80)),
        ("192.0.2.1:443", ConnectTarget("192.0.2.1", 443)),
        ("[2001:db8::1]:443", ConnectTarget("2001:db8::1", 443)),
    ],
)
def test_each_form_of_a_target_is_parsed(text: str, target: ConnectTarget) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize("text", ["", "web:", "web:0", "web:99999", "a:b:c", ":80", HOSTILE + ":x"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_target(text)


def proved(word: str, target: str = "db", *, end: Any = None, start: Any = None) -> Any:
    net = network("n", "web", "db")
    start = start or member("web", net)
    end = end or member("db", net, address="10.1.0.3")
    result = network_map((net,), (start, end), host="h")
    return prove(start, parse_target(target), end, result, answering(word))


@pytest.mark.parametrize(
    ("word", "target", "reached", "agrees"),
    [
        ("connected", "db", True, True),
        ("no answer", "db", False, False),
        ("no route", "db", False, False),
        ("refused", "db", False, False),
        ("refused", "db:81", None, None),
        ("error", "db", None, None),
    ],
)
def test_an_attempt_proves_only_what_it_can(word: str, target: str, reached: Any, agrees: Any) -> None:
    (proof,) = proved(word, target)
    assert (proof.reached, proof.expected, proof.agrees) == (reached, True, agrees)
    assert (proof.address, proof.port) == ("10.1.0.3", int(target.partition(":")[2] or 80))
    assert proof.why


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


def test_root_enters_a_namespace_itself_and_a_user_by_way_of_podman() -> None:
    asked: list[Sequence[str]] = []
    assert knock(answering("connected", asked), 7, "10.0.0.1", 80, root=True) is ConnectOutcome.CONNECTED
    assert knock(answering("connected", asked), 7, "10.0.0.1", 80, root=False) is ConnectOutcome.CONNECTED
    assert asked[0][:3] == ["nsenter", "--net=/proc/7/ns/net", "--"]
    assert asked[1][:3] == ["podman", "unshare", "nsenter"]
    failed = knock(lambda words, seconds: Unread("nsenter is not installed"), 7, "::1", 1, root=True)
    assert isinstance(failed, Unread)


def test_the_host_needs_a_port_and_an_isolated_start_is_expected_to_fail() -> None:
    inner = network("inner", "web", internal=True)
    web = member("web", inner)
    result = network_map((inner,), (web,), host="h")
    with pytest.raises(InputError, match="Which port"):
        prove(web, parse_target("host"), None, result, answering("connected"))
    (outside,) = prove(web, parse_target("192.0.2.1:443"), None, result, answering("connected"))
    assert (outside.expected, outside.agrees) == (False, False)
    (host,) = prove(web, parse_target("host:22"), None, result, answering("refused"))
    assert (host.address, host.reached) == ("10.1.0.1", None)


# --- allow-lists ----------------------------------------------------------------------------------------

CONTACTS = (
    Contact("tcp", "192.0.2.1", 443),
    Contact("udp", "2001:db8::1", 53),
    Contact("sctp", "192.0.2.9", 1),
    Contact("tcp", "192.0.2.8", 0),
)


def test_rules_name_what_was_seen_and_nothing_else() -> None:
    text = allow_list("web", ["10.0.0.2", "fd00::2"], CONTACTS)
    assert "192.0.2.1 . tcp . 443" in text
    assert "2001:db8::1 . udp . 53" in text
    assert "192.0.2.9" not in text
    assert "192.0.2.8" not in text
    assert "ip saddr { 10.0.0.2 }" in text
    assert "ip6 saddr { fd00::2 }" in text


@pytest.mark.parametrize("name", ["web", HOSTILE, "-", "ä"])
@pytest.mark.parametrize("contacts", [(), CONTACTS])
def test_nft_takes_the_rules(name: str, contacts: Any) -> None:
    text = allow_list(name, ["10.0.0.2"], contacts)
    rules = [line for line in text.splitlines() if not line.startswith("#")]
    assert not any(line.strip().startswith(("flush", "delete chain", "add")) for line in rules)
    complaint = check_rules(text)
    if isinstance(complaint, Unread):
        cannot_run(complaint.reason)
    assert complaint == ""
    assert check_rules(text.replace("saddr", "nonsense")) not in ("", None)


def test_a_container_without_an_address_gets_no_rules() -> None:
    with pytest.raises(CannotExpress):
        allow_list("web", [], CONTACTS)
    with pytest.raises(ValueError, match="does not appear"):
        allow_list("web", ["10.0.0.2; flush ruleset"], CONTACTS)
    assert table_name(HOSTILE).replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1:443/tcp", ("tcp", "192.0.2.1", 443)),
        ("udp 192.0.2.1:53", ("udp", "192.0.2.1", 53)),
        ("[2001:db8::1]:443", ("tcp", "2001:db8::1", 443)),
        ("::ffff:192.0.2.1:80", ("tcp", "192.0.2.1", 80)),
        ("example.org:80", None),
        ("", None),
    ],
)
def test_addresses_of_a_trial(text: str, expected: Any) -> None:
    assert parse_learned(text) == expected
    assert plain_address("::ffff:10.0.0.1") == "10.0.0.1"


# --- splits ---------------------------------------------------------------------------------------------

SHOP, BLOG = {"app": "shop"}, {"app": "blog"}


def parted(watched: Any = None, **over: Any) -> Any:
    net = network("shared", "web", "db", "blog")
    options = ((PUBLISH, (Port(80, "8080"),)),)
    everybody = (
        member("web", net, labels=SHOP, options=options),
        member("db", net, labels=SHOP, address="10.1.0.3", **over),
        member("blog", net, labels=BLOG, options=options, address="10.1.0.4"),
    )
    return splits((net,), everybody, watched)


def test_each_application_gets_its_own_networks() -> None:
    (split,) = parted({"rootful": {}})
    kinds = {
        network.name: (network.members, network.internal, network.isolated) for network in split.networks
    }
    assert kinds == {
        "shop-front": (("web",), False, True),
        "shop-back": (("web", "db"), True, False),
        "blog-front": (("blog",), False, True),
    }
    moves = {move.container: lines_of(move) for move in split.moves}
    assert moves["web"] == ("Network=shop-front.network", "Network=shop-back.network")
    assert moves["db"] == ("Network=shop-back.network",)
    files = {file.name: file.text for file in split.files}
    assert "Internal=true" in files["shop-back.network"]
    assert "Options=isolate=true" in files["shop-front.network"]


def test_who_calls_the_outside_keeps_its_way_out() -> None:
    (split,) = parted({"rootful": {"db": SeenContacts(outside=True)}})
    assert {network.name for network in split.networks} == {"shop-front", "blog-front"}
    (elsewhere,) = parted({"rootful": {"db": SeenContacts(containers=frozenset({"mail"}))}})
    assert {network.name for network in elsewhere.networks} == {"shop-front", "blog-front"}


def test_containers_that_talk_to_each_other_stay_together() -> None:
    (split,) = parted({"rootful": {"db": SeenContacts(containers=frozenset({"blog"}))}})
    (back,) = (network for network in split.networks if network.internal)
    assert set(back.members) == {"web", "db", "blog"}


def test_without_watching_the_risk_is_named() -> None:
    (split,) = parted()
    minds = {move.container: " ".join(move.minds) for move in split.moves}
    assert "loses its route" in minds["db"]
    assert "its connections have not been watched" in minds["db"]
    fixed = ((NETWORK, ("shared:ip=10.1.0.3,alias=database",)),)
    (split,) = parted(options=fixed)
    minds = {move.container: " ".join(move.minds) for move in split.moves}
    assert "fixed address" in minds["db"]
    assert "aliases" in minds["db"]


def test_there_is_nothing_to_part_where_nothing_is_shared() -> None:
    net = network("own", "web")
    web = member("web", net, options=((PUBLISH, (Port(80, "8080"),)),))
    assert splits((net,), (web,), {"rootful": {}}) == ()
    inner = network("inner", "a", "b", internal=True)
    assert splits((inner,), (member("a", inner), member("b", inner)), None) == ()


def test_names_are_free_and_such_as_podman_takes() -> None:
    net, taken = network("n", "a", "b"), network("a-back")
    evil = member("../-x y", net, engine=rootless())
    assert splits((net, taken), (evil,), None) == (), "it is of another engine"
    (split,) = splits((net, taken), (member("a", net), member("../-x y", net)), None)
    assert [network.name for network in split.networks] == ["a-2-back", "x-y-back"]


# --- the commands -----------------------------------------------------------------------------------------


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
    words: tuple[str, ...], code: int, capsys: pytest.CaptureFixture[str]
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
        return subprocess.CompletedProcess(words, 0, b"", b"")

    monkeypatch.setattr(subprocess, "run", run)
    assert check_rules("table inet x {}") == ""
    assert seen == [["nft", "--check", "--file", "-"]]
