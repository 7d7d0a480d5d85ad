"""From chosen fixes to a plan: what follows from what, what is refused, and the score that is
promised."""

import re
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.checks import CHECKS as ALL_CHECKS
from hardentui.checks import all_checks
from hardentui.checks.prelude import container
from hardentui.features.checklists.loading import load
from hardentui.features.looking.judging import Judge
from hardentui.features.views import Report, Selection
from hardentui.features.workbench import Workbench
from hardentui.harden.plan import fixable, make_plan
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts
from hardentui.model.finding import Severity, Status
from hardentui.model.host import HostFacts, SubIds, User
from hardentui.model.plan import Caution, Choice, Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Option
from hardentui.options import *
from tests.unit.cli.conftest import Run, run

__all__ = ["run"]

CHECKLIST = load()
CHECKS = Judge(CHECKLIST, ALL_CHECKS).checks
WIDE = (PUBLISH, (Port(80, "8080"),))
SYSTEMD_INSIDE: dict[str, Any] = {"inspect": {"Config": {"SystemdMode": True}}}


def _plan(facts: ContainerFacts, *choices: Choice) -> Plan:
    return make_plan(
        facts,
        choices or fixable(facts, CHECKS, CHECKLIST),
        CHECKS,
        CHECKLIST,
    )


def test_two_fixes_of_one_option_are_both_carried_out() -> None:
    plan = _plan(
        container(WIDE),
        Choice("wildcard-port"),
        Choice("unfirewalled-port"),
    )
    (change,) = plan.changes
    assert (
        set(change.checks)
        == {"wildcard-port", "unfirewalled-port"}
        == {choice.check for choice in plan.choices}
    )
    assert plan.skipped == ()


