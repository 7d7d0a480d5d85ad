"""The main job on a real Podman: found, planned, written, accepted by the generator, only read till
then."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardentui.errors import EngineError
from hardentui.features.fix.saving import save
from hardentui.features.views import CheckProgress, Connectivity, Row, Selection
from hardentui.features.workbench import Workbench
from hardentui.model.draft import Target
from hardentui.model.finding import Status
from hardentui.model.plan import Caution
from tests.support.looking import looked_at
from tests.support.podman import BUSYBOX, Bench
from tests.support.proxy import RecordingProxy
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

NAME = "main-job-web"


@pytest.fixture
def web(podman: Bench, service_image: str) -> Iterator[str]:
    """A real nginx with more rights than it needs."""
    podman.podman("volume", "create", "main-job-data")
    podman.podman(
        "run", "-d", "--name", NAME, "-p", "8085:80", "-v", "main-job-data:/srv/data",
        "-e", "API_TOKEN=s3cr3t-v4lue", "--cap-add", "SYS_ADMIN", "--stop-timeout", "0", service_image,
    )  # fmt: skip
    yield NAME
    podman.remove(NAME)
    podman.podman(
        "volume",
        "rm",
        "-f",
        "main-job-data",
    )


def test_looking_and_planning_send_nothing_but_get(
    web: str,
    podman: Bench,
    tmp_path: Path,
) -> None:
    with RecordingProxy(podman.socket, tmp_path) as proxy:
        bench = Workbench.open(Selection(url=proxy.url))
        stop = threading.Event()
        watcher = threading.Thread(
            target=bench.containers.watch, args=(lambda: None, lambda _: None, stop)
        )
        watcher.start()
        bench.containers.scan(
            lambda _: None,
            lambda _: None,
            threading.Event(),
        )
        row = next(row for row in bench.containers.rows() if row.name == web)
        bench.surroundings.host()
        bench.surroundings.images()
        bench.surroundings.networks()
        closer = bench.containers.refresh(row.key)
        assert closer
        assert closer.report
        assert closer.report.facts
        bench.look_into_image(
            row.engine.label,
            str(closer.report.facts.inspect["Image"]),
            lambda _: None,
            threading.Event(),
        )
        plan = bench.planner.plan(
            closer.report,
            bench.planner.choices(closer.report, Caution.ALL),
        )
        for target in (Target.QUADLET, Target.RUN):
            assert bench.drafter.draft(closer.report, plan, target).diff
            assert bench.drafter.draft(closer.report, plan, target).files
        stop.set()
        watcher.join(60)
        bench.close()
    assert proxy.methods == {"GET"}
    assert any(target.endswith(f"{row.id}/json") for _, target in proxy.requests)
    assert not [
        target for _, target in proxy.requests if "/exec" in target and "json" not in target
    ]


def test_the_kernel_decides_and_the_plan_is_accepted(
    web: str,
    podman: Bench,
    tmp_path: Path,
) -> None:
    with looked_at(podman.url, web) as (bench, reports):
        report = reports[web]
        by_check = {finding.check: finding for finding in report.everything}
        takeover = by_check["host-takeover-capabilities"]
        assert takeover.status is Status.FAIL
        assert "SYS_ADMIN" in takeover.verdict.reason
        assert takeover.verdict.effective
        assert by_check["no-pids-limit"].status is Status.PASS
        plan = bench.planner.plan_with(report, Caution.ALL)
        assert bench.planner.score_after(report, plan).value > (report.score.value or 0)  # type: ignore[operator] # not None here
        output = bench.drafter.draft(report, plan, Target.QUADLET)
        assert "exactly the intended command" in output.proof
        written = save(output.files, str(tmp_path))
        unit = (tmp_path / f"{NAME}.container").read_text()
        assert "DropCapability" in unit
        assert "s3cr3t-v4lue" in unit
        assert "s3cr3t-v4lue" not in output.diff
        assert {Path(file.path).name for file in written} >= {
            f"{NAME}.container",
            "main-job-data.volume",
        }
        assert all(Path(file.path).stat().st_mode & 0o077 == 0 for file in written), (
            "a plain secret"
        )


def test_an_engine_that_dies_in_mid_scan_keeps_what_came(
    web: str,
    podman: Bench,
    tmp_path: Path,
) -> None:
    with RecordingProxy(podman.socket, tmp_path) as proxy:
        bench = Workbench.open(Selection(url=proxy.url))
        assert web in {row.name for row in bench.containers.rows()}
        came: list[Row] = []

        def arrived(row: Row) -> None:
            came.append(row)
            proxy.__exit__(None, None, None)

        def scan_until_it_is_lost() -> None:
            for _ in range(5):  # a scan of one container may be complete before the cut is felt
                bench.containers.scan(
                    arrived,
                    lambda _: None,
                    threading.Event(),
                )

        with pytest.raises(EngineError) as lost:
            scan_until_it_is_lost()
        assert lost.value.title
        assert came[0].report
        assert bench.containers.report(came[0].key)
        bench.close()


def test_a_container_that_comes_and_goes_is_seen(podman: Bench) -> None:
    bench = Workbench.open(Selection(url=podman.url))
    bench.containers.rows()
    stop, changes, states = threading.Event(), threading.Semaphore(0), list[Connectivity]()
    watcher = threading.Thread(
        target=bench.containers.watch, args=(changes.release, states.append, stop)
    )
    watcher.start()
    try:
        eventually(lambda: bool(states) and states[-1].connected)
        podman.run(
            "main-job-guest",
            BUSYBOX,
            "sleep",
            "100",
        )
        assert changes.acquire(timeout=60)
        assert "main-job-guest" in {row.name for row in bench.containers.rows()}
        podman.remove("main-job-guest")
        assert changes.acquire(timeout=60)
        eventually(lambda: "main-job-guest" not in {row.name for row in bench.containers.rows()})
    finally:
        podman.remove("main-job-guest")
        stop.set()
        watcher.join(60)
        bench.close()
    assert not watcher.is_alive()


def test_progress_reaches_its_end_and_a_stop_is_obeyed(
    web: str,
    podman: Bench,
) -> None:
    bench = Workbench.open(Selection(url=podman.url))
    total = len(bench.containers.rows())
    seen: list[CheckProgress] = []
    bench.containers.scan(
        lambda _: None,
        seen.append,
        threading.Event(),
    )
    assert seen[0] == CheckProgress(0, total)
    assert seen[-1] == CheckProgress(total, total)
    stopped = threading.Event()
    stopped.set()
    later: list[CheckProgress] = []
    bench.containers.scan(
        lambda _: None,
        later.append,
        stopped,
    )
    assert later == [CheckProgress(0, total)]
    bench.close()
