"""What a report tells of several hosts together, beside what it tells of each. Records."""

from __future__ import annotations

from msgspec import Struct

from hardentui.features.reports.entries import Count, ScoreValue, SeverityWord
from hardentui.model.severity import Severity


class ContainerSummary(Struct, frozen=True, gc=False, array_like=True):
    """What hosts are compared by, of one container; small, since there may be tens of thousands."""

    name: str
    engine: str  # its label
    podman: str  # the version of its engine, and whose rights it has: `5.4.2 rootless`
    image: str  # its ID, a digest of its content; empty = unknown
    application: str  # the known application, else the last part of the image's name
    running: bool
    score: int | None
    level: str
    failing: tuple[tuple[str, Severity], ...]  # its own findings
    # failing check -> what its fix would set: (option, digest of its arguments)
    fixes: tuple[tuple[str, tuple[tuple[str, bytes], ...]], ...]
    # option -> digest of its arguments; none that only name the container or its place
    options: tuple[tuple[str, bytes], ...]

    @property
    def failing_checks(self) -> frozenset[str]:
        return frozenset(check for check, _ in self.failing)


class ChangedFinding(Struct, frozen=True):
    """A finding that an earlier gathering of the same host did not have, or has no longer."""

    way: str  # a word of features.compare.DifferenceKind
    subject: str
    check: str
    severity: str


class ChangesOfHost(Struct, frozen=True):
    """What changed on a host since the gathering before."""

    host: str
    since: str  # when that one was saved
    findings: tuple[ChangedFinding, ...] = ()
    appeared: tuple[str, ...] = ()
    disappeared: tuple[str, ...] = ()


class EverywhereEntry(Struct, frozen=True, kw_only=True):
    """Checks that fail on the same hosts."""

    checks: tuple[str, ...]
    severity: SeverityWord
    hosts: Count
    without: tuple[str, ...]  # the hosts where none of them fails


class BestEntry(Struct, frozen=True, kw_only=True):
    """The best container of an application."""

    host: str
    container: str
    score: ScoreValue | None


class LaggingEntry(Struct, frozen=True, kw_only=True):
    """A container that lacks fixes which the best one has."""

    host: str
    container: str
    engine: str
    checks: tuple[str, ...]
    proven: bool  # same image, Podman, and with the fixes the same options as the best one
    trial_first: str  # why it is not proven


class FleetApplicationEntry(Struct, frozen=True, kw_only=True):
    """The same application on several hosts."""

    name: str
    containers: Count
    hosts: Count
    best: BestEntry
    lagging: tuple[LaggingEntry, ...]  # containers that lack fixes which the best one has


class HostAge(Struct, frozen=True):
    """Facts that are old, or of a time that cannot be."""

    host: str
    words: str  # `12 days old`


class FleetEntry(Struct, frozen=True, kw_only=True):
    """What several hosts have in common, what tells them apart, and what became of them."""

    everywhere: tuple[EverywhereEntry, ...]  # checks that fail on the same hosts, nearly all
    applications: tuple[FleetApplicationEntry, ...]  # the same application on several hosts
    changes: tuple[ChangesOfHost, ...]  # what changed on each host since the gathering before
    old: tuple[HostAge, ...]
    missing: tuple[str, ...]  # expected hosts without facts
