"""What somebody set on purpose stays, unless its fix is asked for by name."""

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import container, facts_of
from hardentui.features.checklists.loading import load
from hardentui.harden.explicit import overridden
from hardentui.harden.plan import fixable, left_out, make_plan
from hardentui.harden.remedy import spec_diff
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Kind
from hardentui.model.plan import Caution, Choice
from hardentui.model.remediation import Risk

CHECKS = tuple(check for check in all_checks() if check.kind is Kind.CONTAINER)
CHECKLIST = load()
FIXABLE = [check for check in CHECKS if check.remediate is not None]


def taken(facts: ContainerFacts, caution: Caution) -> set[str]:
    return {choice.check for choice in fixable(facts, CHECKS, CHECKLIST, caution)}


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ("--shm-size=0", "loose-tmpfs"),  # uyuni-tools#212: parallel queries of its database
        ("--restart=always", "unbraked-restart"),
        ("--log-driver=none", "no-logs"),
        ("--pids-limit=-1", "no-pids-limit"),
        ("--ulimit=host", "loose-ulimits"),
    ],
)
@pytest.mark.parametrize("caution", list(Caution))
def test_a_value_that_was_set_is_a_decision(
    options: str,
    check: str,
    caution: Caution,
) -> None:
    facts = container(options)
    assert check not in taken(facts, caution)
    named = make_plan(facts, (Choice(check),), CHECKS, CHECKLIST)
    assert named.changes, "by name it is taken"
    assert named.risks[check] is Risk.DECISION
    assert "was set on purpose" in " ".join(note.text for note in named.notes)
    nothing = make_plan(facts, (), CHECKS, CHECKLIST)
    asked = {skipped.check: skipped for skipped in left_out(facts, nothing, CHECKS, CHECKLIST)}
    assert asked[check].decides, "both sides are shown"


@pytest.mark.parametrize("check", FIXABLE, ids=lambda check: check.id)
def test_no_set_of_fixes_takes_away_what_was_set(check: Check) -> None:
    """Law: over every failing example of every check that has a fix."""
    for facts in facts_of(check.fails):
        choices = fixable(facts, CHECKS, CHECKLIST, Caution.ALL)
        plan = make_plan(facts, choices, CHECKS, CHECKLIST)
        lost = overridden(facts.spec, spec_diff(facts.spec, plan.after))
        assert not [diff.option.flag for diff in lost]


def test_what_is_missing_and_what_is_granted_are_none() -> None:
    assert "no-memory-limit" in taken(container(""), Caution.ALL)
    assert "privileged" in taken(container("--privileged"), Caution.ALL)
