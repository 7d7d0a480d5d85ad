"""What checks ask about a container's image: name, contents, health check and age."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.lib.image import ImageFile, ImageInventory
from hardentui.model.check import Settled
from hardentui.model.fact_source import FactSource
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Evidence, Verdict, not_applicable, passed, unknown
from hardentui.model.image import (
    FilterKind,
    NeverScanned,
    ScanReport,
    Vulnerability,
    parse_time,
)
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.options import HEALTH_CMD, HEALTH_INTERVAL, IMAGE, LABELS, ROOTFS
from hardentui.reading.containers import is_infra, known_application, section
from hardentui.visible import visible

AUTO_UPDATE = "io.containers.autoupdate"

_SHOWN = 12
_LONGEST_STEP = 20_000


class Reference(Struct, frozen=True):
    """An image name, taken apart. `digest` is the part after @."""

    name: str
    tag: str
    digest: str

    @property
    def host(self) -> str:
        """The registry; empty for a short name."""
        first, slash, _ = self.name.partition("/")
        return first if slash and ("." in first or ":" in first or first == "localhost") else ""

    @property
    def local(self) -> bool:
        """Built or named on this machine, so no registry knows it."""
        return self.host == "localhost"


@lru_cache(maxsize=1024)
def reference(text: str) -> Reference:
    """Take `host:5000/name:tag@digest` apart."""
    name, _, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return Reference(f"{head}{slash}{last}", tag, digest)


def is_image_id(text: str) -> bool:
    """A bare ID or `sha256:…`, which no tag can change."""
    digits = text.removeprefix("sha256:")
    return len(digits) == 64 and set(digits) <= set("0123456789abcdef")


def image_name(facts: ContainerFacts) -> str:
    """The image name as it was requested, otherwise as Podman recorded it."""
    return facts.spec[IMAGE] or facts.image_name


def need_image(facts: ContainerFacts) -> None:
    """Not applicable to a container without an image."""
    if facts.spec[ROOTFS]:
        raise Settled(
            not_applicable("the container runs from a host directory (--rootfs), not from an image")
        )
    if is_infra(facts) and not facts.inspect.get("Image"):
        raise Settled(not_applicable("a pod's infra container has no image since Podman 5.8"))


def image_of(facts: ContainerFacts) -> ImageFacts:
    """The facts of the image; not applicable if there is none that somebody chose."""
    need_image(facts)
    if is_infra(facts):
        raise Settled(not_applicable("a pod's infra container runs Podman's own image"))
    try:
        return facts.image
    except Unread as unread:
        raise Unread(f"the image could not be inspected: {unread.reason}") from None


def steps_of(history: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The commands that built the layers; engines spell the field differently."""
    return tuple(
        [
            str(entry.get("created_by") or entry.get("CreatedBy") or "")[:_LONGEST_STEP]
            for entry in history
        ]
    )


