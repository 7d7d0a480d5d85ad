"""What only a person can decide is in no plan but one that names it, and is told as a question."""

import pytest
from msgspec.structs import replace

from hardentui.checks import all_checks
from hardentui.checks.prelude import DEFAULT_CAPABILITIES, container, facts_of, image
from hardentui.errors import CannotFix
from hardentui.features.checklists.loading import load
from hardentui.harden.decisions import becomes, decisions, what_changes
from hardentui.harden.evaluate import judge, parameters_of
from hardentui.harden.plan import fixable, left_out, make_plan
from hardentui.harden.remedy import remedied
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Kind, Status, Verdict
from hardentui.model.plan import Caution, Choice, Plan
from hardentui.model.remediation import Risk
from hardentui.options import CAP_ADD, ENV, IMAGE, PUBLISH, Port
from hardentui.options.capability_sets import bounding_set
from hardentui.reading.images import reference

CHECKLIST = load()
CHECKS = all_checks()
FIXING = [check for check in CHECKS if check.kind is Kind.CONTAINER and check.remediate is not None]
_DIGEST = "sha256:" + "5f" * 32


def mail() -> ContainerFacts:
    return container(
        (PUBLISH, (Port(25, "25"), Port(80, "8080"))),
        (IMAGE, "docker.io/library/mail:latest"),
        (ENV, ("TOKEN=secret",)),
        inspect={"ImageDigest": _DIGEST, "ImageName": "docker.io/library/mail:latest"},
        image=image(inspect={"RepoDigests": [f"docker.io/library/mail@{_DIGEST}"]}),
    )


def planned(facts: ContainerFacts, caution: Caution) -> Plan:
    return make_plan(
        facts,
        fixable(facts, CHECKS, CHECKLIST, caution),
        CHECKS,
        CHECKLIST,
    )


@pytest.mark.parametrize("caution", Caution)
def test_no_choice_of_many_moves_a_port_or_pins_an_image(caution: Caution) -> None:
    facts = mail()
    plan = planned(facts, caution)
    assert plan.after[PUBLISH] == facts.spec[PUBLISH]
    assert plan.after[IMAGE] == facts.spec[IMAGE]


def test_they_are_told_with_what_they_would_change() -> None:
    facts = mail()
    plan = planned(facts, Caution.ALL)
    left = left_out(facts, plan, CHECKS, CHECKLIST)
    questions = {skipped.check: skipped for skipped in left if skipped.decides}
    assert {"low-host-port", "wildcard-port", "mutable-image-tag"} <= set(questions)
    assert what_changes(questions["low-host-port"]) == "--publish 25:25 becomes 8025:25"
    assert _DIGEST in what_changes(questions["mutable-image-tag"])
    assert questions["low-host-port"].decides[0].impact
    assert not decisions(plan)


def test_an_option_that_comes_or_goes_is_added_or_removed() -> None:
    assert becomes("read-only", (), ("",)) == "add --read-only"
    assert becomes("cap-drop", ("ALL",), ()) == "remove --cap-drop ALL"


def test_one_that_is_named_is_in_the_plan() -> None:
    plan = make_plan(
        mail(),
        [Choice("low-host-port")],
        CHECKS,
        CHECKLIST,
    )
    assert Port(25, "8025") in plan.after[PUBLISH]
    assert plan.risks == {"low-host-port": Risk.DECISION}


@pytest.mark.parametrize(
    "check",
    FIXING,
    ids=lambda check: check.id,
)
def test_every_fix_that_clients_or_updates_notice_is_a_decision(check: Check) -> None:
    """On the failing examples of all checks: whoever moves a port or pins an image says so."""
    for facts in (facts for other in FIXING for facts in facts_of(other.fails)):
        context = FixContext(facts, parameters_of(check, CHECKLIST))
        try:
            after = remedied(check, facts.spec, context)
        except CannotFix:
            continue
        gone = {(port.host, port.address) for port in facts.spec[PUBLISH] if port.host}
        gone -= {(port.host, port.address) for port in after[PUBLISH]}
        pinned = reference(after[IMAGE]).digest and not reference(facts.spec[IMAGE]).digest
        assert check.risk is Risk.DECISION or not (gone or pinned)


@pytest.mark.parametrize(
    "name",
    ["NET_RAW", "SYS_NICE", "SYS_PTRACE", "CHOWN"],
)
def test_a_capability_that_was_given_by_name_stays_until_somebody_names_its_check(
    name: str,
) -> None:
    facts = container((CAP_ADD, (name,)))
    plan = planned(facts, Caution.ALL)
    assert f"CAP_{name}" in bounding_set(plan.after, DEFAULT_CAPABILITIES)
    questions = [skipped for skipped in left_out(facts, plan, CHECKS, CHECKLIST) if skipped.decides]
    for question in questions:
        named = make_plan(
            facts,
            (Choice(question.check),),
            CHECKS,
            CHECKLIST,
        )
        assert f"CAP_{name}" not in bounding_set(named.after, DEFAULT_CAPABILITIES)
        assert f"{name}: given explicitly with --cap-add" in [note.text for note in named.notes]
    assert bool(questions) == (name != "CHOWN")


@pytest.mark.parametrize(
    "error", [AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError]
)
def test_what_no_check_can_judge_is_unknown(error: type[Exception]) -> None:
    def evaluate(*facts: object) -> Verdict:
        raise error("too deep")

    verdict = judge(
        replace(FIXING[0], evaluate=evaluate),
        mail(),
        Parameters({}),
    )
    assert (verdict.status, "too deep" in verdict.reason) == (Status.UNKNOWN, True)
