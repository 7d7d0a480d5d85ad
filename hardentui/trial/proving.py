"""From what works to the trial's record: proven against the kernel, with the strength of the proof."""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.errors import EngineError
from hardentui.harden.spec_diff import spec_diff
from hardentui.model.finding import Status
from hardentui.model.trial import (
    Decision,
    How,
    LeftOut,
    OptionChange,
    Proof,
    Result,
    Trial,
    TrialEvent,
    TrialStep,
)
from hardentui.trial import results
from hardentui.trial.configuration import CapabilityBack, TrialConfiguration
from hardentui.trial.relax import Settled
from hardentui.trial.request import Tools
from hardentui.trial.rounds import Rounds

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
    """The record.

    Args:
        profile: the future path of the learned profile, of which the twins had a copy.
    """
    planner = rounds.planner
    configuration, proof, effectless = _proven(settled.configuration, rounds, tools)
    plan = planner.plan(configuration.choices)
    spec = planner.spec(replace(configuration, profile=profile if configuration.profile else ""))
    loose = {
        check
        for loosening in configuration.loosenings
        for check in planner.checks_of(loosening, configuration.choices)
    }
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
        decide=asked_of(configuration, rounds),
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
    loose = {
        check
        for loosening in configuration.loosenings
        for check in planner.checks_of(loosening, configuration.choices)
    }
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
