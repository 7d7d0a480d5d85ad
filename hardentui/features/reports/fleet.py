"""One report of several hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from msgspec.structs import replace

from hardentui.features.reports.result import CheckResult, HostResult, SubjectResult, worst_first
from hardentui.harden.do_first import MOST, DoFirst
from hardentui.model.finding import Severity
from hardentui.words import plural

_MOST_OF_HOSTS = 5


def merged(
    results: Sequence[tuple[str, CheckResult]],
    more: Iterable[SubjectResult] = (),
) -> CheckResult:
    """One report from these (source, report of one host).

    Containers of the same name stay separate, because each subject names its host; and so do hosts
    of the same name, by the source of their facts.

    Args:
        more: subjects that belong to no host, such as the waivers.
    """
    names = _names([(source, result.host_name or result.place) for source, result in results])
    hosts = [
        _host(name, source, result) for name, (source, result) in zip(names, results, strict=True)
    ]
    paths = [
        replace(path, engine=f"{name}: {path.engine}" if path.engine else name)
        for name, (_, result) in zip(names, results, strict=True)
        for path in result.paths
    ]
    first = next(
        (result for _, result in results if result.checklist),
        results[0][1],
    )
    return replace(
        first,
        engines=tuple(engine for host in hosts for engine in host.engines),
        subjects=worst_first(
            [
                *(subject for host in hosts for subject in host.subjects),
                *more,
            ]
        ),
        place=plural(len(hosts), "host"),
        simulated=any(host.simulated for host in hosts),
        paths=tuple(sorted(paths, key=lambda path: -path.danger)[:_MOST_OF_HOSTS]),
        paths_left=max(0, len(paths) - _MOST_OF_HOSTS)
        + sum(result.paths_left for _, result in results),
        network_map=None,
        host_name="",
        saved_at="",
        hosts=tuple(sorted(hosts, key=_worst_host_first)),
        do_first=tuple(_first_of_hosts(names, results))[:MOST],
    )


def _first_of_hosts(
    names: Sequence[str],
    results: Sequence[tuple[str, CheckResult]],
) -> Iterator[DoFirst]:
    """The first line of each host, then the second of each…; subjects name their host."""
    lines = [
        [(name, line) for line in result.do_first]
        for name, (_, result) in zip(names, results, strict=True)
    ]
    for together in zip_longest(*lines):
        for name, line in filter(None, together):
            subjects = tuple(replace(each, name=f"{name}/{each.name}") for each in line.subjects)
            yield replace(line, subjects=subjects)


def _names(hosts: Sequence[tuple[str, str]]) -> list[str]:
    """A unique name for each (source, own name): its own unless another host has the same."""
    own = [name or source for source, name in hosts]
    named = [
        name if own.count(name) == 1 else f"{name} ({source})"
        for name, (source, _) in zip(own, hosts, strict=True)
    ]
    return [name if named.count(name) == 1 else f"{name} {at}" for at, name in enumerate(named, 1)]


def _host(
    name: str,
    source: str,
    result: CheckResult,
) -> HostResult:
    subjects = tuple(replace(subject, host=name) for subject in result.subjects)
    return HostResult(
        name,
        source,
        result.saved_at,
        result.engines,
        result.simulated,
        subjects,
        result.network_map,
    )


def _worst_host_first(host: HostResult) -> tuple[bool, int, int, int, str]:
    score = 101 if host.worst_score is None else host.worst_score
    critical, high = host.failing(Severity.CRITICAL), host.failing(Severity.HIGH)
    return (not host.trouble, score, -critical, -high, host.name)
