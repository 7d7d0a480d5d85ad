"""A trial from its first twin to its record."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from msgspec.structs import replace

from hardentui.engine.change.copying import Pieces
from hardentui.errors import EngineError
from hardentui.features.looking.stack import in_start_order
from hardentui.features.trial import results
from hardentui.features.trial.baseline import BaselineSeen, needed, run_baseline
from hardentui.features.trial.configuration import (
    CapabilityBack,
    Lesson,
    Tools,
    TrialConfiguration,
    TrialRequest,
    TwinPlanner,
)
from hardentui.features.trial.learned.can_ask import CanAsk, can_ask, keeping, left_to_decide, widened
from hardentui.features.trial.learned.programs import read_programs
from hardentui.features.trial.learned.started import Reached, reached
from hardentui.features.trial.learned.system_calls import RISKY, calls_let_through, narrow_profile
from hardentui.features.trial.learned.teaching import Needs, informed, taught
from hardentui.features.trial.life import RELOAD, RESTART, ROTATION, Stage
from hardentui.features.trial.observe.watch import Watch
from hardentui.features.trial.relax import Relaxer, Settled
from hardentui.features.trial.rounds import Rounds, held_by, learn, stop
from hardentui.features.trial.twins import remove_leftovers
from hardentui.harden.remedy import spec_diff
from hardentui.lib.observer.records import CallLog
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Status
from hardentui.model.known import Unread
from hardentui.model.network import compose_project
from hardentui.model.plan import Choice
from hardentui.model.trial import (
    Baseline,
    Decision,
    How,
    LeftOut,
    NotExercised,
    OnTrialEvent,
    OptionChange,
    Proof,
    Result,
    Trial,
    TrialEvent,
    TrialStep,
)
from hardentui.options import HEALTH_CMD, MOUNTS, SECCOMP_PROFILE
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.options.table import given_explicitly
from hardentui.reading.behaviour import command_of
from hardentui.reading.containers import image_config, section
from hardentui.reading.mounts import at_or_above
from hardentui.visible import visible
from hardentui.writers.context import needed_containers
from hardentui.writers.profiles import profile_text


def lasting(settled: Settled, rounds: Rounds, relaxer: Relaxer, tools: Tools) -> Settled:
    """What of it works through the life of the service. From here on every round is thorough."""
    rounds.thorough = True
    if not settled.configuration.choices:
        return settled
    tools.on_event(TrialEvent(TrialStep.RESTART, "leading a twin through clients, reload, stop and restart"))
    tried = rounds.run(settled.configuration, "the life of the service")
    if tried.ready:
        return settled
    if why := rounds.unchanged():
        rounds.thorough = False
        why = f"the unchanged twin fails too: {why}"
        of_restart = why if rounds.restarts else f"{why}; once stopped, the original may not start again"
        parts = ((RELOAD, why), (ROTATION, why), (RESTART, of_restart))
        rounds.missing = tuple(NotExercised(part, reason) for part, reason in parts)
        return settled
    return relaxer.settle(settled.configuration, tried)


_A_MOMENT = 0.2
_OF_PROFILE = ("weak-seccomp-profile", "nested-user-namespaces", "open-socket-families")
"""The checks that prove a learned profile, whether or not they were among the chosen fixes."""


def recorded(
    record: Trial,
    settled: Settled,
    rounds: Rounds,
    tools: Tools,
    skipped: tuple[tuple[str, str], ...],
    *,
    profile: str = "",
) -> Trial:
    """The record. `profile`: the future path of the learned profile, of which the twins had a copy."""
    planner = rounds.planner
    configuration, proof, effectless = _proven(settled.configuration, rounds, tools)
    plan = planner.plan(configuration.choices)
    spec = planner.spec(replace(configuration, profile=profile if configuration.profile else ""))
    loose = planner.loosened_checks(configuration)
    left_out = [*settled.left_out, *effectless, *(LeftOut(check, why) for check, why in skipped)]
    works = bool(configuration.choices or configuration.profile) and spec != planner.facts.spec
    return replace(
        record,
        result=Result.WORKS if works else Result.NOTHING_WORKS,
        rounds=tuple(rounds.records),
        kept=results.kept(plan, spec, loose),
        relaxed=results.relaxed(planner, configuration, settled.why, spec),
        left_out=tuple(left_out),
        not_tried=results.not_tried(plan),
        proof=proof,
        options=results.option_changes(plan, spec),
        fixes=results.fixes(configuration.choices),
        decide=(*record.decide, *asked_of(configuration, rounds)),
        exercised=rounds.exercised,
        not_exercised=(*rounds.missing, *rounds.habits.not_exercised),
        sure=_sure(record, rounds),
    )


def asked_of(configuration: TrialConfiguration, rounds: Rounds) -> tuple[Decision, ...]:
    """CAP_KILL, if the user's answer leaves it out and the twin had to be killed."""
    if not rounds.slow_stop or "CAP_KILL" not in rounds.planner.dropped_capabilities(configuration):
        return ()
    spec = rounds.planner.spec(configuration)
    back = rounds.planner.spec(configuration.with_(CapabilityBack("CAP_KILL")))
    changes = tuple(OptionChange(d.option.name, d.before, d.after) for d in spec_diff(spec, back))
    return (Decision("default-capabilities-kept", changes, rounds.slow_stop),)


