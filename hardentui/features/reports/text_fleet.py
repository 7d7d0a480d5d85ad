"""The report on several hosts, for people: what is the same everywhere, then what is not."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator

from hardentui.features.reports.fleet_view import (
    ChangesOfHost,
    ComparedApplication,
    FleetView,
    Lagging,
)
from hardentui.features.reports.result import CheckResult, HostResult
from hardentui.features.reports.text_overview import (
    do_first_lines,
    next_lines,
    outcome,
    path_lines,
)
from hardentui.features.reports.text_writer import Writer
from hardentui.harden.score import score_word
from hardentui.model.finding import Severity
from hardentui.visible import command_word, visible
from hardentui.words import plural

_MOST_HOSTS = 20
_MOST_LINES = 8
_MOST_NAMES = 4


def fleet_summary(result: CheckResult, write: Writer) -> Iterator[list[str]]:
    """Its parts, the most important first."""
    fleet = result.fleet or FleetView()
    parts: list[Iterable[str]] = [
        outcome(result, write),
        _ages(fleet, write),
        _everywhere(fleet, len(result.hosts), write),
        _hosts(result, write),
        _applications(fleet, write),
        _changes(fleet, write),
        do_first_lines(result, write),
        path_lines(result, write),
        _worst(fleet, write),
        next_lines(write),
    ]
    yield from (lines for part in parts if (lines := list(part)))


def names_of(names: Iterable[str], most: int = _MOST_NAMES) -> str:
    """`web01, web02 and 3 more`."""
    every = list(names)
    shown = ", ".join(visible(name, 40) for name in every[:most])
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown


def _ages(fleet: FleetView, write: Writer) -> Iterator[str]:
    by_words: dict[str, list[str]] = defaultdict(list)
    for age in (*fleet.missing, *fleet.old):
        by_words[age.words].append(age.host)
    for words, hosts in by_words.items():
        yield from write.wrapped(f"Mind: {words}: {names_of(hosts, 10)}.", "")


def _everywhere(
    fleet: FleetView,
    hosts: int,
    write: Writer,
) -> Iterator[str]:
    if not fleet.everywhere:
        return
    yield write.bold("The same nearly everywhere")
    for line in fleet.everywhere[:_MOST_LINES]:
        without = f"; not on {names_of(line.without)}" if line.without else ""
        yield from write.wrapped(
            f"{plural(len(line.checks), 'finding')} on {line.hosts} of {plural(hosts, 'host')}, "
            f"up to {line.severity.word}: {names_of(line.checks, 6)}{without}",
            "     ",
            "  ",
        )
    yield from _more(len(fleet.everywhere), _MOST_LINES, "group")


def _more(
    count: int,
    shown: int,
    what: str,
) -> Iterator[str]:
    if count > shown:
        yield f"  and {plural(count - shown, f'more {what}')}"


def _hosts(result: CheckResult, write: Writer) -> Iterator[str]:
    """One line for each host, worst first."""
    yield write.bold(
        f"  {'Score':>5}  {'critical':>8}  {'high':>4}  {'medium':>6}  {'low':>3}  {'unknown':>7}  "
        "Host"
    )
    for host in result.hosts[:_MOST_HOSTS]:
        widths = zip(reversed(Severity), (8, 4, 6, 3), strict=True)
        cells = [f"{host.failing(severity) or '-':>{width}}" for severity, width in widths]
        name = visible(f"{host.name}  {_about(host)}", max(20, write.width - 47))
        score = score_word(host.worst_score)
        yield f"  {score:>5}  {'  '.join(cells)}  {host.unknown or '-':>7}  {name}"
    left = len(result.hosts) - _MOST_HOSTS
    if left > 0:
        yield f"  and {left} more, none of them worse; --filter 'host:NAME group:FOLDER' shows some"


def _about(host: HostResult) -> str:
    if host.trouble:
        return f"could not be checked: {host.trouble}"
    saved = f", saved on {host.saved_at}" if host.saved_at else ""
    group = f", {host.group}" if host.group else ""
    return f"{plural(host.containers, 'container')}{group}{saved}"


def _applications(fleet: FleetView, write: Writer) -> Iterator[str]:
    behind = [each for each in fleet.applications if each.lagging]
    if not behind:
        return
    yield write.bold("The same application, not hardened alike")
    for application in behind[:_MOST_LINES]:
        yield from _application(application, write)
    yield from _more(len(behind), _MOST_LINES, "application")


def _application(application: ComparedApplication, write: Writer) -> Iterator[str]:
    best = f"{application.best_host}/{application.best}"
    yield from write.wrapped(
        f"{visible(application.name, 40)}: {len(application.lagging)} of "
        f"{application.containers} on {plural(application.hosts, 'host')} lack what "
        f"{visible(best, 60)} has (score {score_word(application.best_score)})",
        "     ",
        "  ",
    )
    alike: dict[tuple[tuple[str, ...], str], list[Lagging]] = defaultdict(list)
    for lagging in application.lagging:
        alike[lagging.checks, lagging.trial_first].append(lagging)
    groups = sorted(alike.items(), key=lambda group: -len(group[1]))
    for (checks, why), members in groups[:3]:
        names = names_of(f"{each.host}/{each.container}" for each in members)
        yield from write.wrapped(f"{names}: {names_of(checks, 5)}", "       ", "     ")
        yield from write.wrapped(_basis(why, best), "       ", "       ")
        yield f"       {way_of(members[0])}"
    yield from _more(len(groups), 3, "way")


def _basis(trial_first: str, best: str) -> str:
    if trial_first:
        return f"A trial first: {trial_first}."
    return f"{best} proves it: same image, Podman, and with these fixes the same options."


def way_of(lagging: Lagging) -> str:
    """The command that makes it like the best, on its host: with a trial, or where that is proof,
    without."""
    verb = "harden" if lagging.trial_first else "apply"
    checks = (word for check in lagging.checks for word in ("--check", check))
    name = command_word(lagging.container, shlex.quote(lagging.container))
    return " ".join(("hardentui", verb, name, *checks))


def _changes(fleet: FleetView, write: Writer) -> Iterator[str]:
    changed = [each for each in fleet.changes if each.findings or each.appeared or each.disappeared]
    if not fleet.changes:
        return
    quiet = len(fleet.changes) - len(changed)
    yield write.bold("Since the last gathering")
    if quiet:
        yield f"  nothing on {plural(quiet, 'host')}"
    for each in sorted(changed, key=_most_news_first)[:_MOST_LINES]:
        yield from write.wrapped(
            f"{visible(each.host, 40)}, since {each.since}: {_change_words(each)}",
            "     ",
            "  ",
        )
    yield from _more(len(changed), _MOST_LINES, "host")


def _most_news_first(changes: ChangesOfHost) -> tuple[int, str]:
    return -sum(finding.way != "fixed" for finding in changes.findings), changes.host


def _change_words(changes: ChangesOfHost) -> str:
    by_way: dict[str, list[str]] = defaultdict(list)
    for finding in changes.findings:
        by_way[finding.way].append(f"{finding.subject} {finding.check}")
    parts = [f"{len(which)} {way}: {names_of(which, 3)}" for way, which in by_way.items()]
    if changes.appeared:
        parts.append(f"appeared: {names_of(changes.appeared, 3)}")
    if changes.disappeared:
        parts.append(f"gone: {names_of(changes.disappeared, 3)}")
    return "; ".join(parts)


def _worst(fleet: FleetView, write: Writer) -> Iterator[str]:
    """The worst containers of all hosts."""
    if len(fleet.worst) < 2:
        return
    names = [visible(f"{host}/{container.name}") for host, container in fleet.worst]
    width = min(max(map(len, names)), max(20, write.width - 60))
    yield write.bold(f"  {'Container':<{width}}  {'Level':<8} {'Score':>5}  worst findings")
    for (_, container), full in zip(fleet.worst, names, strict=True):
        name = visible(full, width)
        checks = sorted(container.failing, key=lambda pair: (-pair[1], pair[0]))
        line = f"  {name:<{width}}  {container.level or '-':<8} {score_word(container.score):>5}  "
        room = write.width - len(line)
        yield line + visible(", ".join(check for check, _ in checks[:4]), max(10, room))
