"""What can be done about a report: remediations, choices, plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.features.checklists.loading import find_check
from hardentui.features.looking.judging import Judge
from hardentui.features.planning import saved_plans
from hardentui.features.views import Report, known_facts
from hardentui.harden.plan import fixable, is_fixable, left_out, make_plan, raises_most
from hardentui.harden.remedy import FixValue, remediation, settings_of
from hardentui.harden.score import Score, score
from hardentui.model.check import AnyCheck, ParameterValue
from hardentui.model.draft import DraftFile
from hardentui.model.finding import Finding, Remediation, Risk, Status
from hardentui.model.plan import Caution, Choice, Plan, Skipped
from hardentui.reading.forms import value_of
from hardentui.writers.context import safe_file_name


class Planner:
    """Plans for judged containers. Sends no requests."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._checklist = judge.checklist
        self._checks = judge.checks

    def remediation(
        self, report: Report, finding: Finding, chosen: Iterable[tuple[str, ParameterValue]] = ()
    ) -> Remediation:
        """How to fix a finding, with the chosen values."""
        check = find_check(finding.check, self._checklist.own)
        return remediation(check, report.facts, finding.verdict, self._checklist, dict(chosen))

    def refusal(self, report: Report, choice: Choice) -> Skipped | None:
        """Why a plan cannot fix it this way in this container; None if it can."""
        if report.facts is None:
            return Skipped(choice.check, "it is not about a single container")
        plan = make_plan(
            report.facts, [choice], [find_check(choice.check, self._checklist.own)], self._checklist
        )
        return plan.skipped[0] if plan.skipped else None

    def settings(self, report: Report, choice: Choice) -> tuple[FixValue, ...]:
        """The values of a check's fix in this container, given this choice."""
        if report.facts is None:
            return ()
        return settings_of(
            find_check(choice.check, self._checklist.own), report.facts, choice, self._checklist
        )

    def choices(self, report: Report, caution: Caution) -> tuple[Choice, ...]:
        """Every fix that can be carried out and that the caution includes."""
        if report.facts is None:
            return ()
        return fixable(report.facts, self._not_waived(report), self._checklist, caution)

    def _not_waived(self, report: Report) -> tuple[AnyCheck, ...]:
        """The checks without accepted findings: their fixes must be named explicitly."""
        waived = {finding.check for finding in report.everything if finding.status is Status.WAIVED}
        return tuple(check for check in self._checks if check.id not in waived)

    def plan(self, report: Report, choices: Iterable[Choice]) -> Plan:
        """The plan of these choices."""
        return make_plan(known_facts(report), choices, self._checks, self._checklist)

    def plan_of_file(self, report: Report, choices: Sequence[Choice]) -> Plan:
        """The plan of choices that a file makes.

        Raises:
            PlanError: a value that no check accepts, or that would weaken the container.
        """
        plan = self.plan(report, saved_plans.usable_choices(choices, self._checks))
        saved_plans.refuse_weakening(plan)
        return plan

    def plan_with(self, report: Report, caution: Caution | None, chosen: Iterable[Choice] = ()) -> Plan:
        """The plan of all fixes that the caution includes (None: no others), plus the chosen ones; `skipped`
        lists every other failing finding, and why it is left out.
        """
        allowed = self.choices(report, caution) if caution is not None else ()
        choices = {choice.check: choice for choice in (*allowed, *chosen)}
        plan = self.plan(report, choices.values())
        rest = left_out(known_facts(report), plan, self._not_waived(report), self._checklist)
        return replace(plan, skipped=(*plan.skipped, *rest))

    def decisions(self, report: Report, plan: Plan) -> tuple[Skipped, ...]:
        """What only a person can decide, on top of a plan."""
        checks = [check for check in self._not_waived(report) if check.risk is Risk.DECISION]
        left = left_out(known_facts(report), plan, checks, self._checklist)
        return tuple(skipped for skipped in left if skipped.decides)

    def fixable(self, report: Report) -> frozenset[str]:
        """The failing checks that an option of this container fixes."""
        facts = report.facts
        if facts is None:
            return frozenset()
        failing = {finding.check for finding in report.with_image if finding.failing}
        checks = [check for check in self._checks if check.id in failing]
        return frozenset(check.id for check in checks if is_fixable(check, facts, self._checklist))

    def raises_most(self, report: Report, most: int) -> tuple[Finding, ...]:
        """Failing findings with an automatic fix, the largest score gain first."""
        if report.facts is None:
            return ()
        by_id = {check.id: check for check in self._checks}
        return raises_most(report.facts, report.with_image, by_id, self._checklist, most)

    def score_after(self, report: Report, plan: Plan) -> Score:
        """The score after the plan: a finding that options decide is judged by the new ones, even if no fix
        was chosen for it; all other findings stay.
        """
        facts = known_facts(report)
        before, after = (
            {
                finding.check: finding
                for finding in self._judge.container(facts.planned(spec), compared=True).findings
            }
            for spec in (facts.spec, plan.after)
        )
        chosen = {choice.check for choice in plan.choices}

        def planned(finding: Finding) -> Finding:
            old, new = before[finding.check], after[finding.check]
            changes = (old.status, old.severity) != (new.status, new.severity)
            return new if finding.check in chosen or (changes and finding.status is old.status) else finding

        return score(planned(finding) for finding in report.findings)


def typed_value(check_id: str, name: str, text: str) -> ParameterValue:
    """A typed value for a fix.

    Raises:
        InputError: it does not have the form that the fix needs.
    """
    try:
        return value_of(find_check(check_id), name, text)
    except ValueError as error:
        raise InputError(str(error)) from error


def plan_file(report: Report, plan: Plan) -> DraftFile:
    """The plan as a file for `fix --plan`."""
    text = saved_plans.dump(plan, str(known_facts(report).engine.version))
    return DraftFile(f"{safe_file_name(plan.container)}-plan.toml", text, masked=text)
