"""The files that a trial gives, and the plan that a record of one asks for."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from hardentui import account
from hardentui.do import Do, Verb
from hardentui.errors import PlanError
from hardentui.features.fix.drafter import Drafter
from hardentui.features.looking.default_profile import profile_in_force
from hardentui.features.planner import Planner
from hardentui.features.planning import plan_file, plan_of_file
from hardentui.features.trial.configuration import can_be_writable
from hardentui.features.trial.kept_learning import keep_profile, profile_directory
from hardentui.features.trial.learning import held_by
from hardentui.features.trial.own_trials import is_remembered
from hardentui.features.trial.tried import FILE_NAME, as_json, choices_of, plan_of, with_profile
from hardentui.features.views import Report, known_facts
from hardentui.harden.protection import weakenings
from hardentui.host.files import Files, LocalFiles
from hardentui.lib.seccomp import Access, access, parse_profile
from hardentui.model.draft import DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread
from hardentui.model.plan import Plan
from hardentui.model.podman_version import OLDEST_WITH_QUADLET
from hardentui.model.spec import Option, Spec
from hardentui.model.trial import Trial
from hardentui.options import *
from hardentui.reading.scratch_mounts import volume_at
from hardentui.visible import visible
from hardentui.writers.profiles import profile_text

_CHOSEN = (CAP_ADD, CAP_DROP, MEMORY, MEMORY_SWAP, PIDS_LIMIT)
"""Options whose value a trial finds, when one of its fixes changes them."""
_WITH = {
    MEMORY_SWAP.name: MEMORY.name,
    CAP_ADD.name: CAP_DROP.name,
    CAP_DROP.name: CAP_ADD.name,
}
"""Options that change together with another one."""
_KEYS = frozenset({"defaultAction", "defaultErrnoRet", "archMap", "syscalls"})
_REFUSES = frozenset({"ERRNO", "KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP"})
_LOW_BITS = 0xFFFF_FFFF
_LEAST_OF_TMPFS = frozenset({"nosuid", "nodev", "size"})
_TMPFS = _LEAST_OF_TMPFS | {"rw", "noexec", "mode", "uid", "gid", "U"}
_AGAIN = ("Try it again here: ", Do(Verb.TRIAL_FILES))


def refuse_more_than_offered(
    facts: ContainerFacts,
    offered: Plan,
    plan: Plan,
) -> None:
    """Refuse a record that wants more than the fixes it chose.

    Args:
        offered: the plan of its chosen fixes, made here.
        plan: the same with the values of the record.

    Raises:
        PlanError: with the first option that no fix offers, or that would weaken the container.
    """
    changed = {change.option for change in offered.changes}
    for change in plan.changes:
        row = BY_NAME[change.option]
        if plan.after[row] == offered.after[row] or row is SECCOMP_PROFILE:
            continue
        if row is MOUNTS or row is TMPFS:
            _refuse_places(facts, offered, plan)
        elif row not in _CHOSEN or not {row.name, _WITH.get(row.name)} & changed:
            raise _refused(plan, f"sets {row.flag}, which none of its fixes does here")
    known = {weakening.why for weakening in weakenings(facts, plan.before, offered.after)}
    judged = _without(
        plan.after,
        offered.after,
        (MOUNTS, SECCOMP_PROFILE),
    )
    for weakening in weakenings(facts, plan.before, judged):
        if weakening.why not in known:
            raise _refused(plan, f"would weaken it: {weakening.why}")


def _without(
    spec: Spec,
    offered: Spec,
    rows: tuple[Option[Any], ...],
) -> Spec:
    """The spec with what `_refuse_places` and `why_weaker` judge as it was offered."""
    for row in rows:
        spec = spec.with_(row, offered[row]) if row in offered else spec.without(row)
    return spec


def _refused(plan: Plan, why: str) -> PlanError:
    return PlanError(
        f"The trial of {visible(plan.container, 80)} is refused: it {visible(why, 200)}.", _AGAIN
    )


def _refuse_places(
    facts: ContainerFacts,
    offered: Plan,
    plan: Plan,
) -> None:
    """Its own writable places: a tmpfs where a fix closes others, a volume of ours in a read-only
    root."""
    closed = {change.option for change in offered.changes} & {READ_ONLY.name, USER.name, TMPFS.name}
    for mount in plan.after[MOUNTS]:
        place = mount.destination
        if mount not in offered.after[MOUNTS] and not (
            READ_ONLY.name in closed
            and mount.with_options(drop=("U",)) == _our_volume(facts, offered.after, place)
        ):
            raise _refused(plan, f"wants a mount at {place}, which no fix offers")
    for entry in plan.after[TMPFS]:
        place, _, words = entry.partition(":")
        options = {word.partition("=")[0] for word in words.split(",")}
        tight = _LEAST_OF_TMPFS <= options <= _TMPFS and _is_free(facts, place)
        if entry not in offered.after[TMPFS] and not (closed and tight):
            raise _refused(plan, f"wants a tmpfs {entry}, which no fix offers")
    for mount in offered.after[MOUNTS]:
        if mount not in plan.after[MOUNTS]:
            raise _refused(plan, f"removes the mount at {mount.destination}")


def _our_volume(
    facts: ContainerFacts,
    spec: Spec,
    place: str,
) -> Mount | None:
    if not _is_free(facts, place):
        return None
    return volume_at(place, spec, facts).with_options(drop=("U",))


def _is_free(facts: ContainerFacts, place: str) -> bool:
    plain = place.startswith("/") and posixpath.normpath(place) == place
    return plain and can_be_writable(place, facts.spec, facts)


def why_weaker(
    document: Mapping[str, Any],
    base: Mapping[str, Any],
    held: frozenset[str],
) -> str:
    """Why a seccomp profile is not accepted beside this one; empty if it allows nothing more.
    `held`: the capabilities of the container: some rules depend on them.
    """
    if others := sorted(set(document) - _KEYS):
        return f"has {others[0]}, which no learned profile has"
    try:
        wanted, known = (parse_profile(each, capabilities=held) for each in (document, base))
    except (ValueError, TypeError, AttributeError) as error:
        return f"cannot be read: {error}"
    if wanted.default not in _REFUSES:
        return "allows what it does not list"
    if not set(wanted.architectures) <= set(known.architectures):
        return "covers other architectures"
    for name, rules in wanted.rules.items():
        for rule in rules:
            if rule.action in _REFUSES or rule in known.rules.get(name, ()):
                continue
            if rule.action not in ("ALLOW", "LOG"):
                return f"leaves {name} to another program"
            compared = [each for each in rule.conditions if each.operator == "MASKED_EQ"]
            values = {each.index: each.other for each in compared if each.value == _LOW_BITS}
            if access(known, name, values) is not Access.ALWAYS:
                return f"allows {name}"
    return ""


def plan_of_trial(
    planner: Planner,
    report: Report,
    trial: Trial,
) -> Plan:
    """The plan that carries out exactly what worked in a trial of this session.

    Raises:
        InputError: the record has an unknown option or value.
    """
    return plan_of(trial, planner.plan(report, choices_of(trial)))


def plan_of_record(
    planner: Planner,
    report: Report,
    trial: Trial,
    files: Files,
) -> Plan:
    """The plan that a record from a file asks for, as far as our own fixes offer it here.

    Raises:
        PlanError: it asks for more, or would weaken the container.
        WriteError: its seccomp profile cannot be kept.
    """
    facts = known_facts(report)
    offered = plan_of_file(planner, report, choices_of(trial))
    plan = plan_of(trial, offered, ours=is_remembered(trial))
    refuse_more_than_offered(facts, offered, plan)
    if plan.after[SECCOMP_PROFILE] == offered.after[SECCOMP_PROFILE]:
        return plan
    return _with_profile(plan, trial, facts, files)


def _with_profile(
    plan: Plan,
    trial: Trial,
    facts: ContainerFacts,
    files: Files,
) -> Plan:
    """The plan with the profile in the record itself. A file of that name is used only if no other
    account can change it; else our own copy is.
    """
    document = trial.learned.seccomp if trial.learned is not None else None
    base = profile_in_force(facts, files)
    if isinstance(base, Unread):
        why = f"cannot be compared with the one in force: {base.reason}"
    else:
        why = (
            why_weaker(
                document or {},
                base,
                held_by(facts, plan.after),
            )
            if document
            else "is not in it"
        )
    if why:
        raise PlanError(f"The trial is refused: its seccomp profile {visible(why, 200)}.")
    path: str = plan.after[SECCOMP_PROFILE]
    if not _holds(path, document or {}):
        path = keep_profile(trial, profile_directory(facts, files))
    return with_profile(plan, path)


def _holds(path: str, document: Mapping[str, Any]) -> bool:
    try:
        return account.is_ours(path) and json.loads(LocalFiles().read_text(path)) == document
    except (OSError, ValueError, RecursionError):
        return False


def trial_files(
    planner: Planner,
    drafter: Drafter,
    report: Report,
    trial: Trial,
) -> tuple[DraftFile, ...]:
    """The record and, if something works, the plan, the learned profile, the Quadlet and the run
    script.

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
