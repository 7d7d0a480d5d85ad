"""What was learned is put into the choices, where it makes nothing tighter than the plan alone."""

from datetime import UTC, datetime, timedelta

import pytest

from hardentui.checks.prelude import container
from hardentui.features.trial.configuration import TwinPlanner
from hardentui.features.trial.learned.needs import Needs
from hardentui.features.trial.learned.teaching import taught
from hardentui.model.facts import AskedMemory, ContainerFacts, Kernel, Limits
from hardentui.model.host import Capacity, HostFacts
from hardentui.model.plan import Choice
from hardentui.options import MEMORY
from tests.unit.features.trial.test_record import plan_for

LIMIT = Choice("no-memory-limit")
_MIB = 1 << 20
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def limit(
    facts: ContainerFacts,
    peak: int,
    choice: Choice = LIMIT,
) -> int:
    planner = TwinPlanner(facts, plan_for)
    choices = taught(
        (choice,),
        Needs(memory_peak=peak * _MIB, pids_peak=2),
        planner,
    )
    return planner.plan(choices).after[MEMORY] // _MIB


def test_a_quiet_start_makes_no_limit_tighter_than_the_plan() -> None:
    assert limit(container(), 60) == 512


def test_three_times_the_peak_counts_where_it_is_more() -> None:
    assert limit(container(), 400) == 1216


def test_so_does_the_peak_of_the_original() -> None:
    assert (
        limit(
            container(kernel=Kernel(7, limits=Limits(memory_peak=300 * _MIB))),
            10,
        )
        == 960
    )


def test_what_the_configuration_asks_for_is_never_undercut() -> None:
    facts = container(
        asked_memory=(AskedMemory(1 << 30, "innodb_buffer_pool_size in /etc/mysql/my.cnf"),)
    )
    assert limit(facts, 119) == 1536


@pytest.mark.parametrize(
    ("machine", "days", "mib"),
    [
        (32, 0, 2048),  # GiB
        (4, 0, 1024),
        (1, 0, 512),
        (32, 8, 512),
    ],
)
def test_work_that_comes_late_has_room_until_a_week_was_seen(
    machine: int,
    days: int,
    mib: int,
) -> None:
    """A job of the month needs more than a start, and no trial shows how much."""
    facts = container(
        host=HostFacts(capacity=Capacity(memory=machine << 30)),
        kernel=Kernel(7),
        inspect={"State": {"StartedAt": (NOW - timedelta(days=days)).isoformat()}},
        now=NOW,
    )
    assert limit(facts, 60) == mib


def test_a_value_of_the_user_is_left_alone() -> None:
    assert (
        limit(
            container(),
            400,
            Choice("no-memory-limit", (("memory", "700m"),)),
        )
        == 700
    )
