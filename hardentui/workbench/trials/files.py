"""The results of a trial: the plan of what worked, and the files of `trial -o DIR`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from hardentui import account
from hardentui.errors import PlanError
from hardentui.harden.spec_diff import spec_diff
from hardentui.host.files.reader import Files, LocalFiles
from hardentui.model.draft import DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unreadable
from hardentui.model.plan import Plan
from hardentui.model.trial import Trial
from hardentui.model.version import OLDEST_WITH_QUADLET
from hardentui.options import SECCOMP_PROFILE
from hardentui.trial.learning import held_by
from hardentui.visible import visible
from hardentui.workbench.changing.drafter import Drafter
from hardentui.workbench.looking.default_profile import profile_in_force
from hardentui.workbench.planning.planner import Planner, plan_file
from hardentui.workbench.trials.kept_needs import keep_profile, profile_directory
from hardentui.workbench.trials.offered import refuse_more_than_offered, why_weaker
from hardentui.workbench.trials.records import is_remembered
from hardentui.workbench.trials.tried import FILE_NAME, as_json, choices_of, plan_of
from hardentui.workbench.views import Report, known_facts
from hardentui.writers.seccomp import profile_text


def plan_of_trial(planner: Planner, report: Report, trial: Trial) -> Plan:
    """The plan that carries out exactly what worked in a trial of this session.

    Raises:
        InputError: the record has an unknown option or value.
    """
    return plan_of(trial, planner.plan(report, choices_of(trial)))


def plan_of_record(planner: Planner, report: Report, trial: Trial, files: Files) -> Plan:
    """The plan that a record from a file asks for, as far as our own fixes offer it here.

    Raises:
        PlanError: it asks for more, or would weaken the container.
        WriteError: its seccomp profile cannot be kept.
    """
    facts = known_facts(report)
    offered = planner.plan_of_file(report, choices_of(trial))
    plan = plan_of(trial, offered, ours=is_remembered(trial))
    refuse_more_than_offered(facts, offered, plan)
    if plan.after[SECCOMP_PROFILE] == offered.after[SECCOMP_PROFILE]:
        return plan
    return _with_profile(plan, trial, facts, files)


def _with_profile(plan: Plan, trial: Trial, facts: ContainerFacts, files: Files) -> Plan:
    """The plan with the profile in the record itself. A file of that name is used only if no other account
    can change it; else our own copy is.
    """
    document = trial.learned.seccomp if trial.learned is not None else None
    base = profile_in_force(facts, files)
    if isinstance(base, Unreadable):
        why = f"cannot be compared with the one in force: {base.reason}"
    else:
        why = why_weaker(document or {}, base, held_by(facts, plan.after)) if document else "is not in it"
    if why:
        raise PlanError(f"The trial is refused: its seccomp profile {visible(why, 200)}.")
    path: str = plan.after[SECCOMP_PROFILE]
    if not _holds(path, document or {}):
        path = keep_profile(trial, profile_directory(facts, files))
    after = plan.after.with_(SECCOMP_PROFILE, path)
    changed = {diff.option.name: diff for diff in spec_diff(plan.before, after)}
    changes = [replace(change, after=changed[change.option].after) for change in plan.changes]
    return replace(plan, after=after, changes=tuple(changes))


def _holds(path: str, document: Mapping[str, Any]) -> bool:
    try:
        return account.is_ours(path) and json.loads(LocalFiles().read_text(path)) == document
    except (OSError, ValueError, RecursionError):
        return False


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
    has_quadlet = known_facts(report).engine.version >= OLDEST_WITH_QUADLET
    targets = (Target.QUADLET, Target.RUN) if has_quadlet else (Target.RUN,)
    drafts = [drafter.draft(report, plan, target) for target in targets]
    names = {file.name for file in profiles}
    files = [file for draft in drafts for file in draft.files if file.name not in names]
    return (record, saved, *profiles, *files)
