"""What no trial shows is never called safe or likely, and the list has what people lost by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import container, facts_of
from hardentui.features.checklists.loading import load
from hardentui.harden.explicit import weighed
from hardentui.harden.plan import make_plan
from hardentui.harden.remedy import spec_diff
from hardentui.harden.unshown import TOLD, unshown
from hardentui.model.check import Advice, Check
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Choice, Plan
from hardentui.model.remediation import Risk

CHECKS, CHECKLIST = tuple(all_checks()), load("")


def plans_of_all_checks() -> Iterator[tuple[str, Plan]]:
    """The fix of every check, alone, on each of its failing examples."""
    for check, facts in _examples():
        yield check.id, make_plan(facts, (Choice(check.id),), CHECKS, CHECKLIST)


def _examples() -> Iterator[tuple[Check, ContainerFacts]]:
    for check in CHECKS:
        for facts in facts_of(check.fails) if check.remediate is not None else ():
            if isinstance(facts, ContainerFacts):
                yield check, facts


def test_no_fix_that_depends_on_what_no_trial_shows_is_safe_or_likely() -> None:
    """Law: over all checks with a fix and all their examples, whatever was observed."""
    counted = 0
    for check, facts in _examples():
        plan = make_plan(facts, (Choice(check.id),), CHECKS, CHECKLIST)
        changed = spec_diff(plan.before, plan.after)
        if not unshown(changed):
            continue
        counted += 1
        observed_to_be_safe = Advice(Risk.SAFE)
        risk = weighed(observed_to_be_safe, check, facts, changed).risk
        assert risk in (Risk.MAY_BREAK, Risk.DECISION), check.id
        assert plan.risks.get(check.id) not in (Risk.SAFE, Risk.CHANGES_BEHAVIOUR), check.id
    assert counted > 30


@pytest.mark.parametrize(
    "work",
    [
        "memory under load",
        "parallel queries",
        "upgrades of data",
        "yearly jobs",
        "failover",
        "backup and restore",
        "restored backups",
        "rare uses of a right",
        "all processors",
        "a health check that fails for a while",
    ],
)
def test_the_list_names_it(work: str) -> None:
    assert any(work in need.work for need in TOLD)


def test_a_capability_that_is_dropped_is_told_and_stays_safe_where_there_is_none_to_lose() -> None:
    facts = container("--user=1000 --security-opt=no-new-privileges")
    plan = make_plan(facts, (Choice("default-capabilities-kept"),), CHECKS, CHECKLIST)
    changed = spec_diff(plan.before, plan.after)
    assert plan.risks == {"default-capabilities-kept": Risk.SAFE}
    assert [need.work for need in unshown(changed, TOLD)] == [TOLD[-1].work]
