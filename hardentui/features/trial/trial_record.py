"""From the rounds of a trial to its record."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from hardentui.errors import EngineError
from hardentui.features.trial.configuration import (
    CapabilityBack,
    Loosening,
    TrialConfiguration,
    TwinPlanner,
)
from hardentui.features.trial.enforcing import Enforced
from hardentui.features.trial.learned.can_ask import CanAsk, can_need
from hardentui.features.trial.learned.needs import CapabilityNeed, Needs
from hardentui.features.trial.relax import Settled
from hardentui.features.trial.rounds import Rounds
from hardentui.harden.remedy import arguments, spec_diff
from hardentui.model.facts import SocketEndpoint
from hardentui.model.finding import Status
from hardentui.model.plan import Choice, Plan
from hardentui.model.spec import Spec
from hardentui.model.trial import (
    ChosenFix,
    Decision,
    How,
    Kept,
    Learned,
    LeftOut,
    NotTried,
    OptionChange,
    Proof,
    Relaxed,
    Result,
    Trial,
    TrialStep,
)
from hardentui.options import *
from hardentui.options.capability_sets import bounding_set
from hardentui.reading.capabilities import short
from hardentui.reading.masking import mask_argument
from hardentui.visible import visible

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
        asked = f": {visible(health, 120)}" if (health := rounds.stage.health) else ""
        return f"Its health check passed on the hardened twin{asked}."
    if rounds.expected.how is How.PORTS:
        ports = ", ".join(sorted(rounds.expected.ports))
        return f"The hardened twin listens on {ports}; only a probe can show whether it answers."
    if record.baseline.how is How.ALIVE and rounds.judges_work:
        return "The hardened twin did its work and exited successfully."
    return "The hardened twin stayed alive. Only a probe can show whether it does its work."


def not_tried(plan: Plan) -> tuple[NotTried, ...]:
    """The changes whose full effect no twin can show."""
    untried = []
    for check in (choice.check for choice in plan.choices):
        changed = [change.option for change in plan.changes if check in change.checks]
        reasons = [BY_NAME[option].untried for option in changed]
        if reasons and all(reasons):
            untried.append(NotTried(check, reasons[0]))
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
        client=needs.client,
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