def comments_of(history: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The comments of the layers (`podman commit -m`); build tools put their names there."""
    comments = (str(entry.get("comment") or entry.get("Comment") or "") for entry in history)
    return tuple(comment[:_LONGEST_STEP] for comment in comments if comment)


def gap(inventory: ImageInventory, *words: str) -> Verdict | None:
    """Unknown, if a part of the image that matters here could not be read. `words` name such parts."""
    gaps = [part for part in inventory.gaps if not words or any(word in part for word in words)]
    return unknown(f"parts of the image could not be read: {'; '.join(gaps)}") if gaps else None


def listed_files(
    facts: ContainerFacts,
    of: Callable[[ImageInventory], Iterable[ImageFile]],
    allowed: Collection[str],
    *,
    deleted: bool = True,
) -> tuple[ImageFile, ...]:
    """Files of the image that one list of its contents names. Without any, the check passes, as far
    as known.

    Args:
        allowed: paths that are left out.
        deleted: with files that a later layer deletes.
    """
    inventory = image_of(facts).inventory
    files = (file for file in of(inventory) if file.path not in allowed)
    listed = tuple(file for file in files if deleted or not file.deleted)
    if not listed:
        raise Settled(gap(inventory) or passed("none found"))
    return listed


def file_evidence(files: Iterable[ImageFile]) -> tuple[Evidence, ...]:
    """The first few files as evidence, and how many more there are."""
    files = tuple(files)
    evidence = [Evidence(file.path, _about(file)) for file in files[:_SHOWN]]
    if len(files) > _SHOWN:
        evidence.append(Evidence("image", f"and {len(files) - _SHOWN} more"))
    return tuple(evidence)


def _about(file: ImageFile) -> str:
    layer = f", layer {file.layer}" if file.layer else ""
    return (
        f"{file.what}{layer}{', deleted in a later layer but still there' if file.deleted else ''}"
    )


def names(files: Iterable[ImageFile]) -> str:
    """Kinds of files in a few words: `apt, gcc and 3 more`."""
    kinds = tuple(dict.fromkeys(visible(file.what, 40) for file in files))
    text = ", ".join(kinds[:4])
    return f"{text} and {len(kinds) - 4} more" if len(kinds) > 4 else text


def created(image: ImageFacts) -> datetime | None:
    """When the image was built; None if the date is missing or fixed for a reproducible build."""
    built = parse_time(image.inspect.get("Created"))
    return built if built is not None and built.year > 2000 else None


def health_check(facts: ContainerFacts) -> str | Unread:
    """The effective health command: the container's, otherwise its image's; empty if there is none."""
    if facts.spec[HEALTH_INTERVAL] == "disable" or facts.spec[HEALTH_CMD] == "none":
        return ""
    if facts.spec[HEALTH_CMD]:
        return facts.spec[HEALTH_CMD]
    image = known(lambda: facts.image)
    if not isinstance(image, Unread):
        config: Mapping[str, Any] = image.config
        return _words(
            config.get("Healthcheck")
            or config.get("HealthCheck")
            or image.inspect.get("HealthCheck")
        )
    merged = section(facts.inspect, "Config")
    application = None if "Healthcheck" in merged else known_application(facts)
    if application is not None:
        own = application.health
        return (own.command or f"the image's own, {application.said_by}") if own.in_image else ""
    if facts.inspect:  # Podman has merged the image's check into the container
        return _words(merged.get("Healthcheck"))
    return Unread("neither the container nor its image could be inspected")


def health_status(facts: ContainerFacts) -> str:
    """The last result of the health check: `healthy`, `starting`, `unhealthy`; empty if there is
    none."""
    state = facts.inspect.get("State") or {}
    return str((state.get("Health") or state.get("Healthcheck") or {}).get("Status") or "")


def _words(check: object) -> str:
    test = check.get("Test") if isinstance(check, Mapping) else None
    if not isinstance(test, list) or not test or test[0] == "NONE":
        return ""
    return " ".join(str(word) for word in test if word not in ("CMD", "CMD-SHELL"))


def updates_itself(spec: Spec) -> bool:
    """A label asks Podman to update the container when its image name refers to a new image."""
    policies = [
        label.partition("=")[2] for label in spec[LABELS] if label.startswith(f"{AUTO_UPDATE}=")
    ]
    return bool(policies) and policies[-1] in ("registry", "image")


def refuse_where_updated(spec: Spec) -> None:
    """Raises CannotFix if a digest would end automatic updates, which the user has to decide."""
    if updates_itself(spec):
        raise CannotFix(
            "podman auto-update updates the container by its tag, and a digest would end that",
            "Choose one: keep the updates (with a version tag), or remove the label and pin the "
            "digest.",
        )


_SCANS_SHOWN = 10
_SEVERITIES = ("critical", "high", "medium", "low", "unknown")
STALE_DAYS = 7
"""New vulnerabilities are published every day, so an older report or database says little."""


def severities(report: ScanReport) -> dict[str, int]:
    """Severity -> number of vulnerabilities, worst first, including severities without any."""
    counts = dict.fromkeys(_SEVERITIES, 0)
    for vulnerability in report.vulnerabilities:
        counts[vulnerability.severity if vulnerability.severity in counts else "unknown"] += 1
    return counts


def rank(vulnerability: Vulnerability) -> tuple[bool, int, bool, str]:
    """Sort key: exploited first, then the worst, then those with a fix."""
    known = vulnerability.severity in _SEVERITIES
    place = _SEVERITIES.index(vulnerability.severity) if known else len(_SEVERITIES)
    return (
        not vulnerability.exploited,
        place,
        not vulnerability.fixed_in,
        vulnerability.id,
    )


def stale(
    report: ScanReport,
    now: datetime,
    days: int = STALE_DAYS,
) -> str:
    """Why the report is too old to call an image clean; empty if it is not."""
    limit = timedelta(days=days)
    if now - report.scanned > limit:
        return f"the report is {(now - report.scanned).days} days old"
    if report.database and report.scanned - report.database > limit:
        return f"the scanner's database was {(report.scanned - report.database).days} days old"
    if report.database and now - report.database > limit:
        return f"the scanner's database is {(now - report.database).days} days old"
    return ""


def filtered(report: ScanReport) -> str:
    """What the report leaves out, in words; empty if nothing is known to be."""
    return "; ".join(each.text for each in report.filters)


def not_clean(
    report: ScanReport,
    facts: ContainerFacts,
    *,
    unfixed: bool = True,
) -> Verdict | None:
    """Unknown, if a report without vulnerabilities does not prove that there are none.

    Args:
        unfixed: vulnerabilities without a fix matter as well.
    """
    doubts = [
        *filter(None, (stale(report, facts.now),)),
        *report.gaps,
        *(
            f"the report is filtered: {each.text}"
            for each in report.filters
            if unfixed or each.kind is not FilterKind.UNFIXED
        ),
    ]
    if not report.lists_packages and not report.vulnerabilities:
        inventory = known(lambda: facts.image.inventory)
        if isinstance(inventory, Unread):
            doubts.append(f"whether it compared any package is not known: {inventory.reason}")
            return unknown(
                f"nothing was found, but {'; '.join(doubts)}", report.scanner, do=inventory.do
            )
        if not inventory.installed and not inventory.uncounted:
            doubts.append("no package that it could compare was found in the image")
    return (
        unknown(f"nothing was found, but {'; '.join(doubts)}", report.scanner) if doubts else None
    )


def report_of(facts: ContainerFacts) -> ScanReport:
    """The newest report for the container's image; raises Unread if there is none."""
    scan = image_of(facts).scan
    if isinstance(scan, NeverScanned):
        raise Unread(
            "the image was never scanned (see missing-vulnerability-scan)",
            source=FactSource.SCAN,
        )
    return scan


def evidence(
    report: ScanReport,
    vulnerabilities: tuple[Vulnerability, ...],
) -> tuple[Evidence, ...]:
    """The report itself and the worst few vulnerabilities as evidence."""
    lines = [Evidence(f"{report.scanner} report", f"of {report.scanned:%Y-%m-%d}")]
    lines += [Evidence(f"{report.scanner} report, filtered", each.text) for each in report.filters]
    for hole in sorted(vulnerabilities, key=rank)[:_SCANS_SHOWN]:
        fixed = f", fixed in {hole.fixed_in}" if hole.fixed_in else ""
        lines.append(Evidence(hole.id, f"{hole.severity} in {hole.package}{fixed}"))
    if len(vulnerabilities) > _SCANS_SHOWN:
        lines.append(
            Evidence(
                f"{report.scanner} report",
                f"and {len(vulnerabilities) - _SCANS_SHOWN} more",
            )
        )
    return tuple(lines)
