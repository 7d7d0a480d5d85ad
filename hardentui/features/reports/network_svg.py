"""The network map as an SVG picture: self-contained, dark and light, readable in print and without
colour.

Names come from containers: each goes through the gate and is escaped for XML.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from msgspec import Struct
from msgspec.structs import replace

from hardentui.model.network import Gate, MapPlace, MapWay, NetworkMap, Opening
from hardentui.visible import visible

_THIN = frozenset(" ',.:;ijl|")
_NARROW = frozenset("!()/[]`frt")
_BROAD = frozenset("%@MWm—…")
_BOLD = 1.12
_SHOWN_WHOLE = 400
"""Most characters in the tooltip of a text that does not fit."""


def width_of(
    text: str,
    size: float,
    *,
    bold: bool = False,
) -> float:
    """An upper bound of the width of a text, in units of the picture."""
    return size * (_BOLD if bold else 1.0) * sum(map(_width, text))


def _width(character: str) -> float:
    if character in _THIN:
        return 0.35
    if character in _NARROW:
        return 0.42
    if character in _BROAD:
        return 1.0
    if character.isascii():
        return 0.82 if character.isupper() or character == "w" else 0.64
    return 1.05 if unicodedata.east_asian_width(character) in "WF" else 0.85


class SvgStyle(Struct, frozen=True):
    """The looks of a text."""

    classes: str = ""  # of the style sheet of the picture
    size: float = 13  # in units of the picture
    bold: bool = False
    anchor: str = "start"  # what `x` is: `start`, `middle` or `end` of the text

    def width(self, text: str) -> float:
        """An upper bound of the width of a text, in units of the picture."""
        return width_of(text, self.size, bold=self.bold)


PLAIN = SvgStyle()


def _fitted(
    text: str,
    room: float,
    style: SvgStyle,
) -> str:
    """A text without control characters, truncated to the room with an ellipsis."""
    whole = visible(text, _SHOWN_WHOLE)
    if style.width(whole) <= room:
        return whole
    left = room - style.width("…")
    for at, character in enumerate(whole):
        left -= style.width(character)
        if left < 0:
            return f"{whole[:at]}…"
    return whole


def svg_text(
    x: float,
    y: float,
    text: str,
    room: float,
    style: SvgStyle = PLAIN,
    *,
    ending: str = "",
) -> str:
    """One line of text as an element; a tooltip has the whole text if it does not fit.

    Args:
        room: units to the right of `x`, or to the left of it for the anchor `end`.
        ending: kept when the text is truncated.
    """
    shown = _fitted(text, room - style.width(ending), style) + ending
    whole = visible(text + ending, _SHOWN_WHOLE)
    title = f"<title>{escape(whole)}</title>" if shown != whole else ""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{style.anchor}" class="{style.classes}">'
        f"{escape(shown)}{title}</text>"
    )


_WIDTH = 1060
_LEFT, _BOX, _BOX_WIDTH, _AWAY = 150, 466, 372, 930
_ROW, _HEAD, _GAP, _TOP = 24, 46, 26, 64
_MOST_MEMBERS, _MOST_WAYS = 40, 14
_ENGINE = 150  # room for the label of an engine
_TITLE = SvgStyle("title", 17, bold=True)  # sizes and weights as in STYLE
_NAME = SvgStyle("name", bold=True)
_SOFT, _SMALL = SvgStyle("soft", 12), SvgStyle("small", 12)
_CLASSES = {
    Gate.OPEN: "open",
    Gate.FILTERED: "held",
    Gate.LOCAL: "local",
    Gate.UNKNOWN: "unsure",
}

STYLE = """\
.hmap { --paper: #ffffff; --ink: #1b1f24; --soft: #59636e; --line: #b6bfc8; --panel: #f6f8fa;
  --open: #a40e26; --held: #116329; --local: #3d5a80; --unsure: #7a5200; }
@media (prefers-color-scheme: dark) {
  .hmap { --paper: #0f1419; --ink: #e6edf3; --soft: #9aa7b4; --line: #47525f; --panel: #171d25;
    --open: #ff8a8a; --held: #6fdd8b; --local: #8ab8ff; --unsure: #f2cc60; }
}
@media print {
  .hmap { --paper: #fff; --ink: #000; --soft: #444; --line: #999; --panel: #f3f3f3;
    --open: #a40e26; --held: #116329; --local: #3d5a80; --unsure: #7a5200; }
}
.hmap text { font: 13px system-ui, sans-serif; fill: var(--ink); }
.hmap .name { font-weight: 700; } .hmap .title { font-size: 17px; font-weight: 700; }
.hmap .soft { fill: var(--soft); font-size: 12px; } .hmap .small { font-size: 12px; }
.hmap .paper { fill: var(--paper); } .hmap .box { fill: var(--panel); stroke: var(--line); }
.hmap .shut { stroke-dasharray: 5 4; }
.hmap .way { fill: none; stroke: var(--soft); stroke-width: 1.5; }
.hmap .open { stroke: var(--open); } .hmap .held { stroke: var(--held); stroke-dasharray: 6 4; }
.hmap .local { stroke: var(--local); stroke-dasharray: 2 4; }
.hmap .unsure { stroke: var(--unsure); stroke-dasharray: 9 4; }
.hmap .line { fill: none; stroke-width: 2; }
.hmap text.open { fill: var(--open); stroke: none; font-weight: 700; }
.hmap text.held { fill: var(--held); stroke: none; }
.hmap text.local { fill: var(--local); stroke: none; }
.hmap text.unsure { fill: var(--unsure); stroke: none; }
.hmap .tip { fill: var(--soft); }
"""


class _Drawn(Struct, frozen=True):
    """A place with its position; `rows` are its members, each with its openings."""

    place: MapPlace
    top: int
    height: int
    rows: tuple[tuple[str, tuple[Opening, ...]], ...]
    hidden: int


def network_svg(network_map: NetworkMap) -> str:
    """The picture as one SVG element, to be used alone or inside an HTML page."""
    drawn, bottom = _laid_out(network_map.places)
    height = max(bottom, _TOP + 90) + 20 * len(network_map.notes) + 66
    ways = network_map.ways if len(network_map.ways) <= _MOST_WAYS else ()
    label = f"Network map of {visible(network_map.host, 80)}"
    simulated = " (simulated)" if network_map.simulated else ""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="hmap" role="img" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" style="max-width:100%;height:auto" '
        f"aria-label={quoteattr(label)}>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="hmap-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" class="tip"/></marker></defs>',
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
        svg_text(
            20,
            32,
            label,
            _WIDTH - 40,
            _TITLE,
            ending=simulated,
        ),
    ]
    lines += _sides(max(bottom, _TOP + 90))
    for place in drawn:
        lines += _place(place)
    lines += _ways(ways, {place.place.key: place for place in drawn})
    lines += _legend(
        network_map,
        height,
        hidden=len(network_map.ways) - len(ways),
    )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _laid_out(places: Iterable[MapPlace]) -> tuple[list[_Drawn], int]:
    top, drawn = _TOP, []
    for place in places:
        by_member: dict[str, list[Opening]] = {name: [] for name in place.members}
        for opening in place.openings:
            by_member.setdefault(opening.container, []).append(opening)
        # containers open to the outside come first: those rows must not be hidden
        ordered = sorted(by_member.items(), key=lambda pair: (not pair[1], pair[0]))
        rows = tuple((name, tuple(openings)) for name, openings in ordered[:_MOST_MEMBERS])
        hidden = len(ordered) - len(rows)
        count = sum(max(1, len(openings)) for _, openings in rows) + (1 if hidden else 0)
        height = _HEAD + _ROW * max(1, count) + 10
        drawn.append(
            _Drawn(
                place,
                top,
                height,
                rows,
                hidden,
            )
        )
        top += height + _GAP
    return drawn, top


def _sides(bottom: int) -> list[str]:
    """The outside: incoming connections on the left, outgoing ones on the right."""
    height = bottom - _TOP - _GAP
    middle = 20 + (_LEFT - 20) / 2
    return [
        (
            f'<rect class="box" x="20" y="{_TOP}" width="{_LEFT - 20}" height="{max(60, height)}" '
            'rx="8"/>'
        ),
        svg_text(
            middle,
            _TOP + 28,
            "Outside",
            _LEFT,
            replace(_NAME, anchor="middle"),
        ),
        svg_text(
            middle,
            _TOP + 46,
            "anyone",
            _LEFT,
            replace(_SOFT, anchor="middle"),
        ),
    ]


def _place(drawn: _Drawn) -> list[str]:
    place = drawn.place
    shut = "" if place.out else " shut"
    room = _BOX_WIDTH - 24
    engine = min(_ENGINE, _SOFT.width(place.engine))
    lines = [
        f'<rect class="box{shut}" x="{_BOX}" y="{drawn.top}" '
        f'width="{_BOX_WIDTH}" height="{drawn.height}" rx="8"/>',
        svg_text(
            _BOX + 12,
            drawn.top + 20,
            place.name,
            room - engine - 12,
            _NAME,
        ),
        svg_text(
            _BOX + _BOX_WIDTH - 12,
            drawn.top + 20,
            place.engine,
            engine,
            replace(_SOFT, anchor="end"),
        ),
        svg_text(
            _BOX + 12,
            drawn.top + 37,
            _about(place),
            room,
            _SOFT,
        ),
    ]
    y = drawn.top + _HEAD + 16
    for name, openings in drawn.rows:
        lines.append(
            svg_text(
                _BOX + 20,
                y,
                name,
                room - 8,
            )
        )
        for opening in openings:
            lines += _opening(opening, y)
            y += _ROW
        y += 0 if openings else _ROW
    if drawn.hidden:
        lines.append(
            svg_text(
                _BOX + 20,
                y,
                f"and {drawn.hidden} more",
                room,
                _SOFT,
            )
        )
    if not drawn.rows:
        lines.append(
            svg_text(
                _BOX + 20,
                y,
                "no container",
                room,
                _SOFT,
            )
        )
    return lines + _outgoing(drawn)


def _about(place: MapPlace) -> str:
    parts = [place.sentence, ", ".join(place.subnets)]
    if len(place.members) > 1 and place.together:
        parts.append("members reach each other")
    return "; ".join(part for part in parts if part)


def _opening(opening: Opening, y: int) -> list[str]:
    kind = _CLASSES[opening.gate]
    label = f"{opening.words}: {opening.gate.value}"
    middle = y - 4
    end = _BOX + 12 if opening.gate in (Gate.OPEN, Gate.UNKNOWN) else _BOX - 14
    lines = [
        f'<path class="line {kind}" d="M{_LEFT} {middle}H{end}"'
        + (' marker-end="url(#hmap-tip)"' if end > _BOX else "")
        + f"><title>{escape(visible(f'{opening.container}: {label}. {opening.why}', 400))}</title></path>",
        svg_text(
            _LEFT + 6,
            middle - 4,
            opening.words,
            _BOX - _LEFT - 12,
            SvgStyle(f"small {kind}", 12, opening.gate is Gate.OPEN),
            ending=f": {opening.gate.value}",
        ),
    ]
    if end < _BOX:  # a wall before the box
        lines.append(
            f'<path class="line {kind}" style="stroke-dasharray:none" d="M{end} {middle - 7}v14"/>'
        )
    return lines


def _outgoing(drawn: _Drawn) -> list[str]:
    place = drawn.place
    x, y = _BOX + _BOX_WIDTH, drawn.top + 20
    words = [word for word, there in (("outside", place.out), ("host", place.host)) if there]
    if not words:
        return [
            svg_text(
                _AWAY + 8,
                y + 4,
                "no route out",
                _WIDTH - _AWAY,
                _SOFT,
            )
        ]
    return [
        f'<path class="way" d="M{x} {y}H{_AWAY}" marker-end="url(#hmap-tip)"/>',
        svg_text(
            _AWAY + 8,
            y + 4,
            " and ".join(words),
            _WIDTH - _AWAY,
            _SOFT,
        ),
    ]


def _ways(ways: Iterable[MapWay], drawn: dict[str, _Drawn]) -> list[str]:
    """Arcs on the right; each further out, so that they can be distinguished."""
    lines = []
    for number, way in enumerate(ways):
        if way.start not in drawn or way.end not in drawn:
            continue
        start, end = drawn[way.start], drawn[way.end]
        x = _BOX + _BOX_WIDTH
        out = x + 50 + 8 * (number % _MOST_WAYS)
        first, last = start.top + 34 + 3 * (number % 4), end.top + 34 + 3 * (number % 4)
        both = ' marker-start="url(#hmap-tip)"' if way.both else ""
        about = f"{start.place.name} {'and' if way.both else 'reaches'} {end.place.name}"
        about += " reach one another" if way.both else ""
        lines.append(
            f'<path class="way" d="M{x + 2} {first}C{out} {first} {out} {last} {x + 2} {last}"{both} '
            f'marker-end="url(#hmap-tip)"><title>{escape(visible(about, 200))}</title></path>'
        )
    return lines


def _legend(
    network_map: NetworkMap,
    height: int,
    *,
    hidden: int,
) -> list[str]:
    y = height - 34 - 20 * len(network_map.notes)
    lines = []
    x = 20
    for gate, words in (
        (Gate.OPEN, "open to the outside"),
        (Gate.FILTERED, "blocked by the packet filter"),
        (Gate.LOCAL, "this host only"),
        (Gate.UNKNOWN, "not known"),
    ):
        lines.append(f'<path class="line {_CLASSES[gate]}" d="M{x} {y - 4}h28"/>')
        lines.append(
            svg_text(
                x + 34,
                y,
                words,
                _WIDTH,
                _SMALL,
            )
        )
        x += 50 + 8 * len(words)
    lines.append(
        svg_text(
            x,
            y,
            "dashed box: no route out",
            _WIDTH,
            _SMALL,
        )
    )
    if hidden:
        y += 18
        text = f"{hidden} routes between networks are not drawn; the table has them."
        lines.append(
            svg_text(
                20,
                y,
                text,
                _WIDTH - 40,
                _SOFT,
            )
        )
    for note in network_map.notes:
        y += 20
        lines.append(
            svg_text(
                20,
                y,
                note,
                _WIDTH - 40,
                _SOFT,
            )
        )
    return lines
