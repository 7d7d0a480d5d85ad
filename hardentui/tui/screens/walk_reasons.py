"""Why an action of the walk cannot be carried out now, and why a step has no findings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from hardentui.model.finding import Finding
from hardentui.tui.choosing import Choosing
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.model.checklist import Step
    from hardentui.tui.status import Signs
    from hardentui.workbench.looking.judging import Judge
    from hardentui.workbench.views import Report

_CHOOSES = frozenset(
    {"choose", "values", "safe", "likely", "all", "none", "diff", "write", "harden", "trial", "apply"}
)
"""Actions that need to know the container."""
_OF_FINDING = frozenset({"choose", "values", "explain"})


def why_not_in_walk(action: str, choosing: Choosing | None, finding: Finding | None, *, gone: bool) -> str:
    """One sentence; empty when nothing is in the way.

    Args:
        choosing: None while the container's details have not arrived.
        finding: the one under the cursor.
        gone: the container was removed, and its last facts are shown.
    """
    if gone and action in ("recheck", "harden", "trial", "apply"):
        return "The container was removed: these are its last facts."
    if action in _CHOOSES and choosing is None:
        return "Its details have not arrived yet."
    if action in _CHOOSES and choosing is not None and choosing.report.facts is None:
        return f"Nothing is known of it: {visible(choosing.report.trouble, 200)}."
    if action in _OF_FINDING and finding is None:
        return "There is no finding under the cursor."
    if choosing is not None and not choosing.chosen:
        if action in ("trial", "apply"):
            return "Choose fixes first: space one, a all safe ones, L likely ones."
        if action == "none":
            return "No fix is chosen."
    return ""


def need_values(checks: Sequence[str], judge: Judge) -> str:
    """Fixes that wait for a value, each with the step in which it can be given."""
    steps = {check.id: check.step for check in judge.checks}
    names = ", ".join(f"{check} (step {steps[check]})" for check in checks)
    need = "This fix needs" if len(checks) == 1 else "These fixes need"
    return f"{need} a value first; there p sets it: {names}."


def no_findings(report: Report | None, step: Step, signs: Signs) -> Content:
    """The text in place of the findings of a step.

    Args:
        report: None while the container's details have not arrived.
    """
    if report is None:
        return Content(signs.of("Loading its details…"))
    if report.trouble:
        return Content(f"Nothing could be judged: {visible(report.trouble)}")
    elsewhere = f"The step has {plural(len(step.checks), 'check')} of the host, engine or image."
    return Content.assemble("No check of this step applies to containers.\n\n", (elsewhere, "$muted"))