def _proven(
    configuration: TrialConfiguration, rounds: Rounds, tools: Tools
) -> tuple[TrialConfiguration, tuple[Proof, ...], tuple[LeftOut, ...]]:
    """What the kernel enforces on the final twin. A change without effect is not counted."""
    if not configuration.choices and not configuration.profile:
        return configuration, (), ()
    planner = rounds.planner
    tools.on_event(
        TrialEvent(
            TrialStep.PROOF, "checking what the kernel enforces on the twin", changes=configuration.checks
        )
    )
    try:
        with rounds.stage.twin(planner.spec(configuration)) as twin:
            outcome = rounds.start(twin, settle=_A_MOMENT)  # earlier rounds judged whether it stays
            document = twin.document() if outcome.ready else None
            facts = tools.look(document) if document else None
    except EngineError as error:
        return configuration, tuple(Proof(c, "unknown", error.title) for c in configuration.checks), ()
    if facts is None:
        return configuration, tuple(Proof(c, "unknown", outcome.why) for c in configuration.checks), ()
    untried = {change.check for change in results.not_tried(planner.plan(configuration.choices))}
    loose = planner.loosened_checks(configuration)
    proof: list[Proof] = []
    effectless: list[LeftOut] = []
    of_profile = [check for check in _OF_PROFILE if configuration.profile and check not in untried]
    for check in dict.fromkeys((*configuration.checks, *of_profile)):
        if check in untried:
            continue
        verdict = tools.judge(check, facts)
        effective = verdict.effective or verdict.declared or verdict.reason
        proof.append(Proof(check, verdict.status.value, effective))
        if verdict.status is Status.FAIL and check in configuration.checks and check not in loose:
            effectless.append(LeftOut(check, "it has no effect on this host", effective or verdict.reason))
    for left in effectless:
        configuration = configuration.without(left.check)
        tools.on_event(TrialEvent(TrialStep.PROOF, f"{left.check}: {left.reason}", left_out=left))
    return configuration, tuple(proof), tuple(effectless)


def _sure(record: Trial, rounds: Rounds) -> str:
    """How much a trial of this kind proves."""
    if rounds.expected.probes:
        return "Every probe answered on the hardened twin."
    if rounds.expected.how is How.HEALTH:
        return "Its health check passed on the hardened twin."
    if rounds.expected.how is How.PORTS:
        ports = ", ".join(sorted(rounds.expected.ports))
        return f"The hardened twin listens on {ports}; only a probe can show whether it answers."
    if record.baseline.how is How.ALIVE and rounds.judges_work:
        return "The hardened twin did its work and exited successfully."
    return "The hardened twin stayed alive. Only a probe can show whether it does its work."


_MOST_TRIES = 4


