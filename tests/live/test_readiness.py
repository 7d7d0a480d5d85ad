"""The wait for a container, on a real Podman."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.locate import Candidate
from hardentui.engine.probe import probe
from hardentui.engine.read import Engine
from hardentui.features.change.probe import ProbeResult, in_network_of, run_probe
from hardentui.features.change.wait import Readiness, Wait, expectation
from hardentui.host.files import LocalFiles
from hardentui.model.trial import How
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

NAME = "rdy-web"
Run = Callable[..., Readiness]
SERVE = "mkdir -p /w; echo yes >/w/index.html; sleep 0.5; exec httpd -f -p 8080 -h /w"


@pytest.fixture
def changing(podman: Bench) -> Iterator[ChangingEngine]:
    engine = probe(Candidate("", podman.url, "a test"))
    assert isinstance(engine, Engine)
    changing = ChangingEngine(engine)
    yield changing
    changing.close()
    engine.close()
    podman.remove(NAME)


@pytest.fixture
def run(podman: Bench, changing: ChangingEngine) -> Run:
    def start(
        script: str,
        *flags: str,
        ports: tuple[str, ...] = (),
        probes: tuple[str, ...] = (),
        patience: float = 10,
    ) -> Readiness:
        podman.run(
            NAME,
            *flags,
            BUSYBOX,
            "sh",
            "-c",
            script,
        )
        document = changing.containers.inspect(NAME)
        pid = int(document["State"]["Pid"])

        def ask(command: str, seconds: float) -> ProbeResult:
            return run_probe(
                command, seconds, address="127.0.0.1", name=NAME, inside=in_network_of(pid)
            )

        expected = replace(expectation(document, ports, patience), probes=probes)
        wait = Wait(
            changing.containers,
            NAME,
            expected,
            files=LocalFiles(),
            run_probe=ask,
        )
        return wait.outcome()

    return start


SLEEP = "exec sleep 100"
WEB, NO = ("tcp/8080",), ("exit 4",)
HEALTHY = "--health-cmd=test -e /ok"
PAGE = 'test "$(curl -sf http://$TWIN_IP:8080/)" = yes'


@pytest.mark.parametrize(
    ("script", "flags", "asked", "how", "why"),
    [
        (SERVE, (), {"ports": WEB}, How.PORTS, ""),
        (
            SERVE,
            (),
            {"ports": WEB, "probes": (PAGE,)},
            How.PORTS,
            "",
        ),
        (
            SLEEP,
            (),
            {"ports": WEB, "probes": ("exit 4",), "patience": 1},
            How.PORTS,
            "it does not listen on tcp/8080; waited 1 s",
        ),
        (
            "sleep 1; touch /ok; sleep 100",
            (HEALTHY,),
            {"ports": WEB},
            How.HEALTH,
            "",
        ),
        (
            SLEEP,
            (HEALTHY, "--health-retries=1"),
            {"patience": 2},
            How.HEALTH,
            "its health check says",
        ),
        (SLEEP, (), {}, How.ALIVE, ""),
        (
            "sleep 0.5; exit 3",
            (),
            {},
            How.ALIVE,
            "its main process ended with exit code 3",
        ),
    ],
    ids=[
        "port",
        "probe in its network",
        "no port",
        "health check",
        "unhealthy",
        "alive",
        "ended",
    ],
)
def test_the_best_evidence_judges_it(
    run: Run,
    script: str,
    flags: Sequence[str],
    asked: dict[str, Any],
    how: How,
    why: str,
) -> None:
    outcome = run(script, *flags, **asked)
    assert (outcome.ready, outcome.how) == (not why, how)
    assert why in outcome.why
    assert outcome.exit_code == (3 if "exit code" in why else None)
    assert outcome.failed_probe is None, "who waits for something else blames no probe"
    if not why:
        assert outcome.seconds >= (3 if how is How.ALIVE else 0.5)


def test_one_that_is_started_again_and_again(run: Run) -> None:
    outcome = run(
        "sleep 0.7; exit 3",
        "--restart=always",
        ports=("tcp/1",),
    )
    assert not outcome.ready
    ended = "its main process ended with exit code 3"  # seen between its end and the next start
    assert outcome.why == ended or outcome.why.startswith("it ended and was started again")


def test_a_probe_that_fails_says_so(run: Run) -> None:
    outcome = run(
        SERVE,
        ports=("tcp/8080",),
        probes=("echo no such page; exit 4",),
        patience=2,
    )
    assert not outcome.ready
    assert outcome.why == (
        "the probe 'echo no such page; exit 4' failed: it ended with status 4: no such page; "
        "waited 2 s"
    )
    assert outcome.failed_probe is not None
    assert (
        outcome.failed_probe.exit_code,
        outcome.failed_probe.lacks_program,
    ) == (4, False)


def test_a_probe_tells_that_its_program_is_missing_and_not_only_a_page() -> None:
    assert run_probe("no-such-program-of-ours", 5).lacks_program
    assert not run_probe("echo 404 not found; exit 1", 5).lacks_program


def test_a_wait_can_be_given_up(
    podman: Bench,
    changing: ChangingEngine,
) -> None:
    podman.run(NAME, BUSYBOX, "sleep", "100")
    stop = threading.Event()
    stop.set()
    expected = expectation(
        changing.containers.inspect(NAME),
        ("tcp/1",),
        60,
    )
    wait = Wait(
        changing.containers,
        NAME,
        expected,
        files=LocalFiles(),
        stop=stop,
    )
    with pytest.raises(KeyboardInterrupt):
        wait.outcome()


def test_a_probe_ends_with_all_that_it_started() -> None:
    result = run_probe("sleep 1234 & wait", 0.3)
    assert result.why == "it did not end within 0.3 s"
