"""The fixes chosen for one container, and what follows from them: plan, score, diff."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from hardentui.errors import HardenError
from hardentui.features.views import Report
from hardentui.harden.fix_values import FixValue
from hardentui.harden.score import Score
from hardentui.model.check import ParameterValue
from hardentui.model.draft import Draft, Target
from hardentui.model.plan import Choice, Plan, Skipped

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

Values: TypeAlias = dict[str, ParameterValue]
"""Parameter -> the value given for a fix."""


class Choosing:
    """Chosen fixes over one report, and values for fixes. The session owns both, so they outlive
    the screen.

    Attributes:
        trouble: why there is no plan although fixes are chosen; else empty.
    """

    def __init__(
        self,
        bench: Workbench,
        report: Report,
        chosen: dict[str, Choice],
        values: dict[str, Values],
    ) -> None:
        self.bench = bench
        self.report = report
        self._chosen = chosen
        self._values = values
        self._plan: Plan | None = None
        self._after: Score | None = None
        self._decisions: tuple[Skipped, ...] = ()
        self._drafts: dict[Target, Draft] = {}
        self._stale = True
        self.trouble = ""

    def __contains__(self, check: str) -> bool:
        return check in self._chosen

    @property
    def key(self) -> str:
        """Key of the container's row."""
        return self.report.subject.key

    @property
    def chosen(self) -> tuple[Choice, ...]:
        return tuple(self._chosen.values())

    def renew(self, report: Report) -> None:
        """Replace the findings of the container; choices it no longer needs are dropped."""
        self.report = report
        failing = {finding.check for finding in report.everything if finding.failing}
        if report.facts is not None:
            for check in [check for check in self._chosen if check not in failing]:
                del self._chosen[check]
        self._stale = True

    def refusal(self, check: str) -> Skipped | None:
        """Why a plan cannot fix it with its current values; None when it can."""
        return self._refusal(self.choice(check))

    def _refusal(self, choice: Choice) -> Skipped | None:
        if self.report.facts is None:
            return Skipped(choice.check, "its details are unknown")
        try:
            return self.bench.planner.refusal(self.report, choice)
        except HardenError as error:
            return Skipped(choice.check, error.title)

    def need_a_value(self) -> dict[str, Skipped | None]:
        """Check -> why its fix still needs a value, or None when one was given; only fixes without
        a default of their own.
        """
        failing = [finding.check for finding in self.report.everything if finding.failing]
        bare = {
            check: self._refusal(Choice(check)) for check in failing if check not in self._chosen
        }
        return {
            check: self.refusal(check)
            for check, why in bare.items()
            if why is not None and why.needs
        }

    def choice(self, check: str) -> Choice:
        """A fix with the values given for it, whether it is chosen or not."""
        return Choice(check, tuple(self._values.get(check, {}).items()))

    def settings(self, check: str) -> tuple[FixValue, ...]:
        """The current values of a fix."""
        return self.bench.planner.settings(self.report, self.choice(check))

    def toggle(self, check: str) -> Skipped | None:
        """Choose a fix, or drop it; returns why it cannot be chosen. Its values are kept."""
        if check in self._chosen:
            del self._chosen[check]
        elif why := self.refusal(check):
            return why
        else:
            self._chosen[check] = self.choice(check)
        self._stale = True
        return None

    def set_value(
        self,
        check: str,
        name: str,
        value: ParameterValue | None,
    ) -> Skipped | None:
        """Give a fix a value (None: back to the default) and choose the fix; returns why it cannot
        be chosen.

        A fix that cannot be carried out with the value is dropped; the value is kept.
        """
        values = self._values.setdefault(check, {})
        if value is None:
            values.pop(name, None)
        else:
            values[name] = value
        why = self.refusal(check)
        if why is None:
            self._chosen[check] = self.choice(check)
        else:
            self._chosen.pop(check, None)
        self._stale = True
        return why

    def add(self, choices: Iterable[Choice]) -> int:
        """Also choose these, each with the values given for it; returns how many were new."""
        fresh = [choice.check for choice in choices if choice.check not in self._chosen]
        self._chosen.update({check: self.choice(check) for check in fresh})
        self._stale = True
        return len(fresh)

    def take(self, choices: Iterable[Choice]) -> list[Skipped]:
        """Choose exactly these, with their values; returns those that cannot be carried out, with
        reasons."""
        self._chosen.clear()
        refused = []
        for choice in choices:
            self._values[choice.check] = dict(choice.parameters)
            if why := self.refusal(choice.check):
                refused.append(why)
            else:
                self._chosen[choice.check] = self.choice(choice.check)
        self._stale = True
        return refused

    def planned(self) -> Plan:
        """The plan, even when nothing is chosen yet."""
        return self.plan or self.bench.planner.plan(self.report, ())

    def drop(self, checks: Iterable[str]) -> None:
        for check in checks:
            self._chosen.pop(check, None)
        self._stale = True

    def clear(self) -> None:
        self._chosen.clear()
        self._stale = True

    @property
    def plan(self) -> Plan | None:
        """None while nothing is chosen, and when there is no plan."""
        self._compute()
        return self._plan

    @property
    def decisions(self) -> tuple[Skipped, ...]:
        """What only the user can decide, on top of the plan; none without a plan."""
        self._compute()
        return self._decisions

    @property
    def after(self) -> Score | None:
        """The score after the plan."""
        self._compute()
        return self._after

    def _compute(self) -> None:
        if not self._stale:
            return
        self._stale, self.trouble, self._plan, self._after, self._decisions = (
            False,
            "",
            None,
            None,
            (),
        )
        self._drafts = {}
        if not self._chosen:
            return
        try:
            self._plan = self.bench.planner.plan(self.report, tuple(self._chosen.values()))
            self._after = self.bench.planner.score_after(self.report, self._plan)
            self._decisions = self.bench.planner.decisions(self.report, self._plan)
        except HardenError as error:
            self.trouble = str(error)

    def diff(self, target: Target) -> str:
        """Unified diff of the plan; empty without one. Raises HardenError."""
        plan = self.plan
        if plan is None:
            return ""
        if target not in self._drafts:
            self._drafts[target] = self.bench.drafter.draft(
                self.report,
                plan,
                target,
                verify=False,
            )
        return self._drafts[target].diff
