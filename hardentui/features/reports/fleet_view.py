"""What a report tells of several hosts together, beside what it tells of each. Records."""

from __future__ import annotations

from msgspec import Struct

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


class Everywhere(Struct, frozen=True):
    """Checks that fail on the same hosts, nearly all of the fleet."""

    checks: tuple[str, ...]
    severity: Severity  # of the worst
    hosts: int
    without: tuple[str, ...]  # the hosts where none of them fails


class Lagging(Struct, frozen=True):
    """A container that lacks fixes which the best of the same application has."""

    host: str
    source: str  # the file of its host's facts
    container: str
    engine: str
    checks: tuple[str, ...]  # it fails them, and the best passes them
    # why the best is no proof for it, so that a trial comes first; empty: it is one
    trial_first: str = ""


class ComparedApplication(Struct, frozen=True):
    """Containers of one application on several hosts."""

    name: str
    containers: int
    hosts: int
    best_host: str
    best: str  # the container whose plan the others can take
    best_score: int | None
    lagging: tuple[Lagging, ...] = ()


class HostAge(Struct, frozen=True):
    """Facts that are old, or of a time that cannot be."""

    host: str
    words: str  # `12 days old`


class FleetView(Struct, frozen=True):
    """Several hosts seen as many."""

    everywhere: tuple[Everywhere, ...] = ()
    applications: tuple[ComparedApplication, ...] = ()
    changes: tuple[ChangesOfHost, ...] = ()
    old: tuple[HostAge, ...] = ()
    missing: tuple[HostAge, ...] = ()  # hosts that are expected, and have no facts
    looked_at: int = 0  # hosts that could be checked
    worst: tuple[tuple[str, ContainerSummary], ...] = ()  # host and container, worst first
