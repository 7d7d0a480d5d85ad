"""From chosen fixes to one plan: all fixes of a container become one new spec with one restart."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct, field

from hardentui.errors import CannotFix
from hardentui.harden.evaluate import judge, parameters_of
from hardentui.harden.explicit import on_purpose, weighed
from hardentui.harden.protection import weakenings
from hardentui.harden.remedy import OptionDiff, advised, fix_parameters, remedied, spec_diff
from hardentui.model.check import Advice, Check, FixContext
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Kind, Status
from hardentui.model.known import Unread, known
from hardentui.model.plan import Caution, Change, Choice, Note, Plan, Skipped
from hardentui.model.remediation import FixKind, Risk
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.options.capability_sets import bounding_set
from hardentui.reading.containers import declared_user, is_root, listed, runs_systemd
from hardentui.reading.limits import cgroup_version

_OF_ENTRY_POINTS = frozenset({"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SETGID", "CAP_SETUID"})


def _newly(
    facts: ContainerFacts,
    after: Spec,
    option: object,
) -> bool:
    return option in after and option not in facts.spec


def _user_namespace_and_volumes(
    facts: ContainerFacts,
    after: Spec,
) -> str:
    shifted = [
        mount.destination
        for mount in after[MOUNTS]
        if mount.type in ("volume", "bind")
        and not any(option[:5] in ("U", "idmap") for option in mount.options)
    ]
    if _newly(facts, after, USERNS) and shifted:
        return (
            f"A user namespace shifts IDs: files in {listed(shifted)} will belong to other users. "
            "Mount them with :U, or change their owner once."
        )
    return ""


def _capabilities_and_root(facts: ContainerFacts, after: Spec) -> str:
    left = bounding_set(after, facts.engine.default_capabilities)
    root = is_root(declared_user(facts.replace(spec=after)))
    if _newly(facts, after, CAP_DROP) and root and not left >= _OF_ENTRY_POINTS:
        return (
            "Entrypoints that start as root and then change file owners or users need CHOWN, DAC_OVERRIDE, "
            "SETUID and SETGID; add back those that are missing."
        )
    return ""


def _no_new_privileges_and_setuid(
    facts: ContainerFacts,
    after: Spec,
) -> str:
    if _newly(facts, after, NO_NEW_PRIVILEGES) and after[USER]:
        return (
            "Setuid programs (sudo, ping, su) lose their extra privileges with no-new-privileges."
        )
    return ""


def _systemd_inside(facts: ContainerFacts, after: Spec) -> str:
    if runs_systemd(facts.replace(spec=after)) and (
        _newly(facts, after, READ_ONLY)
        or _newly(facts, after, CAP_DROP)
        or _newly(facts, after, USER)
    ):
        return (
            "systemd runs inside this container: it needs root inside, a writable /etc for some units, and "
            "capabilities for the services it starts. Try each of these fixes alone."
        )
    return ""


def _limits_without_controllers(
    facts: ContainerFacts,
    after: Spec,
) -> str:
    limited = [option for option in (MEMORY, CPUS, PIDS_LIMIT) if _newly(facts, after, option)]
    host = known(lambda: facts.engine.info.get("host"), else_=None) or {}
    if not limited or facts.engine.rootless is not True:
        return ""
    if host.get("cgroupVersion") == "v1":
        return (
            "A rootless engine on cgroup v1 ignores limits: they are configured but not enforced."
        )
    return ""


def _systemd_in_a_user_namespace(
    facts: ContainerFacts,
    after: Spec,
) -> str:
    if not runs_systemd(facts) or not _newly(facts, after, USERNS) or cgroup_version(facts) != "v1":
        return ""
    return (
        "systemd runs inside this container, and this host uses cgroup v1, where systemd may exit at once in "
        "its own user namespace. Try that fix alone."
    )


_CONFLICTS: tuple[Callable[[ContainerFacts, Spec], str], ...] = (
    _systemd_inside,
    _systemd_in_a_user_namespace,
    _user_namespace_and_volumes,
    _capabilities_and_root,
    _no_new_privileges_and_setuid,
    _limits_without_controllers,
)
"""Each gives a sentence where the new spec has a known conflict that the old one does not have."""

_RISKS = (
    Risk.SAFE,
    Risk.CHANGES_BEHAVIOUR,
    Risk.MAY_BREAK,
    Risk.DECISION,
)
"""Least risky first."""
_NO_CHECK = "there is no check with this name"
_OF_CHECKLIST = "A check of your own needs its checklist."
_ALREADY = "nothing to change: the options already have these values"


class _Fix(Struct, frozen=True):
    """An applicable remediation: the resulting spec, and what it changes on its own."""

    check: Check
    choice: Choice
    after: Spec
    changed: tuple[OptionDiff, ...]
    advice: Advice

    @property
    def risk(self) -> Risk:
        return self.check.risk if self.advice.risk is None else self.advice.risk


def make_plan(
    facts: ContainerFacts,
    choices: Iterable[Choice],
    checks: Iterable[Check],
    checklist: Checklist,
) -> Plan:
    """Fold the chosen remediations over the spec, in the order of `checks`.

    A fix is skipped if the container passes the check, or if the fix would weaken it.
    `Plan.skipped` lists every skipped choice with the reason.
    """
    checks = tuple(checks)
    folded = fold(
        facts,
        choices,
        checks,
        checklist,
    )
    kept, spec = folded.kept, folded.after
    notes = [Note(fix.check.id, text) for fix in kept for text in fix.advice.notes]
    fixed = frozenset(fix.check.id for fix in kept)
    return Plan(
        container=facts.name,
        image=facts.spec.written(IMAGE) or facts.image_name,
        choices=tuple(fix.choice for fix in kept),
        changes=_changes(facts.spec, spec, folded.by_option),
        before=facts.spec,
        after=spec,
        skipped=tuple(folded.skipped),
        conflicts=tuple(
            text
            for conflict in _CONFLICTS
            if fixed and (text := known(conflict, facts, spec, else_=""))
        ),
        notes=(
            *notes,
            *_still_or_newly_failing(
                facts,
                spec,
                checks,
                checklist,
                fixed,
            ),
        ),
        risks={fix.check.id: fix.risk for fix in kept},
    )


class Folded(Struct):
    """The chosen fixes, one on top of the other: a plan without what it says of them."""

    before: Spec
    after: Spec
    kept: list[_Fix] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    by_option: dict[str, list[_Fix]] = field(default_factory=dict)

    @property
    def applied(self) -> tuple[str, ...]:
        """The checks whose fixes can be carried out."""
        return tuple(fix.check.id for fix in self.kept)

    @property
    def by_check(self) -> dict[str, tuple[OptionDiff, ...]]:
        """Each of these checks, and the options that its fix sets, as they are in the end."""
        options: dict[str, tuple[OptionDiff, ...]] = dict.fromkeys(self.applied, ())
        for diff in spec_diff(self.before, self.after):
            for fix in self.by_option.get(diff.option.name, ()):
                options[fix.check.id] += (diff,)
        return options


def fold(
    facts: ContainerFacts,
    choices: Iterable[Choice],
    checks: Iterable[Check],
    checklist: Checklist,
) -> Folded:
    """The chosen fixes in the order of `checks`; one that cannot be carried out is skipped.

    It takes a third of the time of `make_plan`.
    """
    wanted = {choice.check: choice for choice in choices}
    folded = Folded(facts.spec, facts.spec)
    for check in checks:
        choice = wanted.pop(check.id, None)
        if choice is None:
            continue
        fix = _fix(
            check,
            folded.after,
            facts,
            choice,
            checklist,
        )
        if isinstance(fix, Skipped):
            folded.skipped.append(fix)
            continue
        for diff in fix.changed:
            folded.by_option.setdefault(diff.option.name, []).append(fix)
        folded.kept.append(fix)
        folded.after = fix.after
    folded.skipped += [Skipped(check_id, _NO_CHECK, _OF_CHECKLIST) for check_id in wanted]
    return folded


def _fix(
    check: Check,
    spec: Spec,
    facts: ContainerFacts,
    choice: Choice,
    checklist: Checklist,
) -> _Fix | Skipped:
    """A check's remediation on top of the previous ones, or why it is skipped."""
    if why := _needless(
        check,
        spec,
        facts,
        checklist,
    ):
        return Skipped(check.id, why)
    chosen = dict(choice.parameters)
    context = FixContext(
        facts,
        fix_parameters(check, checklist, chosen),
        chosen=frozenset(chosen),
    )
    try:
        after = remedied(check, spec, context)
    except CannotFix as error:
        return Skipped(
            check.id,
            error.title,
            error.advice,
            error.needs,
            do=error.do,
        )
    # if previous fixes have made the change already, it counts for this fix as well
    changed = spec_diff(spec, after) or _alone(check, context)
    if not changed:
        return Skipped(check.id, _ALREADY)
    weaker = known(weakenings, facts, spec, after)
    if isinstance(weaker, Unread):
        return Skipped(check.id, f"whether it weakens the container is not known: {weaker.reason}")
    if weaker:
        whys = tuple(weakening.why for weakening in weaker)
        return Skipped(
            check.id,
            f"it would weaken the container: {'; '.join(whys)}",
            weakens=whys,
        )
    advice = advised(
        check,
        spec,
        after,
        context,
    )
    advice = weighed(
        advice,
        check,
        facts,
        changed,
    )
    return _Fix(
        check,
        choice,
        after,
        changed,
        advice,
    )


