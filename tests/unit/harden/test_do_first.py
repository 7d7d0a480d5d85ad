"""Whose finding it is, how severe, and what to do first."""

from collections.abc import Iterable
from datetime import date

import pytest

from hardentui.features.apply.entry_text import entry_lines, what_changed
from hardentui.features.checklists.loading import load
from hardentui.harden.attack import causes, way_to_host
from hardentui.harden.do_first import MOST, Candidate, DoFirst, do_first
from hardentui.harden.evaluate import evaluate
from hardentui.harden.plan import fixable
from hardentui.harden.rise import Riser, raises_most
from hardentui.harden.score import Rise, findings_once, score
from hardentui.harden.waiving import waive
from hardentui.model.gain import rated
from hardentui.model.journal import (
    EntryAction,
    EntryState,
    JournalChange,
    JournalEntry,
    JournalProof,
)
from hardentui.model.waiver import Waiver
from tests.support.judging import *

SITE = Subject(Kind.SITE, "site", "site")
CHECKS = {check.id: check for check in all_checks()}
LISTED = Checklist("c", "c", ())


def judged(facts: ContainerFacts) -> list[Finding]:
    return evaluate(
        facts,
        container_subject(facts),
        CHECKS.values(),
        LISTED,
    )


def own(facts: ContainerFacts) -> list[Finding]:
    return [finding for finding in judged(facts) if finding.scope is Kind.CONTAINER]


def failing(findings: list[Finding], severity: Severity) -> list[str]:
    return [
        finding.check for finding in findings if finding.failing and finding.severity is severity
    ]


def test_no_check_that_counts_in_a_score_is_about_something_else() -> None:
    assert [
        check.id for check in CHECKS.values() if check.points and check.about is not Kind.CONTAINER
    ] == []
    assert {check.about for check in CHECKS.values()} >= {
        Kind.CONTAINER,
        Kind.IMAGE,
        Kind.SITE,
        Kind.HOST,
    }


def test_a_plain_service_has_few_high_findings_and_a_hardened_one_none() -> None:
    plain = own(
        container(
            (IMAGE, "docker.io/library/nginx:1.27"),
            (PUBLISH, (Port(80, "8080"),)),
        )
    )
    assert failing(plain, Severity.HIGH) == ["root-user"]
    assert not failing(plain, Severity.CRITICAL)
    hardened = own(
        container(
            (IMAGE, "docker.io/library/nginx:1.27"),
            (USER, "101:101"),
            (USERNS, "auto"),
            (CAP_DROP, ("all",)),
            (NO_NEW_PRIVILEGES, True),
            (READ_ONLY, True),
            (MEMORY, 1 << 28),
            (CPUS, 1.0),
            (NETWORK, ("shop",)),
        )
    )
    assert not failing(hardened, Severity.CRITICAL) + failing(hardened, Severity.HIGH)
    assert len(failing(hardened, Severity.MEDIUM)) <= 3


def finding(
    check: str,
    name: str,
    status: Status,
    severity: Severity = Severity.MEDIUM,
) -> Finding:
    subject = Subject(Kind.CONTAINER, name, name)
    return Finding(
        check,
        3,
        check,
        subject,
        Verdict(status, reason="r"),
        rated(severity),
        scope=Kind.SITE,
    )


@pytest.mark.parametrize(
    ("statuses", "told", "affects"),
    [
        ((PASS, FAIL, FAIL), FAIL, ("b", "c")),
        ((PASS, UNKNOWN, NOT_APPLICABLE), UNKNOWN, ("b",)),
        ((Status.WAIVED, PASS, PASS), Status.WAIVED, ("a",)),
        ((PASS, PASS, NOT_APPLICABLE), PASS, ()),
    ],
)
def test_what_is_one_decision_is_told_once(
    statuses: tuple[Status, ...],
    told: Status,
    affects: tuple[str, ...],
) -> None:
    findings = [finding("x", name, status) for name, status in zip("abc", statuses, strict=True)]
    (once,) = findings_once(SITE, findings)
    assert (once.status, once.affects, once.subject) == (told, affects, SITE)


