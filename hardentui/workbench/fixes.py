"""What can be done about a report: remediations, plans, files. Only `save` changes anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hardentui.errors import EngineError
from hardentui.harden.evaluate import remediation
from hardentui.harden.score import Score, score
from hardentui.model.check import AnyCheck
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Remediation
from hardentui.model.version import Version
from hardentui.workbench.judging import Judge, find_check
from hardentui.workbench.views import Output, Report, Target

if TYPE_CHECKING:
    from hardentui.model.plan import Choice, Plan
    from hardentui.writers.files import Written


class Fixes:
    """The half of the workbench that needs no engine: it works on reports that were made before."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.checklist: Checklist = judge.checklist
        self.checks: tuple[AnyCheck, ...] = judge.checks

    def explain(self, check_id: str) -> AnyCheck:
        """A check by its id.

        Raises:
            UsageError: there is none; names the nearest.
        """
        return find_check(check_id)

    def remediation(self, report: Report, finding: Finding) -> Remediation:
        """What to do about a finding."""
        return remediation(self.explain(finding.check), report.facts, finding.verdict, self.checklist)

    def can_fix(self, report: Report, check_id: str) -> str:
        """Empty when a plan can fix it in this container, else why not."""
        if report.facts is None:
            return "it is no matter of one container"
        from hardentui.harden.plan import make_plan
        from hardentui.model.plan import Choice

        plan = make_plan(report.facts, [Choice(check_id)], [self.explain(check_id)], self.checklist)
        return plan.skipped[0].why if plan.skipped else ""

    def safe_choices(self, report: Report) -> tuple[Choice, ...]:
        """Fixes that change nothing that works today."""
        return self._choices(report, safe_only=True)

    def all_choices(self, report: Report) -> tuple[Choice, ...]:
        """Every fix that can be carried out."""
        return self._choices(report, safe_only=False)

    def _choices(self, report: Report, *, safe_only: bool) -> tuple[Choice, ...]:
        from hardentui.harden.plan import fixable

        if report.facts is None:
            return ()
        return fixable(report.facts, self.checks, self.checklist, safe_only=safe_only)

    def plan(self, report: Report, choices: Iterable[Choice]) -> Plan:
        """The plan of these choices."""
        from hardentui.harden.plan import make_plan

        return make_plan(_facts(report), choices, self.checks, self.checklist)

    def score_after(self, report: Report, plan: Plan) -> Score:
        """The score with the plan, as far as the spec decides it: findings that no plan touches stay."""
        after = self.judge.container(_facts(report).planned(plan.after), compared=True)
        chosen = {choice.check for choice in plan.choices}
        fresh = {finding.check: finding for finding in after.findings}
        return score(
            fresh[finding.check] if finding.check in chosen else finding for finding in report.findings
        )

    def output(
        self,
        report: Report,
        plan: Plan | None,
        target: Target,
        *,
        version: Version | None = None,
        verify: bool = True,
    ) -> Output:
        """Files for a plan, or (None) for the container as it is.

        Raises:
            GeneratorError: the host's Quadlet generator does not make what was meant.
        """
        from hardentui.workbench import outputs  # the writers are not needed for a check

        return outputs.output(_facts(report), plan, target, version=version, verify=verify)

    def diff(self, report: Report, plan: Plan, target: Target) -> str:
        """Unified diff: today's equivalent against the hardened one."""
        from hardentui.workbench import outputs

        return outputs.diff(_facts(report), plan, target)

    def save(self, output: Output, folder: str, *, create: bool = False) -> tuple[Written, ...]:
        """Write the files, each as a whole; what was there before is kept as a backup.

        Args:
            create: make the folder when it is missing.

        Raises:
            WriteError: nothing was written.
        """
        from hardentui.writers.files import write_bundle

        files = [(one.name, one.text, one.mode) for one in output.files]
        return write_bundle(folder, files, create=create)


def _facts(report: Report) -> ContainerFacts:
    if report.facts is None:
        raise EngineError(f"There is nothing known of {report.subject.name}.", report.trouble)
    return report.facts
