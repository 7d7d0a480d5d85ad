"""From chosen fixes to the screens that carry them out."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.model.plan import Plan
from hardentui.tui.choosing import Choosing
from hardentui.tui.screens.apply import ApplyScreen
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.trial import TrialScreen


def open_trial(screen: HardenScreen, choosing: Choosing | None) -> None:
    """Try the chosen fixes on a twin; `choosing` is None when nothing is known about the container."""
    _open(screen, choosing, TrialScreen)


def open_apply(screen: HardenScreen, choosing: Choosing | None) -> None:
    """Apply the chosen fixes to the container."""
    _open(screen, choosing, ApplyScreen)


def _open(
    screen: HardenScreen, choosing: Choosing | None, kind: Callable[[Choosing, Plan], HardenScreen]
) -> None:
    if choosing is None:
        return
    if (plan := choosing.plan) is not None and plan.changes:
        screen.app.push_screen(kind(choosing, plan))
    else:
        screen.complain(choosing.trouble or "The chosen fixes change nothing.")
