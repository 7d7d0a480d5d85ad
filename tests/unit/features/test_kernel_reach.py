"""The kernel meter: what its table says, and what closes each way in."""

import re

import pytest
from msgspec.structs import replace

from hardentui.checks.prelude import container, host
from hardentui.features.rights.kernel_reach import (
    FIRST_YEAR,
    Doors,
    WayIn,
    doors_of,
    is_open,
    kernel_reach,
    table,
    within_reach,
)
from hardentui.lib.seccomp import Condition, SeccompProfile, SeccompRule
from hardentui.model.facts import RuntimeConfig

EVERYBODY_KNOWS = """
    CVE-2016-5195 CVE-2016-8655 CVE-2017-5123 CVE-2017-7308 CVE-2017-16995 CVE-2017-1000112
    CVE-2018-18955 CVE-2019-13272 CVE-2020-8835 CVE-2020-14386 CVE-2021-3490 CVE-2021-22555
    CVE-2021-31440 CVE-2021-41073 CVE-2022-0185 CVE-2022-0492 CVE-2022-0847 CVE-2022-0995
    CVE-2022-2588 CVE-2022-25636 CVE-2022-34918 CVE-2023-0179 CVE-2023-0386 CVE-2023-2640
    CVE-2023-3269 CVE-2023-32233 CVE-2023-32629 CVE-2023-35001 CVE-2024-0582 CVE-2024-1086
    CVE-2026-31431 CVE-2026-43284 CVE-2026-43500
""".split()
OPEN = Doors(filter=None, capabilities=frozenset(), user_namespaces=True, set_id=True)
NO_CALL = SeccompProfile("ERRNO")

every_way = pytest.mark.parametrize(
    "way", table().way, ids=[f"{way.of} {way.cves.split()[0]}" for way in table().way]
)


def test_the_table_covers_each_year_and_what_everybody_knows() -> None:
    cves = table().cves
    assert len(cves) == len(set(cves))
    assert all(re.fullmatch(r"CVE-\d{4}-\d{4,7}", cve) for cve in cves)
    assert {int(cve[4:8]) for cve in cves} == set(range(FIRST_YEAR, int(table().date[:4]) + 1))
    assert set(EVERYBODY_KNOWS) <= set(cves)
    assert {*table().names} <= set(cves)
    assert set(cves) == set(table().fixed), "each with the versions that mend it"
    assert all(re.fullmatch(r"(Ubuntu )?[\d. -]+", text) for text in table().fixed.values())


@every_way
def test_a_way_in_says_what_it_needs_and_who_says_so(way: WayIn) -> None:
    assert way.source in table().sources
    assert way.calls or way.socket or way.capability or way.user_namespace or way.set_id
    assert not way.arguments or way.calls
    assert all(position.isdigit() for position in way.arguments)


@every_way
def test_each_thing_that_it_needs_closes_it(way: WayIn) -> None:
    assert is_open(way, OPEN)
    shut = replace(OPEN, user_namespaces=False)
    if way.calls or way.socket:
        assert not is_open(way, replace(OPEN, filter=NO_CALL))
    if way.capability:
        assert not is_open(way, shut)
        assert is_open(way, replace(shut, capabilities=frozenset({way.capability})))
    if way.user_namespace:
        assert not is_open(way, shut)
    if way.set_id:
        assert not is_open(way, replace(OPEN, set_id=False))
    if way.distribution:
        assert not is_open(way, replace(OPEN, distribution="debian"))
    for name, values in way.closed_by.items():
        for value in values:
            closed = replace(OPEN, sysctls={name: value})
            assert not is_open(way, closed)
            assert is_open(way, replace(closed, capabilities=frozenset({"CAP_SYS_ADMIN"})))


def test_arguments_of_a_call_count() -> None:
    """pipe2 with O_NOTIFICATION_PIPE alone leads to the queue of kernel events."""
    plain = SeccompProfile(
        "ERRNO", rules={"pipe2": (SeccompRule("ALLOW", (Condition(1, "EQ", 0),)),)}
    )
    assert "CVE-2022-0995" in within_reach(OPEN)
    assert "CVE-2022-0995" not in within_reach(replace(OPEN, filter=plain))


def test_the_meter_says_what_hangs_on_user_namespaces() -> None:
    reach = kernel_reach(OPEN)
    assert reach.known == reach.reached == len(table().cves)
    assert reach.by_user_namespace * 2 > reach.reached
    shut = kernel_reach(replace(OPEN, user_namespaces=False))
    assert shut.reached == reach.reached - reach.by_user_namespace
    assert shut.by_user_namespace == 0


def test_sysctls_and_distribution_of_the_host_count() -> None:
    hardened = host(
        sysctls={"kernel.unprivileged_bpf_disabled": "2", "user.max_user_namespaces": "0"},
        os_release={"ID": "debian"},
    )
    facts = container(runtime=RuntimeConfig(seccomp=SeccompProfile("ALLOW")), host=hardened)
    doors = doors_of(facts, facts.spec, frozenset())
    assert doors is not None
    assert not doors.user_namespaces
    reached = within_reach(doors)
    assert not {"CVE-2021-3490", "CVE-2023-2640", "CVE-2022-0185"} & set(reached)
    assert {"CVE-2016-5195", "CVE-2022-0847"} <= set(reached)
