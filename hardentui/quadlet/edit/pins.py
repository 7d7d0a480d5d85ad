"""Images that Quadlet files pin by digest, and replacing the digest in place. Pure.

Only the digest changes: comments, order and everything else stay byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from hardentui.systemd.unit_text import UnitText

SUFFIXES = (".container", ".image", ".volume")
_SECTIONS = ("Container", "Image", "Volume")
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._/:-]*)@(?P<digest>sha256:[0-9a-f]{64})")


class Pin(Struct, frozen=True):
    """An image with a digest.

    Attributes:
        name: the part before the digest, with the tag that it follows.
        start, end: the position of the digest in the text.
    """

    name: str
    digest: str
    line: int
    start: int
    end: int

    @property
    def tagged(self) -> bool:
        """Whether the name has a tag."""
        return ":" in self.name.rpartition("/")[2]


def pins_in(text: str) -> tuple[Pin, ...]:
    """Every pinned image of a Quadlet file or drop-in, except values spread over several lines."""
    pins = []
    for assignment in UnitText(text).assignments:
        if assignment.key != "Image" or assignment.section not in _SECTIONS:
            continue
        match = _PINNED.fullmatch(assignment.value.strip())
        if match is None:
            continue
        at = assignment.value.index(match["digest"])
        start, end = assignment.offsets[at], assignment.offsets[at + len(match["digest"]) - 1] + 1
        if text[start:end] == match["digest"]:
            pins.append(Pin(match["name"], match["digest"], assignment.line, start, end))
    return tuple(pins)


def moved(text: str, moves: Iterable[tuple[Pin, str]]) -> str:
    """The text with new digests: (pin, its new digest)."""
    for pin, digest in sorted(moves, key=lambda move: -move[0].start):
        text = text[: pin.start] + digest + text[pin.end :]
    return text
