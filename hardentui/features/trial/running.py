"""A trial from its first twin to its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from time import monotonic
from typing import Any

from msgspec.structs import replace

from hardentui.errors import EngineError, OriginalSuffers
from hardentui.features.change.guard import guarded_by
from hardentui.features.change.wait import OUT_OF_MEMORY
from hardentui.features.looking.stack import in_start_order
from hardentui.features.sections import size_text
from hardentui.features.trial import life
from hardentui.features.trial.baseline import (
    MISSING_HEALTH_CHECK,
    BaselineSeen,
    needed,
    run_baseline,
)
from hardentui.features.trial.budget import NoRoom
from hardentui.features.trial.configuration import TrialConfiguration, TwinPlanner
from hardentui.features.trial.enforcing import Enforced, Enforcer
from hardentui.features.trial.engine_hooks import hooks_of_twins
from hardentui.features.trial.learned.can_ask import (
    CanAsk,
    can_ask,
    foreign_place,
    keeping,
    left_to_decide,
    widened,
)
from hardentui.features.trial.learned.compiled_places import late_writes, not_read
from hardentui.features.trial.learned.first_use import (
    first_uses,
    named_by_variables,
    not_used,
    with_settings,
    written_by_programs,
)
from hardentui.features.trial.learned.needs import Needs
from hardentui.features.trial.learned.programs import Programs
from hardentui.features.trial.learned.started import Reached, reached
from hardentui.features.trial.learned.teaching import DEFAULT_CAPABILITIES, informed, taught
from hardentui.features.trial.learning import learn
from hardentui.features.trial.leftovers import remove_leftovers
from hardentui.features.trial.life import Habits
from hardentui.features.trial.original_watch import OriginalWatch
from hardentui.features.trial.relax import Relaxer, Settled
from hardentui.features.trial.request import Tools, TrialRequest
from hardentui.features.trial.rounds import Rounds
from hardentui.features.trial.stage import Stage
from hardentui.features.trial.trial_record import learned_record, recorded
from hardentui.features.trial.twin_cgroup import TwinCgroup
from hardentui.lib.frames import ReaderKind, Request
from hardentui.model.application_labels import compose_project
from hardentui.model.plan import Choice
from hardentui.model.trial import (
    Baseline,
    BudgetLine,
    How,
    NotExercised,
    Resource,
    Result,
    Trial,
    TrialStep,
)
from hardentui.options import *
from hardentui.options import HEALTH_CMD, MOUNTS
from hardentui.options.capability_sets import given_explicitly
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.reader import NotRead, ReadingStopped, read_apart
from hardentui.reading.application_needs import first_use_is_known
from hardentui.reading.behaviour import command_of, identity
from hardentui.reading.containers import image_config, known_application, section
from hardentui.reading.mounts import at_or_above
from hardentui.visible import visible
from hardentui.writers.needed import needed_containers


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


_LED = "testing a twin with clients, a reload, a stop and a restart"
_AT_ONCE = "all changes at once, through the life of the service"


_READ_LIMIT = 600.0


def asked(stage: Stage) -> CanAsk:
    """What the container's programs can ask for; what could not be read is told in `unknown`."""
    facts = stage.facts
    stage.tell(TrialStep.PREPARING, "reading its programs")
    command = command_of(facts)
    try:
        with stage.twin(facts.spec) as twin:
            pieces = stage.changing.containers.export(twin.id, seconds=_READ_LIMIT)
            programs = read_apart(
                ReaderKind.PROGRAMS,
                pieces,
                Programs,
                Request(words=tuple(command)),
                stage.tools.stop,
            )
    except (EngineError, NotRead) as error:
        why = error.title.rstrip(".") if isinstance(error, EngineError) else str(error)
        return can_ask(Reached({}, {"its files": why}), facts)
    except ReadingStopped:
        raise KeyboardInterrupt from None
    health = str(facts.spec[HEALTH_CMD] or "")
    mounts = {mount.destination for mount in facts.spec[MOUNTS]}
    mounts |= anonymous_volumes(facts.inspect, {}).keys()
    variables = _variables(image_config(facts))
    directory = str(section(facts.inspect, "Config").get("WorkingDir") or "/")
    mounted = (mount.destination for mount in facts.spec[MOUNTS])
    around = (place for place in mounted if directory != "/" and at_or_above(place, directory))
    started = reached(
        programs,
        command,
        (health,),
        path=variables.get("PATH", ""),
        elsewhere=next(around, ""),
        mounts=mounts,
    )
    given = _variables(section(facts.inspect, "Config"))
    user = identity(facts)
    uid = user[0] if user else 0
    home = given.get("HOME", "") or programs.homes.get(uid, "")
    writes = written_by_programs(
        started.writes,
        programs,
        uid,
        home,
        directory,
    )
    places = named_by_variables(given) | started.places
    compiled = late_writes(
        started.compiled,
        programs,
        uid,
        {*with_settings(places, programs), *mounts},
    )
    writes = {**compiled.places, **writes}
    uses = first_uses(
        places | writes,
        programs,
        uid,
        home,
        writes,
    )
    return can_ask(
        started,
        facts,
        uses,
        {path: by for path, by in writes.items() if not any(at_or_above(m, path) for m in mounts)},
        foreign_place(
            facts,
            programs.folders,
            (*uses, *writes),
        ),
        compiled.unclear,
    )


