"""From chosen fixes to the screens that carry them out."""

from __future__ import annotations

from collections.abc import Callable

from textual.screen import Screen

from hardentui.model.plan import Plan
from hardentui.tui import destinations
from hardentui.tui.choosing import Choosing
from hardentui.tui.screens.base import HardenScreen


def open_trial(screen: HardenScreen, choosing: Choosing | None) -> None:
    """Try the chosen fixes on a twin; `choosing` is None when nothing is known about the container."""
    _open(screen, choosing, destinations.trial)


def open_apply(screen: HardenScreen, choosing: Choosing | None) -> None:
    """Apply the chosen fixes to the container."""
    _open(screen, choosing, destinations.apply)


def _open(
    screen: HardenScreen, choosing: Choosing | None, make: Callable[[Choosing, Plan], Screen[None]]
) -> None:
    if choosing is None:
        return
    if (plan := choosing.plan) is not None and plan.changes:
        screen.app.push_screen(make(choosing, plan))
    else:
        screen.complain(choosing.trouble or "The chosen fixes change nothing.")
