"""The animated picture of the README shows one screen at a time."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tools.recording import animated

FRAMES = [
    (f'<svg viewBox="0 0 8 4"><text>{number}</text></svg>', seconds)
    for number, seconds in enumerate((1.0, 3.0))
]
_SVG = "{http://www.w3.org/2000/svg}"


def test_the_frames_take_turns_for_their_seconds() -> None:
    svg = animated(FRAMES)
    root = ElementTree.fromstring(svg)  # noqa: S314 - made above
    assert root.get("viewBox") == "0 0 8 4"
    assert [group.get("id") for group in root.iter(f"{_SVG}g")] == ["f0", "f1"]
    shown = [
        (float(start), float(end))
        for start, end in re.findall(r"([0-9.]+)%, ([0-9.]+)% \{ visibility: visible \}", svg)
    ]
    assert shown == [(0.0, 25.0), (25.0, 100.0)]
    assert svg.count("4.00s step-end infinite") == 2
