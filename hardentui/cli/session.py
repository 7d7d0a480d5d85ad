"""Shared by the commands: an open workbench, containers by name, results of a scan."""

from __future__ import annotations

import os
import threading
from argparse import Namespace
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hardentui.cli.terminal import Terminal
from hardentui.do import said
from hardentui.errors import NoEngine, NotFound, UsageError
from hardentui.features.looking.listed import called
from hardentui.features.opening.behalf import for_one_account, refuse_without_ours
from hardentui.features.opening.engines import open_engines
from hardentui.features.views import Attempt, CheckProgress, Report, Row, Selection, concerns
from hardentui.model.finding import Kind, Severity
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_READS = frozenset({"", "check", "fix", "images", "networks", "plan"})
"""Commands that neither try nor change anything."""
_ACTING = ("text", "in_place", "prove", "outgoing", "split")
"""Options with which they do, or enter what belongs to a container."""
_OF_CONTAINERS = frozenset({"apply", "harden", "plan", "trial", "watch"})
"""Commands that know no files."""
SEVERITIES = tuple(severity.word for severity in Severity)


def selection_of(options: Namespace) -> Selection:
    """Which Podman to use, according to the options.

    Raises:
        UsageError: they name two.
    """
    others = {
        "--demo": options.demo,
        "--url": options.url,
        "--connection": options.connection,
    }
    if getattr(options, "facts", "") and (
        given := next((name for name in others if others[name]), "")
    ):
        raise UsageError(
            f"{given} and --facts name two different hosts.",
            "Omit one of them.",
        )
    return Selection(
        url=options.url,
        connection=options.connection,
        demo=options.demo,
        facts_file=getattr(options, "facts", ""),
        checklist=getattr(options, "checklist", ""),
        deep=getattr(options, "deep", False),
    )


@contextmanager
def workbench(
    options: Namespace,
    terminal: Terminal,
    *,
    steps: Iterable[int] = (),
    checks: Iterable[str] = (),
    everything: bool = False,
    simulated: bool = False,
) -> Iterator[Workbench]:
    """An open workbench on real engines, or on the simulated host if requested.

    Args:
        everything: all containers will be checked, so the engines can start right away.
        simulated: use the simulated host if there is no Podman.

    Raises:
        ChangeFailed: the command tries or changes something, on an engine that is only read.
        NoEngine: there is no Podman; says what was tried. A script must not mistake a simulated
            host for a real one.
        StrangersEngine: we are root, and it acts on another account's engine.
        UsageError: a path is named, and the command is about containers.
    """
    _refuse_paths(options)
    selection = selection_of(options)
    opened = open_engines(selection)
    if acts(options):
        opened = for_one_account(opened, names_in(options))
    if everything:
        for engine in opened.engines:
            engine.begin()
        if not any((*steps, *checks)):  # a check that is chosen asks for what it needs
            opened.begin_host()
    from hardentui.features.workbench import (
        Workbench,
    )  # what judges is loaded while the engines are working

    bench = Workbench.of(
        opened,
        selection.checklist,
        steps=steps,
        checks=checks,
    )
    try:
        if (options.command or "") not in _READS or getattr(options, "text", False):
            opened.refuse_only_read()
        if opened.simulated and not (options.demo or simulated):
            raise NoEngine("No Podman was found.", tried(opened.attempts))
        for attempt in opened.attempts:
            if attempt.denied:
                terminal.note(f"note: {attempt.label}: {attempt.reason}")
        for notice in bench.notices:
            terminal.note(f"note: {notice}")
        for sentence in bench.changes_to_tell():
            terminal.note(f"note: {said(sentence)}")
        yield bench
    finally:
        bench.close()


