"""Return values of the use cases: frozen, for screens and reports."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from hardentui.errors import EngineError
from hardentui.harden.score import Cell, Score, cells, findings_once, score
from hardentui.model.file_names import soak_name
from hardentui.model.finding import Finding, Kind, Status, Subject
from hardentui.model.waiver import WaiverFacts
from hardentui.options import SECCOMP_PROFILE
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts, NetworkFacts
    from hardentui.model.host import HostFacts

Surrounding: TypeAlias = "ImageFacts | NetworkFacts | EngineFacts | HostFacts | WaiverFacts"
"""What containers depend on."""


class Attempt(Struct, frozen=True):
    """A place where Podman was looked for without success."""

    label: str
    url: str
    origin: str  # what named it (`--url`, `$CONTAINER_HOST`…)
    reason: str
    hint: str = ""
    denied: bool = False  # it exists, but this account may not use it


class Report(Struct, frozen=True, dict=True):
    """The findings of one subject. Derived values are computed on demand."""

    subject: Subject
    findings: tuple[Finding, ...]
    steps: tuple[int, ...] = ()  # numbers of the checklist's steps, in its order
    facts: ContainerFacts | None = None  # of a container; None for host, engine, image and network
    trouble: str = ""  # why there are no findings (removed, engine lost); empty if there are
    # facts of an image, network, engine, host or of the waivers; None for a container, and with
    # trouble
    about: Surrounding | None = None
    whole: bool = True  # False = only some steps or checks were asked for, so it has no score
    # of a container: findings of its image and of the site, which are told once and count there
    others: tuple[Finding, ...] = ()

    @property
    def everything(self) -> tuple[Finding, ...]:
        """The findings of a container with those of its image and of the site that concern it."""
        return (*self.findings, *self.others)

    @cached_property
    def with_image(self) -> tuple[Finding, ...]:
        """The findings, and the verdict on its image, which all containers of that image share."""
        return (
            *self.findings,
            *(finding for finding in self.others if finding.scope is Kind.IMAGE),
        )

    @cached_property
    def score(self) -> Score:
        return score(self.findings, whole=self.whole)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """One per step of the checklist, in its order. The first steps show the verdict on its
        image."""
        return cells(self.steps, self.with_image)

    @cached_property
    def failing(self) -> tuple[Finding, ...]:
        """The findings that fail."""
        fails = Status.FAIL  # looking it up costs more than the comparison
        return tuple([finding for finding in self.findings if finding.verdict.status is fails])


SITE = Subject(Kind.SITE, "site", "site")
"""What is one decision for all containers."""


def concerns(report: Report, other: Subject) -> bool:
    """Whether another subject's findings concern this container too."""
    if other.engine not in ("", report.subject.engine):
        return False
    if other.kind is Kind.SITE:
        return any(finding.scope is Kind.SITE for finding in report.others)
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
        raise EngineError(
            f"Nothing is known about {report.subject.name}.",
            report.trouble,
        )
    return report.facts


class KeptOriginal(Struct, frozen=True):
    """A stopped container that an entry of the journal keeps, to bring it back."""

    of: str  # name of the container that has replaced it
    entry: str  # ID of the entry


class Row(Struct, frozen=True):
    """One container of the list."""

    key: str  # engine label and container id; stable, unique
    engine: EngineFacts
    id: str
    name: str
    image: str
    state: str  # Podman's word; status: its longer text (`Up 3 days`)
    status: str
    pod: str = ""
    unit: str = ""
    report: Report | None = None  # None until its details have arrived
    kept: KeptOriginal | None = None  # it is the original of another one, kept for an undo
    aside: str = ""  # `twin` of a trial or `lab`: it stands apart and is not counted; else empty

    @property
    def is_file(self) -> bool:
        """A service of a file, which nothing runs here."""
        return self.state == "file"

    @property
    def soaks(self) -> bool:
        """Its learned seccomp profile only logs what it would refuse."""
        facts = self.report.facts if self.report else None
        return facts is not None and facts.spec[SECCOMP_PROFILE].endswith(
            f"/{soak_name(facts.name)}"
        )


def told_once(reports: Iterable[Report]) -> list[tuple[Report, str]]:
    """Reports of the images of these containers and of the site, with the kind of each."""
    findings: dict[Subject, list[Finding]] = {}
    first = None
    for report in reports:
        if report.others:
            first = first or report
            image = image_subject(report)
            for finding in report.others:
                findings.setdefault(image if finding.scope is Kind.IMAGE else SITE, []).append(
                    finding
                )
    if first is None:
        return []
    return [
        (
            Report(
                subject,
                findings_once(subject, same),
                first.steps,
                whole=first.whole,
            ),
            "one decision for all" if subject is SITE else f"image  {subject.engine}",
        )
        for subject, same in findings.items()
    ]


def also_words(findings: Iterable[Finding]) -> str:
    """What is not a container's own: `site: No update process; host: Weak kernel settings`."""
    titles: dict[str, list[str]] = {}
    for finding in findings:
        owner = finding.scope.value
        if finding.scope in (Kind.ENGINE, Kind.NETWORK):
            owner += f" {visible(finding.subject.name, 24)}"
        titles.setdefault(owner, []).append(finding.title)
    return "; ".join(f"{owner}: {', '.join(of_owner)}" for owner, of_owner in titles.items())


def image_subject(report: Report) -> Subject:
    """The image of a container."""
    facts = report.facts
    identity = str(facts.inspect.get("Image") or "") if facts is not None else ""
    name = facts.image_name if facts is not None else ""
    return Subject(
        Kind.IMAGE,
        identity,
        name or identity[:12] or "no image",
        report.subject.engine,
    )


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
    """Which Podman to use, as requested by the user; `deep` = including slow reads (pending
    updates)."""

    url: str = ""
    connection: str = ""
    demo: bool = False
    facts_file: str = ""
    checklist: str = ""
    deep: bool = False


def without_originals(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The containers that are to be hardened: kept originals only wait for an undo, and twins of
    trials and labs stand apart."""
    return tuple(row for row in rows if row.kept is None and not row.aside)


def reports_of(
    rows: Iterable[Row],
    *,
    originals: bool = False,
) -> list[tuple[Report, str]]:
    """Reports of containers with the kind of each; without those that no check applies to.
    `originals`: also of kept originals, twins and labs.
    """
    counted = rows if originals else without_originals(rows)
    rows = [row for row in counted if row.report and (row.report.findings or row.report.trouble)]
    return [
        (
            row.report,
            f"{row.image}  {row.engine.label}, {row.state}",
        )
        for row in rows
        if row.report
    ]
