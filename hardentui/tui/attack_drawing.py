"""The way of an attacker, drawn: from where a container can be reached, through it, to the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from hardentui.tui.status import Part, Signs, fit
from hardentui.visible import visible
from hardentui.words import parts_within

if TYPE_CHECKING:
    from hardentui.harden.attack import AttackStops

_UNKNOWN_ENTRANCE = "whoever reaches it"
_AT_ONCE = "the host"
_BUG = "a kernel bug"
_BY_A_BUG = f"{_BUG} ─▶ the host"
_MOST = 90  # cells of a stop


def _end(stops: AttackStops) -> tuple[str, str]:
    """Where each way ends, and its style."""
    return (_AT_ONCE, "bold $status-critical") if stops.at_once else (_BY_A_BUG, "bold")


def drawn_in_two(
    stops: AttackStops,
    signs: Signs,
    width: int,
) -> Content:
    """Two lines of at most `width` cells: who is reached, and the ways on; as many as fit."""
    to, (end, style) = signs.drawn(" ─▶ "), _end(stops)
    end = signs.drawn(end)
    entrance = visible(stops.entrance, _MOST) or _UNKNOWN_ENTRANCE
    container = visible(stops.container, _MOST)
    if len(entrance) + len(to) + len(container) > width:
        entrance = entrance.partition(" (")[0]
    beside = width - len(entrance) - len(to)
    parts: list[Part] = [
        entrance,
        (to, "$primary"),
        (fit(container, beside, signs.ellipsis).rstrip(), "bold"),
        (signs.drawn("\n  └▶ "), "$primary"),
    ]
    room = width - len("  └▶ ") - len(to) - len(end)
    shown = [visible(way, _MOST) for way in stops.ways]
    if ways := parts_within(shown, ", ", lambda text: len(text) <= room):
        parts += [fit(ways, room, signs.ellipsis).rstrip(), (to, "$primary")]
    return Content.assemble(*parts, (end, style))


def drawn_in_full(stops: AttackStops, signs: Signs) -> Iterator[Part]:
    """Each way on a line of its own."""
    yield f"  {visible(stops.entrance, _MOST) or _UNKNOWN_ENTRANCE}\n"
    yield (signs.drawn("    └▶ "), "$primary")
    yield (f"{visible(stops.container, _MOST)}\n", "bold")
    for way in stops.ways:
        yield (signs.drawn("         └▶ "), "$primary")
        yield visible(way, _MOST)
        yield (signs.drawn(" ─▶ "), "$primary")
        end, style = _end(stops)
        yield (f"{end if stops.at_once else _BUG}\n", style)
    if not stops.at_once:
        yield (signs.drawn("              └▶ "), "$primary")
        yield "the host\n" if stops.ways else "the host, by a bug of its kernel alone\n"
