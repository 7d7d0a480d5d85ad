"""A trial from its first twin to its record."""

from __future__ import annotations

import io
import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.change.copying import Pieces
from hardentui.errors import EngineError
from hardentui.features.looking.stack import in_start_order
from hardentui.features.trial import life
from hardentui.features.trial.baseline import BaselineSeen, needed, run_baseline, stop
from hardentui.features.trial.configuration import (
    CapabilityBack,
    Loosening,
    Tools,
    TrialConfiguration,
    TrialRequest,
    TwinPlanner,
)
from hardentui.features.trial.learned.programs import read_programs
from hardentui.features.trial.learned.started import Reached, reached
from hardentui.features.trial.learned.system_calls import RISKY, calls_let_through, narrow_profile
from hardentui.features.trial.learned.teaching import (
    DEFAULT_CAPABILITIES,
    CanAsk,
    CapabilityNeed,
    Needs,
    can_ask,
    can_need,
    informed,
    keeping,
    left_to_decide,
    taught,
    widened,
)
from hardentui.features.trial.life import Stage
from hardentui.features.trial.relax import Relaxer, Settled
from hardentui.features.trial.rounds import Rounds, held_by, learn, watching
from hardentui.features.trial.twins import remove_leftovers
from hardentui.harden.remedy import arguments, spec_diff
from hardentui.lib.observer.records import CallLog
from hardentui.model.facts import SocketEndpoint
from hardentui.model.finding import Status
from hardentui.model.known import Unread
from hardentui.model.network import compose_project
from hardentui.model.plan import Choice, Plan
from hardentui.model.spec import Option, Spec
from hardentui.model.trial import (
    ChosenFix,
    Decision,
    How,
    Kept,
    Learned,
    LeftOut,
    NotExercised,
    NotTried,
    OptionChange,
    Proof,
    Relaxed,
    Result,
    Trial,
    TrialStep,
)
from hardentui.options import *
from hardentui.options import HEALTH_CMD, MOUNTS, SECCOMP_PROFILE, bounding_set, given_explicitly
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.reading.behaviour import command_of
from hardentui.reading.capabilities import short
from hardentui.reading.containers import image_config, section
from hardentui.reading.masking import mask_argument
from hardentui.reading.mounts import at_or_above
from hardentui.visible import visible
from hardentui.writers.context import needed_containers
from hardentui.writers.profiles import profile_text


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
_A_MOMENT = 0.2
_OF_PROFILE = ("weak-seccomp-profile", "nested-user-namespaces", "open-socket-families")
"""The checks that prove a learned profile, whether or not they were among the chosen fixes."""


def recorded(
    record: Trial,
    settled: Settled,
    rounds: Rounds,
    skipped: tuple[tuple[str, str], ...],
    *,
    profile: str = "",
) -> Trial:
    """The record. `profile`: the future path of the learned profile, of which the twins had a copy."""
    planner = rounds.planner
    configuration, proof, effectless = _proven(settled.configuration, rounds)
    plan = planner.plan(configuration.choices)
    spec = planner.spec(replace(configuration, profile=profile if configuration.profile else ""))
    loose = planner.loosened_checks(configuration)
    left_out = [
        *settled.left_out,
        *effectless,
        *(LeftOut(check, why) for check, why in skipped),
    ]
    works = bool(configuration.choices or configuration.profile) and spec != planner.facts.spec
    return replace(
        record,
        result=Result.WORKS if works else Result.NOTHING_WORKS,
        rounds=tuple(rounds.records),
        kept=kept(plan, spec, loose),
        relaxed=relaxed(
            planner,
            configuration,
            settled.why,
            spec,
        ),
        left_out=tuple(left_out),
        not_tried=not_tried(plan),
        proof=proof,
        options=option_changes(plan, spec),
        fixes=fixes(configuration.choices),
        decide=(*record.decide, *asked_of(configuration, rounds)),
        exercised=rounds.exercised,
        not_exercised=(*rounds.missing, *rounds.seen.habits.not_exercised),
        sure=_sure(record, rounds),
    )


