"""What can be done about a report: remediations, choices, plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.features.checklists.known_checks import find_check
from hardentui.features.looking.judging import Judge
from hardentui.features.views import Report, known_facts
from hardentui.harden.fix_values import FixValue, settings_of
from hardentui.harden.plan import Folded, fixable, fold, is_fixable, left_out, make_plan
from hardentui.harden.remedy import remediation
from hardentui.harden.rise import Riser, raises_most
from hardentui.harden.score import Rise, Score
from hardentui.model.check import Check, ParameterValue
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Status
from hardentui.model.plan import Caution, Choice, Plan, Skipped
from hardentui.model.remediation import Remediation
from hardentui.reading.forms import value_of


class Planner:
    """Plans for judged containers. Sends no requests.

    Attributes:
        checks: those of the checklist.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._checklist = judge.checklist
        self.checks = judge.checks

    def _facts(self, report: Report) -> ContainerFacts:
        """What fixes see of a container.

        Raises:
            EngineError: it could not be read.
        """
        return known_facts(report)

    def remediation(
        self,
        report: Report,
        finding: Finding,
        chosen: Iterable[tuple[str, ParameterValue]] = (),
    ) -> Remediation:
        """How to fix a finding, with the chosen values."""
        check = find_check(finding.check, self._checklist.own)
        return remediation(
            check,
            None if report.facts is None else self._facts(report),
            finding.verdict,
            self._checklist,
            dict(chosen),
        )

    def refusal(
        self,
        report: Report,
        choice: Choice,
    ) -> Skipped | None:
        """Why a plan cannot fix it this way in this container; None if it can."""
        if report.facts is None:
            return Skipped(choice.check, "it is not about a single container")
        plan = make_plan(
            self._facts(report),
            [choice],
            [find_check(choice.check, self._checklist.own)],
            self._checklist,
        )
        return plan.skipped[0] if plan.skipped else None

    def settings(
        self,
        report: Report,
        choice: Choice,
    ) -> tuple[FixValue, ...]:
        """The values of a check's fix in this container, given this choice."""
        if report.facts is None:
            return ()
        return settings_of(
            find_check(choice.check, self._checklist.own),
            self._facts(report),
            choice,
            self._checklist,
        )

    def choices(
        self,
        report: Report,
        caution: Caution,
    ) -> tuple[Choice, ...]:
        """Every fix that can be carried out and that the caution includes."""
        if report.facts is None:
            return ()
        return fixable(
            self._facts(report),
            self._not_waived(report),
            self._checklist,
            caution,
        )

    def _not_waived(self, report: Report) -> tuple[Check, ...]:
        """The checks without accepted findings: their fixes must be named explicitly."""
        waived = {finding.check for finding in report.everything if finding.status is Status.WAIVED}
        return tuple(check for check in self.checks if check.id not in waived)

    def plan(
        self,
        report: Report,
        choices: Iterable[Choice],
    ) -> Plan:
        """The plan of these choices."""
        return make_plan(
            self._facts(report),
            choices,
            self.checks,
            self._checklist,
        )

    def plan_with(
        self,
        report: Report,
        caution: Caution | None,
        chosen: Iterable[Choice] = (),
    ) -> Plan:
        """The plan of all fixes that the caution includes (None: no others), plus the chosen ones;
        `skipped` lists every other failing finding, and why it is left out.
        """
        allowed = self.choices(report, caution) if caution is not None else ()
        choices = {choice.check: choice for choice in (*allowed, *chosen)}
        plan = self.plan(report, choices.values())
        rest = left_out(
            self._facts(report),
            plan,
            self._not_waived(report),
            self._checklist,
        )
        return replace(plan, skipped=(*plan.skipped, *rest))

    def decisions(
        self,
        report: Report,
        plan: Plan,
    ) -> tuple[Skipped, ...]:
        """What only a person can decide, on top of a plan."""
        left = left_out(
            self._facts(report),
            plan,
            self._not_waived(report),
            self._checklist,
        )
        return tuple(skipped for skipped in left if skipped.decides)

    def fixes(self, report: Report) -> Folded:
        """The fixes of all that fails and that an option of this container fixes, together."""
        return fold(
            self._facts(report),
            [Choice(finding.check) for finding in report.with_image if finding.failing],
            self.checks,
            self._checklist,
        )

    def fixable(self, report: Report) -> frozenset[str]:
        """The failing checks that an option of this container fixes."""
        if report.facts is None:
            return frozenset()
        facts = self._facts(report)
        failing = {finding.check for finding in report.with_image if finding.failing}
        checks = [check for check in self.checks if check.id in failing]
        return frozenset(check.id for check in checks if is_fixable(check, facts, self._checklist))

    def raises_most(
        self,
        report: Report,
        most: int,
    ) -> tuple[tuple[Finding, Rise], ...]:
        """Failing findings with an automatic fix, each with what that brings, the most first."""
        if report.facts is None:
            return ()
        return raises_most(self._riser(report), report.failing, most)

    def score_after(
        self,
        report: Report,
        plan: Plan,
    ) -> Score:
        """The score after the plan: a finding that options decide is judged by the new ones, even
        if no fix was chosen for it; all other findings stay.
        """
        return self._riser(report).score_after(plan)

    def rise_by(
        self,
        report: Report,
        checks: Iterable[str],
    ) -> Rise:
        """What the fixes of these checks bring, as far as they can be applied."""
        return self._riser(report).by_fixes(checks)

    def rise_by_all(self, report: Report) -> Rise:
        """What `harden NAME` tries: every fix that needs no decision."""
        return self.rise_by(report, (each.check for each in self.choices(report, Caution.ALL)))

    def rises(self, report: Report) -> Mapping[str, Rise]:
        """Failing check -> what ending it alone brings."""
        if report.facts is None:
            return {}
        riser = self._riser(report)
        return {finding.check: riser.by_ending(finding) for finding in report.failing}

    def _riser(self, report: Report) -> Riser:
        by_id = {check.id: check for check in self.checks}
        return Riser(
            self._facts(report),
            report.findings,
            by_id,
            self._checklist,
        )


def typed_value(
    check_id: str,
    name: str,
    text: str,
) -> ParameterValue:
    """A typed value for a fix.

    Raises:
        InputError: it does not have the form that the fix needs.
    """
    try:
        return value_of(find_check(check_id), name, text)
    except ValueError as error:
        raise InputError(str(error)) from error
