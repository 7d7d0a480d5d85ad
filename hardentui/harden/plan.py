"""From chosen fixes to one plan: all fixes of a container become one new spec with one restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.harden.conflicts import conflicts_of
from hardentui.harden.evaluate import fix_parameters, judge, parameters_of
from hardentui.harden.protection import weakenings
from hardentui.harden.spec_diff import OptionDiff, spec_diff
from hardentui.model.check import Advice, AnyCheck, FixContext
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import FixKind, Kind, Risk, Status
from hardentui.model.plan import Caution, Change, Choice, Note, Plan, Skipped
from hardentui.model.spec import Spec
from hardentui.options import IMAGE

_RISKS = (Risk.SAFE, Risk.CHANGES_BEHAVIOUR, Risk.MAY_BREAK)
"""From the most harmless to the one that needs most care."""
_NO_CHECK = "there is no check of this name"
_OF_CHECKLIST = "One of a checklist of your own needs --checklist FILE."
_ALREADY = "nothing to change in the options: they are so already"


class _Fix(Struct, frozen=True):
    """One remediation that can be carried out: the resulting spec, and what it changes on its own."""

    check: AnyCheck
    choice: Choice
    after: Spec
    changed: tuple[OptionDiff, ...]
    advice: Advice

    @property
    def risk(self) -> Risk:
        return self.check.risk if self.advice.risk is None else self.advice.risk


def make_plan(
    facts: ContainerFacts, choices: Iterable[Choice], checks: Iterable[AnyCheck], checklist: Checklist
) -> Plan:
    """Fold the chosen remediations over the spec, in the order of `checks`.

    A container that passes a check is left alone, and so is one that a fix would protect less. A choice
    that is not carried out is never silently dropped: `Plan.skipped` lists it with the reason.
    """
    wanted = {choice.check: choice for choice in choices}
    checks = tuple(checks)
    spec = facts.spec
    by_option: dict[str, list[_Fix]] = {}
    skipped: list[Skipped] = []
    kept: list[_Fix] = []
    for check in checks:
        choice = wanted.pop(check.id, None)
        if choice is None:
            continue
        fix = _fix(check, spec, facts, choice, checklist)
        if isinstance(fix, Skipped):
            skipped.append(fix)
            continue
        for diff in fix.changed:
            by_option.setdefault(diff.option.name, []).append(fix)
        kept.append(fix)
        spec = fix.after
    skipped += [Skipped(check_id, _NO_CHECK, _OF_CHECKLIST) for check_id in wanted]
    notes = [Note(fix.check.id, text) for fix in kept for text in fix.advice.notes]
    fixed = frozenset(fix.check.id for fix in kept)
    return Plan(
        container=facts.name,
        image=facts.spec[IMAGE] or facts.image_name,
        choices=tuple(fix.choice for fix in kept),
        changes=_changes(facts.spec, spec, by_option),
        before=facts.spec,
        after=spec,
        skipped=tuple(skipped),
        conflicts=conflicts_of(facts, spec, tuple(fixed)),
        notes=(*notes, *_still_or_newly_failing(facts, spec, checks, checklist, fixed)),
        risks={fix.check.id: fix.risk for fix in kept},
    )


def _fix(
    check: AnyCheck, spec: Spec, facts: ContainerFacts, choice: Choice, checklist: Checklist
) -> _Fix | Skipped:
    """A check's remediation on top of those before it, or why it is not carried out."""
    if why := _needless(check, spec, facts, checklist):
        return Skipped(check.id, why)
    chosen = dict(choice.parameters)
    context = FixContext(facts, fix_parameters(check, checklist, chosen), chosen=frozenset(chosen))
    try:
        after = _remedied(check, spec, context)
    except CannotFix as error:
        return Skipped(check.id, error.title, error.hint, error.needs)
    # where fixes before it have done it already, what it would have changed on its own counts as its own
    changed = spec_diff(spec, after) or _alone(check, context)
    if not changed:
        return Skipped(check.id, _ALREADY)
    if weaker := weakenings(facts, spec, after):
        whys = tuple(weakening.why for weakening in weaker)
        return Skipped(check.id, f"it would weaken the container: {'; '.join(whys)}", weakens=whys)
    advice = check.advise(spec, after, context) if check.advise is not None else Advice()
    return _Fix(check, choice, after, changed, advice)


def _needless(check: AnyCheck, spec: Spec, facts: ContainerFacts, checklist: Checklist) -> str:
    """Why nothing has to be fixed here; empty if the check fails, is unknown, or would fail with the plan."""
    parameters = parameters_of(check, checklist)
    verdict = judge(check, facts, parameters)
    if verdict.status not in (Status.PASS, Status.NOT_APPLICABLE):
        return ""
    if spec is not facts.spec and judge(check, facts.planned(spec), parameters).status is Status.FAIL:
        before = judge(check, facts.planned(facts.spec), parameters)
        if before.status is not Status.FAIL:
            return ""
    if verdict.status is Status.NOT_APPLICABLE:
        return f"it does not apply here: {verdict.reason}"
    return "the container passes this check" + (f": {verdict.declared}" if verdict.declared else "")


