"""What raises the score most names only what can be done, and what mends most comes first."""

from hardentui.checks import all_checks
from hardentui.checks.examples import container
from hardentui.features.checklists.loading import load
from hardentui.harden.evaluate import container_subject, evaluate
from hardentui.harden.plan import make_plan, raises_most
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Choice
from hardentui.options import CAP_ADD, MOUNTS, PRIVILEGED, SECCOMP_PROFILE, Mount

CHECKLIST = load()
BY_ID = {check.id: check for check in all_checks()}
SOCKET = (MOUNTS, (Mount("bind", "/run/podman/podman.sock", "/run/podman/podman.sock"),))


def helpful(facts: ContainerFacts, most: int = 3) -> tuple[str, ...]:
    findings = evaluate(facts, container_subject(facts), BY_ID.values(), CHECKLIST)
    return tuple(finding.check for finding in raises_most(facts, findings, BY_ID, CHECKLIST, most))


def test_privileged_mode_comes_before_what_it_stands_in_the_way_of() -> None:
    first, *others = helpful(container((PRIVILEGED, True)))
    assert first == "privileged"
    assert not {"seccomp-unconfined", "default-capabilities-kept"} & set(others)


def test_only_what_can_be_done_alone_is_named() -> None:
    facts = container((PRIVILEGED, True), (SECCOMP_PROFILE, "unconfined"), (CAP_ADD, ("SYS_ADMIN",)), SOCKET)
    named = helpful(facts, 10)
    assert "root-user" not in named, "nobody has decided who it runs as"
    for check in named:
        assert make_plan(facts, [Choice(check)], BY_ID.values(), CHECKLIST).changes, check


def test_nothing_is_named_where_nothing_fails_that_a_fix_mends() -> None:
    facts = container()
    findings = evaluate(facts, container_subject(facts), BY_ID.values(), CHECKLIST)
    passing = [finding for finding in findings if not finding.failing]
    assert raises_most(facts, passing, BY_ID, CHECKLIST, 3) == ()
