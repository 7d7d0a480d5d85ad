"""How a lab judges: what its task asks for, its attack and its service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from hardentui.checks import CHECKS
from hardentui.features.training.lab import SCOPE, Ask, Lab, row_of
from hardentui.features.training.progress import LabResult
from hardentui.features.training.simulated_host import ENGINE
from hardentui.features.training.stage import StageAnswer
from hardentui.features.training.surplus import (
    SURPLUS,
    UNSIGNED,
    accepts_unsigned,
    weaker,
)
from hardentui.harden.evaluate import container_subject, run
from hardentui.harden.own.verdicts import evaluate
from hardentui.host.podman.trust import parse_policy
from hardentui.model.check import Parameters
from hardentui.model.configuration import Missing
from hardentui.model.facts import ContainerFacts, EngineFacts, NotRunning
from hardentui.model.finding import Status, Verdict, unknown
from hardentui.model.known import Known, Unread, known
from hardentui.model.own_check import CheckOperator, OwnCheck
from hardentui.model.spec import Spec
from hardentui.model.trust import VERIFYING, Policy, TrustFacts
from hardentui.options import BY_NAME, MOUNTS, TMPFS
from hardentui.reading.mounts import at_or_above, normal

_GOOD = (Status.PASS, Status.NOT_APPLICABLE)


class Goal(Struct, frozen=True):
    """One check that must pass, or one thing that the task asks for."""

    name: str  # the ID of the check, or the name of what is asked
    title: str  # of a check, what is wrong; else what is wanted
    status: Status
    observed: str  # the reason
    remark: str = ""  # what the learner is told while it is not reached; checks have none

    @property
    def reached(self) -> bool:
        return self.status in _GOOD


class LabOutcome(Struct, frozen=True):
    """The learner's current result."""

    lab: Lab
    goals: tuple[Goal, ...]
    attack: StageAnswer
    service: StageAnswer
    simulated: bool
    remarks: tuple[str, ...] = ()  # what is still wrong, in the author's words
    before: int | None = None  # how much was done at the start; None = it is the start

    @property
    def solved(self) -> bool:
        """All that is asked is so, the attack fails and the service works. On the simulated host
        nobody can attack or ask the service: there, what is asked decides, and that is told, unless
        an option speaks against the service, or nobody knows what it does."""
        if not all(goal.reached for goal in self.goals):
            return False
        if self.simulated:
            return self.service == StageAnswer(None)
        serves = self.service.works is True or bool(self.lab.policy)
        return self.attack.works is False and serves

    @property
    def done(self) -> tuple[int, int]:
        """How much of the lab is done, and how much there is: goals, attack and service."""
        parts = [good for good, *_ in self.answers()]
        return sum(good is True for good in parts), len(parts)

    @property
    def done_text(self) -> str:
        """How much is done, and how much was at the start."""
        done, most = self.done
        before = f", {self.before} at the start" if self.before is not None else ""
        return f"{done} of {most} done{before}"

    def answers(self) -> Iterator[tuple[bool | None, str, str, str]]:
        """The goals, the attack and the service: whether that is well (None: unknown), a word for
        it, the text, and what was seen.
        """
        for goal in self.goals:
            if goal.remark:  # why it is not reached would tell the answer
                seen = goal.observed if goal.status is Status.UNKNOWN else ""
                yield goal.reached, "done" if goal.reached else "not yet", goal.title, seen
            else:
                seen = "" if goal.reached else goal.observed
                word = "gone" if goal.reached else goal.status.value
                yield goal.reached, word, f"{goal.title} [{goal.name}]", seen
        if not self.simulated:  # there nobody attacked
            works = self.attack.works
            word = "unknown" if works is None else "works" if works else "blocked"
            safe = None if works is None else not works
            yield safe, word, f"Attack: {self.lab.attack.title}", self.attack.output
        if not self.service.output and self.service.works is None:
            return  # there is none, or nobody could ask it
        serves = self.service.works
        word = "unknown" if serves is None else "answers" if serves else "broken"
        yield serves, word, "The service", "" if serves else self.service.output


