"""From chosen fixes to the screens that carry them out.

These are imported on first use: they bring the client library that changes containers, and a walk need not
wait for it.
"""

from __future__ import annotations

from collections.abc import Callable

from hardentui.model.plan import Plan
from hardentui.tui.choosing import Choosing
from hardentui.tui.screens.base import HardenScreen


def open_trial(screen: HardenScreen, choosing: Choosing | None) -> None:
    """Try the chosen fixes on a twin; `choosing` is None when nothing is known about the container."""
    from hardentui.tui.screens.trial import TrialScreen

    _open(screen, choosing, TrialScreen)


def open_apply(screen: HardenScreen, choosing: Choosing | None) -> None:
    """Apply the chosen fixes to the container."""
    from hardentui.tui.screens.apply import ApplyScreen

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
