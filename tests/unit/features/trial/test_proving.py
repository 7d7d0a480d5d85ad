"""What the kernel says of the final twin decides what counts as kept."""

import threading
from collections.abc import Callable
from unittest.mock import MagicMock

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import container
from hardentui.features.change.probe import ProbeResult
from hardentui.features.change.wait import Expectation, Readiness, Wait
from hardentui.features.checklists.loading import load
from hardentui.features.trial.baseline import BaselineSeen, Stopped, stop_limit
from hardentui.features.trial.configuration import CapabilityBack, TrialConfiguration, TwinPlanner
from hardentui.features.trial.relax import Relaxer, Settled
from hardentui.features.trial.request import Tools, TrialRequest
from hardentui.features.trial.rounds import Rounds, Tried
from hardentui.features.trial.trial_record import asked_of, recorded
from hardentui.harden.plan import make_plan
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Verdict, failed, passed
from hardentui.model.known import NOT_READ
from hardentui.model.plan import Choice, Plan
from hardentui.model.trial import Baseline, How, Result, Trial
from hardentui.options import CAP_ADD

CHECKLIST, CHECKS = load(""), tuple(all_checks())
MEMORY = Choice("no-memory-limit", (("memory", "64m"),))
PRIVILEGES = Choice("new-privileges-allowed")


def _plan(facts: ContainerFacts, choices: tuple[Choice, ...]) -> Plan:
    return make_plan(facts, choices, CHECKS, CHECKLIST)


def _rounds(
    facts: ContainerFacts,
    expected: Expectation,
    *choices: Choice,
    stop_seconds: float | None = None,
    tools: Tools | None = None,
) -> Rounds:
    """Rounds on a stage whose twins are always ready."""
    stage = MagicMock(
        facts=facts,
        files=None,
        request=TrialRequest(facts, choices),
    )
    stage.wait.return_value = Readiness(True, expected.how, 0.1)
    stage.tools = tools or MagicMock(profile=lambda: NOT_READ)
    baseline = Baseline(True, expected.how, 0.1)
    seen = BaselineSeen(
        baseline,
        facts,
        expected,
        stop_seconds=stop_seconds,
    )
    return Rounds(stage, TwinPlanner(facts, _plan), seen)


def _recorded(effective: dict[str, Verdict], *skipped: tuple[str, str]) -> Trial:
    """The record of a trial whose final twin is judged so."""
    facts = container()
    tools = Tools(
        changing=MagicMock(),
        files=None,
        look=lambda document: facts,
        make_plan=_plan,
        judge=lambda check, twin: effective[check],
        on_event=lambda event: None,
        stop=threading.Event(),
    )
    rounds = _rounds(facts, Expectation(How.ALIVE), tools=tools)
    record = Trial(
        container="web",
        result=Result.WORKS,
        baseline=Baseline(True, How.ALIVE, 0.1),
    )
    settled = Settled(
        TrialConfiguration((PRIVILEGES, MEMORY)),
        {},
        (),
    )
    return recorded(record, settled, rounds, skipped)


def test_a_change_without_effect_is_told_and_does_not_count() -> None:
    verdicts = {
        PRIVILEGES.check: passed("NoNewPrivs 1"),
        MEMORY.check: failed("memory.max is max"),
    }
    trial = _recorded(
        verdicts,
        ("writable-rootfs", "a tmpfs would hide its programs"),
    )
    assert trial.result is Result.WORKS
    assert {kept.check for kept in trial.kept} == {PRIVILEGES.check}
    untried, left = sorted(trial.left_out, key=lambda left: left.check != "writable-rootfs")
    assert untried.reason == "a tmpfs would hide its programs", (
        "also what was left out before the start"
    )
    assert (left.check, left.reason) == (MEMORY.check, "it has no effect on this host")
    assert {change.option for change in trial.options} == {"no-new-privileges"}
    assert {proof.check: proof.status for proof in trial.proof} == {
        PRIVILEGES.check: "pass",
        MEMORY.check: "fail",
    }


def test_where_nothing_has_an_effect_nothing_works() -> None:
    trial = _recorded(
        {
            PRIVILEGES.check: failed("NoNewPrivs 0"),
            MEMORY.check: failed("memory.max is max"),
        }
    )
    assert trial.result is Result.NOTHING_WORKS
    assert (trial.kept, trial.options) == ((), ())


def test_a_twin_that_ignores_the_stop_signal_is_waited_for_once() -> None:
    """Ten seconds for each of five twins would be most of a trial."""
    stage = MagicMock()
    stage.facts = container()
    assert stop_limit(stage, None) == 1
    assert stop_limit(stage, 8.0) == 10