def test_a_failing_health_check_cannot_end_a_container_that_has_none() -> None:
    refused = _plan(container(image=ImageFacts("1" * 64)), Choice("unhealthy"))
    assert HEALTH_ON_FAILURE not in refused.after
    assert "no health check" in refused.skipped[0].why
    alone = container("--health-cmd=true")
    assert _plan(alone, Choice("unhealthy")).after[HEALTH_ON_FAILURE] == "restart", (
        "nobody else starts it"
    )
    owned = alone.replace(inspect={"Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}}})
    assert _plan(owned, Choice("unhealthy")).after[HEALTH_ON_FAILURE] == "kill", (
        "systemd starts it again"
    )


@pytest.mark.parametrize(
    "facts",
    [
        container(**SYSTEMD_INSIDE),
        container("--systemd=always"),
    ],
    ids=["seen", "asked for"],
)
def test_systemd_inside_stays_root_and_keeps_what_its_services_may_need(
    facts: ContainerFacts,
) -> None:
    plan = _plan(facts)
    assert CAP_DROP not in plan.after
    asked = _plan(
        facts, Choice("root-user", (("user", "1001"),)), Choice("default-capabilities-kept")
    )
    assert USER not in asked.after
    assert CAP_DROP not in asked.after
    assert all("systemd is the main process" in skipped_fix.why for skipped_fix in asked.skipped)
    own = Choice("default-capabilities-kept", (("keep", ("CHOWN", "KILL")),))
    assert _plan(facts, own).after[CAP_DROP] == ("all",)


@pytest.mark.parametrize(
    ("pairs", "warned"),
    [(((USER, "33"),), False), ((), True)],
)
def test_only_a_root_that_lost_what_entry_points_need_is_warned_of(
    pairs: tuple[tuple[Option[Any], Any], ...],
    warned: bool,
) -> None:
    dropped = Choice("default-capabilities-kept", (("keep", ("CHOWN",)),))
    conflicts = _plan(container(*pairs), dropped).conflicts
    assert any("Entrypoints that start as root" in conflict for conflict in conflicts) is warned


def _report(bench: Workbench, name: str) -> Report:
    row = next(row for row in bench.containers.rows() if row.name == name)
    refreshed = bench.containers.refresh(row.key)
    assert refreshed is not None
    assert refreshed.report is not None
    return refreshed.report


def test_the_promised_score_counts_what_a_fix_brings_along() -> None:
    """`privileged` also switches seccomp off and opens every device; these have no fix of their
    own."""
    bench = Workbench.open(Selection(demo=True))
    try:
        report = _report(bench, "backup")
        after = bench.planner.score_after(
            report, bench.planner.plan(report, bench.planner.choices(report, Caution.ALL))
        )
        unchanged = bench.planner.score_after(report, bench.planner.plan(report, ()))
    finally:
        bench.close()
    assert unchanged == report.score
    failing = dict(after.failing)
    assert failing[Severity.CRITICAL] == 1, (
        "its engine socket, which only a decision of the admin removes"
    )


def test_an_accepted_finding_is_fixed_only_by_name() -> None:
    bench = Workbench.open(Selection(demo=True))
    try:
        report = _report(bench, "db")
        accepted = bench.planner.choices(report, Caution.ALL)[0].check
        findings = tuple(
            replace(finding, verdict=replace(finding.verdict, status=Status.WAIVED))
            if finding.check == accepted
            else finding
            for finding in report.findings
        )
        waived = replace(report, findings=findings)
        everything = bench.planner.plan_with(waived, Caution.ALL)
        named = bench.planner.plan(waived, [Choice(accepted)])
    finally:
        bench.close()
    assert accepted not in {choice.check for choice in everything.choices}
    assert accepted not in {skipped_fix.check for skipped_fix in everything.skipped}
    assert [choice.check for choice in named.choices] == [accepted]


def test_plan_and_check_show_the_same_score(run: Run) -> None:
    plan = run("plan", "db", "--demo", "--all").out
    check = run("check", "db", "--demo").out
    (shown,) = re.findall(r"score (\d+) ->", plan)
    assert f"score {shown}/100" in check


@pytest.mark.parametrize(
    ("owners", "rootless", "left"),
    [
        (("anna",), False, True),
        (("containers",), False, False),
        ((), False, True),
        (("anna",), True, False),
    ],
)
def test_a_user_namespace_without_a_range_for_it_is_left_out_and_told(
    owners: tuple[str, ...],
    rootless: bool,
    left: bool,
) -> None:
    ranges = tuple(SubIds(owner, 100000, 65536) for owner in owners)
    engine = EngineFacts(rootless=rootless, local=True)
    facts = container(
        engine=engine,
        host=HostFacts(subuids=ranges, subgids=ranges),
    )
    plan = make_plan(
        facts,
        [Choice("host-user-namespace")],
        all_checks(),
        load(),
    )
    told = [str(skipped) for skipped in plan.skipped if "no range" in skipped.why]
    assert bool(told) is left
    assert all(
        "/etc/subuid and /etc/subgid" in text and "hardentui doctor" in text for text in told
    )
    unread = make_plan(
        container(engine=engine, host=HostFacts()),
        [Choice("host-user-namespace")],
        all_checks(),
        load(),
    )
    assert not any("no range" in skipped.why for skipped in unread.skipped)


@pytest.mark.parametrize(
    ("version", "accounts", "left"),
    [
        ("5.4.2", ("root",), False),
        ("5.8.6", ("root",), True),
        ("5.8.6", ("root", "containers"), False),
    ],
)
def test_a_newer_podman_takes_the_range_only_with_an_account_of_that_name(
    version: str,
    accounts: tuple[str, ...],
    left: bool,
) -> None:
    ranges = (SubIds("containers", 100000, 65536),)
    users = tuple(User(name, number) for number, name in enumerate(accounts))
    facts = container(
        engine=EngineFacts(
            version=Version.parse(version),
            rootless=False,
            local=True,
        ),
        host=HostFacts(
            subuids=ranges,
            subgids=ranges,
            users=users,
        ),
    )
    plan = make_plan(
        facts,
        [Choice("host-user-namespace")],
        all_checks(),
        load(),
    )
    assert any("useradd -r containers" in skipped.why for skipped in plan.skipped) is left
