"""What is told of all hosts at once, who lags behind their kind, and when that is proof."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from hardentui.features.fleet.comparing import ages, applications, everywhere, why_trial_first
from hardentui.features.reports.fleet_view import ContainerSummary
from hardentui.model.severity import Severity

HIGH, LOW = Severity.HIGH, Severity.LOW
READ_ONLY = (("read-only", b"yes"),)


def container(*failing: str, score: int = 50) -> ContainerSummary:
    return ContainerSummary(
        name="web",
        engine="rootful",
        podman="5.4.2 rootful",
        image="sha256:1",
        application="nginx",
        running=True,
        score=score,
        level="fair",
        failing=tuple((check, HIGH) for check in failing),
        fixes=tuple((check, READ_ONLY) for check in failing),
        options=(("volume", b"data"),),
    )


BEST = replace(container(score=90), options=(("volume", b"data"), *READ_ONLY))
OTHER = container("writable-rootfs")
CHECKS = ("writable-rootfs",)


def test_what_fails_on_nearly_all_hosts_is_one_line() -> None:
    hosts = [
        (
            f"web{number}",
            [("root-user", HIGH), ("no-limits", LOW)] if number else [("own", HIGH)],
        )
        for number in range(10)
    ]
    (line,) = everywhere(hosts)
    assert line.checks == ("root-user", "no-limits")
    assert (line.hosts, line.severity, line.without) == (9, "high", ("web0",))
    assert everywhere(hosts[:1]) == (), "one host is no fleet"
    half = [(host, failing if at < 6 else []) for at, (host, failing) in enumerate(hosts)]
    assert everywhere(half) == ()


def test_who_lags_is_told_with_the_fixes_of_the_best() -> None:
    placed = [
        ("web01", BEST),
        ("web02", OTHER),
        ("web03", BEST),
    ]
    (application,) = applications(placed)
    assert (application.best.host, application.containers, application.hosts) == ("web01", 3, 3)
    (lagging,) = application.lagging
    assert (lagging.host, lagging.checks, lagging.trial_first) == ("web02", CHECKS, "")
    assert applications(placed[:1]) == (), "on one host there is nothing to compare"


def test_what_the_best_fails_too_or_no_option_fixes_is_not_asked_for() -> None:
    unfixable = replace(OTHER, fixes=())
    (application,) = applications([("a", BEST), ("b", unfixable)])
    assert application.lagging == ()
    (application,) = applications(
        [("a", replace(OTHER, score=60)), ("b", OTHER)],
    )
    assert application.lagging == ()


@pytest.mark.parametrize(
    ("differs", "why"),
    [
        (replace(OTHER, image="sha256:2"), "another image"),
        (replace(OTHER, image=""), "another image"),
        (replace(OTHER, podman="4.3.1 rootful"), "Podman 4.3.1 rootful, not 5.4.2 rootful"),
        (replace(OTHER, podman="5.4.2 rootless"), "Podman 5.4.2 rootless, not 5.4.2 rootful"),
        (replace(OTHER, options=(("volume", b"other"),)), "other values of volume"),
        (replace(OTHER, fixes=(("writable-rootfs", ()),)), "other values of read-only"),
    ],
)
def test_a_proof_holds_only_for_the_same_image_podman_and_options(
    differs: ContainerSummary,
    why: str,
) -> None:
    assert why_trial_first(OTHER, BEST, CHECKS) == ""
    assert why_trial_first(differs, BEST, CHECKS) == why
    (application,) = applications([("a", BEST), ("b", OTHER), ("c", differs)])
    proven = {lagging.host: lagging.proven for lagging in application.lagging}
    assert proven == {"b": True, "c": False}


def test_what_does_not_run_proves_nothing() -> None:
    assert why_trial_first(OTHER, replace(BEST, running=False), CHECKS)


def test_old_facts_and_those_of_the_future_are_told_with_their_age() -> None:
    now = datetime(2026, 12, 20, tzinfo=UTC)
    times = {
        "fresh": "2026-12-19 10:00 UTC",
        "old": "2026-12-08 00:00 UTC",
        "ahead": "2027-01-01 00:00 UTC",
        "none": "",
    }
    told = {age.host: age.words for age in ages(times.items(), now)}
    assert told == {
        "old": "12 days old",
        "ahead": "saved on 2027-01-01 00:00 UTC, which is in the future",
    }
