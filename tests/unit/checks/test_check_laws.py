"""The laws that hold for every check, whatever it looks at."""

from functools import cache
from typing import Any

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import facts_of
from hardentui.errors import CannotFix
from hardentui.harden.evaluate import parameters_of
from hardentui.harden.plan import fixable, is_fixable, make_plan, spec_after_fix
from hardentui.harden.protection import weakenings
from hardentui.model.check import HEADINGS, Check, FixContext, sections
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Kind, Status
from hardentui.model.known import Facts, Unread, later
from hardentui.model.plan import Choice
from hardentui.model.remediation import FixKind
from hardentui.reading.containers import without_cgroup

NOTHING_SET = Checklist("empty", "No parameters", ())
FINE = {Status.PASS, Status.NOT_APPLICABLE}
CHECKS = all_checks()

every_check = pytest.mark.parametrize(
    "check",
    CHECKS,
    ids=lambda check: check.id,
)


def evaluate(check: Check, facts: object) -> Status:
    verdict = check.verdict(facts, parameters_of(check, NOTHING_SET))
    if verdict.status in (Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE):
        assert verdict.reason, f"{check.id} gives no reason for {verdict.status}"
    return verdict.status


def test_ids_are_unique() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_there_are_at_least_three_checks_per_step() -> None:
    for step in range(1, 11):
        assert sum(check.step == step for check in CHECKS) >= 3, step


@every_check
def test_it_is_well_described(check: Check) -> None:
    result = sections(check.doc)
    assert tuple(result) == HEADINGS
    assert all(len(text) > 20 for text in result.values()), result
    assert f".step{check.step:02}_" in check.evaluate.__module__
    assert not check.title.endswith(".")
    assert check.summary
    assert check.references


@every_check
def test_its_failing_examples_fail_and_its_passing_ones_do_not(check: Check) -> None:
    assert facts_of(check.fails), "a check without a failing example proves nothing"
    assert facts_of(check.passes)
    for facts in facts_of(check.fails):
        assert evaluate(check, facts) is Status.FAIL
    for facts in facts_of(check.passes):
        assert evaluate(check, facts) in (Status.PASS, Status.NOT_APPLICABLE)
    assert any(evaluate(check, facts) is Status.PASS for facts in facts_of(check.passes))


@every_check
def test_a_plan_leaves_what_passes_as_it_is(check: Check) -> None:
    for facts in facts_of(check.passes):
        if isinstance(facts, ContainerFacts):
            plan = make_plan(
                facts,
                [Choice(check.id)],
                [check],
                NOTHING_SET,
            )
            assert plan.after == facts.spec, plan.changes
            assert [skipped_fix.check for skipped_fix in plan.skipped] == [check.id]


@every_check
def test_no_fix_protects_less(check: Check) -> None:
    """Of its own examples and of all others: alone, and as a part of everything at once."""
    for facts in facts_of(check.fails):
        if isinstance(facts, ContainerFacts):
            alone = make_plan(
                facts,
                [Choice(check.id)],
                [check],
                NOTHING_SET,
            )
            assert weakenings(facts, facts.spec, alone.after) == ()
            assert not any(skipped.weakens for skipped in alone.skipped), alone.skipped
            together = make_plan(
                facts,
                fixable(facts, CHECKS, NOTHING_SET),
                CHECKS,
                NOTHING_SET,
            )
            assert weakenings(facts, facts.spec, together.after) == ()


@cache
def _all_examples() -> tuple[ContainerFacts, ...]:
    examples = [
        facts for check in CHECKS for facts in (*facts_of(check.passes), *facts_of(check.fails))
    ]
    return tuple(facts for facts in examples if isinstance(facts, ContainerFacts))


@every_check
def test_its_fix_is_right_for_the_examples_of_all_other_checks(check: Check) -> None:
    """Where it passes nothing is changed, and nowhere is anything weaker afterwards."""
    if check.remediate is None:
        return
    changed = 0
    for facts in _all_examples():
        plan = make_plan(
            facts,
            [Choice(check.id)],
            [check],
            NOTHING_SET,
        )
        assert weakenings(facts, facts.spec, plan.after) == ()
        refused = any(skipped.weakens for skipped in plan.skipped)
        assert not (refused and evaluate(check, facts) is Status.FAIL), (
            "it fails, and its own fix weakens"
        )
        if evaluate(check, facts) in (Status.PASS, Status.NOT_APPLICABLE):
            assert plan.after == facts.spec
        changed += plan.after != facts.spec
    assert (
        changed
        or check.fix is FixKind.DECISION
        or any(not value for value in check.parameters.values())
    )


@every_check
def test_what_it_says_of_this_container_is_a_sentence_and_a_risk(check: Check) -> None:
    for facts in facts_of(check.fails):
        if isinstance(facts, ContainerFacts):
            plan = make_plan(
                facts,
                [Choice(check.id)],
                [check],
                NOTHING_SET,
            )
            assert set(plan.risks) == {choice.check for choice in plan.choices}
            for note in plan.notes:
                assert note.text
                assert not note.text.endswith(".")