SIMULATED = (
    "There is no Podman here: the labs are simulated. Your options are judged as they would be on a "
    "real one, but nothing is attacked, and no service answers."
)


def solved_text(
    result: LabResult,
    outcome: LabOutcome,
) -> str:
    """That a lab is solved, and with which help."""
    how = f", {result.how}" if result.how else ""
    again = " Start it over to pass it." if result.given_up and not result.passed else ""
    seen = " The attack and the service were not tried." if outcome.simulated else ""
    return f"Solved{how}.{seen}{again}"


class Observed(Struct, frozen=True):
    """How the checks of a lab judge, and the facts of its container; None where it has none."""

    statuses: Mapping[str, tuple[Status, str]]
    facts: ContainerFacts | None = None
    asked: tuple[Goal, ...] = ()  # what a lab without a container asks for


def of_checks(
    lab: Lab,
    observed: Observed,
) -> tuple[Goal, ...]:
    return tuple(
        Goal(
            check,
            CHECKS[check].title,
            *observed.statuses[check],
        )
        for check in lab.checks
    )


def of_asks(
    lab: Lab,
    facts: ContainerFacts | None,
) -> Iterator[Goal]:
    """What the task asks for, judged as a checklist's own rows are."""
    for name, ask in lab.asks.items():
        yield _goal(
            name,
            ask,
            facts,
        )


def of_surplus(
    facts: ContainerFacts,
    *,
    asked: Spec,
    solution: Spec,
) -> Iterator[Goal]:
    """What an answer brought that nobody asked for; nothing for most.

    Args:
        asked: what the learner typed.
    """
    if added := list(
        weaker(
            facts,
            asked=asked,
            solution=solution,
        )
    ):
        told = "; ".join(added)
        yield Goal(
            SURPLUS,
            "Nothing protects the shop less than before",
            Status.FAIL,
            told,
            f"Nobody asked for this: {told}.",
        )


def _goal(
    name: str,
    ask: Ask,
    facts: ContainerFacts | None,
) -> Goal:
    if facts is None:
        verdict = unknown("its container is gone: start the lab over")
    else:
        try:
            counted = only_at(facts, ask.at) if ask.at else facts
            verdict = _verdict(row_of(name, ask), counted)
        except Unread as unread:
            verdict = unknown(unread.reason)
    return Goal(
        name,
        ask.says,
        verdict.status,
        verdict.reason,
        ask.remark,
    )


def _verdict(
    row: OwnCheck,
    facts: ContainerFacts,
) -> Verdict:
    """As a checklist's own row; a limit that was asked for counts too: the kernel rounds it."""
    verdict = evaluate(row, facts)
    limits = row.operator is CheckOperator.AT_MOST and BY_NAME.get(row.option) in facts.spec
    if limits and verdict.status is Status.PASS:
        verdict = evaluate(row, facts.replace(kernel=NotRunning("not asked")))
    return verdict


def only_at(
    facts: ContainerFacts,
    path: str,
) -> ContainerFacts:
    """The container with no other mounts than the one that holds a path, and those below it."""
    spec = facts.spec
    mounts = {normal(mount.destination): mount for mount in spec[MOUNTS]}
    tmpfs = {normal(text.partition(":")[0]): text for text in spec[TMPFS]}
    above = [place for place in (*mounts, *tmpfs) if at_or_above(place, path)]
    holder = max(
        above,
        key=len,
        default="",
    )

    def counts(place: str) -> bool:
        return place == holder or at_or_above(path, place)

    spec = spec.with_(MOUNTS, tuple(mounts[place] for place in mounts if counts(place)))
    spec = spec.with_(TMPFS, tuple(tmpfs[place] for place in tmpfs if counts(place)))
    narrowed: ContainerFacts = facts.replace(spec=spec)
    return narrowed