def _needless(
    check: Check,
    spec: Spec,
    facts: ContainerFacts,
    checklist: Checklist,
) -> str:
    """Why there is nothing to fix; empty if the check fails, is unknown, or would fail with the
    plan."""
    parameters = parameters_of(check, checklist)
    verdict = judge(check, facts, parameters)
    if verdict.status not in (Status.PASS, Status.NOT_APPLICABLE):
        return ""
    if (
        spec is not facts.spec
        and judge(check, facts.planned(spec), parameters).status is Status.FAIL
    ):
        before = judge(check, facts.planned(facts.spec), parameters)
        if before.status is not Status.FAIL:
            return ""
    if verdict.status is Status.NOT_APPLICABLE:
        return f"it does not apply here: {verdict.reason}"
    return "the container passes this check" + (f": {verdict.declared}" if verdict.declared else "")


def _alone(check: Check, context: FixContext) -> tuple[OptionDiff, ...]:
    """What the fix changes on its own."""
    try:
        return spec_diff(
            context.facts.spec,
            remedied(check, context.facts.spec, context),
        )
    except CannotFix:
        return ()


def _still_or_newly_failing(
    facts: ContainerFacts,
    spec: Spec,
    checks: tuple[Check, ...],
    checklist: Checklist,
    kept: frozenset[str],
) -> tuple[Note, ...]:
    """Chosen findings that the plan does not fix, and new ones that it causes."""
    if spec == facts.spec:
        return ()
    before, after = facts.planned(facts.spec), facts.planned(spec)
    notes = []
    for check in checks:
        if check.kind is not Kind.CONTAINER:
            continue
        parameters = parameters_of(check, checklist)
        verdict = judge(check, after, parameters)
        if verdict.status is not Status.FAIL:
            continue
        if check.id in kept:
            notes.append(Note(check.id, f"still fails afterwards: {verdict.reason}"))
        elif judge(check, before, parameters).status is not Status.FAIL:
            notes.append(
                Note(
                    check.id,
                    f"it does not fail today, but will with this plan: {verdict.reason}",
                )
            )
    return tuple(notes)


