"""What `images --format json` prints; its schemas are made from these structs."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hardentui.features.images.page import size_of, support_of
from hardentui.lib.image import ImageInventory
from hardentui.model.facts import ImageFacts
from hardentui.model.finding import Finding, Status
from hardentui.model.image import NeverScanned, Vulnerability
from hardentui.model.known import Unread, known
from hardentui.reading.images import rank, stale


class ScanEntry(Struct, frozen=True, kw_only=True):
    """A scanner's report about the image."""

    scanner: str
    scanned: str  # when
    database: str | None  # when the scanner's data was built; null = not known
    stale: str  # why it is too old to call an image clean; empty = it is not
    gaps: tuple[str, ...]  # what the scanner could not judge
    # what was left out on purpose (severity, unfixed, ignore rules, VEX), as far as the report shows
    filters: tuple[str, ...]
    vulnerabilities: tuple[Vulnerability, ...]  # the worst first


class ImageFinding(Struct, frozen=True, kw_only=True):
    """A finding of one of the image's checks."""

    check: str
    step: int
    status: Status
    severity: str  # low, medium, high or critical
    reason: str


class ImageEntry(Struct, frozen=True, kw_only=True):
    """An image."""

    id: str
    names: tuple[str, ...]
    engine: str
    used_by: tuple[str, ...]  # names of containers
    created: str
    size: int  # bytes, including layers that it shares with others
    user: str  # whom its containers run as, if nothing else is said; empty = root
    support: str  # until when its distribution is supported; empty = not known
    inside: ImageInventory | None  # null with the reason in `reason`
    reason: str  # why its contents are not known
    scan: ScanEntry | None  # null: never scanned, or its result cannot be read
    findings: tuple[ImageFinding, ...]


class ImagesDocument(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="hardentui/images/1"
):
    """Images, what is in them, and what scanners say of them."""

    simulated: bool  # it is the simulated host, not a real one
    images: tuple[ImageEntry, ...]


def image_entry(
    facts: ImageFacts,
    findings: Iterable[Finding],
    trouble: str,
) -> ImageEntry:
    """An image with its findings; `trouble`: why its contents could not be read now."""
    inside = known(lambda: facts.inventory)
    return ImageEntry(
        id=facts.id,
        names=facts.names,
        engine=facts.engine.label,
        used_by=facts.used_by,
        created=str(facts.inspect.get("Created") or ""),
        size=size_of(facts),
        user=str(facts.config.get("User") or ""),
        support=support_of(facts)[0],
        inside=None if isinstance(inside, Unread) else inside,
        reason=trouble or inside.reason if isinstance(inside, Unread) else "",
        scan=scan_entry(facts),
        findings=tuple(
            ImageFinding(
                check=finding.check,
                step=finding.step,
                status=finding.status,
                severity=finding.severity.word,
                reason=finding.verdict.reason,
            )
            for finding in findings
        ),
    )


def scan_entry(facts: ImageFacts) -> ScanEntry | None:
    """The stored scan of an image; None if there is none."""
    report = known(lambda: facts.scan)
    if isinstance(report, Unread | NeverScanned):
        return None
    return ScanEntry(
        scanner=report.scanner,
        scanned=report.scanned.isoformat(),
        database=report.database.isoformat() if report.database else None,
        stale=stale(report, facts.now),
        gaps=report.gaps,
        filters=tuple(each.text for each in report.filters),
        vulnerabilities=tuple(sorted(report.vulnerabilities, key=rank)),
    )
