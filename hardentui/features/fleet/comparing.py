"""What hosts have in common, which containers lag behind their kind, which facts are old. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from hardentui.features.reports.fleet_view import (
    BestEntry,
    ContainerSummary,
    EverywhereEntry,
    FleetApplicationEntry,
    HostAge,
    LaggingEntry,
)
from hardentui.model.severity import Severity
from hardentui.words import plural

_NEARLY_ALL = 0.75
"""The share of hosts from which a finding is one of the fleet."""
OLD = timedelta(days=7)
_AHEAD = timedelta(hours=1)
"""How far clocks may differ."""

Failing = tuple[str, Sequence[tuple[str, Severity]]]
"""A host, and the checks that fail somewhere on it."""


def everywhere(hosts: Sequence[Failing]) -> tuple[EverywhereEntry, ...]:
    """Checks that fail on nearly all hosts, those of the same hosts together, the worst first."""
    of_check: dict[str, list[str]] = defaultdict(list)
    severities: dict[str, Severity] = {}
    for host, failing in hosts:
        for check, severity in failing:
            of_check[check].append(host)
            severities[check] = max(severity, severities.get(check, severity))
    by_hosts: dict[frozenset[str], list[str]] = defaultdict(list)
    for check, names in of_check.items():
        if len(hosts) > 1 and len(names) >= max(2, _NEARLY_ALL * len(hosts)):
            by_hosts[frozenset(names)].append(check)
    lines = [
        _everywhere(
            names,
            checks,
            severities,
            [host for host, _ in hosts],
        )
        for names, checks in by_hosts.items()
    ]
    return tuple(
        sorted(
            lines,
            key=lambda line: (-line.hosts, -Severity.parse(line.severity), line.checks),
        )
    )


def _everywhere(
    names: frozenset[str],
    checks: Iterable[str],
    severities: dict[str, Severity],
    hosts: Iterable[str],
) -> EverywhereEntry:
    worst_first = sorted(checks, key=lambda check: (-severities[check], check))
    return EverywhereEntry(
        checks=tuple(worst_first),
        severity=severities[worst_first[0]].word,
        hosts=len(names),
        without=tuple(host for host in hosts if host not in names),
    )


Placed = tuple[str, ContainerSummary]
"""A container with its host."""


def applications(containers: Iterable[Placed]) -> tuple[FleetApplicationEntry, ...]:
    """Each application that several hosts run, those with the most that lag first."""
    by_name: dict[str, list[Placed]] = defaultdict(list)
    for placed in containers:
        if placed[1].application:
            by_name[placed[1].application].append(placed)
    compared = (
        _compared(name, placed)
        for name, placed in by_name.items()
        if len({host for host, _ in placed}) > 1
    )
    return tuple(sorted(compared, key=lambda each: (-len(each.lagging), each.name)))


def _compared(
    name: str,
    containers: Sequence[Placed],
) -> FleetApplicationEntry:
    host, best = min(containers, key=_best_first)
    lagging = (
        _lagging(other_host, other, best) for other_host, other in containers if other is not best
    )
    return FleetApplicationEntry(
        name=name,
        containers=len(containers),
        hosts=len({each for each, _ in containers}),
        best=BestEntry(host=host, container=best.name, score=best.score),
        lagging=tuple(each for each in lagging if each.checks),
    )


def _best_first(placed: Placed) -> tuple[bool, int, int, str, str]:
    host, container = placed
    score = -1 if container.score is None else container.score
    return (
        not container.running,
        -score,
        len(container.failing),
        host,
        container.name,
    )


def _lagging(
    host: str,
    container: ContainerSummary,
    best: ContainerSummary,
) -> LaggingEntry:
    """What it fails, can fix, and the best does not fail."""
    fixable = {check for check, _ in container.fixes}
    checks = tuple(
        check
        for check, _ in sorted(container.failing, key=lambda pair: (-pair[1], pair[0]))
        if check in fixable and check not in best.failing_checks
    )
    trial_first = why_trial_first(container, best, checks)
    return LaggingEntry(
        host=host,
        container=container.name,
        engine=container.engine,
        checks=checks,
        proven=not trial_first,
        trial_first=trial_first,
    )


def why_trial_first(
    container: ContainerSummary,
    best: ContainerSummary,
    checks: Iterable[str],
) -> str:
    """Why the best, which runs with these fixes, proves nothing for this container; empty if it
    does: same image, same Podman, and with the fixes exactly the best one's options."""
    if not best.running:
        return "the best one does not run"
    if not container.image or container.image != best.image:
        return "another image"
    if container.podman != best.podman:
        return f"Podman {container.podman}, not {best.podman}"
    chosen = set(checks)
    after = dict(container.options)
    for check, changes in container.fixes:
        if check in chosen:
            after.update(changes)
    wanted = dict(best.options)
    differing = sorted(
        option for option in {*after, *wanted} if after.get(option) != wanted.get(option)
    )
    if not differing:
        return ""
    more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
    return f"other values of {', '.join(differing[:3])}{more}"


def ages(
    hosts: Iterable[tuple[str, str]],
    now: datetime,
) -> Iterator[HostAge]:
    """Hosts (name, time of its facts) whose facts are old, or of the future."""
    for name, saved_at in hosts:
        try:
            saved = datetime.strptime(saved_at, "%Y-%m-%d %H:%M UTC").replace(tzinfo=now.tzinfo)
        except ValueError:
            continue
        if now - saved > OLD:
            yield HostAge(name, f"{plural((now - saved).days, 'day')} old")
        elif saved - now > _AHEAD:
            yield HostAge(name, f"saved on {saved_at}, which is in the future")