def _changes(
    before: Spec,
    after: Spec,
    by_option: dict[str, list[_Fix]],
) -> tuple[Change, ...]:
    changes = []
    for diff in spec_diff(before, after):
        fixes = by_option.get(diff.option.name, [])
        worst = max(
            fixes,
            key=lambda fix: _RISKS.index(fix.risk),
            default=None,
        )
        changes.append(
            Change(
                option=diff.option.name,
                before=diff.before,
                after=diff.after,
                checks=tuple(dict.fromkeys(fix.check.id for fix in fixes)),
                reason=" ".join(
                    dict.fromkeys(f"{fix.check.summary.rstrip('.')}." for fix in fixes)
                ),
                risk=worst.risk if worst else Risk.SAFE,
                impact=worst.check.section("What may break") if worst else "",
                kind=worst.check.fix if worst else FixKind.RECREATE,
            )
        )
    return tuple(changes)


def fixable(
    facts: ContainerFacts,
    checks: Iterable[Check],
    checklist: Checklist,
    caution: Caution = Caution.ALL,
) -> tuple[Choice, ...]:
    """Every applicable fix for a failing finding of this container, alone or after the fixes before
    it.

    A fix that privileged mode prevents becomes applicable once that mode is off. Findings that fail
    only because of an earlier fix are fixed as well. One whose finding is unknown has to be named
    explicitly.
    """
    choices = []
    spec = facts.spec
    for check in checks:
        if check.kind is not Kind.CONTAINER or check.remediate is None:
            continue
        fix = _fix(
            check,
            spec,
            facts,
            Choice(check.id),
            checklist,
        )
        if not isinstance(fix, _Fix) or not caution.allows(fix.risk):
            continue
        if judge(check, facts, parameters_of(check, checklist)).status is not Status.UNKNOWN:
            choices.append(fix.choice)
            spec = fix.after
    return tuple(choices)


