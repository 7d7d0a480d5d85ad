"""A trial from its first twin to its record."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import ChangeFailed
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.plan import Choice
from hardentui.model.trial import (
    Baseline,
    How,
    Result,
    Trial,
    TrialEvent,
    TrialStep,
)
from hardentui.readiness.expectation import ALIVE, Expectation, expectation
from hardentui.readiness.ports import ports_of
from hardentui.readiness.wait import Readiness
from hardentui.trial.configuration import Configuration, TwinPlanner, WritableFolder
from hardentui.trial.enforcing import Enforcer
from hardentui.trial.learned.needs import Needs
from hardentui.trial.learned.record import learned_record
from hardentui.trial.learned.teaching import informed, taught
from hardentui.trial.learning import learn
from hardentui.trial.leftovers import remove_leftovers
from hardentui.trial.proposing import advice_for, proposed_probe
from hardentui.trial.proving import recorded
from hardentui.trial.relax import Relaxer, Settled
from hardentui.trial.request import Tools, TrialRequest
from hardentui.trial.restart import lasting_folders, lost, restarted
from hardentui.trial.rounds import LOG_SHOWN, Rounds, stop, stop_timeout
from hardentui.trial.stage import Stage, Twin
from hardentui.writers.file_name import safe_file_name

_CAPABILITIES = "default-capabilities-kept"
_ROOT = "writable-rootfs"
_LEAST_PATIENCE = 8.0
_TIMES_AS_LONG = 6  # a twin with changes may take as many times as long as the one without


class _Seen(Struct, frozen=True):
    """What the twin without changes was, and did."""

    baseline: Baseline
    facts: ContainerFacts
    expected: Expectation
    stop_seconds: float | None = None
    ends_well: bool = False
    probe: str = ""


def run_trial(request: TrialRequest, tools: Tools) -> Trial:
    """Try fixes on twins; everything that was made is removed at the end, whatever happens.

    Raises:
        EngineError: Podman does not answer, or a peer does not work.
        KeyboardInterrupt: it was given up.
    """
    begun = monotonic()
    tools.tell(TrialEvent(TrialStep.CLEANING, "looking for what an earlier trial left behind"))
    for name in remove_leftovers(tools.changing):
        tools.tell(TrialEvent(TrialStep.CLEANING, f"removed {name}"))
    stage = Stage(
        tools.changing,
        request.facts,
        files=tools.files,
        peers=request.peers,
        members=request.members,
        outside=request.outside,
        patience=request.patience,
        stop=tools.stop,
    )
    try:
        tools.tell(TrialEvent(TrialStep.PREPARING, "making the network of the twins"))
        stage.open()
        record = _tried(request, tools, stage)
    finally:
        stage.close()
    record = replace(record, seconds=round(monotonic() - begun, 1))
    tools.tell(TrialEvent(TrialStep.DONE, record.result.value, record.seconds))
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
    seen = _baseline(request, tools, stage)
    record = replace(blank, baseline=seen.baseline, proposed_probe=seen.probe)
    if not seen.baseline.ready:
        return record
    needs = _learned(request, tools, stage, seen)
    seen = seen if needs is None else replace(seen, facts=informed(seen.facts, needs))
    planner = TwinPlanner(seen.facts, tools.make_plan)
    rounds = Rounds(
        stage,
        planner,
        seen.expected,
        request.probes,
        tools.tell,
        stop_seconds=seen.stop_seconds,
        ends_well=seen.ends_well,
    )
    relaxer = Relaxer(rounds, planner, tools.tell)
    choices = request.choices if needs is None else taught(request.choices, needs, seen.facts)
    plan = planner.plan(_strictest(choices, rounds))
    settled = relaxer.settle(Configuration(plan.choices))
    settled = _lasting(settled, rounds, relaxer, tools)
    skipped = tuple((skip.check, str(skip)) for skip in plan.skipped)
    if request.lesson is None or needs is None:
        return recorded(record, settled, rounds, tools, skipped)
    with Enforcer(request.lesson, rounds, tools.tell) as enforcer:
        enforced = enforcer.enforce(settled.configuration, needs)
        settled = replace(settled, configuration=enforced.configuration)
        path = request.lesson.profile_path
        learned = learned_record(
            needs,
            document=enforced.document,
            calls=enforced.calls,
            base_calls=enforced.base_calls,
            why=enforced.why,
            path=path,
        )
        record = replace(record, learned=learned)
        return recorded(record, settled, rounds, tools, skipped, profile=path)


def _learned(request: TrialRequest, tools: Tools, stage: Stage, seen: _Seen) -> Needs | None:
    if request.lesson is None:
        return None
    needs = learn(
        request.lesson,
        stage,
        request.facts,
        seen.expected,
        request.probes or ((seen.probe,) if seen.probe else ()),
        tools.look,
        tools.tell,
        ends_well=seen.ends_well,
    )
    tools.keep(needs)
    return needs


# --- without changes --------------------------------------------------------------------------------


def _baseline(request: TrialRequest, tools: Tools, stage: Stage) -> _Seen:
    """The twin without changes: what it lacks, or how it works, listens, writes and stops."""
    facts = request.facts
    tools.tell(TrialEvent(TrialStep.BASELINE, "starting a twin without any change"))
    ends_well = _is_job(facts) and not request.probes  # nobody asks something of what has ended
    known = ports_of(facts.kernel.listening) if isinstance(facts.kernel, Kernel) else frozenset()
    expected = expectation(facts.inspect, known, request.patience)
    log = ""
    lacks: tuple[str, ...] = ()
    try:
        with stage.twin(facts.spec) as twin:
            lacks = twin.lacks
            twin.start()
            outcome = stage.wait(twin, expected, request.probes, ends_well=ends_well)
            log = twin.log()[-LOG_SHOWN:]
            if outcome.ready:
                seen = _observed(request, tools, stage, twin, outcome, expected)
                ended = outcome.exit_code is not None
                return replace(seen, baseline=replace(seen.baseline, log=log), ends_well=ended)
    except ChangeFailed as error:
        outcome = Readiness(False, expected.how, 0.0, error.title.rstrip("."))
    advice = advice_for(facts, outcome.failed_probe, log, lacks, outside=request.outside)
    baseline = Baseline(False, outcome.how, round(outcome.seconds, 2), outcome.why, advice, log=log)
    tools.tell(TrialEvent(TrialStep.BASELINE, f"it does not work even without changes: {outcome.why}"))
    return _Seen(baseline, facts, expected)


def _observed(
    request: TrialRequest, tools: Tools, stage: Stage, twin: Twin, outcome: Readiness, expected: Expectation
) -> _Seen:
    """What a twin that works does."""
    facts = request.facts
    probe = ""
    stopped = None
    patience = min(request.patience, max(_LEAST_PATIENCE, _TIMES_AS_LONG * outcome.seconds))
    if outcome.exit_code is None:
        seen = tools.look(twin.document())
        listening = ports_of(seen.kernel.listening) if isinstance(seen.kernel, Kernel) else frozenset()
        if expected.how is How.ALIVE and listening:
            expected = expectation({}, listening)
        facts = _informed(facts, seen)
        if not request.probes and expected.how is not How.HEALTH and tools.files is not None:
            probe = proposed_probe(twin, sorted(listening))
        stopped = stop(stage, twin, stop_timeout(stage))
    else:
        facts = _informed(facts, tools.look(twin.document()))
        expected = Expectation(How.ALIVE, settle=min(ALIVE, request.patience))
    stop_seconds = stopped.seconds if stopped and not stopped.killed else None
    took = round(stopped.seconds, 2) if stopped else 0.0
    baseline = Baseline(True, outcome.how, round(outcome.seconds, 2), stop_seconds=took)
    tools.tell(
        TrialEvent(TrialStep.BASELINE, f"it works without changes ({outcome.how.value})", outcome.seconds)
    )
    expected = replace(expected, patience=patience)
    return _Seen(baseline, facts, expected, stop_seconds=stop_seconds, probe=probe)


def _informed(facts: ContainerFacts, seen: ContainerFacts) -> ContainerFacts:
    """The container with what its twin was seen to write; of one that does not run, all that was seen."""
    changes = facts.changes
    if isinstance(seen.changes, tuple):
        known = changes if isinstance(changes, tuple) else ()
        paths = {change.path for change in known}
        changes = (*known, *(change for change in seen.changes if change.path not in paths))
    kernel = facts.kernel if isinstance(facts.kernel, Kernel) else seen.kernel
    return replace(facts, changes=changes, kernel=kernel)


def _is_job(facts: ContainerFacts) -> bool:
    """It has ended by itself, without a fault, and nothing starts it again: it is not meant to stay."""
    state = facts.inspect.get("State") or {}
    policy = ((facts.inspect.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "no"
    ended = state.get("Status") == "exited" and int(state.get("ExitCode") or 0) == 0
    return bool(ended and policy == "no" and not facts.labels.get("PODMAN_SYSTEMD_UNIT"))


def _strictest(choices: Sequence[Choice], rounds: Rounds) -> tuple[Choice, ...]:
    """The choices; no capability is kept on a guess where something tells whether it works without."""
    if not rounds.judges_work:
        return tuple(choices)
    return tuple(
        Choice(choice.check, (("keep", ()),)) if choice == Choice(_CAPABILITIES) else choice
        for choice in choices
    )


# --- what outlives a restart ------------------------------------------------------------------------


def _lasting(settled: Settled, rounds: Rounds, relaxer: Relaxer, tools: Tools) -> Settled:
    """With a volume for each folder whose content has to outlive a restart, and known to restart at all."""
    planner = rounds.planner
    spec, original = planner.spec(settled.configuration), planner.facts.spec
    if not settled.configuration.choices or spec == original:
        return settled
    folders = lasting_folders(spec, original)
    tools.tell(TrialEvent(TrialStep.RESTART, "restarting a twin to see what has to outlive that"))
    hardened = restarted(rounds, spec, folders)
    if not folders and not hardened.why:
        return settled
    unchanged = restarted(rounds, original, folders)
    if unchanged.why:
        return settled  # it cannot be restarted as it is
    files = lost(folders, unchanged, hardened) if not hardened.why else dict.fromkeys(folders, "")
    if not files and not hardened.why:
        return settled
    stem = safe_file_name(planner.facts.name)
    why = dict(settled.why)
    configuration = settled.configuration
    for folder, path in files.items():
        volume = WritableFolder(folder, f"{stem}{folder.replace('/', '-')}"[:200])
        configuration = configuration.with_(volume)
        why[volume] = f"a restart loses {path}" if path else f"it does not restart: {hardened.why}"
        tools.tell(TrialEvent(TrialStep.RESTART, f"{volume.words}: {why[volume]}"))
    if files and not (again := restarted(rounds, planner.spec(configuration), folders)).why:
        return Settled(configuration, why, settled.left_out)
    reason = again.why if files else hardened.why
    return _without_read_only(settled, rounds, relaxer, reason)


def _without_read_only(settled: Settled, rounds: Rounds, relaxer: Relaxer, why: str) -> Settled:
    """It does not restart with what was found: without a read-only root it is to be seen once more."""
    configuration = settled.configuration.without(_ROOT)
    if configuration != settled.configuration:
        relaxer.leave_out(_ROOT, f"it does not work after a restart: {why}")
    again = relaxer.settle(configuration)
    if restarted(rounds, rounds.planner.spec(again.configuration), ()).why:
        for check in again.configuration.checks:
            relaxer.leave_out(check, f"it does not work after a restart: {why}")
        again = Settled(Configuration(()), {}, again.left_out)
    return again
