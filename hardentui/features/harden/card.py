"""The card: what hardening makes of a container, on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from hardentui.do import Sentence
from hardentui.features.applications.comparing import compared
from hardentui.features.rights.kernel_reach import doors_of, kernel_reach
from hardentui.harden.decisions import becomes, decisions, what_changes
from hardentui.harden.remedy import spec_diff
from hardentui.harden.score import Score
from hardentui.harden.unshown import TOLD, unshown
from hardentui.lib.seccomp import parse_profile
from hardentui.model.facts import ContainerFacts
from hardentui.model.journal_document import PublicEntry
from hardentui.model.ledger import LedgerRow
from hardentui.model.plan import Plan
from hardentui.model.spec import Spec
from hardentui.model.trial import Result, Trial
from hardentui.options import MEMORY, MOUNTS, NETWORK, PIDS_LIMIT, READ_ONLY, TMPFS
from hardentui.options.capability_sets import bounding_set
from hardentui.reading.behaviour import powerless, uids
from hardentui.reading.containers import declared_user, is_root
from hardentui.reading.layer import LayerData
from hardentui.reading.ledger import ledger
from hardentui.reading.user_namespaces import asks_for_user_namespace
from hardentui.visible import visible

SCHEMA = "hardentui/harden/1"
EVERYTHING = "/"


class Side(Struct, frozen=True, kw_only=True):
    """A container before or after."""

    # score, level: None if unknown
    score: int | None = None
    level: str | None = None
    user: str = ""  # who its processes run as, in words
    capabilities: int = 0  # how many its processes can have; `capability_names` without the prefix
    capability_names: tuple[str, ...] = ()
    system_calls: int | None = None  # how many its filter lets through; None if unknown
    writable: tuple[str, ...] = ()  # the directories that it can write to; `/` is everything
    # memory, processes: the limits in bytes and tasks; 0 = none
    memory: int = 0
    processes: int = 0
    network: str = ""  # how it is connected
    # how many known kernel vulnerabilities it reaches, of how many, and how many of those only
    # because it can make user namespaces; None if its filter is unknown
    kernel_vulnerabilities: int | None = None
    kernel_vulnerabilities_known: int | None = None
    kernel_vulnerabilities_by_user_namespace: int | None = None


class NextStep(Struct, frozen=True):
    """What can be done now (`apply`, `write`, `confirm`, `undo`, `forget`), and the command that
    does it."""

    action: str
    command: str


class Card(Struct, frozen=True, kw_only=True):
    """The result of hardening a container."""

    schema: Annotated[str, Meta(extra_json_schema={"const": SCHEMA})] = SCHEMA
    container: str
    before: Side
    after: Side  # what works on the twin; as before if no change can be kept
    left_out: tuple[str, ...] = ()  # fixes that are not in it, each with the reason
    # fixes of it that apply cannot prove, because their checks do not pass with it, each with why
    unproven: tuple[str, ...] = ()
    needs_values: tuple[str, ...] = ()  # fixes that need a value from an admin, `root-user (user)`
    not_exercised: tuple[str, ...] = ()  # what the trial did not do, each with the reason
    decide: tuple[str, ...] = ()  # what only an admin can decide; it is never taken
    # commands that had to succeed; `answer`: how the service answered the proposed one
    probes: tuple[str, ...] = ()
    answer: str = ""
    obstacle: str = ""  # why it cannot be applied, and what helps; empty if it can
    refused: Sentence = ""  # the same, with its next steps as values
    notes: tuple[str, ...] = ()  # what to know before it is applied
    ledger: tuple[LedgerRow, ...] = ()  # the paths that get another home
    # where the twin agreed with the entry of its known application, and where not; else empty
    application: str = ""
    # None if nothing is restarted, or if it cannot be applied
    expected_downtime_seconds: float | None = None
    seconds: float = 0.0
    simulated: bool = False
    trial: Trial
    apply: PublicEntry | None = None  # the journal entry, once it was applied
    next: tuple[NextStep, ...] = ()
    others: tuple[Card, ...] = ()  # the cards of those that are applied with it

    @property
    def works(self) -> bool:
        """Whether a hardened configuration works, which can be applied or written."""
        return self.trial.result is Result.WORKS and bool(self.trial.options)


def side_of(
    facts: ContainerFacts,
    spec: Spec,
    score: Score,
    *,
    calls: int | None,
    outgoing: Iterable[str] | None,
    learned: Mapping[str, Any] | None = None,
) -> Side:
    """How a container is, or would be, with this spec.

    Args:
        calls: system calls that its filter lets through.
        learned: the seccomp profile that it gets; None: the filter in force.
        outgoing: where it was seen to connect to; None if nobody watched.
    """
    names = bounding_set(spec, facts.engine.default_capabilities)
    if powerless(facts, spec):
        names = frozenset()
    filter_ = parse_profile(learned, capabilities=names) if learned else None
    doors = doors_of(facts, spec, names, filter_)
    reach = kernel_reach(doors) if doors is not None else None
    return Side(
        score=score.value,
        level=score.level.value if score.level else None,
        user=_user(facts, spec),
        capabilities=len(names),
        capability_names=tuple(sorted(name.removeprefix("CAP_") for name in names)),
        system_calls=calls,
        writable=tuple(_writable(spec)),
        memory=spec[MEMORY],
        processes=max(0, spec[PIDS_LIMIT]),
        network=_network(facts, spec, outgoing),
        kernel_vulnerabilities=None if reach is None else reach.reached,
        kernel_vulnerabilities_known=None if reach is None else reach.known,
        kernel_vulnerabilities_by_user_namespace=None if reach is None else reach.by_user_namespace,
    )


def _user(facts: ContainerFacts, spec: Spec) -> str:
    planned = facts.planned(spec)
    user = declared_user(planned)
    who = "root" if is_root(user) else visible(user, 40)
    others = [f"{visible(name, 20)} as {uid}" for uid, name in uids(facts) or () if uid]
    if who == "root" and others:
        who += f", then {', '.join(others[:2])}"
    if asks_for_user_namespace(planned) or facts.engine.rootless is True:
        who += ", in a user namespace"
    return who


def _writable(spec: Spec) -> Iterable[str]:
    if not spec[READ_ONLY]:
        yield EVERYTHING
    yield from sorted(mount.destination for mount in spec[MOUNTS] if not mount.read_only)
    yield from sorted(entry.partition(":")[0] for entry in spec[TMPFS])


def _network(
    facts: ContainerFacts,
    spec: Spec,
    outgoing: Iterable[str] | None,
) -> str:
    modes = [value.partition(":")[0] for value in spec[NETWORK]]
    if modes == ["none"]:
        return "nowhere"
    joined = [facts.networks[name] for name in modes if name in facts.networks]
    internal = 0 < len(joined) == len(modes) and all(
        network.inspect.get("internal") for network in joined
    )
    leads = (
        "its internal network"
        if internal
        else "the host's network"
        if "host" in modes
        else "anywhere"
    )
    if outgoing is None:
        return leads
    seen = sorted(dict.fromkeys(outgoing))
    return f"{leads}; seen: {', '.join(visible(place, 40) for place in seen[:3]) or 'nothing'}"


def card_of(
    wanted: Plan,
    plan: Plan,
    facts: ContainerFacts,
    trial: Trial,
    before: Score,
    after: Score,
) -> Card:
    """The card of a trial, before anybody looked whether it can be applied.

    Args:
        wanted: what was tried.
        plan: of what worked.
        facts: of the container.
    """
    tried = {fix.check for fix in trial.fixes}
    missing = {
        skip.check: skip for skip in wanted.skipped if skip.needs and skip.check not in tried
    }
    learned = trial.learned
    calls = learned.syscalls_before or None if learned else None
    fewer = learned.syscalls or calls if learned else None
    comparison = compared(facts, trial)
    outgoing = learned.outgoing if learned and "outgoing" not in learned.unknown else None
    profile = learned.seccomp if learned else None
    return Card(
        container=facts.name,
        before=side_of(
            facts,
            plan.before,
            before,
            calls=calls,
            outgoing=None,
        ),
        after=side_of(
            facts,
            plan.after,
            after,
            calls=fewer,
            outgoing=outgoing,
            learned=profile,
        ),
        left_out=tuple(_left_out(wanted, trial)),
        needs_values=tuple(f"{skip.check} ({skip.needs})" for skip in missing.values()),
        decide=tuple(_questions(wanted, trial)),
        not_exercised=(*map(str, trial.not_exercised), *_unshown(plan)),
        seconds=trial.seconds,
        probes=trial.probes,
        ledger=ledger(
            facts,
            plan.before,
            plan.after,
            LayerData(),
            {},
        ),
        application=comparison.sentence if comparison is not None else "",
        trial=replace(trial, application=comparison),
    )


def _unshown(plan: Plan) -> Iterator[str]:
    """What no trial shows, each with the fixes that depend on it."""
    changed = spec_diff(plan.before, plan.after)
    for need in unshown(changed, TOLD):
        names = {diff.option.name for diff in changed if diff.option in need.options}
        checks = dict.fromkeys(
            check for change in plan.changes if change.option in names for check in change.checks
        )
        yield f"{need.work} ({', '.join(checks)}: {need.services})"


def _left_out(wanted: Plan, trial: Trial) -> Iterator[str]:
    """What did not work, what is impossible here, and what no twin shows; the last in one line."""
    skipped = {skip.check: skip for skip in wanted.skipped}
    for left in trial.left_out:
        skip = skipped.get(left.check)
        if skip is None or not (skip.needs or skip.included_by):
            yield f"{left.check}: {left.reason.rstrip('.')}"
    if unseen := [skip.check for skip in wanted.skipped if skip.included_by]:
        yield f"{', '.join(unseen)}: may break what no twin shows, so it was not tried"


def _questions(wanted: Plan, trial: Trial) -> Iterator[str]:
    """What is left to decide, once for all checks that ask for the same."""
    asked: dict[str, list[str]] = {}
    for skip in decisions(wanted):
        asked.setdefault(what_changes(skip), []).append(": ".join((skip.check, *skip.reasons[-1:])))
    for decision in trial.decide:
        change = "; ".join(
            becomes(option.option, option.before, option.after) for option in decision.options
        )
        asked.setdefault(change, []).append(
            f"{decision.check}{': ' if decision.why else ''}{decision.why}"
        )
    for change, checks in asked.items():
        yield f"{change}? ({checks[0]})"
