"""One report of several hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import zip_longest

from msgspec.structs import replace

from hardentui import __version__
from hardentui.features.fleet.comparing import ages, applications, everywhere
from hardentui.features.fleet.facts_files import FactsFile
from hardentui.features.reports.fleet_view import FleetEntry
from hardentui.features.reports.host_result import HostResult
from hardentui.features.reports.result import INCOMPLETE, CheckResult, SubjectsOfHosts
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.harden.attack import RankedPath
from hardentui.harden.do_first import MOST, DoFirst
from hardentui.model.finding import Kind, Severity
from hardentui.words import plural

_MOST_OF_HOSTS = 3
_MOST_WORST = 10

Judged = tuple[FactsFile, HostResult]


def merged(
    judged: Sequence[Judged],
    fail_on: Severity,
    now: datetime,
    *,
    missing: Iterable[str] = (),
    more: Iterable[SubjectResult] = (),
) -> CheckResult:
    """One report of these hosts.

    Containers of the same name stay separate, because each subject names its host; and so do hosts
    of the same name, by the file of their facts.

    Args:
        missing: hosts that are expected, and have no facts.
        more: subjects that belong to no host, such as the waivers.
    """
    names = _names(judged)
    named = sorted(zip(names, judged, strict=True), key=_worst_host_first)
    hosts = tuple(_host(name, file, told) for name, (file, told) in named)
    paths = _paths(named)
    shown = [path for path, _ in paths[:_MOST_OF_HOSTS]]
    return CheckResult(
        engines=tuple(engine for host in hosts for engine in host.engines),
        subjects=SubjectsOfHosts(hosts, tuple(more)),
        checklist=next((told.checklist for _, told in judged if told.checklist), ""),
        fail_on=fail_on,
        version=__version__,
        place=plural(len(hosts), "host"),
        simulated=any(host.simulated for host in hosts),
        paths=tuple(shown),
        paths_left=sum(often for _, often in paths)
        - len(shown)
        + sum(told.paths_left for _, told in judged),
        hosts=hosts,
        do_first=_first_of_hosts(named),
        fleet=_view(named, now, missing),
    )


def _view(
    named: Sequence[tuple[str, Judged]],
    now: datetime,
    missing: Iterable[str],
) -> FleetEntry:
    read = [(name, file, told) for name, (file, told) in named if not told.unusable]
    containers = [(name, summary) for name, _, told in read for summary in told.summaries]
    changes = (
        replace(told.changes, host=name) for name, _, told in read if told.changes is not None
    )
    return FleetEntry(
        everywhere=everywhere([(name, told.failing_checks) for name, _, told in read]),
        applications=applications(containers),
        changes=tuple(changes),
        old=tuple(ages([(name, told.saved_at) for name, _, told in read], now)),
        missing=tuple(missing),
    )


def _first_of_hosts(named: Sequence[tuple[str, Judged]]) -> tuple[DoFirst, ...]:
    """The first line of each host, then the second of each…; the same of several hosts is one.
    Subjects name their host."""
    lines = [[(name, line) for line in told.do_first] for name, (_, told) in named]
    merged: dict[tuple[tuple[str, ...], str, str], DoFirst] = {}
    for together in zip_longest(*lines):
        for name, line in filter(None, together):
            key = (line.checks, line.text, line.risk)
            before = merged.get(key)
            subjects = tuple(replace(each, name=f"{name}/{each.name}") for each in line.subjects)
            merged[key] = replace(
                before or line,
                subjects=(*(before.subjects if before else ()), *subjects),
                affects=line.affects + (before.affects if before else 0),
            )
    return tuple(merged.values())[:MOST]


def _paths(
    named: Sequence[tuple[str, Judged]],
) -> list[tuple[RankedPath, int]]:
    """The attack paths of all hosts, worst first; what reads the same is one, with how often."""
    by_sentence: dict[tuple[int, str], tuple[RankedPath, int]] = {}
    for name, (_, told) in named:
        for path in told.paths:
            here = replace(path, engine=f"{name}: {path.engine}" if path.engine else name)
            first, often = by_sentence.get((path.danger, path.sentence), (here, 0))
            by_sentence[path.danger, path.sentence] = first, often + 1
    return sorted(
        by_sentence.values(),
        key=lambda pair: (-pair[0].danger, -pair[1]),
    )


def _names(judged: Sequence[Judged]) -> list[str]:
    """A unique name for each: its own unless another host has the same."""
    own = [told.name or file.name for file, told in judged]
    often = Counter(own)
    named = [
        name if often[name] == 1 else f"{name} ({file.path})"
        for name, (file, _) in zip(own, judged, strict=True)
    ]
    often = Counter(named)
    return [name if often[name] == 1 else f"{name} {at}" for at, name in enumerate(named, 1)]


def _host(
    name: str,
    file: FactsFile,
    told: HostResult,
) -> HostResult:
    """With its name in the report. One whose facts cannot be used is a subject without answer."""
    if not told.unusable:
        return replace(told, name=name, group=file.group)
    return replace(
        told,
        name=name,
        group=file.group,
        kinds=((Kind.HOST, 1),),
        exit_code=INCOMPLETE,
    )


def _worst_host_first(named: tuple[str, Judged]) -> tuple[bool, int, int, int, str]:
    name, (_, told) = named
    score = 101 if told.worst_score is None else told.worst_score
    failing = dict(told.severities)
    return (
        not told.trouble,
        score,
        -failing.get(Severity.CRITICAL, 0),
        -failing.get(Severity.HIGH, 0),
        name,
    )