def asked_of(
    configuration: TrialConfiguration,
    rounds: Rounds,
) -> tuple[Decision, ...]:
    """CAP_KILL, if the user's answer leaves it out and the twin had to be killed."""
    if not rounds.slow_stop or "CAP_KILL" not in rounds.planner.dropped_capabilities(configuration):
        return ()
    spec = rounds.planner.spec(configuration)
    back = rounds.planner.spec(configuration.with_(CapabilityBack("CAP_KILL")))
    changes = tuple(OptionChange(d.option.name, d.before, d.after) for d in spec_diff(spec, back))
    return (
        Decision(
            "default-capabilities-kept",
            changes,
            rounds.slow_stop,
        ),
    )


def _proven(
    configuration: TrialConfiguration,
    rounds: Rounds,
) -> tuple[TrialConfiguration, tuple[Proof, ...], tuple[LeftOut, ...]]:
    """What the kernel enforces on the final twin. A change without effect is not counted."""
    if not configuration.choices and not configuration.profile:
        return configuration, (), ()
    planner, tools = rounds.planner, rounds.stage.tools
    about = "checking what the kernel enforces on the twin"
    rounds.stage.tell(
        TrialStep.PROOF,
        about,
        changes=configuration.checks,
    )
    try:
        with rounds.stage.twin(planner.spec(configuration)) as twin:
            outcome = rounds.start(twin, settle=_A_MOMENT)  # earlier rounds judged whether it stays
            document = twin.document() if outcome.ready else None
            facts = tools.look(document) if document else None
    except EngineError as error:
        return (
            configuration,
            tuple(Proof(c, "unknown", error.title) for c in configuration.checks),
            (),
        )
    if facts is None:
        return (
            configuration,
            tuple(Proof(c, "unknown", outcome.why) for c in configuration.checks),
            (),
        )
    untried = {change.check for change in not_tried(planner.plan(configuration.choices))}
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
            effectless.append(
                LeftOut(
                    check,
                    "it has no effect on this host",
                    effective or verdict.reason,
                )
            )
    for left in effectless:
        configuration = configuration.without(left.check)
        rounds.stage.tell(
            TrialStep.PROOF,
            f"{left.check}: {left.reason}",
            left_out=left,
        )
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

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self._directory = ""
        self._files = 0

    def __enter__(self) -> Enforcer:
        self._directory = tempfile.mkdtemp(prefix="hardentui-")
        os.chmod(self._directory, 0o711)  # noqa: S103 - the engine of another account must reach it
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def enforce(
        self,
        configuration: TrialConfiguration,
        needs: Needs,
        tries: int = _MOST_TRIES,
    ) -> Enforced:
        """The configuration with the profile; without it if no twin works with it."""
        base = self._rounds.stage.tools.profile()
        if isinstance(base, Unread):
            return Enforced(configuration, why=base.reason)
        if needs.calls is None:
            return Enforced(
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
                return Enforced(
                    profiled,
                    document,
                    len(through),
                    len(before),
                    tuple(sorted(added)),
                )
            why = tried.why
            if number == tries:
                break
            refused = self._refused(configuration, document)
            new = (refused & calls_let_through(base, held, allowed.native)) - allowed.names - RISKY
            if not new:
                break
            added |= new
            allowed = replace(allowed, names=allowed.names | new)
            names = ", ".join(sorted(new))
            self._rounds.stage.tell(
                TrialStep.ROUND,
                f"the profile refuses {names}: allowed",
            )
        return Enforced(configuration, why=f"it does not work with it: {why}")

    def _refused(
        self,
        configuration: TrialConfiguration,
        document: Mapping[str, Any],
    ) -> frozenset[str]:
        """The calls that the profile denies a twin, as seen by a supervisor that answers like it."""
        rounds, spec = self._rounds, self._rounds.planner.spec(configuration)
        try:
            with watching(rounds.stage, document, spec) as watch:
                spec = spec.with_(SECCOMP_PROFILE, watch.profile_path)
                with rounds.stage.twin(spec, copy_volumes=True) as twin:
                    rounds.lead(twin, watch)
                    stop(rounds.stage, twin, 1)
                log = watch.finish().calls
        except EngineError:
            return frozenset()
        if not isinstance(log, CallLog):
            return frozenset()
        return frozenset(call.name for call in log.calls if call.refused)

    def _written(self, document: Mapping[str, Any]) -> str:
        self._files += 1
        path = os.path.join(self._directory, f"seccomp-{self._files}.json")
        handle = os.open(
            path,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
            0o644,
        )
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(profile_text(document))
        return path


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


# From the results of the rounds to the record. Pure.

_NOT_ON_A_TWIN: tuple[tuple[tuple[Option[Any], ...], str], ...] = (
    ((PUBLISH, PUBLISH_ALL), "a twin publishes no port"),
    (
        (NETWORK, NETWORK_ALIAS, IP, IP6, MAC_ADDRESS),
        "a twin is on a separate network without a route out",
    ),
    (
        (RESTART, SDNOTIFY, REQUIRES),
        "nothing restarts a twin",
    ),
    ((LABELS,), "a twin has its own labels"),
    (
        (IMAGE, PULL),
        "a twin runs the container's current image",
    ),
    (
        (LOG_DRIVER, LOG_OPT),
        "a twin writes its log to a separate file",
    ),
    (
        (HEALTH_ON_FAILURE,),
        "a twin is left alone when it is unhealthy",
    ),
    (
        (NAME, POD, REMOVE),
        "a twin has its own name and lifetime",
    ),
)
"""Options that a twin has in a harmless form, so it cannot show the effect of changing them."""


def not_tried(plan: Plan) -> tuple[NotTried, ...]:
    """The changes whose full effect no twin can show."""
    options = {option.name: why for several, why in _NOT_ON_A_TWIN for option in several}
    untried = []
    for check in (choice.check for choice in plan.choices):
        changed = [change.option for change in plan.changes if check in change.checks]
        if changed and all(option in options for option in changed):
            untried.append(NotTried(check, options[changed[0]]))
    return tuple(untried)


def kept(
    plan: Plan,
    after: Spec,
    loose: Iterable[str],
) -> tuple[Kept, ...]:
    """Each option of each fix that works as planned; `loose`: checks that were relaxed."""
    loosened = set(loose)
    wanted = {diff.option.name: diff for diff in spec_diff(plan.before, after)}
    return tuple(
        Kept(
            check,
            change.option,
            *_texts(
                change.option,
                change.before,
                wanted[change.option].after,
            ),
        )
        for change in plan.changes
        if change.option in wanted
        for check in change.checks
        if check not in loosened
    )


def relaxed(
    planner: TwinPlanner,
    configuration: TrialConfiguration,
    why: dict[Loosening, str],
    whole: Spec,
) -> tuple[Relaxed, ...]:
    """What was given instead of what was planned, one entry per relaxation."""
    wanted = planner.plan(configuration.choices).after
    defaults = planner.facts.engine.default_capabilities
    loosened = []
    for loosening in configuration.loosenings:
        checks = planner.checks_of(loosening, configuration.choices)
        evidence = why.get(loosening, "")
        if isinstance(loosening, CapabilityBack):
            sets = [short(bounding_set(spec, defaults)) or "none" for spec in (wanted, whole)]
            check = checks[0] if checks else ""
            loosened.append(
                Relaxed(
                    check,
                    CAP_ADD.name,
                    sets[0],
                    loosening.capability[4:],
                    evidence,
                )
            )
            continue
        name = loosening.options[0]
        only = planner.spec(TrialConfiguration(configuration.choices, (loosening,)))
        given = [argument for diff in spec_diff(wanted, only) for argument in diff.added]
        before = _text(name, arguments(wanted, BY_NAME[name]))
        loosened.append(
            Relaxed(
                checks[0] if checks else "",
                name,
                before,
                " ".join(given) or loosening.words,
                evidence,
            )
        )
    return tuple(loosened)


def option_changes(plan: Plan, after: Spec) -> tuple[OptionChange, ...]:
    """The complete difference, option by option."""
    checks = {change.option: change.checks for change in plan.changes}
    return tuple(
        OptionChange(
            diff.option.name,
            tuple(mask_argument(diff.option.name, argument) for argument in diff.before),
            tuple(mask_argument(diff.option.name, argument) for argument in diff.after),
            checks.get(diff.option.name, ()),
        )
        for diff in spec_diff(plan.before, after)
    )


def fixes(choices: Iterable[Choice]) -> tuple[ChosenFix, ...]:
    return tuple(ChosenFix(choice.check, dict(choice.parameters)) for choice in choices)


def _texts(
    option: str,
    before: Sequence[str],
    after: Sequence[str],
) -> tuple[str | None, str | None]:
    return _text(option, before), _text(option, after)


def _text(option: str, arguments: Sequence[str]) -> str | None:
    if not arguments:
        return None
    return " ".join(mask_argument(option, argument) or "true" for argument in arguments)


# What was learned, in the form of a trial's record.


class Enforced(Struct, frozen=True):
    """A profile that twins worked with; without `document`, `why` there is none."""

    configuration: TrialConfiguration
    document: Mapping[str, Any] | None = None
    # calls, base_calls: how many system calls it allows, and its base allows
    calls: int = 0
    base_calls: int = 0
    added: tuple[str, ...] = ()  # calls that were denied at first, and then allowed
    why: str = ""


def learned_record(
    needs: Needs,
    ask: CanAsk | None,
    enforced: Enforced,
    *,
    given: frozenset[str],
    path: str,
) -> Learned:
    """The record.

    Args:
        ask: what its programs can ask for; None if only what was seen is kept.
        given: capabilities that were given explicitly.
        path: the future path of the profile.
    """
    document = enforced.document
    unknown = dict(needs.unknown)
    if document is None:
        unknown["profile"] = enforced.why
    return Learned(
        capabilities=tuple(sorted(name.removeprefix("CAP_") for name in needs.capability_names)),
        syscalls=enforced.calls,
        profile="" if document is None else posixpath.basename(path),
        writable=needs.places,
        listening=_shown(needs.listening),
        outgoing=_shown(needs.outgoing),
        memory_peak=needs.memory_peak or 0,
        pids_peak=needs.pids_peak or 0,
        syscalls_before=enforced.base_calls,
        seccomp=None if document is None else dict(document),
        seen=tuple(sorted(needs.seen)),
        evidence={
            need.name.removeprefix("CAP_"): _evidence(need) for need in needs.capabilities or ()
        },
        runs=needs.runs,
        can_need=() if ask is None else can_need(ask, needs),
        unread={} if ask is None else dict(ask.unknown),
        given_unseen=()
        if needs.capabilities is None
        else tuple(sorted(name.removeprefix("CAP_") for name in given - needs.capability_names)),
        set_id=() if ask is None else ask.set_id,
        unknown=unknown,
    )


def _shown(connections: Iterable[SocketEndpoint] | None) -> tuple[str, ...]:
    """`tcp 0.0.0.0:80`; an address of IPv6 in brackets."""
    return tuple(
        f"{connection.protocol} [{connection.address}]:{connection.port}"
        if ":" in connection.address
        else f"{connection.protocol} {connection.address}:{connection.port}"
        for connection in connections or ()
    )


def _evidence(need: CapabilityNeed) -> tuple[str, ...]:
    """`chown /data`; the kernel's check if the call was not seen."""
    return tuple(
        f"{evidence.call} {evidence.subject}".strip() or "checked by the kernel"
        for evidence in need.evidence
    )