def spec_after_fix(
    check: Check,
    facts: ContainerFacts,
    checklist: Checklist,
) -> Spec | None:
    """The spec with the fix of one check alone; None when a plan cannot carry it out."""
    if check.kind is not Kind.CONTAINER or check.remediate is None:
        return None
    fix = _fix(
        check,
        facts.spec,
        facts,
        Choice(check.id),
        checklist,
    )
    return fix.after if isinstance(fix, _Fix) else None


def is_fixable(
    check: Check,
    facts: ContainerFacts,
    checklist: Checklist,
) -> bool:
    """Whether an option of this container, which fails the check, fixes it: `spec_after_fix` gives
    a spec."""
    if check.kind is not Kind.CONTAINER or check.remediate is None:
        return False
    context = FixContext(facts, fix_parameters(check, checklist, {}))
    try:
        after = remedied(check, facts.spec, context)
    except CannotFix:
        return False
    return after != facts.spec and known(weakenings, facts, facts.spec, after) == ()


def left_out(
    facts: ContainerFacts,
    plan: Plan,
    checks: Iterable[Check],
    checklist: Checklist,
) -> tuple[Skipped, ...]:
    """The failing checks that are not in the plan, and why: also decisions and, with `--safe` and
    `--likely`, the fixes that are too risky for them."""
    known = {choice.check for choice in plan.choices} | {skipped.check for skipped in plan.skipped}
    left = []
    for check in checks:
        if check.kind is not Kind.CONTAINER or check.id in known:
            continue
        if judge(check, facts, parameters_of(check, checklist)).status is not Status.FAIL:
            continue
        if _fixed_by_others(
            check,
            facts,
            plan,
            checklist,
        ):
            continue
        fix = _fix(
            check,
            plan.after,
            facts,
            Choice(check.id),
            checklist,
        )
        if isinstance(fix, _Fix) and fix.risk is Risk.DECISION:
            left.append(
                _question(
                    check,
                    facts,
                    plan.after,
                    fix,
                )
            )
        elif isinstance(fix, _Fix):
            caution = Caution.LIKELY if Caution.LIKELY.allows(fix.risk) else Caution.ALL
            left.append(
                Skipped(
                    check.id,
                    f"its fix {_WORDS[fix.risk]} here",
                    f"--{caution.value} includes it.",
                    included_by=caution,
                )
            )
        else:
            left.append(fix)
    return tuple(left)


def _question(
    check: Check,
    facts: ContainerFacts,
    before: Spec,
    fix: _Fix,
) -> Skipped:
    """A fix that is for a person to decide, with what it would change."""
    by_option = {diff.option.name: [fix] for diff in fix.changed}
    changes = _changes(before, fix.after, by_option)
    return Skipped(
        check.id,
        check.summary,
        f"--check {check.id} takes it.",
        decides=changes,
        reasons=on_purpose(facts, check.id, fix.changed),
    )


def _fixed_by_others(
    check: Check,
    facts: ContainerFacts,
    plan: Plan,
    checklist: Checklist,
) -> bool:
    """Whether fixes of other checks fix it too: without privileged mode, the seccomp filter is
    back."""
    parameters = parameters_of(check, checklist)
    after = judge(check, facts.planned(plan.after), parameters).status
    before = judge(check, facts.planned(plan.before), parameters).status
    return before is Status.FAIL and after in (Status.PASS, Status.NOT_APPLICABLE)


_WORDS = {
    Risk.SAFE: "is safe",
    Risk.CHANGES_BEHAVIOUR: "changes behaviour",
    Risk.MAY_BREAK: "may break the service",
}
