"""The plan that hardening tries, and whom the container belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.features.harden.outset import HardenWishes
from hardentui.features.looking.judging import Judge
from hardentui.features.looking.stack import stacks
from hardentui.features.planner import Planner
from hardentui.features.trial.trial_record import not_tried
from hardentui.features.views import Report
from hardentui.model.application_labels import compose_project
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Status
from hardentui.model.plan import Caution, Plan, Skipped
from hardentui.model.remediation import Risk
from hardentui.model.trial import Trial
from hardentui.visible import command_word, visible
from hardentui.words import own_command

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


def planned(
    planner: Planner,
    report: Report,
    wishes: HardenWishes,
    refused: Mapping[str, str],
) -> Plan:
    """What will be tried.

    Args:
        refused: check -> why its fix did not hold on the real container; left out unless it was
            asked for by name, or got another value.
    """
    plan = _wished(planner, report, wishes)
    if wishes.named:
        return plan
    given = {choice.check for choice in wishes.given}
    refused = {check: why for check, why in refused.items() if check not in given}
    kept = [choice for choice in plan.choices if choice.check not in refused]
    if len(kept) == len(plan.choices):
        return plan
    left_out = tuple(
        Skipped(choice.check, refused[choice.check])
        for choice in plan.choices
        if choice.check in refused
    )
    plan = planner.plan_with(report, None, kept)
    others = tuple(skip for skip in plan.skipped if skip.check not in refused)
    return replace(plan, skipped=(*others, *left_out))


def _wished(
    planner: Planner,
    report: Report,
    wishes: HardenWishes,
) -> Plan:
    named = wishes.named
    if named and not wishes.everything:
        return planner.plan(report, named)
    plan = planner.plan_with(
        report,
        Caution.ALL,
        (*named, *wishes.given),
    )
    if wishes.everything:
        return plan
    unseen = {untried.check for untried in not_tried(plan)}
    unseen -= {choice.check for choice in wishes.given}
    kept = [
        choice
        for choice in plan.choices
        if choice.check not in unseen or plan.risks.get(choice.check) is not Risk.MAY_BREAK
    ]
    return plan if len(kept) == len(plan.choices) else planner.plan_with(report, None, kept)


def unproven(
    judge: Judge,
    facts: ContainerFacts,
    plan: Plan,
    trial: Trial,
) -> tuple[str, ...]:
    """The fixes of a plan whose checks do not pass with it, so that apply cannot prove them: each
    with the reason."""
    after = judge.container(facts.planned(plan.after), compared=True)
    loosened = {relaxed.check for relaxed in trial.relaxed}
    chosen = {choice.check for choice in plan.choices} - loosened
    return tuple(
        f"{finding.check}: {finding.verdict.reason.rstrip('.')}"
        for finding in after.everything
        if finding.check in chosen and finding.status in (Status.FAIL, Status.UNKNOWN)
    )


def belongs_to(
    bench: Workbench,
    facts: ContainerFacts,
    wishes: HardenWishes,
) -> tuple[str, ...]:
    """That others belong to it and are not hardened with it, as a sentence."""
    reports = (row.report for row in bench.containers.rows() if row.kept is None)
    known = [report.facts for report in reports if report is not None and report.facts is not None]
    groups = stacks((other, other) for other in known if not other.inspect.get("IsInfra"))
    own = next(
        (group for group in groups if facts.id in [other.id for other in group]),
        [],
    )
    names = [other.name for other in own if other.id != facts.id]
    if not names or wishes.together:
        return ()
    group = compose_project(facts.labels) or str((facts.pod or {}).get("Name") or "")
    words = [group] if group else [facts.name, *names]
    command = own_command(
        facts.engine.found_with, "harden", *(command_word(word, "NAME") for word in words)
    )
    others = visible(", ".join(names), 200)
    return (f"it belongs to {others}: {command} (or h for all, marked) hardens them as one",)