def test_what_is_accepted_for_the_site_is_accepted_in_each_container() -> None:
    waiver = Waiver(
        "x",
        "site",
        "no scanner here",
        "anna",
        date(2999, 1, 1),
        "*",
        "",
    )
    (accepted,) = waive(
        [finding("x", "a", FAIL)],
        [waiver],
        date(2026, 1, 1),
    )
    assert accepted.status is Status.WAIVED


def candidate(facts: ContainerFacts) -> Candidate:
    findings = own(facts)
    riser = Riser(facts, findings, CHECKS, LISTED)
    every = [choice.check for choice in fixable(facts, CHECKS.values(), LISTED)]

    def rise(checks: tuple[str, ...]) -> Rise:
        return riser.by_fixes(checks or every)

    return Candidate(
        container_subject(facts),
        tuple(findings),
        way_to_host(facts, findings),
        causes(facts, findings),
        rise,
    )


def lines(*facts: ContainerFacts, others: tuple[Finding, ...] = ()) -> tuple[DoFirst, ...]:
    return do_first(map(candidate, facts), others, CHECKS)


def test_the_worst_way_to_the_host_comes_first_and_twice_the_same_is_one_line() -> None:
    portal = container("--privileged").replace(
        name="portal",
        id="1",
    )
    plain = [container().replace(name=name, id=name) for name in ("a", "b", "c", "d")]
    first, second, *rest = lines(
        *plain,
        portal,
        others=(finding("no-update-path", "a", FAIL),),
    )
    assert (first.names, first.text) == ("portal", "is privileged")
    assert first.points > 0
    assert first.gain == "ends the way to the host"
    assert (second.names, second.affects) == ("4 containers", 4)
    assert second.text == "Runs as root with default rights"
    assert second.words == ("harden", "a")
    assert len(rest) <= MOST - 2
    assert "portal" not in {subject.name for line in (second, *rest) for subject in line.subjects}


def after_fixes(facts: ContainerFacts, checks: Iterable[str]) -> int:
    """The score of the container that these fixes make, judged anew."""
    plan = make_plan(facts, [Choice(check) for check in checks], CHECKS.values(), LISTED)
    value = score(own(facts.planned(plan.after))).value
    assert value is not None
    return value


def test_the_points_of_a_line_come_true() -> None:
    plain = container().replace(name="a", id="a")
    (rights, *_) = lines(plain)
    every = [choice.check for choice in fixable(plain, CHECKS.values(), LISTED)]
    before = score(own(plain)).value or 0
    assert after_fixes(plain, every) - before == rights.points > 15
    portal = container("--privileged").replace(name="portal", id="1")
    (takeover, *_) = lines(portal)
    before = score(own(portal)).value or 0
    assert after_fixes(portal, takeover.checks) - before == takeover.points > 30
    assert takeover.words == ("harden", "portal", "--check", "privileged")


def test_thirty_containers_with_one_cause_are_one_line_that_says_how_many() -> None:
    portals = [container("--privileged").replace(name=f"p{at}", id=f"p{at}") for at in range(30)]
    first, *rest = lines(*portals)
    assert (first.names, first.affects) == ("30 containers", 30)
    assert "Privileged container" in first.text
    assert rest == []


def test_the_one_to_whom_it_gives_most_comes_first_and_ranks_its_group() -> None:
    mapped = container("--userns=auto").replace(name="mapped", id="m")
    plain = container().replace(name="plain", id="p")
    exposed = container("-p 80:80 --network=host --userns=auto").replace(name="e", id="e")
    group = next(line for line in lines(mapped, plain, exposed) if "default rights" in line.text)
    assert group.subject.name == "plain"
    assert group.risk == "trial"