def _refuse_paths(options: Namespace) -> None:
    """Raises UsageError for a path where only containers are meant."""
    command = options.command or ""
    for name in names_in(options) if command in _OF_CONTAINERS else ():
        if "/" in name or name in (".", ".."):
            shown = visible(name, 100)
            raise UsageError(
                f"{shown} is a path, and {command} is about a container.",
                f"For files: hardentui check {shown} tells what is wrong, hardentui fix {shown} "
                "prints the changes (--in-place or -o DIR writes them).",
            )


def acts(options: Namespace) -> bool:
    """Whether a command does more than look at what engines and files say."""
    if (options.command or "") in {*_READS, "watch"}:
        return any(getattr(options, name, False) for name in _ACTING)
    return True


def refuse_strangers_engine(options: Namespace) -> None:
    """Whose journal is meant: that of the account whose engine is named.

    Raises:
        StrangersEngine: we are root, and the named engine is another account's.
    """
    if os.geteuid() == 0 and (options.url or options.connection):
        opened = open_engines(selection_of(options))
        refuse_without_ours(opened)
        opened.close()


def names_in(options: Namespace) -> tuple[str, ...]:
    """The containers that a command line names."""
    name = getattr(options, "name", "")
    return (name,) if name else tuple(getattr(options, "names", ()))


def tried(attempts: Iterable[Attempt]) -> str:
    """What was tried in which order, what would help, and the simulated host."""
    lines = []
    for attempt in attempts:
        lines.append(f"  {visible(attempt.origin)}: {visible(attempt.reason)}")
        if attempt.hint:
            lines.append(f"    {visible(attempt.hint)}")
    return "\n".join(["Tried:", *lines, "To use a simulated host: --demo"])


def named(rows: Iterable[Row], names: Iterable[str]) -> tuple[Row, ...]:
    """The containers with these names or ID prefixes, in the order of `rows`.

    A name may match one container on each engine; an ID prefix must match only one.

    Raises:
        UsageError: no container has that name; the hint names similar ones.
    """
    rows = tuple(rows)
    keys: set[str] = set()
    for name in names:
        matching = called(rows, name)
        if len(matching) > 1 and matching[0].name != name:
            raise several(name, matching)
        if not matching:
            raise _unknown(name, rows)
        keys.update(row.key for row in matching)
    return tuple(row for row in rows if row.key in keys)


def several(name: str, rows: Iterable[Row]) -> UsageError:
    """The refusal of a name that several containers have."""
    ids = "\n".join(f"  {row.id[:12]}  {visible(row.name, 60)}  {row.engine.label}" for row in rows)
    return UsageError(
        f"{visible(name, 60)!r} matches more than one container.", f"Give the ID:\n{ids}"
    )


def _unknown(name: str, rows: tuple[Row, ...]) -> UsageError:
    from difflib import get_close_matches

    names = [visible(row.name, 60) for row in rows]
    close = get_close_matches(name, names, 3, 0.4)
    if close:
        hint = f"Did you mean {' or '.join(close)}?"
    elif names:
        hint = f"There are: {', '.join(sorted(names)[:20])}{', …' if len(names) > 20 else ''}."
    else:
        hint = "There are no containers."
    path = f"./{visible(name, 60)}" if os.path.lexists(name) else "./NAME"
    hint += f" Files and folders are named with their path: hardentui check {path}, fix {path}."
    return UsageError(f"There is no container called {visible(name, 60)!r}.", hint)


def one_report(
    bench: Workbench,
    name: str,
    scanned_on: Terminal | None = None,
) -> Report:
    """The report of exactly one container, with everything known about its engine and host.

    Args:
        scanned_on: check all containers first and show the progress there, because some checks
            compare a container with the others: its findings and score are then those that `check`
            shows.

    Raises:
        UsageError: no container has that name, or several do.
        NotFound: it has been removed.
    """
    matching = named(bench.containers.rows(), [name])
    if len(matching) > 1:
        raise several(name, matching)
    bench.surroundings.host()  # the engine's defaults show what a container set itself
    if scanned_on is not None:
        scan(bench, scanned_on)
    row = bench.containers.refresh(matching[0].key)
    if row is None or row.report is None:
        raise NotFound(f"The container {visible(name, 60)!r} is gone.")
    if row.report.trouble:
        raise NotFound(f"{visible(name, 60)!r} cannot be checked: {row.report.trouble}.")
    return row.report


