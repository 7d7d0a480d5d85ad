"""What can be done about a report: remediations, plans, files. Only `save` changes anything."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.errors import EngineError, InputError
from hardentui.harden.evaluate import remediation
from hardentui.harden.score import Score, score
from hardentui.model.check import AnyCheck, ParameterValue
from hardentui.model.checklist import Checklist
from hardentui.model.draft import Draft, DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Remediation, Status
from hardentui.model.plan import Caution
from hardentui.model.version import Version
from hardentui.workbench.looking.judging import Judge, find_check
from hardentui.workbench.views import Report

if TYPE_CHECKING:
    from hardentui.harden.settings import Setting
    from hardentui.host.files.reader import Files
    from hardentui.model.plan import Choice, Plan, Skipped
    from hardentui.model.trial import Trial
    from hardentui.model.written import Written
    from hardentui.workbench.changing.in_place import OwnUnit
    from hardentui.workbench.changing.neighbours import Neighbours


class Fixes:
    """The half of the workbench that needs no engine: it works on reports that were made before."""

    def __init__(self, judge: Judge, files: Files) -> None:
        self.judge = judge
        self._files = files
        self.checklist: Checklist = judge.checklist
        self.checks: tuple[AnyCheck, ...] = judge.checks

    def explain(self, check_id: str) -> AnyCheck:
        """A check by its id.

        Raises:
            UsageError: there is none; names the nearest.
        """
        return find_check(check_id)

    def remediation(
        self, report: Report, finding: Finding, chosen: Iterable[tuple[str, ParameterValue]] = ()
    ) -> Remediation:
        """What to do about a finding, with the values that were chosen for its fix."""
        check = self.explain(finding.check)
        return remediation(check, report.facts, finding.verdict, self.checklist, dict(chosen))

    def refusal(self, report: Report, choice: Choice) -> Skipped | None:
        """Why a plan cannot fix it so in this container; None when it can."""
        from hardentui.harden.plan import make_plan
        from hardentui.model.plan import Skipped

        if report.facts is None:
            return Skipped(choice.check, "it is no matter of one container")
        plan = make_plan(report.facts, [choice], [self.explain(choice.check)], self.checklist)
        return plan.skipped[0] if plan.skipped else None

    def settings(self, report: Report, choice: Choice) -> tuple[Setting, ...]:
        """The values that the fix of a check takes in this container, as they are with this choice."""
        from hardentui.harden.settings import settings_of

        if report.facts is None:
            return ()
        return settings_of(self.explain(choice.check), report.facts, choice, self.checklist)

    def value_of(self, check_id: str, name: str, text: str) -> ParameterValue:
        """A value for a fix as somebody typed it.

        Raises:
            InputError: it is not of the form that the fix takes.
        """
        from hardentui.reading.forms import value_of

        try:
            return value_of(self.explain(check_id), name, text)
        except ValueError as error:
            raise InputError(str(error)) from error

    def safe_choices(self, report: Report) -> tuple[Choice, ...]:
        """Fixes that change nothing that works today."""
        return self.choices(report, Caution.SAFE)

    def likely_choices(self, report: Report) -> tuple[Choice, ...]:
        """Every fix that can be carried out and that nothing of what was seen says may break it."""
        return self.choices(report, Caution.LIKELY)

    def all_choices(self, report: Report) -> tuple[Choice, ...]:
        """Every fix that can be carried out."""
        return self.choices(report, Caution.ALL)

    def choices(self, report: Report, caution: Caution) -> tuple[Choice, ...]:
        """Every fix that can be carried out, as far as the caution goes."""
        from hardentui.harden.plan import fixable

        if report.facts is None:
            return ()
        return fixable(report.facts, self._not_waived(report), self.checklist, caution)

    def _not_waived(self, report: Report) -> tuple[AnyCheck, ...]:
        """The checks without those whose finding here was accepted: only who names such a fix gets it."""
        waived = {one.check for one in report.findings if one.status is Status.WAIVED}
        return tuple(check for check in self.checks if check.id not in waived)

    def plan_with(self, report: Report, caution: Caution) -> Plan:
        """The plan of all fixes that the caution allows; `skipped` has every other failing finding, and why
        it is left out."""
        from hardentui.harden.plan import left_out

        plan = self.plan(report, self.choices(report, caution))
        rest = left_out(facts_of(report), plan, self._not_waived(report), self.checklist)
        return replace(plan, skipped=(*plan.skipped, *rest))

    def raises_most(self, report: Report, most: int) -> tuple[Finding, ...]:
        """Failing findings whose fix can be carried out alone and raises the score most."""
        from hardentui.harden.helpful import raises_most

        if report.facts is None:
            return ()
        by_id = {check.id: check for check in self.checks}
        return raises_most(report.facts, report.findings, by_id, self.checklist, most)

    def plan(self, report: Report, choices: Iterable[Choice]) -> Plan:
        """The plan of these choices."""
        from hardentui.harden.plan import make_plan

        return make_plan(facts_of(report), choices, self.checks, self.checklist)

    def score_after(self, report: Report, plan: Plan) -> Score:
        """The score with the plan: a finding that the options decide is judged by the new ones, also where no
        fix was chosen for it; all other findings stay."""
        facts = facts_of(report)
        before, after = (
            {one.check: one for one in self.judge.container(facts.planned(spec), compared=True).findings}
            for spec in (facts.spec, plan.after)
        )
        chosen = {choice.check for choice in plan.choices}

        def planned(one: Finding) -> Finding:
            old, new = before[one.check], after[one.check]
            changes = (old.status, old.severity) != (new.status, new.severity)
            return new if one.check in chosen or (changes and one.status is old.status) else one

        return score(planned(one) for one in report.findings)

    def draft(
        self,
        report: Report,
        plan: Plan | None,
        target: Target,
        *,
        version: Version | None = None,
        verify: bool = True,
    ) -> Draft:
        """The files of a plan, or (None) of the container as it is.

        Args:
            version: the Podman to write for; None = the container's own.
            verify: let a Quadlet generator or systemd check them (some 20 ms).

        Raises:
            CannotFix, CannotExpress: the target cannot hold it.
            GeneratorError: what reads the files would not run what was meant.
        """
        facts = facts_of(report)
        if target.changes_unit:
            from hardentui.workbench.changing.unit_draft import changed_unit

            plan = plan or self.plan(report, ())
            return changed_unit(self._files, facts, plan, target, version=version, verify=verify)
        from hardentui.workbench.changing.drafts import new_files  # the writers are not needed for a check

        neighbours = self._neighbours(report)
        return new_files(facts, plan, target, version=version, verify=verify, neighbours=neighbours)

    def _neighbours(self, report: Report) -> Neighbours:
        """What is written along with a container; nothing without an engine."""
        from hardentui.workbench.changing.neighbours import Neighbours

        return Neighbours()

    def plan_of_trial(self, report: Report, trial: Trial) -> Plan:
        """The plan that carries out exactly what worked in a trial.

        Raises:
            InputError: the record has an option or a value that is not understood.
        """
        from hardentui.workbench.trials.tried import choices_of, plan_of

        return plan_of(trial, self.plan(report, choices_of(trial)))

    def trial_files(self, report: Report, trial: Trial) -> tuple[DraftFile, ...]:
        """The record and, where something works, the plan, the Quadlet and the run script.

        Raises:
            GeneratorError: the host's Quadlet generator does not make what was meant.
        """
        from hardentui.workbench.trials.tried import FILE_NAME, as_json

        text = as_json(trial)
        record = DraftFile(FILE_NAME, text, masked=text)
        profiles: tuple[DraftFile, ...] = ()
        if trial.learned is not None and trial.learned.seccomp is not None:
            from hardentui.writers.seccomp import profile_text

            rules = profile_text(trial.learned.seccomp)
            profiles = (DraftFile(trial.learned.profile, rules, masked=rules),)
        if not trial.options:
            return (record,)
        plan = self.plan_of_trial(report, trial)
        saved = replace(self.plan_file(report, plan), name="plan.toml")
        drafts = [self.draft(report, plan, target) for target in (Target.QUADLET, Target.RUN)]
        return (record, saved, *profiles, *(file for draft in drafts for file in draft.files))

    def plan_file(self, report: Report, plan: Plan) -> DraftFile:
        """The plan as a file that `fix --plan` reads."""
        from hardentui.workbench.planning import saved_plans as plans
        from hardentui.writers.file_name import safe_file_name

        text = plans.dump(plan, str(facts_of(report).engine.version))
        return DraftFile(f"{safe_file_name(plan.container)}-plan.toml", text, masked=text)

    def save(self, files: Sequence[DraftFile], folder: str, *, create: bool = False) -> tuple[Written, ...]:
        """Write the files, each as a whole; what was there before is kept as a backup. Units of the pod and
        of its other members that stand in the folder already are left as they are.

        Args:
            create: make the folder when it is missing.

        Raises:
            WriteError: nothing was written.
        """
        from hardentui.files import write_bundle
        from hardentui.model.written import State, Written

        written: list[Written] = []
        for below in dict.fromkeys(_below(file) for file in files):
            where = posixpath.join(folder, below) if below else folder
            here = [file for file in files if _below(file) == below]
            kept = {
                file.name for file in here if file.of_pod and os.path.lexists(os.path.join(where, file.name))
            }
            new = [file for file in here if file.name not in kept]
            written += write_bundle(where, new, create=create or bool(below))
            written += [Written(os.path.join(where, name), State.KEPT) for name in sorted(kept)]
        return tuple(written)

    def next_commands(self, report: Report, draft: Draft, folder: str) -> tuple[str, ...]:
        """What to run once files were written, in this order; `folder` empty = they were written in place."""
        from hardentui.workbench.changing.taking_over import commands_after

        return commands_after(self._files, facts_of(report), draft, folder)

    def look_in_place(self, report: Report, draft: Draft) -> tuple[Written, ...]:
        """What `save_in_place` would do, as far as that can be known without writing.

        Raises:
            WriteError: why it would not.
        """
        from hardentui.workbench.changing import in_place

        return in_place.look_in_place(facts_of(report), draft)

    def save_in_place(self, report: Report, draft: Draft) -> tuple[Written, ...]:
        """Write the change of a unit where systemd reads it; what was there before is kept as a backup.

        Raises:
            WriteError: nothing was written in the folder that it names.
        """
        from hardentui.workbench.changing import in_place

        return in_place.save_in_place(facts_of(report), draft)

    def command_in_place(self, report: Report, target: Target, plan_file: str) -> str:
        """The command that changes the unit where that is allowed."""
        from hardentui.workbench.changing import in_place

        return in_place.command_in_place(facts_of(report), target, plan_file)

    def own_unit(self, report: Report) -> OwnUnit | None:
        """The unit that a container runs from; None when it runs from none."""
        if report.facts is None or not report.facts.labels.get("PODMAN_SYSTEMD_UNIT"):
            return None
        from hardentui.workbench.changing import in_place

        return in_place.own_unit(self._files, report.facts)


def _below(file: DraftFile) -> str:
    """Folder of a drop-in below the chosen folder; empty for every other file."""
    name = posixpath.basename(file.folder)
    return name if name.endswith(".d") else ""


def facts_of(report: Report) -> ContainerFacts:
    if report.facts is None:
        raise EngineError(f"There is nothing known of {report.subject.name}.", report.trouble)
    return report.facts