class Enforcer:
    """Tries the profile on twins; a context manager around everything that uses its files."""

    def __init__(self, lesson: Lesson, rounds: Rounds, on_event: OnTrialEvent) -> None:
        self._lesson, self._rounds, self._on_event = lesson, rounds, on_event
        self._directory = ""
        self._files = 0

    def __enter__(self) -> Enforcer:
        self._directory = tempfile.mkdtemp(prefix="hardentui-")
        os.chmod(self._directory, 0o711)  # noqa: S103 - the engine of another account must reach it
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def at_once(self, configuration: TrialConfiguration, needs: Needs) -> results.Enforced:
        """The same in one round, which also leads a twin through its life: most services need no other."""
        self._rounds.thorough = True
        text = "leading a twin through clients, reload, stop and restart"
        self._on_event(TrialEvent(TrialStep.RESTART, text))
        return self.enforce(configuration, needs, tries=1)

    def enforce(
        self, configuration: TrialConfiguration, needs: Needs, tries: int = _MOST_TRIES
    ) -> results.Enforced:
        """The configuration with the profile; without it if no twin works with it."""
        base = self._lesson.base
        if isinstance(base, Unread):
            return results.Enforced(configuration, why=base.reason)
        if needs.calls is None:
            return results.Enforced(
                configuration, why=needs.unknown.get("calls", "its system calls were not seen")
            )
        facts = self._rounds.planner.facts
        held = held_by(facts, self._rounds.planner.spec(configuration))
        allowed, added, why = needs.calls, set[str](), ""
        for number in range(1, tries + 1):
            document = narrow_profile(base, allowed, held)
            profiled = replace(configuration, profile=self._written(document))
            tried = self._rounds.run(profiled, "with the learned seccomp profile")
            if tried.ready:
                through = calls_let_through(document, held, allowed.native)
                before = calls_let_through(base, held, allowed.native)
                return results.Enforced(profiled, document, len(through), len(before), tuple(sorted(added)))
            why = tried.why
            if number == tries:
                break
            refused = self._refused(configuration, document, held)
            new = (refused & calls_let_through(base, held, allowed.native)) - allowed.names - RISKY
            if not new:
                break
            added |= new
            allowed = replace(allowed, names=allowed.names | new)
            self._on_event(
                TrialEvent(TrialStep.ROUND, f"the profile refuses {', '.join(sorted(new))}: allowed")
            )
        return results.Enforced(configuration, why=f"it does not work with it: {why}")

    def _refused(
        self, configuration: TrialConfiguration, document: Mapping[str, Any], held: frozenset[str]
    ) -> frozenset[str]:
        """The calls that the profile denies a twin, as seen by a supervisor that answers like it."""
        rounds = self._rounds
        watch = Watch(document, held, account=rounds.stage.changing.account(), files=rounds.stage.files)
        try:
            watch.open()
            spec = rounds.planner.spec(configuration).with_(SECCOMP_PROFILE, watch.profile_path)
            with rounds.stage.twin(spec, copy_volumes=True) as twin:
                rounds.lead(twin, lambda twin: watch.attach(twin.init()))
                stop(rounds.stage, twin, 1)
            log = watch.finish().calls
        except EngineError:
            return frozenset()
        finally:
            watch.close()
        if not isinstance(log, CallLog):
            return frozenset()
        return frozenset(call.name for call in log.calls if call.refused)

    def _written(self, document: Mapping[str, Any]) -> str:
        self._files += 1
        path = os.path.join(self._directory, f"seccomp-{self._files}.json")
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(profile_text(document))
        return path


_READ_LIMIT = 600.0


def asked(facts: ContainerFacts, stage: Stage, tools: Tools) -> CanAsk:
    """What the container's programs can ask for; what could not be read is told in `unknown`."""
    tools.on_event(TrialEvent(TrialStep.PREPARING, "reading its programs"))
    command = command_of(facts)
    try:
        with stage.twin(facts.spec) as twin:
            pieces = tools.changing.containers.export(twin.id, seconds=_READ_LIMIT)
            source = io.BufferedReader(Pieces(pieces), 1 << 20)
            programs = read_programs(source, command, tools.stop.is_set)
    except EngineError as error:
        return can_ask(Reached({}, {"its files": error.title.rstrip(".")}), facts)
    health = str(facts.spec[HEALTH_CMD] or "")
    mounts = {mount.destination for mount in facts.spec[MOUNTS]}
    mounts |= anonymous_volumes(facts.inspect, {}).keys()
    started = reached(
        programs, command, (health,), path=_path(facts), elsewhere=_mounted(facts), mounts=mounts
    )
    return can_ask(started, facts)


