"""The results of a trial: the plan of what worked, and the files of `trial -o DIR`."""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.model.draft import DraftFile, Target
from hardentui.model.plan import Plan
from hardentui.model.trial import Trial
from hardentui.workbench.changing.drafter import Drafter
from hardentui.workbench.planning.planner import Planner, plan_file
from hardentui.workbench.trials.tried import FILE_NAME, as_json, choices_of, plan_of
from hardentui.workbench.views import Report
from hardentui.writers.seccomp import profile_text


def plan_of_trial(planner: Planner, report: Report, trial: Trial) -> Plan:
    """The plan that carries out exactly what worked in a trial.

    Raises:
        InputError: the record has an unknown option or value.
    """
    return plan_of(trial, planner.plan(report, choices_of(trial)))


def trial_files(planner: Planner, drafter: Drafter, report: Report, trial: Trial) -> tuple[DraftFile, ...]:
    """The record and, if something works, the plan, the learned profile, the Quadlet and the run script.

    Raises:
        GeneratorError: the host's Quadlet generator does not produce the intended command.
    """
    text = as_json(trial)
    record = DraftFile(FILE_NAME, text, masked=text)
    learned = trial.learned
    profiles: tuple[DraftFile, ...] = ()
    if learned is not None and learned.seccomp is not None:
        rules = profile_text(learned.seccomp)
        profiles = (DraftFile(learned.profile, rules, masked=rules),)
    if not trial.options:
        return (record,)
    plan = plan_of_trial(planner, report, trial)
    saved = replace(plan_file(report, plan), name="plan.toml")
    drafts = [drafter.draft(report, plan, target) for target in (Target.QUADLET, Target.RUN)]
    return (record, saved, *profiles, *(file for draft in drafts for file in draft.files))
