"""The network map as a picture: what it says, that it is complete and safe, and what it does with
many."""

import re
from xml.etree import ElementTree

from hardentui.features.reports.network_svg import network_svg, width_of
from hardentui.model.network import Gate, MapPlace, MapWay, NetworkMap, Opening

HOSTILE = "\x1b]0;owned\x07<script>alert(1)</script>\"'&]]>\u202e\ud800\ufffe{{7*7}}"


def hostile_map(members: int = 1) -> NetworkMap:
    names = tuple(f"{HOSTILE}{number}" for number in range(members))
    opening = Opening(
        names[0],
        HOSTILE,
        80,
        80,
        HOSTILE,
        Gate.OPEN,
        HOSTILE,
    )
    place = MapPlace(
        "a",
        HOSTILE,
        HOSTILE,
        names,
        (HOSTILE,),
        (opening,),
        sentence=HOSTILE,
    )
    other = MapPlace(
        "b",
        "e",
        "b",
        out=False,
        host=False,
    )
    return NetworkMap(
        HOSTILE,
        (place, other),
        (MapWay("a", "b"), MapWay("a", "gone")),
        (HOSTILE,),
    )


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


def test_no_text_leaves_its_room_and_the_verdict_is_never_cut() -> None:
    long = "W" * 70
    opening = Opening(
        long,
        "2001:db8:1234:5678:9abc:def0:1:2",
        18080,
        18080,
        "sctp",
        Gate.FILTERED,
    )
    place = MapPlace(
        "a",
        long,
        long,
        (long, "監視" * 35),
        (long,),
        (opening,),
        sentence=long,
    )
    root = ElementTree.fromstring(network_svg(NetworkMap(long, (place,), (), (long * 3,))))  # noqa: S314
    texts = [text for text in root.iter() if text.tag.endswith("text")]
    for text in texts:
        shown, size = text.text or "", 17 if text.attrib["class"] == "title" else 12
        taken = width_of(
            shown,
            size,
            bold=text.attrib["class"] in ("name", "title"),
        )
        assert (
            float(text.attrib["x"]) + (0 if text.attrib["text-anchor"] == "end" else taken) < 1060
        ), shown
    every_text = [text.text or "" for text in texts]
    assert any(text.endswith("…: filtered") for text in every_text), "what the packet filter does"
    assert [text for text in texts if text.findtext("{*}title") == long], (
        "the whole is in a tooltip"
    )
    member = next(text for text in every_text if text.startswith("監視"))
    assert width_of(member, 13) < 372
