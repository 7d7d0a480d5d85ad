"""The fixes that were chosen for one container, and what follows from them: plan, score, difference."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.errors import HardenError
from hardentui.harden.score import Score
from hardentui.model.plan import Choice, Plan
from hardentui.tui.bench import Bench
from hardentui.workbench.views import Report, Target


class Choosing:
    """Chosen fixes over one report. The choices belong to the session and outlive the screen.

    Attributes:
        trouble: why there is no plan although fixes are chosen; else empty.
    """

    def __init__(self, bench: Bench, report: Report, chosen: dict[str, Choice]) -> None:
        self.bench = bench
        self.report = report
        self._chosen = chosen
        self._plan: Plan | None = None
        self._after: Score | None = None
        self._stale = True
        self.trouble = ""

    def __contains__(self, check: str) -> bool:
        return check in self._chosen

    @property
    def chosen(self) -> tuple[Choice, ...]:
        return tuple(self._chosen.values())

    def renew(self, report: Report) -> None:
        """Newer findings of the same container; choices that it no longer needs are dropped."""
        self.report = report
        failing = {finding.check for finding in report.findings if finding.failing}
        if report.facts is not None:
            for check in [check for check in self._chosen if check not in failing]:
                del self._chosen[check]
        self._stale = True

    def why_not(self, check: str) -> str:
        """Empty when a plan can fix it."""
        if self.report.facts is None:
            return "its details are not known"
        try:
            return self.bench.can_fix(self.report, check)
        except HardenError as error:
            return error.title

    def toggle(self, check: str) -> str:
        """Choose a fix, or drop it; returns why it cannot be chosen."""
        if check in self._chosen:
            del self._chosen[check]
        elif why := self.why_not(check):
            return why
        else:
            self._chosen[check] = Choice(check)
        self._stale = True
        return ""

    def add(self, choices: Iterable[Choice]) -> int:
        """Choose these as well; returns how many were new."""
        fresh = [choice for choice in choices if choice.check not in self._chosen]
        self._chosen.update({choice.check: choice for choice in fresh})
        self._stale = True
        return len(fresh)

    def drop(self, checks: Iterable[str]) -> None:
        for check in checks:
            self._chosen.pop(check, None)
        self._stale = True

    def clear(self) -> None:
        self._chosen.clear()
        self._stale = True

    @property
    def plan(self) -> Plan | None:
        """None while nothing is chosen, and when there is trouble."""
        self._compute()
        return self._plan

    @property
    def after(self) -> Score | None:
        """The score that the plan promises."""
        self._compute()
        return self._after

    def _compute(self) -> None:
        if not self._stale:
            return
        self._stale, self.trouble, self._plan, self._after = False, "", None, None
        if not self._chosen:
            return
        try:
            self._plan = self.bench.plan(self.report, tuple(self._chosen.values()))
            self._after = self.bench.score_after(self.report, self._plan)
        except HardenError as error:
            self.trouble = str(error)

    def diff(self, target: Target) -> str:
        """Unified difference of the plan; empty without one. Raises HardenError."""
        plan = self.plan
        return self.bench.diff(self.report, plan, target) if plan is not None else ""
