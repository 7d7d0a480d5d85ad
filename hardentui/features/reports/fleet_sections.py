"""What several hosts have in common, and what tells them apart, in sentences for every report. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from hardentui.features.reports.fleet_view import (
    ChangesOfHost,
    FleetApplicationEntry,
    FleetEntry,
    LaggingEntry,
)
from hardentui.features.reports.result import CheckResult
from hardentui.harden.score import score_word
from hardentui.visible import command_word, visible
from hardentui.words import own_command, plural

_MOST_LINES = 8
_MOST_NAMES = 4
_MOST_WAYS = 3

Line = tuple[int, str]
"""How deep a sentence stands, and the sentence, made visible."""


class FleetSection(Struct, frozen=True):
    """A heading, and sentences below it."""

    title: str
    lines: tuple[Line, ...]


def fleet_sections(result: CheckResult) -> tuple[FleetSection, ...]:
    """Those that have something to say; what is the same everywhere and what is old come first."""
    fleet = result.fleet
    if fleet is None:
        return ()
    looked_at = sum(not host.unusable for host in result.hosts)
    sections = (
        FleetSection("All hosts", (*_everywhere(fleet, looked_at), *_ages(fleet))),
        FleetSection(
            "The same application, not hardened alike",
            tuple(_applications(fleet)),
        ),
        FleetSection("Since the last gathering", tuple(_changes(fleet))),
    )
    return tuple(section for section in sections if section.lines)


def names_of(names: Iterable[str], most: int = _MOST_NAMES) -> str:
    """`web01, web02 and 3 more`."""
    every = list(names)
    shown = ", ".join(visible(name, 40) for name in every[:most])
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown


def _more(
    count: int,
    shown: int,
    what: str,
) -> Iterator[Line]:
    if count > shown:
        yield 0, f"and {plural(count - shown, f'more {what}')}"


def _everywhere(fleet: FleetEntry, looked_at: int) -> Iterator[Line]:
    for line in fleet.everywhere[:_MOST_LINES]:
        without = f"; not on {names_of(line.without)}" if line.without else ""
        yield (
            0,
            f"{plural(len(line.checks), 'finding')} on {line.hosts} of {plural(looked_at, 'host')}, "
            f"up to {line.severity}: {names_of(line.checks, 6)}{without}",
        )
    yield from _more(len(fleet.everywhere), _MOST_LINES, "group")


def _ages(fleet: FleetEntry) -> Iterator[Line]:
    by_words: dict[str, list[str]] = defaultdict(list)
    if fleet.missing:
        by_words["no facts"] = list(fleet.missing)
    for age in fleet.old:
        by_words[age.words].append(age.host)
    for words, hosts in by_words.items():
        facts = words if words.startswith("no facts") else f"facts {words}"
        yield 0, f"Mind: {facts}: {names_of(hosts, 10)}"


def _applications(fleet: FleetEntry) -> Iterator[Line]:
    behind = [each for each in fleet.applications if each.lagging]
    for application in behind[:_MOST_LINES]:
        yield from _application(application)
    yield from _more(len(behind), _MOST_LINES, "application")


def _application(application: FleetApplicationEntry) -> Iterator[Line]:
    best = visible(f"{application.best.host}/{application.best.container}", 60)
    yield (
        0,
        f"{visible(application.name, 40)}: {len(application.lagging)} of {application.containers} "
        f"on {plural(application.hosts, 'host')} lack what {best} has "
        f"(score {score_word(application.best.score)})",
    )
    alike: dict[tuple[tuple[str, ...], str], list[LaggingEntry]] = defaultdict(list)
    for lagging in application.lagging:
        alike[lagging.checks, lagging.trial_first].append(lagging)
    ways = sorted(alike.items(), key=lambda way: -len(way[1]))
    for (checks, trial_first), members in ways[:_MOST_WAYS]:
        names = names_of(f"{each.host}/{each.container}" for each in members)
        yield 1, f"{names}: {names_of(checks, 5)}"
        basis = f"a trial first, {trial_first}" if trial_first else f"{best} proves it"
        yield 1, f"{way_of(members[0])}  ({visible(basis, 200)})"
    if len(ways) > _MOST_WAYS:
        yield 1, f"and {plural(len(ways) - _MOST_WAYS, 'more way')}"


def way_of(lagging: LaggingEntry) -> str:
    """The command that makes it like the best, on its host: with a trial, or where that is proof,
    without."""
    verb = "harden" if lagging.trial_first else "apply"
    checks = (word for check in lagging.checks for word in ("--check", check))
    name = command_word(lagging.container, lagging.container)
    return own_command(
        (),
        verb,
        name,
        *checks,
    )


def _changes(fleet: FleetEntry) -> Iterator[Line]:
    changed = [each for each in fleet.changes if each.findings or each.appeared or each.disappeared]
    quiet = len(fleet.changes) - len(changed)
    for each in sorted(changed, key=_most_news_first)[:_MOST_LINES]:
        yield 0, f"{visible(each.host, 40)}, since {each.since}: {_change_words(each)}"
    yield from _more(len(changed), _MOST_LINES, "host")
    if quiet:
        yield 0, f"Nothing on {plural(quiet, 'host')}"


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