@pytest.mark.parametrize("answered", [True, False])
def test_what_the_user_wrote_is_the_answer_and_more_is_asked(
    monkeypatch: pytest.MonkeyPatch,
    answered: bool,
) -> None:
    """Without CAP_KILL an init has to be killed: the user's list stays, and the record asks for
    KILL."""
    keep = Choice("default-capabilities-kept", (("keep", ("CHOWN", "SETUID")),))
    monkeypatch.setattr(
        "hardentui.features.trial.rounds.stop", lambda *_: Stopped(9.0, killed=True)
    )
    rounds = _rounds(
        container(), Expectation(How.PORTS), *((keep,) if answered else ()), stop_seconds=0.2
    )
    settled = Relaxer(rounds).settle(TrialConfiguration((keep,)))
    kept = rounds.planner.spec(settled.configuration)[CAP_ADD]
    if not answered:
        assert settled.configuration.choices == () or "CAP_KILL" in kept
        return
    assert kept == ("CAP_CHOWN", "CAP_SETUID")
    (asked,) = asked_of(settled.configuration, rounds)
    assert asked.check == "default-capabilities-kept"
    assert "CAP_KILL" in asked.options[0].after
    assert "does not stop within" in asked.why


def test_an_engine_that_is_slow_to_stop_says_nothing_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a busy host the unchanged twin took longer than the limit, and was not killed."""
    monkeypatch.setattr(
        "hardentui.features.trial.rounds.stop", lambda *_: Stopped(13.0, killed=True)
    )
    choice = Choice("new-privileges-allowed")
    rounds = _rounds(container(), Expectation(How.PORTS), choice, stop_seconds=12.6)
    assert rounds.run(TrialConfiguration((choice,)), "").ready
    slower = _rounds(container(), Expectation(How.PORTS), choice, stop_seconds=0.2)
    assert not slower.run(TrialConfiguration((choice,)), "").ready


@pytest.mark.parametrize(
    "needed",
    [{"CAP_FOWNER"}, {"CAP_FSETID", "CAP_SETFCAP"}],
)
@pytest.mark.parametrize("kept", [(), ("CHOWN", "SETUID")])
def test_after_a_failure_without_evidence_only_what_it_needs_comes_back(
    monkeypatch: pytest.MonkeyPatch,
    needed: set[str],
    kept: tuple[str, ...],
) -> None:
    rounds = _rounds(
        container(),
        Expectation(How.PORTS),
        stop_seconds=0.2,
    )

    def run(
        configuration: TrialConfiguration,
        purpose: str,
        *,
        watched: bool = False,
    ) -> Tried:
        works = not needed & rounds.planner.dropped_capabilities(configuration)
        return Tried(configuration, works, "" if works else "it ended")

    monkeypatch.setattr(rounds, "run", run)
    choice = Choice("default-capabilities-kept", (("keep", kept),) if kept else ())
    settled = Relaxer(rounds).settle(TrialConfiguration((choice,)))
    assert set(settled.configuration.loosenings) == {CapabilityBack(name) for name in needed}
    assert all("without" in why for why in settled.why.values())


REFUSED = "chown: Operation not permitted"


@pytest.mark.parametrize(
    ("before", "now", "seconds", "waited"),
    [
        ("", f"12:05 {REFUSED}", 0.5, 2),
        ("", f"12:05 {REFUSED}", 20.0, 30),
        (f"12:00 {REFUSED}", f"12:05 {REFUSED}", 0.5, 100),
        ("", "ready", 0.5, 100),
    ],
    ids=["refused", "refused, and slow", "refused also before", "nothing"],
)
def test_a_twin_that_says_what_it_is_refused_is_not_waited_for_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    now: str,
    seconds: float,
    waited: int,
) -> None:
    time = [0]
    containers, stop, stage, twin = MagicMock(), MagicMock(), MagicMock(), MagicMock()
    for module in ("change.wait", "trial.rounds"):
        monkeypatch.setattr(
            f"hardentui.features.{module}.monotonic",
            lambda: time[-1],
        )
    containers.inspect.return_value = {"State": {"Status": "running", "Pid": 1}}
    stop.wait.side_effect = lambda _: time.append(len(time))
    twin.log.return_value = now

    def wait(
        _: object,
        expected: Expectation,
        *,
        is_hopeless: Callable[[], bool],
    ) -> Readiness:
        probe = ProbeResult("false", "it fails")
        given = Wait(
            containers,
            "web",
            expected,
            files=None,
            run_probe=lambda *_: probe,
            is_hopeless=is_hopeless,
            stop=stop,
        )
        return given.outcome()

    stage.wait = wait
    expected = Expectation(
        How.PORTS,
        patience=100,
        probes=("false",),
    )
    planner = TwinPlanner(container(), _plan)
    seen = BaselineSeen(
        Baseline(True, How.PORTS, seconds),
        container(),
        expected,
        log=before,
    )
    rounds = Rounds(stage, planner, seen)
    assert rounds.lead(twin)[0].endswith(f"waited {waited} s")