@every_check
def test_its_fix_fixes_and_stays(check: Check) -> None:
    if check.remediate is None:
        assert check.fix is not FixKind.LIVE_UPDATE
        return
    assert check.kind is Kind.CONTAINER
    fixed = 0
    for facts in facts_of(check.fails):
        assert isinstance(facts, ContainerFacts)
        context = FixContext(facts, parameters_of(check, NOTHING_SET))
        try:
            once = check.remediate(facts.spec, context)
        except CannotFix:
            continue
        fixed += 1
        assert once != facts.spec
        planned = facts.planned(once)
        assert evaluate(check, planned) in (Status.PASS, Status.NOT_APPLICABLE)
        again = check.remediate(once, FixContext(planned, context.parameters))
        assert again == once
    needs_a_choice = check.fix is FixKind.DECISION or any(
        not value for value in check.parameters.values()
    )
    assert fixed or needs_a_choice, (
        "no failing example is ever fixed, and there is nothing to choose"
    )


@every_check
def test_a_report_calls_fixable_what_a_plan_can_fix(check: Check) -> None:
    for facts in facts_of(check.fails):
        if isinstance(facts, ContainerFacts):
            planned = spec_after_fix(check, facts, NOTHING_SET) is not None
            assert is_fixable(check, facts, NOTHING_SET) is planned


@every_check
def test_two_fixes_that_apply_alone_fix_both_together(check: Check) -> None:
    """In both orders: none takes back, hides or refuses what the other does."""
    for facts in facts_of(check.fails):
        if isinstance(facts, ContainerFacts) and _fixes(check, facts):
            for other in CHECKS:
                if other is not check and _fixes(other, facts):
                    _fix_both(facts, check, other)
                    _fix_both(facts, other, check)


def _fix_both(facts: ContainerFacts, *checks: Check) -> None:
    plan = make_plan(
        facts,
        [Choice(check.id) for check in checks],
        checks,
        NOTHING_SET,
    )
    left = {check.id: evaluate(check, facts.planned(plan.after)) for check in checks}
    assert set(left.values()) <= FINE, (left, plan.skipped)


def _fixes(check: Check, facts: ContainerFacts) -> bool:
    if check.remediate is None or evaluate(check, facts) in FINE:
        return False
    plan = make_plan(
        facts,
        [Choice(check.id)],
        [check],
        NOTHING_SET,
    )
    return bool(plan.choices) and evaluate(check, facts.planned(plan.after)) in FINE


def _asking(
    subject: Facts,
    asked: set[tuple[str, ...]],
    at: tuple[str, ...] = (),
) -> Facts:
    """A copy that remembers which facts it is asked for, with those of the subjects in it."""

    def read(name: str) -> Any:
        asked.add((*at, name))
        value = getattr(subject, name)
        return _asking(value, asked, (*at, name)) if isinstance(value, Facts) else value

    inside = {name: getattr(subject, name) for name in set(subject.fields) - subject.facts}
    subjects = {n: _asking(v, asked, (*at, n)) for n, v in inside.items() if isinstance(v, Facts)}
    readers = {name: later(lambda _, name: read(name), name) for name in subject.facts}
    return subject.replace(**subjects, **readers)


def _without(subject: Facts, path: tuple[str, ...]) -> Facts:
    """A copy that cannot read the fact at a path: `("kernel", "uid")`."""
    name, *rest = path
    value = _without(getattr(subject, name), tuple(rest)) if rest else Unread("the law forbids it")
    return subject.replace(**{name: value})


SECOND_LOOKS = {
    "loose-tmpfs host": "a size is a limit, also on a machine of unknown size",
    "no-cpu-limit host": "a limit is a limit, also on a machine of unknown size",
    "no-memory-limit host": "a limit is a limit, also on a machine of unknown size",
    "nested-user-namespaces runtime": "one that was never started has no filter yet",
    "open-socket-families runtime": "one that was never started has no filter yet",
    "restart-loop unit": (
        "only a unit that its label names is its own, and one without the label has none"
    ),
    "root-user named_uid": "a user that is not called root counts as another until it runs",
    "seccomp-unconfined runtime": (
        "the kernel says that a filter is in force; this says whose it is"
    ),
    "unsafe-sysctls runtime": "one that was never started has only what its options ask for",
    "weak-seccomp-profile seccomp_rules": (
        "the filter in force is good; this finds that its file has changed"
    ),
}
"""Check and fact without which it may still pass, with the reason."""


@every_check
def test_what_cannot_be_read_never_makes_a_check_pass(check: Check) -> None:
    """Of each example, without one fact that the check asks for: it is unknown, or as before, or it
    fails by its options, which the kernel alone had overruled."""
    for facts in (*facts_of(check.passes), *facts_of(check.fails)):
        if not isinstance(facts, Facts):
            continue
        asked: set[tuple[str, ...]] = set()
        before = evaluate(check, _asking(facts, asked))
        for path in sorted(asked):
            after = evaluate(check, _without(facts, path))
            limits = isinstance(facts, ContainerFacts) and without_cgroup(
                facts
            )  # Podman can set none
            if f"{check.id} {path[0]}" not in SECOND_LOOKS and not limits:
                assert after in (Status.UNKNOWN, Status.FAIL, before), (path, before, after)
