"""A trial from its first twin to its record."""

from __future__ import annotations

import io
from collections.abc import Sequence
from time import monotonic

from msgspec.structs import replace

from hardentui.engine.change.copying import Pieces
from hardentui.errors import EngineError
from hardentui.features.looking.stack import in_start_order
from hardentui.features.trial import life
from hardentui.features.trial.baseline import BaselineSeen, needed, run_baseline
from hardentui.features.trial.configuration import (
    Tools,
    TrialConfiguration,
    TrialRequest,
    TwinPlanner,
)
from hardentui.features.trial.enforcing import Enforcer
from hardentui.features.trial.learned.programs import read_programs
from hardentui.features.trial.learned.started import Reached, reached
from hardentui.features.trial.learned.teaching import (
    DEFAULT_CAPABILITIES,
    CanAsk,
    can_ask,
    informed,
    keeping,
    left_to_decide,
    taught,
    widened,
)
from hardentui.features.trial.leftovers import remove_leftovers
from hardentui.features.trial.relax import Relaxer, Settled
from hardentui.features.trial.rounds import Rounds, learn
from hardentui.features.trial.stage import Stage
from hardentui.features.trial.trial_record import learned_record, recorded
from hardentui.model.network import compose_project
from hardentui.model.plan import Choice
from hardentui.model.trial import (
    NotExercised,
    Result,
    Trial,
    TrialStep,
)
from hardentui.options import *
from hardentui.options import HEALTH_CMD, MOUNTS, given_explicitly
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.reading.behaviour import command_of
from hardentui.reading.containers import image_config, section
from hardentui.reading.mounts import at_or_above
from hardentui.visible import visible
from hardentui.writers.context import needed_containers


def lasting(
    settled: Settled,
    rounds: Rounds,
    relaxer: Relaxer,
) -> Settled:
    """What of it works through the life of the service. From here on every round is thorough."""
    rounds.thorough = True
    if not settled.configuration.choices:
        return settled
    rounds.stage.tell(TrialStep.RESTART, _LED)
    tried = rounds.run(settled.configuration, "the life of the service")
    if tried.ready:
        return settled
    if why := rounds.unchanged():
        rounds.thorough = False
        why = f"the unchanged twin fails too: {why}"
        of_restart = (
            why if rounds.restarts else f"{why}; once stopped, the original may not start again"
        )
        parts = (
            (life.RELOAD, why),
            (life.ROTATION, why),
            (life.RESTART, of_restart),
        )
        rounds.missing = tuple(NotExercised(part, reason) for part, reason in parts)
        return settled
    return relaxer.settle(settled.configuration, tried)


_LED = "leading a twin through clients, reload, stop and restart"


_READ_LIMIT = 600.0


def asked(stage: Stage) -> CanAsk:
    """What the container's programs can ask for; what could not be read is told in `unknown`."""
    facts = stage.facts
    stage.tell(TrialStep.PREPARING, "reading its programs")
    command = command_of(facts)
    try:
        with stage.twin(facts.spec) as twin:
            pieces = stage.changing.containers.export(twin.id, seconds=_READ_LIMIT)
            source = io.BufferedReader(Pieces(pieces), 1 << 20)
            programs = read_programs(source, command, stage.tools.stop.is_set)
    except EngineError as error:
        return can_ask(Reached({}, {"its files": error.title.rstrip(".")}), facts)
    health = str(facts.spec[HEALTH_CMD] or "")
    mounts = {mount.destination for mount in facts.spec[MOUNTS]}
    mounts |= anonymous_volumes(facts.inspect, {}).keys()
    variables = dict(str(word).partition("=")[::2] for word in image_config(facts).get("Env") or ())
    directory = str(section(facts.inspect, "Config").get("WorkingDir") or "/")
    places = (mount.destination for mount in facts.spec[MOUNTS])
    around = (place for place in places if directory != "/" and at_or_above(place, directory))
    started = reached(
        programs,
        command,
        (health,),
        path=variables.get("PATH", ""),
        elsewhere=next(around, ""),
        mounts=mounts,
    )
    return can_ask(started, facts)


