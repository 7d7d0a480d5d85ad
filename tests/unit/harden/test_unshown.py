"""What no trial shows is never called safe or likely, and the list has what people lost by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import facts_of
from hardentui.features.checklists.loading import load
from hardentui.harden.plan import make_plan
from hardentui.harden.remedy import spec_diff
from hardentui.harden.unshown import UNSHOWN, unshown
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Choice, Plan
from hardentui.model.remediation import Risk

CHECKS, CHECKLIST = tuple(all_checks()), load("")


def plans_of_all_checks() -> Iterator[tuple[str, Plan]]:
    """The fix of every check, alone, on each of its failing examples."""
    for check in CHECKS:
        if check.remediate is None:
            continue
        for facts in facts_of(check.fails):
            if isinstance(facts, ContainerFacts):
                yield check.id, make_plan(facts, (Choice(check.id),), CHECKS, CHECKLIST)


def test_no_fix_that_depends_on_what_no_trial_shows_is_safe_or_likely() -> None:
    """Law: over all checks with a fix and all their examples."""
    counted = 0
    for check, plan in plans_of_all_checks():
        if not plan.changes or not unshown(spec_diff(plan.before, plan.after)):
            continue
        counted += 1
        assert plan.risks.get(check) in (Risk.MAY_BREAK, Risk.DECISION, None), check
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
    ],
)
def test_the_list_names_it(work: str) -> None:
    assert any(work in need.work for need in UNSHOWN)
