"""Colour contrast as defined by WCAG 2, and colours adjusted to have enough of it."""

from __future__ import annotations

from collections.abc import Collection

from textual.color import Color

ENOUGH = 4.5
"""WCAG AA for text of normal size."""
_STEP = 0.04


def contrast(first: Color, second: Color) -> float:
    """The ratio of two colours, 1 to 21."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def readable(colour: Color, grounds: Collection[Color]) -> Color:
    """The colour, made lighter or darker until it is readable on all these backgrounds; unchanged if that
    fails.
    """
    if not grounds:
        return colour
    white, black = Color(255, 255, 255), Color(0, 0, 0)
    towards = max((white, black), key=lambda end: min(contrast(end, ground) for ground in grounds))
    share = 0.0
    mixed = colour
    while share < 1 and min(contrast(mixed, ground) for ground in grounds) < ENOUGH:
        share += _STEP
        mixed = colour.blend(towards, min(1.0, share), alpha=1)
    return mixed


def _luminance(colour: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
