"""The network map as a picture: what it says, that it is complete and safe, and what it does with many."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from hardentui.__main__ import main
from hardentui.checks.examples import container, rootful
from hardentui.features.networks.splitting import network_map, openings
from hardentui.features.reports.network_svg import network_svg, width_of
from hardentui.model.facts import Kernel, NetworkFacts, NotRunning
from hardentui.model.host import Firewall, HostFacts
from hardentui.model.known import Unread
from hardentui.model.network import Gate, MapPlace, MapWay, NetworkMap, Opening
from hardentui.options import NETWORK, PUBLISH, Port

HOSTILE = "\x1b]0;owned\x07<script>alert(1)</script>\"'&]]>\u202e\ud800\ufffe{{7*7}}"
DROP: dict[str, Any] = {"family": "inet", "table": "f", "type": "filter", "policy": "drop", "prio": 0}


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
    assert gates(web(wide, host=host("input"))) == [Gate.OPEN], "a published port does not pass input"
    assert gates(web(wide, engine=rootful(rootless=True), host=host("input"))) == [Gate.FILTERED]
    assert gates(web(wide, host=Unread("no permission"))) == [Gate.UNKNOWN]
    assert gates(web(wide, engine=rootful(local=False))) == [Gate.UNKNOWN]
    assert gates(web()) == []
    on_host = container((NETWORK, ("host",)), host=host("input"))
    assert [(opening.gate, opening.words) for opening in openings(on_host)] == [
        (Gate.FILTERED, "all its listening ports")
    ]


def network(name: str, *members: str, **inspect: Any) -> NetworkFacts:
    return NetworkFacts(name, {"driver": "bridge", **inspect}, members, rootful())


def test_places_ways_and_a_container_on_two_networks() -> None:
    front, inner = network("a-inner", "web", internal=True), network("front", "web")
    other = network("other", "x", options={"isolate": "strict"})
    both = web(Port(80, "8080"), networks={"a-inner": front, "front": inner}, kernel=Kernel(7))
    stopped = network_map((front, inner), (both.replace(kernel=NotRunning("exited")),), host="h")
    assert not any(place.openings for place in stopped.places), "nothing answers there"
    result = network_map((front, inner, other), (both,), host="h")
    places = {place.name: place for place in result.places}
    assert [len(places[name].openings) for name in ("a-inner", "front")] == [0, 1]
    assert (places["a-inner"].out, places["front"].out) == (False, True)
    assert result.ways == ()
    free = network_map((inner, network("free")), (), host="h")
    assert [(way.both, way.start.partition("\0")[2], way.end.partition("\0")[2]) for way in free.ways] == [
        (True, "free", "front")
    ]


def hostile_map(members: int = 1) -> NetworkMap:
    names = tuple(f"{HOSTILE}{number}" for number in range(members))
    opening = Opening(names[0], HOSTILE, 80, 80, HOSTILE, Gate.OPEN, HOSTILE)
    place = MapPlace("a", HOSTILE, HOSTILE, names, (HOSTILE,), (opening,), sentence=HOSTILE)
    other = MapPlace("b", "e", "b", out=False, host=False)
    return NetworkMap(HOSTILE, (place, other), (MapWay("a", "b"), MapWay("a", "gone")), (HOSTILE,))


def test_hostile_names_are_text_and_nothing_else() -> None:
    text = network_svg(hostile_map())
    root = ElementTree.fromstring(text)  # noqa: S314 - our own text
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "style", "defs", "marker", "path", "rect", "text", "title"}
    assert not {"\x1b", "\x07", "\u202e", "\ud800"} & set(text)
    assert "owned" in text
    for element in root.iter():
        assert not any(name.lower().startswith("on") or "href" in name for name in element.attrib)


def test_it_loads_nothing_and_fits_its_frame() -> None:
    text = network_svg(hostile_map(3))
    assert re.findall(r"url\(([^)]*)\)", text) == ["#hmap-tip"] * text.count("url(")
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    root = ElementTree.fromstring(text)  # noqa: S314
    height = float(root.attrib["height"])
    rows = [float(element.attrib["y"]) for element in root.iter() if "y" in element.attrib]
    assert max(rows) < height


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def test_the_html_report_has_the_map(tmp_path: Path) -> None:
    report = tmp_path / "r.html"
    main(["check", "--demo", "--format", "html", "-o", str(report), "--quiet"])
    text = report.read_text()
    reader = _Reader()
    reader.feed(text)
    assert reader.tags.count("svg") == 1
    assert "script" not in reader.tags
    assert "Who reaches whom" in text
    assert "*:8443 -&gt; 443/tcp: open" in text


def test_the_command_writes_the_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "map.svg"
    assert main(["networks", "--demo", "--svg", str(picture)]) == 0
    root = ElementTree.fromstring(picture.read_text())  # noqa: S314
    words = " ".join(root.itertext())
    assert "shop-net" in words
    assert "(simulated)" in words
    assert "shop-net" in capsys.readouterr().out, "the table is told all the same"


def test_no_text_leaves_its_room_and_the_verdict_is_never_cut() -> None:
    long = "W" * 70
    opening = Opening(long, "2001:db8:1234:5678:9abc:def0:1:2", 18080, 18080, "sctp", Gate.FILTERED)
    place = MapPlace("a", long, long, (long, "監視" * 35), (long,), (opening,), sentence=long)
    root = ElementTree.fromstring(network_svg(NetworkMap(long, (place,), (), (long * 3,))))  # noqa: S314
    texts = [text for text in root.iter() if text.tag.endswith("text")]
    for text in texts:
        shown, size = text.text or "", 17 if text.attrib["class"] == "title" else 12
        taken = width_of(shown, size, bold=text.attrib["class"] in ("name", "title"))
        assert float(text.attrib["x"]) + (0 if text.attrib["text-anchor"] == "end" else taken) < 1060, shown
    every_text = [text.text or "" for text in texts]
    assert any(text.endswith("…: filtered") for text in every_text), "what the packet filter does"
    assert [text for text in texts if text.findtext("{*}title") == long], "the whole is in a tooltip"
    member = next(text for text in every_text if text.startswith("監視"))
    assert width_of(member, 13) < 372
