"""A change that is prepared: what it would do, and what to know of it before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from hardentui.features.apply.wishes import ApplyWishes
from hardentui.features.fix.apply_ways import ApplyWay, Downtime
from hardentui.features.views import Report, known_facts
from hardentui.model.facts import ContainerFacts
from hardentui.model.journal import JournalChange, JournalEntry
from hardentui.model.ledger import LedgerRow
from hardentui.model.operations import CreateVolume
from hardentui.model.plan import Plan
from hardentui.reading.layer import LayerData
from hardentui.reading.ledger import ledger
from hardentui.reading.masking import mask_argument
from hardentui.visible import visible

PROBES_MEET_DATA = "probes run against the real service and its data: they should be read-only"


class PreparedChange(Struct, frozen=True):
    """The planned change, before anything is done."""

    entry: JournalEntry  # the future journal entry
    notes: tuple[str, ...]  # remarks to read before confirming
    restarts: bool  # the service is briefly down
    wishes: ApplyWishes

    expected: Downtime | None = None  # for how long

    @property
    def downtime(self) -> str:
        """What happens to the service meanwhile, as a sentence."""
        if not self.restarts:
            return "The container keeps running."
        return (
            self.expected.words
            if self.expected
            else "The container is down between stop and start."
        )


class Part(Struct, frozen=True):
    """One of the containers that are replaced together."""

    report: Report
    plan: Plan
    wishes: ApplyWishes

    @property
    def facts(self) -> ContainerFacts:
        return known_facts(self.report)


def ledger_of(
    part: Part,
    way: ApplyWay,
    layer: LayerData,
) -> tuple[LedgerRow, ...]:
    """The paths of one container that get another home; none where it is not made anew."""
    if not way.restarts and way.original is None:
        return ()
    kept = {step.directory: step.name for step in way.operations if isinstance(step, CreateVolume)}
    return ledger(part.facts, part.plan.before, part.plan.after, layer, kept)


def notes_of_another(part: Part, about: Iterable[str]) -> Iterator[str]:
    """The notes on a container that is replaced together with the one that is changed."""
    name = visible(part.facts.name, 80)
    if not part.plan.changes:
        yield f"{name} is made anew as it is, because it refers to the ID of one that is replaced"
    yield from (note if note == PROBES_MEET_DATA else f"{name}: {note}" for note in about)


def journal_changes(plan: Plan, container: str) -> tuple[JournalChange, ...]:
    """`container`: one of several that are changed; empty if there is only one."""

    def words(option: str, arguments: tuple[str, ...]) -> str | None:
        return " ".join(mask_argument(option, argument) for argument in arguments) or None

    return tuple(
        JournalChange(
            check=", ".join(change.checks),
            option=change.option,
            before=words(change.option, change.before),
            after=words(change.option, change.after),
            container=container,
        )
        for change in plan.changes
    )
