"""The rule for tests on a real Podman, in one place."""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Generator, Iterator
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

# a machine that is busy with something else makes no test fail
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# CI tries the same examples each time, so that it refuses a change only for what the change did
settings.register_profile(
    "ci",
    settings.get_profile("patient"),
    derandomize=True,
    database=None,
)
settings.load_profile("ci" if os.environ.get("CI", "").lower() in ("1", "true") else "patient")


def pytest_configure() -> None:
    """A shell lets what it starts in the background ignore SIGINT, and so would every program that a
    test interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config,
    items: list[pytest.Item],
) -> None:
    """What is long, a screen at further sizes, and what a rootless Podman does as a rootful one is
    left to `make test-long`; `-m` with "long" runs it."""
    for item in items:
        if _is_at_another_size(item) or _is_the_same_rootless(item):
            item.add_marker(pytest.mark.long)
    if "long" not in (config.option.markexpr or ""):
        left_out = {item for item in items if item.get_closest_marker("long")}
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def _is_at_another_size(item: pytest.Item) -> bool:
    """A screen test runs at the first size of its list; test_looks.py draws every screen at all of
    them."""
    callspec = getattr(item, "callspec", None)
    return (
        callspec is not None
        and callspec.indices.get("size", 0) > 0
        and item.path.name != "test_looks.py"
    )


def _is_the_same_rootless(item: pytest.Item) -> bool:
    """A test of both benches runs on the rootless one daily where it is marked as `both`."""
    callspec = getattr(item, "callspec", None)
    rootless = callspec is not None and callspec.params.get("bench") == "rootless_podman"
    return rootless and item.get_closest_marker("both") is None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write down what each live test ran on, where HARDENTUI_GROUNDS names a file: `make support`."""
    report = yield
    file = os.environ.get("HARDENTUI_GROUNDS", "")
    if file and report.when == "call" and not report.skipped:
        grounds = [
            getattr(value, "ground", None) for value in getattr(item, "funcargs", {}).values()
        ]
        grounds += [value for name, value in report.user_properties if name == "ground"]
        dicts = [ground for ground in grounds if isinstance(ground, dict)]
        lines = {json.dumps({"outcome": report.outcome, **ground}) + "\n" for ground in dicts}
        with open(file, "a", encoding="utf-8") as written:
            written.writelines(lines)
    return report


@pytest.fixture(
    autouse=True,
    scope="session",
)
def _nobody_reads_along() -> Iterator[None]:
    """What is played on a simulated host waits for no reader."""
    with pytest.MonkeyPatch.context() as patch:
        for pace in ("TRIAL_PACE", "APPLY_PACE"):
            patch.setattr(f"hardentui.features.harden.simulated.{pace}", 0.0)
        yield


def pytest_collection_finish() -> None:
    """What was collected stays to the end: no garbage collection has to go through it again.

    What a test leaves is many objects at once; looking for them after every 700 costs a tenth of
    the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


NOT_RUN = "live tests cannot run here: "
INCOMPLETE = 8
"""The exit code of a run that left out live tests: no code of pytest's own, so that nothing takes the
failures for all that is missing."""


def live_is_required() -> bool:
    """In CI, and where HARDENTUI_REQUIRE_LIVE says so, a live test that cannot run is a failure."""
    return (
        os.environ.get("CI", "").lower() in ("1", "true")
        or os.environ.get("HARDENTUI_REQUIRE_LIVE") == "1"
    )


def cannot_run(reason: str) -> NoReturn:
    """Skip a live test, or fail it where live tests are required. The reason says what would help."""
    if live_is_required():
        pytest.fail(
            f"live tests are required here, but: {reason}",
            pytrace=False,
        )
    pytest.skip(f"{NOT_RUN}{reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run in which a live test could not run is no success: nobody may release on it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return
    reasons = [
        report.longrepr[2].partition(NOT_RUN)[2]
        for report in reporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple) and NOT_RUN in report.longrepr[2]
    ]
    if reasons:
        reporter.write_line("")
        reporter.write_line(
            f"Live tests that could not run: {len(reasons)}. {reasons[0]}"
            " (`make unit` runs those that need no Podman)",
            red=True,
        )
        session.exitstatus = INCOMPLETE