def _variables(config: Mapping[str, Any]) -> dict[str, str]:
    return dict(str(word).partition("=")[::2] for word in config.get("Env") or ())


def run_trial(request: TrialRequest, tools: Tools) -> Trial:
    """Try fixes on twins; everything created is removed at the end, whatever happens.

    A trial that does not fit in what the host has left is not begun, and one that harms the
    original is ended: then the record says so.

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
    try:
        record = _watched(request, tools)
    except NoRoom as error:
        record = replace(_ended(request, Result.NO_ROOM, error), budget=error.budget)
    except OriginalSuffers as error:
        record = _ended(request, Result.ORIGINAL_SUFFERS, error)
    record = replace(record, seconds=round(monotonic() - begun, 1))
    tools.tell(
        TrialStep.DONE,
        record.result.value,
        seconds=record.seconds,
    )
    return record


def _watched(request: TrialRequest, tools: Tools) -> Trial:
    """The trial, while the originals are watched.

    Raises:
        NoRoom: the twins do not fit.
        OriginalSuffers: it was ended for that.
    """
    watch = OriginalWatch(
        tools.changing,
        tools.files,
        (request.facts, *request.members),
        tools.stop,
        beside=(*request.peers, *request.company),
        probes=request.wishes.probes,
    )
    tools = replace(tools, stop=watch.stop)
    with watch:
        try:
            record = _on_stage(request, tools, watch)
            if record.result is Result.BASELINE_FAILS and request.company:
                more = with_peers(
                    request,
                    tools,
                    record.baseline.log,
                    project=True,
                )
                if more.peers != request.peers:
                    record = _on_stage(more, tools, watch)
        except (KeyboardInterrupt, EngineError):
            watch.raise_if_suffering()
            raise
        watch.look()
    return record


def _ended(
    request: TrialRequest,
    result: Result,
    error: NoRoom | OriginalSuffers,
) -> Trial:
    """The record of a trial that was not begun, or not finished."""
    return Trial(
        container=request.facts.name,
        result=result,
        baseline=Baseline(
            False,
            How.ALIVE,
            0.0,
            error.title,
            error.hint,
        ),
        probes=request.wishes.probes,
        image=request.facts.image_name,
        engine_version=str(request.facts.engine.version),
        ended=error.title,
    )


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


def _on_stage(
    request: TrialRequest,
    tools: Tools,
    watch: OriginalWatch,
) -> Trial:
    """One trial with these peers, on twins that another process removes if this one is killed.

    Raises:
        NoRoom: the twins do not fit; none was made.
    """
    stage = Stage(request, tools)
    tools.tell(TrialStep.PREPARING, "measuring what this host has left")
    measured = stage.measure()
    for why in measured.unknown:
        tools.tell(TrialStep.BASELINE, f"not measured: {why}")
    hooks = hooks_of_twins(request.facts, tools.files)
    for hook in hooks:
        tools.tell(
            TrialStep.BASELINE,
            f"the engine runs {hook} for each twin, on the host",
        )
    watch.over(stage.cgroup, measured.lines)
    with ExitStack() as around:
        if tools.files is not None:
            around.enter_context(_guarded(stage))
        around.callback(stage.close)
        tools.tell(TrialStep.PREPARING, "creating the network of the twins")
        stage.open()
        seen = run_baseline(stage)
        record = Trial(
            container=stage.facts.name,
            result=Result.BASELINE_FAILS,
            baseline=_with_budget(seen.baseline, stage.cgroup),
            probes=request.wishes.probes,
            image=stage.facts.image_name,
            engine_version=str(stage.facts.engine.version),
            proposed_probe=seen.probe,
            lacks=seen.lacks,
            hooks=hooks,
        )
        record = _tried(stage, seen, record) if seen.baseline.ready else record
        return replace(record, budget=_held(measured.lines, stage.cgroup))


def _guarded(stage: Stage) -> AbstractContextManager[None]:
    module = "hardentui.features.trial.cleanup_process"
    url = stage.changing.engine.connection.url
    return guarded_by(
        (module, url, stage.number),
        "remove the twins if this were killed",
    )


def _with_budget(baseline: Baseline, cgroup: TwinCgroup) -> Baseline:
    """A twin that reached what all twins may take says nothing of the service. Where cgroup v1 counts,
    the kernel's count may have gone with the twin: then Podman's word is left."""
    memory = cgroup.limits.memory
    killed = cgroup.kills or OUT_OF_MEMORY in baseline.why
    if baseline.ready or memory is None or not killed:
        return baseline
    advice = f"The twins may take {size_text(memory)} of memory here, and took it all."
    return replace(baseline, advice=f"{advice} {baseline.advice}".strip())


def _held(
    lines: Sequence[BudgetLine],
    cgroup: TwinCgroup,
) -> tuple[BudgetLine, ...]:
    """With whether the kernel held the twins to them."""
    return tuple(
        replace(
            line,
            limited=line.resource is Resource.MEMORY and cgroup.holds_memory,
        )
        for line in lines
    )


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
        seen = replace(seen, facts=informed(seen.facts, needs), habits=_with_first_use(seen))
    asks = not tight and (needs is not None or Choice(DEFAULT_CAPABILITIES) in request.choices)
    ask = asked(stage) if asks else None
    if ask is not None:
        seen = _with_first_uses(seen, ask)
    planner = TwinPlanner(seen.facts, tools.make_plan)
    rounds = Rounds(stage, planner, seen)
    relaxer = Relaxer(rounds)
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
    if seen.unhealthy:
        choices = tuple(each for each in choices if each.check != MISSING_HEALTH_CHECK)
    if ask is not None and not request.named:
        choices, questions = left_to_decide(choices, ask, planner)
        record = replace(record, decide=questions)
    plan = planner.plan(_strictest(choices, rounds) if tight else choices)
    start = TrialConfiguration(plan.choices)
    skipped = tuple((skip.check, str(skip)) for skip in plan.skipped)
    if seen.unhealthy:
        skipped += ((MISSING_HEALTH_CHECK, f"it fails without any change: {seen.unhealthy}"),)
    if needs is None:
        return recorded(
            record,
            _through_its_life(start, rounds, relaxer),
            rounds,
            skipped,
        )
    with Enforcer(rounds) as enforcer:
        calls = needs.calls if needs.calls is None or ask is None else widened(needs.calls, ask)
        settled, enforced = _with_profile(
            enforcer,
            start,
            replace(needs, calls=calls),
            rounds,
            relaxer,
        )
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


def _through_its_life(
    start: TrialConfiguration,
    rounds: Rounds,
    relaxer: Relaxer,
) -> Settled:
    """What works through the life of the service. With fixes that the entry of its known
    application declares, all are tried through it at once."""
    if relaxer.declared & {*start.checks}:
        rounds.stage.tell(TrialStep.RESTART, _LED)
        rounds.thorough = True
        tried = rounds.run(start, _AT_ONCE)
        if tried.ready:
            return relaxer.settle(start, tried)
        rounds.thorough = False
    return lasting(relaxer.settle(start), rounds, relaxer)


def _with_profile(
    enforcer: Enforcer,
    start: TrialConfiguration,
    needed: Needs,
    rounds: Rounds,
    relaxer: Relaxer,
) -> tuple[Settled, Enforced]:
    """The same, with the learned profile: most services need no other round for both."""
    stage = rounds.stage
    if relaxer.declared & {*start.checks}:
        stage.tell(TrialStep.RESTART, _LED)
        rounds.thorough = True
        enforced = enforcer.enforce(start, needed, tries=1)
        if enforced.tried is not None:
            settled = relaxer.settle(start, enforced.tried)
            return settled, replace(enforced, configuration=settled.configuration)
        rounds.thorough = False
    settled = relaxer.settle(start)
    rounds.thorough = True
    stage.tell(TrialStep.RESTART, _LED)
    enforced = enforcer.enforce(settled.configuration, needed, tries=1)
    if enforced.document is None:
        settled = lasting(settled, rounds, relaxer)
        enforced = enforcer.enforce(settled.configuration, needed)
    return replace(settled, configuration=enforced.configuration), enforced


def _with_first_use(seen: BaselineSeen) -> Habits:
    """What it was not asked for; its first use was seen when its entry was proven, not here."""
    application = known_application(seen.facts)
    if application is None or not first_use_is_known(seen.facts):
        return seen.habits
    missing = NotExercised("a first start with empty volumes", application.said_by)
    return replace(
        seen.habits,
        not_exercised=(*seen.habits.not_exercised, missing),
    )


def _with_first_uses(seen: BaselineSeen, ask: CanAsk) -> BaselineSeen:
    """With the directories that its programs name, and what no twin did there."""
    facts = seen.facts.replace(first_uses=ask.first_uses)
    habits = replace(
        seen.habits,
        not_exercised=(*seen.habits.not_exercised, *not_used(facts), *not_read(ask.unclear)),
    )
    return replace(seen, facts=facts, habits=habits)


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
