"""What hosts are compared by, of one container: how it runs, what fails, what fixing would set."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from hardentui.features.planner import Planner
from hardentui.features.reports.fleet_view import ContainerSummary
from hardentui.features.views import Report, image_subject
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Kind
from hardentui.reading.applications import application_name

_OF_THE_PLACE = frozenset(
    {
        "annotation",
        "cidfile",
        "conmon-pidfile",
        "hostname",
        "image",
        "ip",
        "ip6",
        "label",
        "label-file",
        "mac-address",
        "name",
        "network-alias",
        "pidfile",
    }
)
"""Options that say which container this is and where, not what it may; the image is compared by its
content."""


def summaries_of(
    reports: Iterable[Report],
    planner: Planner,
) -> tuple[ContainerSummary, ...]:
    """Of the containers among these reports that could be read."""
    return tuple(
        _summary(report, report.facts, planner)
        for report in reports
        if report.facts is not None and report.subject.kind is Kind.CONTAINER
    )


def _summary(
    report: Report,
    facts: ContainerFacts,
    planner: Planner,
) -> ContainerSummary:
    rootless = facts.engine.rootless
    rights = ("rootless" if rootless else "rootful") if isinstance(rootless, bool) else ""
    return ContainerSummary(
        name=report.subject.name,
        engine=facts.engine.label,
        podman=f"{facts.engine.version} {rights}".rstrip(),
        image=image_subject(report).id,
        application=application_name(facts),
        running=facts.running,
        score=report.score.value,
        level=str(report.score.level or ""),
        failing=tuple((finding.check, finding.severity) for finding in report.failing),
        fixes=_fixes(report, planner),
        options=tuple(
            (
                option.name,
                _digest(option.to_arguments(facts.spec[option])),
            )
            for option in facts.spec
            if option.name not in _OF_THE_PLACE
        ),
    )


def _fixes(
    report: Report,
    planner: Planner,
) -> tuple[tuple[str, tuple[tuple[str, bytes], ...]], ...]:
    """What the fixes of everything that fails would set, each option with its checks."""
    return tuple(
        (
            check,
            tuple((diff.option.name, _digest(diff.after)) for diff in changed),
        )
        for check, changed in planner.fixes(report).by_check.items()
    )


def _digest(arguments: Iterable[str]) -> bytes:
    """Of the arguments of an option, whose text may be long, or private."""
    digest = blake2b(digest_size=8)
    for argument in arguments:
        digest.update(argument.encode("utf-8", "surrogatepass") + b"\0")
    return digest.digest()