def _path(facts: ContainerFacts) -> str:
    variables = [str(word) for word in image_config(facts).get("Env") or ()]
    return next((word.partition("=")[2] for word in variables if word.startswith("PATH=")), "")


def _mounted(facts: ContainerFacts) -> str:
    """The mount that its working directory is in."""
    directory = str(section(facts.inspect, "Config").get("WorkingDir") or "/")
    places = (mount.destination for mount in facts.spec[MOUNTS])
    return next((place for place in places if directory != "/" and at_or_above(place, directory)), "")


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
    request = with_peers(request, tools, " ".join(request.wishes.probes))
    record = _on_stage(request, tools)
    if record.result is Result.BASELINE_FAILS and request.company:
        more = with_peers(request, tools, record.baseline.log, project=True)
        record = _on_stage(more, tools) if more.peers != request.peers else record
    record = replace(record, seconds=round(monotonic() - begun, 1))
    tools.on_event(TrialEvent(TrialStep.DONE, record.result.value, record.seconds))
    return record


def with_peers(request: TrialRequest, tools: Tools, text: str, *, project: bool = False) -> TrialRequest:
    """With those of its company that it needs.

    Args:
        text: where their names may be.
        project: with the rest of its compose project, if it names nobody else.
    """
    facts, company = request.facts, request.company
    given = {peer.id for peer in request.peers}
    peers = [peer for peer in needed(facts, company, text) if peer.id not in given]
    if project and not peers:
        own = compose_project(facts.labels)
        same = (other for other in company if own and compose_project(other.labels) == own)
        able = (other for other in same if facts.name not in needed_containers(other.spec))
        peers = [other for other in in_start_order(tuple(able)) if other.id not in given]
    if peers:
        names = visible(", ".join(peer.name for peer in peers), 200)
        tools.on_event(TrialEvent(TrialStep.BASELINE, f"twins of {names} run beside it"))
    return replace(request, peers=(*request.peers, *peers))


def _on_stage(request: TrialRequest, tools: Tools) -> Trial:
    stage = Stage(request, tools)
    try:
        tools.on_event(TrialEvent(TrialStep.PREPARING, "creating the network of the twins"))
        stage.open()
        return _tried(request, tools, stage)
    finally:
        stage.close()


def _tried(request: TrialRequest, tools: Tools, stage: Stage) -> Trial:
    facts = request.facts
    blank = Trial(
        container=facts.name,
        result=Result.BASELINE_FAILS,
        baseline=Baseline(False, How.ALIVE, 0.0),
        probes=request.wishes.probes,
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
        log=seen.log,
        answered=any(choice.check == _CAPABILITIES and choice.parameters for choice in request.choices),
    )
    relaxer = Relaxer(rounds, planner, tools.on_event, tight=request.wishes.tight)
    ask = asked(request.facts, stage, tools) if _asks(request) else None
    choices = request.choices if ask is None else keeping(request.choices, ask, needs, seen.facts)
    choices = choices if needs is None else taught(choices, needs, planner)
    if ask is not None and not request.named:
        choices, questions = left_to_decide(choices, ask, planner)
        record = replace(record, decide=questions)
    plan = planner.plan(_strictest(choices, rounds) if request.wishes.tight else choices)
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
        given = given_explicitly(request.facts.spec)
        learned = results.learned_record(needs, ask, enforced, given=given, path=path)
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
    return not request.wishes.tight and (
        request.lesson is not None or Choice(_CAPABILITIES) in request.choices
    )


def _strictest(choices: Sequence[Choice], rounds: Rounds) -> tuple[Choice, ...]:
    """The tight choices; no capability is kept on a guess if something shows whether it works without."""
    if not rounds.judges_work:
        return tuple(choices)
    return tuple(
        Choice(choice.check, (("keep", ()),)) if choice == Choice(_CAPABILITIES) else choice
        for choice in choices
    )