def scan(
    bench: Workbench,
    terminal: Terminal,
    listed: tuple[Row, ...] | None = None,
    keys: Collection[str] | None = None,
) -> tuple[Row, ...]:
    """All rows with their reports, without containers removed in the meantime. Stops early on
    Ctrl-C.

    Args:
        listed: the current result of `bench.containers.rows()`.
        keys: of those to check; None = all.
    """
    by_key = {row.key: row for row in (bench.containers.rows() if listed is None else listed)}
    stop = threading.Event()

    def arrived(row: Row) -> None:
        by_key[row.key] = row

    def moved(progress: CheckProgress) -> None:
        terminal.progress(progress.done, progress.total)

    try:
        bench.containers.scan(
            arrived,
            moved,
            stop,
            keys,
        )
    finally:
        stop.set()
        terminal.clear()
    return _still_there(bench, terminal, tuple(by_key.values()))


def in_detail(bench: Workbench, rows: Iterable[Row]) -> tuple[Row, ...]:
    """These rows after a detailed inspection: processes, sockets, changed files. Removed ones are
    left out.
    """
    inspected = []
    for row in rows:
        if row.report and not row.report.trouble:
            again = bench.containers.refresh(row.key)
            if again is not None:
                inspected.append(again)
        else:
            inspected.append(row)
    return tuple(inspected)


def _still_there(
    bench: Workbench,
    terminal: Terminal,
    rows: tuple[Row, ...],
) -> tuple[Row, ...]:
    """A container that ended and was removed during the scan is not an unknown."""
    if not any(row.report and row.report.trouble for row in rows):
        return rows
    there = {row.key for row in bench.containers.rows()}
    for row in rows:
        if row.key not in there:
            terminal.note(f"note: {row.name} was removed during the check")
    return tuple(row for row in rows if row.key in there)


def reports_of(
    bench: Workbench,
    names: Iterable[str],
    terminal: Terminal,
) -> tuple[Report, ...]:
    """Reports of these containers, with everything known about their engines; of all when none is
    named.

    Raises:
        UsageError: no container has that name.
    """
    names = tuple(names)
    listed = bench.containers.rows()
    if not names:
        bench.surroundings.host()
        rows = scan(bench, terminal, listed)
        return tuple(row.report for row in rows if row.report)
    wanted = named(listed, names)
    bench.surroundings.host()  # the engine's defaults show what a container set itself
    refreshed = (bench.containers.refresh(row.key) for row in wanted)
    return tuple(row.report for row in refreshed if row and row.report)


def of_waivers(
    bench: Workbench,
    reports: Iterable[tuple[Report, str]],
) -> list[tuple[Report, str]]:
    """How the waivers are used, after a full check."""
    report = bench.judge.waiver_report(report for report, _ in reports)
    return [] if report is None else [(report, "accepted findings")]


def of_images_and_networks(
    bench: Workbench,
    rows: Iterable[Row] | None,
    *,
    images: bool,
) -> list[tuple[Report, str]]:
    """Reports of images and networks, if the selected checks apply to them.

    Args:
        rows: only those used by these containers; None = all.
        images: also those of images.
    """
    kinds = {check.kind for check in bench.judge.checks}
    reports = (*(bench.surroundings.images() if images and Kind.IMAGE in kinds else ()),)
    reports += (*(bench.surroundings.networks() if Kind.NETWORK in kinds else ()),)
    if rows is not None:
        used = [row.report for row in rows if row.report]
        reports = tuple(
            report for report in reports if any(concerns(each, report.subject) for each in used)
        )
    return [
        (
            report,
            f"{report.subject.kind.value}  {report.subject.engine}",
        )
        for report in reports
    ]