def run_trial(request: TrialRequest, tools: Tools) -> Trial:
    """Try fixes on twins; everything created is removed at the end, whatever happens.

    Raises:
        EngineError: Podman does not answer, or a peer does not work.
        KeyboardInterrupt: it was cancelled.
    """
    begun = monotonic()
    tools.tell(
        TrialStep.CLEANING,
        "looking for leftovers of earlier trials",
    )
    for name in remove_leftovers(tools.changing):
        tools.tell(TrialStep.CLEANING, f"removed {name}")
    request = with_peers(
        request,
        tools,
        " ".join(request.wishes.probes),
    )
    record = _on_stage(request, tools)
    if record.result is Result.BASELINE_FAILS and request.company:
        more = with_peers(
            request,
            tools,
            record.baseline.log,
            project=True,
        )
        record = _on_stage(more, tools) if more.peers != request.peers else record
    record = replace(record, seconds=round(monotonic() - begun, 1))
    tools.tell(
        TrialStep.DONE,
        record.result.value,
        seconds=record.seconds,
    )
    return record


def with_peers(
    request: TrialRequest,
    tools: Tools,
    text: str,
    *,
    project: bool = False,
) -> TrialRequest:
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
        tools.tell(TrialStep.BASELINE, f"twins of {names} run beside it")
    return replace(request, peers=(*request.peers, *peers))


def _on_stage(request: TrialRequest, tools: Tools) -> Trial:
    stage = Stage(request, tools)
    try:
        tools.tell(TrialStep.PREPARING, "creating the network of the twins")
        stage.open()
        seen = run_baseline(stage)
        record = Trial(
            container=stage.facts.name,
            result=Result.BASELINE_FAILS,
            baseline=seen.baseline,
            probes=request.wishes.probes,
            image=stage.facts.image_name,
            engine_version=str(stage.facts.engine.version),
            proposed_probe=seen.probe,
            lacks=seen.lacks,
        )
        return _tried(stage, seen, record) if seen.baseline.ready else record
    finally:
        stage.close()


def _tried(
    stage: Stage,
    seen: BaselineSeen,
    record: Trial,
) -> Trial:
    """The record of a trial whose unchanged twin works."""
    request, tools = stage.request, stage.tools
    tight, needs = request.wishes.tight, None
    if request.wishes.learn:
        needs = learn(stage, seen)
        tools.keep(needs)
        seen = replace(seen, facts=informed(seen.facts, needs))
    planner = TwinPlanner(seen.facts, tools.make_plan)
    rounds = Rounds(stage, planner, seen)
    relaxer = Relaxer(rounds)
    asks = not tight and (needs is not None or Choice(DEFAULT_CAPABILITIES) in request.choices)
    ask = asked(stage) if asks else None
    choices = (
        request.choices
        if ask is None
        else keeping(
            request.choices,
            ask,
            needs,
            seen.facts,
        )
    )
    choices = choices if needs is None else taught(choices, needs, planner)
    if ask is not None and not request.named:
        choices, questions = left_to_decide(choices, ask, planner)
        record = replace(record, decide=questions)
    plan = planner.plan(_strictest(choices, rounds) if tight else choices)
    settled = relaxer.settle(TrialConfiguration(plan.choices))
    skipped = tuple((skip.check, str(skip)) for skip in plan.skipped)
    if needs is None:
        return recorded(
            record,
            lasting(settled, rounds, relaxer),
            rounds,
            skipped,
        )
    with Enforcer(rounds) as enforcer:
        calls = needs.calls if needs.calls is None or ask is None else widened(needs.calls, ask)
        needed = replace(needs, calls=calls)
        # one round for its life and its profile: most services need no other
        rounds.thorough = True
        stage.tell(TrialStep.RESTART, _LED)
        enforced = enforcer.enforce(settled.configuration, needed, tries=1)
        if enforced.document is None:
            settled = lasting(settled, rounds, relaxer)
            enforced = enforcer.enforce(settled.configuration, needed)
        settled = replace(settled, configuration=enforced.configuration)
        path = request.wishes.learn
        given = given_explicitly(request.facts.spec)
        record = replace(
            record,
            learned=learned_record(
                needs,
                ask,
                enforced,
                given=given,
                path=path,
            ),
        )
        return recorded(
            record,
            settled,
            rounds,
            skipped,
            profile=path,
        )


def _strictest(
    choices: Sequence[Choice],
    rounds: Rounds,
) -> tuple[Choice, ...]:
    """The tight choices; no capability is kept on a guess if something shows whether it works
    without."""
    plain = Choice(DEFAULT_CAPABILITIES)
    if not rounds.judges_work:
        return tuple(choices)
    return tuple(
        replace(plain, parameters=(("keep", ()),)) if each == plain else each for each in choices
    )
