"""From chosen fixes to one plan: all fixes of a container become one new spec with one restart."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.errors import CannotFix
from hardentui.harden.conflicts import conflicts_of
from hardentui.harden.evaluate import judge, parameters_of
from hardentui.harden.spec_diff import OptionDiff, spec_diff
from hardentui.model.check import AnyCheck, FixContext
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import FixKind, Kind, Risk, Status
from hardentui.model.plan import Change, Choice, Plan, Skipped
from hardentui.model.spec import Spec
from hardentui.options import IMAGE

_RISKS = (Risk.SAFE, Risk.MAY_BREAK, Risk.CHANGES_BEHAVIOUR)


def make_plan(
    facts: ContainerFacts, choices: Iterable[Choice], checks: Iterable[AnyCheck], checklist: Checklist
) -> Plan:
    """Fold the chosen remediations over the spec, in the order of `checks`.

    A choice that cannot be carried out is never dropped in silence: `Plan.skipped` has it with the reason.
    """
    wanted = {choice.check: choice for choice in choices}
    spec = facts.spec
    by_option: dict[str, list[AnyCheck]] = {}
    skipped: list[Skipped] = []
    kept: list[Choice] = []
    for check in checks:
        choice = wanted.pop(check.id, None)
        if choice is None:
            continue
        try:
            after = _apply(check, spec, facts, choice, checklist)
        except CannotFix as error:
            skipped.append(Skipped(check.id, error.title, error.hint, error.needs))
            continue
        # where fixes before it have done it already, what it would have changed on its own counts as its own
        changed = spec_diff(spec, after) or _alone(check, facts, choice, checklist)
        if not changed:
            skipped.append(Skipped(check.id, "nothing to change in the options: they are so already"))
            continue
        for one in changed:
            by_option.setdefault(one.option.name, []).append(check)
        kept.append(choice)
        spec = after
    skipped += [Skipped(check_id, "there is no check of this name") for check_id in wanted]
    return Plan(
        container=facts.name,
        image=facts.spec[IMAGE] or facts.image_name,
        choices=tuple(kept),
        changes=_changes(facts.spec, spec, by_option),
        before=facts.spec,
        after=spec,
        skipped=tuple(skipped),
        conflicts=conflicts_of(facts, spec, tuple(choice.check for choice in kept)),
    )


def _apply(check: AnyCheck, spec: Spec, facts: ContainerFacts, choice: Choice, checklist: Checklist) -> Spec:
    if check.remediate is None:
        raise CannotFix(f"no container option fixes it: {check.summary}")
    context = FixContext(facts, parameters_of(check, checklist, dict(choice.parameters)))
    return check.remediate(spec, context)


def _alone(
    check: AnyCheck, facts: ContainerFacts, choice: Choice, checklist: Checklist
) -> tuple[OptionDiff, ...]:
    """What a fix changes when it is the only one."""
    try:
        return spec_diff(facts.spec, _apply(check, facts.spec, facts, choice, checklist))
    except CannotFix:
        return ()


def _changes(before: Spec, after: Spec, by_option: dict[str, list[AnyCheck]]) -> tuple[Change, ...]:
    found = []
    for one in spec_diff(before, after):
        checks = by_option.get(one.option.name, [])
        worst = max(checks, key=lambda check: _RISKS.index(check.risk), default=None)
        found.append(
            Change(
                option=one.option.name,
                before=one.before,
                after=one.after,
                checks=tuple(dict.fromkeys(check.id for check in checks)),
                reason=" ".join(dict.fromkeys(f"{check.summary.rstrip('.')}." for check in checks)),
                risk=worst.risk if worst else Risk.SAFE,
                impact=worst.section("What may break") if worst else "",
                kind=worst.fix if worst else FixKind.RECREATE,
            )
        )
    return tuple(found)


def fixable(
    facts: ContainerFacts, checks: Iterable[AnyCheck], checklist: Checklist, *, safe_only: bool = False
) -> tuple[Choice, ...]:
    """Every fix that a failing finding of this container offers and that can be carried out, alone or after
    those before it: what privileged mode stands in the way of becomes possible when that goes.

    Args:
        safe_only: only those that do not change what works today.
    """
    found = []
    spec = facts.spec
    for check in checks:
        if check.kind is not Kind.CONTAINER or check.remediate is None:
            continue
        if safe_only and check.risk is not Risk.SAFE:
            continue
        if judge(check, facts, parameters_of(check, checklist)).status is not Status.FAIL:
            continue
        choice = Choice(check.id)
        try:
            after = _apply(check, spec, facts, choice, checklist)
        except CannotFix:
            continue
        if after != spec or _alone(check, facts, choice, checklist):
            found.append(choice)
            spec = after
    return tuple(found)
