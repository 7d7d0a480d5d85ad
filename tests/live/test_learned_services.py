"""Real services are watched; what was learned is compared with strace, and enforced on a fresh one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from hardentui.features.trial.learned.system_calls import calls_let_through, narrow_profile
from hardentui.features.trial.observe.watch import native_way
from hardentui.lib.seccomp import (
    dangerous_calls,
    makes_user_namespaces,
    parse_profile,
    ways_to_family,
)
from hardentui.model.facts import STOCK_CAPABILITIES
from hardentui.writers.profiles import profile_text
from tests.support.observing import BASE
from tests.support.podman import Bench
from tests.support.watched_services import NAME, SERVICES, Service, exercise, learned, seen_by_both

pytestmark = [
    pytest.mark.live,
    pytest.mark.long,
    pytest.mark.timeout(300),
]


@pytest.fixture
def bench(bench: Bench) -> Iterator[Bench]:
    yield bench
    bench.remove(NAME)


@pytest.mark.parametrize(
    "service",
    SERVICES,
    ids=lambda service: service.name,
)
def test_learned_calls_are_those_that_strace_sees(
    bench: Bench,
    service: Service,
) -> None:
    seen, by_strace = seen_by_both(bench, service)
    different = seen ^ by_strace
    assert len(different) <= 0.02 * len(by_strace), sorted(different)


@pytest.mark.parametrize(
    "service",
    SERVICES,
    ids=lambda service: service.name,
)
def test_it_works_with_nothing_but_what_was_learned(
    bench: Bench,
    service: Service,
) -> None:
    image = service.image(bench)
    needs, _ = learned(bench, service, image)
    assert needs.capability_names <= service.needs
    assert needs.calls is not None
    document = narrow_profile(
        BASE,
        needs.calls,
        needs.capability_names,
    )
    allowed = calls_let_through(
        document,
        STOCK_CAPABILITIES,
        native_way(),
    )
    assert (
        len(allowed)
        <= len(
            calls_let_through(
                BASE,
                STOCK_CAPABILITIES,
                native_way(),
            )
        )
        / 2
    )
    assert_tight(document)
    profile = bench.directory / f"{service.name}.json"
    profile.write_text(profile_text(document))
    os.chmod(profile, 0o644)
    options = [f"--cap-add={name}" for name in sorted(needs.capability_names)]
    options += [f"--tmpfs={place}" for place in needs.places]
    bench.podman(
        "create", "--name", NAME, f"--security-opt=seccomp={profile}", "--cap-drop=all", "--read-only",
        "--read-only-tmpfs=false", "--security-opt=no-new-privileges", "--stop-timeout=20", *options, image,
    )  # fmt: skip
    exercise(bench, service)
    state = bench.get(f"/containers/{NAME}/json")["State"]
    assert state["ExitCode"] in (0, 143), bench.podman("logs", NAME)


def assert_tight(document: dict[str, object]) -> None:
    profile = parse_profile(document)
    assert dangerous_calls(profile) == ()
    assert makes_user_namespaces(profile) == ()
    for family in (17, 38, 40):  # packet, the kernel's ciphers, the hypervisor
        assert ways_to_family(profile, family) == ()