def remarks_on(outcome: LabOutcome) -> tuple[str, ...]:
    """What is still wrong: of what the task asks for, and the service; else of the checks."""
    said = [goal.remark for goal in outcome.goals if goal.remark and not goal.reached]
    if outcome.service.works is False:
        said.append(outcome.lab.service_remark)
    elif outcome.service.works is None and outcome.service.output:
        again = "" if outcome.simulated else " Check again."
        why = outcome.service.output.rstrip(".")
        said.append(f"Whether the shop still works is not known: {why}.{again}")
    tried = outcome.simulated or outcome.service.works is False  # nobody attacks what does not run
    if not tried and outcome.attack.works is None:
        why = outcome.attack.output.rstrip(".")
        said.append(f"Whether the attack still works is not known: {why}. Check again.")
    open_checks = [goal for goal in outcome.goals if not goal.remark and not goal.reached]
    return tuple(said or [f"{goal.title.rstrip('.')}: {goal.observed}." for goal in open_checks])


def of_facts(
    lab: Lab,
    facts: ContainerFacts,
) -> Observed:
    """The findings of a simulated container."""
    findings = run(
        facts,
        container_subject(facts),
        [(CHECKS[check], Parameters(CHECKS[check].parameters)) for check in lab.checks],
    )
    return Observed(
        {finding.check: (finding.status, finding.verdict.reason) for finding in findings},
        facts,
    )


def of_policy(
    lab: Lab,
    path: str,
) -> Observed:
    """The findings of the engine checks on the learner's policy."""
    try:
        with open(path, encoding="utf-8") as file:
            content = file.read()
        policy = known(
            parse_policy,
            content,
            path,
        )
    except (OSError, UnicodeDecodeError) as error:
        policy = Unread(f"{path} cannot be read: {error}")
    facts: EngineFacts = ENGINE.replace(trust=TrustFacts(policy=policy))
    verdicts = {check: CHECKS[check].verdict(facts) for check in lab.checks}
    return Observed(
        {check: (verdict.status, verdict.reason) for check, verdict in verdicts.items()},
        asked=tuple(_of_policy(lab, policy)) if lab.policy_scope else (),
    )


def _of_policy(
    lab: Lab,
    policy: Known[Policy | Missing],
) -> Iterator[Goal]:
    yield _of_scope(lab, policy)
    if isinstance(policy, Policy) and (scope := accepts_unsigned(policy)):
        yield Goal(
            UNSIGNED,
            "Nothing unsigned is accepted from elsewhere",
            Status.FAIL,
            f"{scope} accepts everything",
            f"A rule for {scope} accepts every image. Whoever attacks takes that way.",
        )


def _of_scope(
    lab: Lab,
    policy: Known[Policy | Missing],
) -> Goal:
    """Whether signed images of the lab's registry are accepted: the policy has a rule for them,
    and each of its requirements verifies."""
    title = f"Signed images from {lab.policy_scope} are accepted"
    remark = (
        f"A policy that rejects everything lets nobody work. {lab.policy_scope} needs a rule of its "
        "own under transports, docker, that asks for a signature."
    )
    if not isinstance(policy, Policy):
        why = policy.reason if isinstance(policy, Unread) else "there is no policy"
        return Goal(
            SCOPE,
            title,
            Status.UNKNOWN,
            why,
            remark,
        )
    rules = policy.transports.get("docker", {}).get(lab.policy_scope, ())
    verifies = bool(rules) and all(
        rule.type in VERIFYING and rule.signed_as in ("", lab.policy_scope) for rule in rules
    )
    before = known(
        parse_policy,
        lab.policy,
        "",
    )
    if verifies and isinstance(before, Policy):
        kept = before.transports.get("docker", {}).get(lab.policy_scope, rules)
        if rules != kept:
            verifies = False
            remark = "It asks for another signature than before: the shop's own images are refused."
    status = Status.PASS if verifies else Status.FAIL
    return Goal(
        SCOPE,
        title,
        status,
        "" if rules else "it has no rule of its own",
        remark,
    )