def test_what_a_person_has_to_decide_is_explained_first() -> None:
    both = container("--privileged -v /run:/host/run").replace(name="agent", id="1")
    (first, *_) = lines(both)
    assert first.words == ("explain", "mounted-engine-socket")


def test_a_fix_that_is_refused_is_no_line_to_harden_with() -> None:
    directory = container("-v /run:/host/run").replace(name="agent", id="1")
    (first, *_) = lines(directory)
    assert first.risk == "decide"
    assert first.words[0] == "explain"
    hardened = container(
        "--cap-drop=all --security-opt=no-new-privileges --read-only --userns=auto"
    ).replace(name="b", id="b")
    for line in lines(hardened):
        assert line.risk == "decide" or line.points or line.gain, line
        assert "default rights" not in line.text


def _entry(state: EntryState, status: str) -> JournalEntry:
    return JournalEntry(
        id="1", time="2026-01-02T11:55:00+00:00", action=EntryAction.APPLY, container="web", state=state,
        changes=(JournalChange("writable-rootfs", "--read-only", None, ""),),
        proof=(JournalProof("writable-rootfs", status), JournalProof("root-user", "pass")),
    )  # fmt: skip


def test_an_applied_change_says_what_the_kernel_proved_and_nothing_else() -> None:
    assert "    web: can no longer write its programs" in entry_lines(
        _entry(EntryState.DONE, "pass"), whole=False
    )
    for entry in (
        _entry(EntryState.DONE, "fail"),
        _entry(EntryState.ROLLED_BACK, "pass"),
    ):
        assert what_changed(entry) == ()


@pytest.mark.parametrize(
    ("source", "options", "alone", "compared"),
    [
        ("/etc", (), FAIL, FAIL),
        ("/srv/data", (), UNKNOWN, PASS),
        ("/etc", ("ro",), UNKNOWN, FAIL),
    ],
    ids=["hands over the host", "passes", "less severe"],
)
def test_only_a_takeover_is_told_before_the_containers_are_compared(
    source: str,
    options: tuple[str, ...],
    alone: Status,
    compared: Status,
) -> None:
    check = the_check("sensitive-host-mount")
    assert check.compares
    facts = container((MOUNTS, (Mount("bind", source, "/x", options),)))
    for complete, status in ((False, alone), (True, compared)):
        (finding,) = run(
            facts, container_subject(facts), [(check, Parameters({}))], compared=complete
        )
        assert finding.status is status


CHECKLIST = load()
BY_ID = {check.id: check for check in all_checks()}
SOCKET = (
    MOUNTS,
    (
        Mount(
            "bind",
            "/run/podman/podman.sock",
            "/run/podman/podman.sock",
        ),
    ),
)


def helpful(facts: ContainerFacts, most: int = 3) -> tuple[str, ...]:
    findings = [
        finding
        for finding in evaluate(facts, container_subject(facts), BY_ID.values(), CHECKLIST)
        if finding.scope is Kind.CONTAINER
    ]
    riser = Riser(facts, findings, BY_ID, CHECKLIST)
    failing = [finding for finding in findings if finding.failing]
    return tuple(finding.check for finding, _ in raises_most(riser, failing, most))


def test_privileged_mode_comes_before_what_it_stands_in_the_way_of() -> None:
    first, *others = helpful(container("--privileged"))
    assert first == "privileged"
    assert not {"seccomp-unconfined", "default-capabilities-kept"} & set(others)


def test_only_what_can_be_done_alone_is_named() -> None:
    facts = container(
        "--privileged --security-opt=seccomp=unconfined --cap-add=SYS_ADMIN",
        SOCKET,
    )
    named = helpful(facts, 10)
    assert "root-user" not in named, "nobody has decided who it runs as"
    for check in named:
        assert make_plan(
            facts,
            [Choice(check)],
            BY_ID.values(),
            CHECKLIST,
        ).changes, check