def _remedied(check: AnyCheck, spec: Spec, context: FixContext) -> Spec:
    if check.remediate is None:
        raise CannotFix(f"no container option fixes it: {check.summary}")
    return check.remediate(spec, context)


def _alone(check: AnyCheck, context: FixContext) -> tuple[OptionDiff, ...]:
    """What a fix changes when it is the only one."""
    try:
        return spec_diff(context.facts.spec, _remedied(check, context.facts.spec, context))
    except CannotFix:
        return ()


def _still_or_newly_failing(
    facts: ContainerFacts,
    spec: Spec,
    checks: tuple[AnyCheck, ...],
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
            notes.append(Note(check.id, f"it will still fail: {verdict.reason}"))
        elif judge(check, before, parameters).status is not Status.FAIL:
            notes.append(Note(check.id, f"it will fail then, which it does not today: {verdict.reason}"))
    return tuple(notes)


def _changes(before: Spec, after: Spec, by_option: dict[str, list[_Fix]]) -> tuple[Change, ...]:
    changes = []
    for diff in spec_diff(before, after):
        fixes = by_option.get(diff.option.name, [])
        worst = max(fixes, key=lambda fix: _RISKS.index(fix.risk), default=None)
        changes.append(
            Change(
                option=diff.option.name,
                before=diff.before,
                after=diff.after,
                checks=tuple(dict.fromkeys(fix.check.id for fix in fixes)),
                reason=" ".join(dict.fromkeys(f"{fix.check.summary.rstrip('.')}." for fix in fixes)),
                risk=worst.risk if worst else Risk.SAFE,
                impact=worst.check.section("What may break") if worst else "",
                kind=worst.check.fix if worst else FixKind.RECREATE,
            )
        )
    return tuple(changes)


def fixable(
    facts: ContainerFacts,
    checks: Iterable[AnyCheck],
    checklist: Checklist,
    caution: Caution = Caution.ALL,
) -> tuple[Choice, ...]:
    """Every fix for a failing finding of this container that can be carried out, alone or after those before
    it: what
    privileged mode prevents becomes possible once that is gone. What fails only because of an earlier fix is
    fixed too.
    """
    choices = []
    spec = facts.spec
    for check in _with_a_fix(checks):
        fix = _fix(check, spec, facts, Choice(check.id), checklist)
        if isinstance(fix, _Fix) and caution.allows(fix.risk) and not _unknown(check, facts, checklist):
            choices.append(fix.choice)
            spec = fix.after
    return tuple(choices)


def spec_after_fix(check: AnyCheck, facts: ContainerFacts, checklist: Checklist) -> Spec | None:
    """The spec with the fix of one check alone; None when a plan cannot carry it out."""
    if check.kind is not Kind.CONTAINER or check.remediate is None:
        return None
    fix = _fix(check, facts.spec, facts, Choice(check.id), checklist)
    return fix.after if isinstance(fix, _Fix) else None


def left_out(
    facts: ContainerFacts, plan: Plan, checks: Iterable[AnyCheck], checklist: Checklist
) -> tuple[Skipped, ...]:
    """What fails, is not in the plan and would have been with `--all`, and why; for `--safe` and `--likely`
    also what they leave to a bolder choice."""
    known = {choice.check for choice in plan.choices} | {skipped.check for skipped in plan.skipped}
    left = []
    for check in checks:
        if check.kind is not Kind.CONTAINER or check.id in known:
            continue
        if judge(check, facts, parameters_of(check, checklist)).status is not Status.FAIL:
            continue
        if _mended(check, facts, plan, checklist):
            continue
        fix = _fix(check, plan.after, facts, Choice(check.id), checklist)
        if isinstance(fix, _Fix):
            bolder = Caution.LIKELY if Caution.LIKELY.allows(fix.risk) else Caution.ALL
            left.append(
                Skipped(
                    check.id,
                    f"its fix is {_WORDS[fix.risk]} here",
                    f"--{bolder.value} takes it.",
                    bolder=bolder,
                )
            )
        else:
            left.append(fix)
    return tuple(left)


def _mended(check: AnyCheck, facts: ContainerFacts, plan: Plan, checklist: Checklist) -> bool:
    """Fixes of others mend it along: without privileged mode there is a filter again."""
    parameters = parameters_of(check, checklist)
    after = judge(check, facts.planned(plan.after), parameters).status
    before = judge(check, facts.planned(plan.before), parameters).status
    return before is Status.FAIL and after in (Status.PASS, Status.NOT_APPLICABLE)


_WORDS = {
    Risk.SAFE: "safe",
    Risk.CHANGES_BEHAVIOUR: "a change of behaviour",
    Risk.MAY_BREAK: "one that may break it",
}


def _with_a_fix(checks: Iterable[AnyCheck]) -> Iterator[AnyCheck]:
    return (check for check in checks if check.kind is Kind.CONTAINER and check.remediate is not None)


def _unknown(check: AnyCheck, facts: ContainerFacts, checklist: Checklist) -> bool:
    """It is unknown whether it is needed, so it must be named explicitly."""
    return judge(check, facts, parameters_of(check, checklist)).status is Status.UNKNOWN
