"""Return values of the use cases: frozen, for screens and reports."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from hardentui.errors import EngineError
from hardentui.harden.score import Cell, Score, cells, score
from hardentui.model.finding import Kind, Status

if TYPE_CHECKING:
    from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts, NetworkFacts
    from hardentui.model.finding import Finding, Subject
    from hardentui.model.host import HostFacts
    from hardentui.model.waiver import WaiverFacts

Shared: TypeAlias = "ImageFacts | NetworkFacts | EngineFacts | HostFacts | WaiverFacts"
"""What containers depend on."""


class Attempt(Struct, frozen=True):
    """A place where Podman was looked for without success.

    Attributes:
        origin: what named it (`--url`, `$CONTAINER_HOST`…).
        denied: it exists, but this account may not use it.
    """

    label: str
    url: str
    origin: str
    reason: str
    hint: str = ""
    denied: bool = False


class Report(Struct, frozen=True, dict=True):
    """The findings of one subject. Derived values are computed on demand.

    Attributes:
        steps: numbers of the checklist's steps, in its order.
        facts: of a container; None for host, engine, image and network.
        about: facts of an image, network, engine, host or of the waivers; None for a container, and with
            trouble.
        trouble: why there are no findings (removed, engine lost); empty if there are.
        whole: False = only some steps or checks were asked for, so it has no score.
    """

    subject: Subject
    findings: tuple[Finding, ...]
    steps: tuple[int, ...] = ()
    facts: ContainerFacts | None = None
    trouble: str = ""
    about: Shared | None = None
    whole: bool = True

    @cached_property
    def score(self) -> Score:
        return score(self.findings, whole=self.whole)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """One per step of the checklist, in its order."""
        return cells(self.steps, self.findings)

    @cached_property
    def failing(self) -> tuple[Finding, ...]:
        """The findings that fail."""
        fails = Status.FAIL  # looking it up costs more than the comparison
        return tuple([finding for finding in self.findings if finding.verdict.status is fails])


def concerns(report: Report, other: Subject) -> bool:
    """Whether another subject's findings concern this container too."""
    if other.engine not in ("", report.subject.engine):
        return False
    if other.kind is Kind.IMAGE:
        return report.facts is not None and report.facts.inspect.get("Image") == other.id
    if other.kind is Kind.NETWORK:
        return report.facts is not None and other.name in report.facts.networks
    return True


def known_facts(report: Report) -> ContainerFacts:
    """The facts of a container's report.

    Raises:
        EngineError: it could not be read.
    """
    if report.facts is None:
        raise EngineError(f"Nothing is known about {report.subject.name}.", report.trouble)
    return report.facts


class KeptOriginal(Struct, frozen=True):
    """A stopped container that an entry of the journal keeps, to bring it back.

    Attributes:
        of: name of the container that has replaced it.
        entry: ID of the entry.
    """

    of: str
    entry: str


class Row(Struct, frozen=True):
    """One container of the list.

    Attributes:
        key: engine label and container id; stable, unique.
        state: Podman's word; status: its longer text (`Up 3 days`).
        report: None until its details have arrived.
        kept: it is the original of another one, kept for an undo.
    """

    key: str
    engine: EngineFacts
    id: str
    name: str
    image: str
    state: str
    status: str
    pod: str = ""
    unit: str = ""
    report: Report | None = None
    kept: KeptOriginal | None = None


class CheckProgress(Struct, frozen=True):
    """The progress of a scan."""

    done: int
    total: int


class Connectivity(Struct, frozen=True):
    """State of the connection to one engine, as a screen shows it."""

    engine: str
    connected: bool
    reason: str = ""


class Command(Struct, frozen=True):
    """A sent request or a command that was run, for the command log."""

    time: str
    what: str
    result: str
    seconds: float


class Selection(Struct, frozen=True):
    """Which Podman to use, as requested by the user; `deep` = including slow reads (pending updates)."""

    url: str = ""
    connection: str = ""
    demo: bool = False
    facts_file: str = ""
    checklist: str = ""
    deep: bool = False


def without_originals(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The containers that are to be hardened: kept originals only wait for an undo."""
    return tuple(row for row in rows if row.kept is None)


def reports_of(rows: Iterable[Row], *, originals: bool = False) -> list[tuple[Report, str]]:
    """Reports of containers with the kind of each; without those that no check applies to.

    Args:
        originals: also of kept originals.
    """
    counted = rows if originals else without_originals(rows)
    rows = [row for row in counted if row.report and (row.report.findings or row.report.trouble)]
    return [(row.report, f"{row.image}  {row.engine.label}, {row.state}") for row in rows if row.report]
