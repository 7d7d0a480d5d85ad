"""A trial from its first twin to its record."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from msgspec.structs import replace

from hardentui.model.plan import Choice
from hardentui.model.trial import (
    Baseline,
    How,
    Result,
    Trial,
    TrialEvent,
    TrialStep,
)
from hardentui.options.capabilities import given_explicitly
from hardentui.trial.asking import asked
from hardentui.trial.baseline import BaselineSeen, run_baseline
from hardentui.trial.configuration import TrialConfiguration, TwinPlanner
from hardentui.trial.enforcing import Enforcer
from hardentui.trial.lasting import lasting
from hardentui.trial.learned.can_ask import keeping, widened
from hardentui.trial.learned.needs import Needs
from hardentui.trial.learned.record import learned_record
from hardentui.trial.learned.teaching import informed, taught
from hardentui.trial.learning import learn
from hardentui.trial.leftovers import remove_leftovers
from hardentui.trial.proving import recorded
from hardentui.trial.relax import Relaxer
from hardentui.trial.request import Tools, TrialRequest
from hardentui.trial.rounds import Rounds
from hardentui.trial.stage import Stage

_CAPABILITIES = "default-capabilities-kept"


def run_trial(request: TrialRequest, tools: Tools) -> Trial:
    """Try fixes on twins; everything created is removed at the end, whatever happens.

    Raises:
        EngineError: Podman does not answer, or a peer does not work.
        KeyboardInterrupt: it was cancelled.
    """
    begun = monotonic()
    tools.on_event(TrialEvent(TrialStep.CLEANING, "looking for leftovers of earlier trials"))
    for name in remove_leftovers(tools.changing):
        tools.on_event(TrialEvent(TrialStep.CLEANING, f"removed {name}"))
    stage = Stage(request, tools)
    try:
        tools.on_event(TrialEvent(TrialStep.PREPARING, "creating the network of the twins"))
        stage.open()
        record = _tried(request, tools, stage)
    finally:
        stage.close()
    record = replace(record, seconds=round(monotonic() - begun, 1))
    tools.on_event(TrialEvent(TrialStep.DONE, record.result.value, record.seconds))
    return record


def _tried(request: TrialRequest, tools: Tools, stage: Stage) -> Trial:
    facts = request.facts
    blank = Trial(
        container=facts.name,
        result=Result.BASELINE_FAILS,
        baseline=Baseline(False, How.ALIVE, 0.0),
        probes=request.probes,
        image=facts.image_name,
        engine_version=str(facts.engine.version),
    )
    seen = run_baseline(request, tools, stage)
    record = replace(blank, baseline=seen.baseline, proposed_probe=seen.probe, lacks=seen.lacks)
    if not seen.baseline.ready:
        return record
    needs = _learned(request, tools, stage, seen)
    seen = seen if needs is None else replace(seen, facts=informed(seen.facts, needs))
    planner = TwinPlanner(seen.facts, tools.make_plan)
    rounds = Rounds(
        stage,
        planner,
        seen.expected,
        tools.on_event,
        stop_seconds=seen.stop_seconds,
        habits=seen.habits,
        answered=any(choice.check == _CAPABILITIES and choice.parameters for choice in request.choices),
    )
    relaxer = Relaxer(rounds, planner, tools.on_event, tight=request.tight)
    ask = asked(request.facts, stage, tools) if _asks(request) else None
    choices = request.choices if ask is None else keeping(request.choices, ask, needs, seen.facts)
    choices = choices if needs is None else taught(choices, needs, planner)
    plan = planner.plan(_strictest(choices, rounds) if request.tight else choices)
    settled = relaxer.settle(TrialConfiguration(plan.choices))
    skipped = tuple((skip.check, str(skip)) for skip in plan.skipped)
    if request.lesson is None or needs is None:
        return recorded(record, lasting(settled, rounds, relaxer, tools), rounds, tools, skipped)
    with Enforcer(request.lesson, rounds, tools.on_event) as enforcer:
        calls = needs.calls if needs.calls is None or ask is None else widened(needs.calls, ask)
        needed = replace(needs, calls=calls)
        enforced = enforcer.at_once(settled.configuration, needed)
        if enforced.document is None:
            settled = lasting(settled, rounds, relaxer, tools)
            enforced = enforcer.enforce(settled.configuration, needed)
        settled = replace(settled, configuration=enforced.configuration)
        path = request.lesson.profile_path
        learned = learned_record(
            needs,
            ask,
            given=given_explicitly(request.facts.spec),
            document=enforced.document,
            calls=enforced.calls,
            base_calls=enforced.base_calls,
            why=enforced.why,
            path=path,
        )
        record = replace(record, learned=learned)
        return recorded(record, settled, rounds, tools, skipped, profile=path)


def _learned(request: TrialRequest, tools: Tools, stage: Stage, seen: BaselineSeen) -> Needs | None:
    if request.lesson is None:
        return None
    expected = seen.expected
    if seen.probe and not expected.probes:
        expected = replace(expected, probes=(seen.probe,))
    needs = learn(
        request.lesson,
        stage,
        request.facts,
        expected,
        tools,
        habits=seen.habits,
        stop_seconds=seen.stop_seconds,
    )
    tools.keep(needs)
    return needs


def _asks(request: TrialRequest) -> bool:
    """Whether it matters what its programs can ask for."""
    return not request.tight and (request.lesson is not None or Choice(_CAPABILITIES) in request.choices)


def _strictest(choices: Sequence[Choice], rounds: Rounds) -> tuple[Choice, ...]:
    """The tight choices; no capability is kept on a guess if something shows whether it works without."""
    if not rounds.judges_work:
        return tuple(choices)
    return tuple(
        Choice(choice.check, (("keep", ()),)) if choice == Choice(_CAPABILITIES) else choice
        for choice in choices
    )
