"""hardentui check --facts: the saved facts of one host, or of a whole fleet."""

from __future__ import annotations

import io
import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial

from hardentui.cli import session
from hardentui.cli.check import check_one, deliver, is_whole, look_at, text_style
from hardentui.cli.command_modules import command_module
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError, InputError, UsageError
from hardentui.features.compare import read_saved
from hardentui.features.fleet.facts_files import FactsFile, FleetFiles, fleet_files
from hardentui.features.fleet.judging import judged
from hardentui.features.fleet.looking import (
    changes_between,
    earlier_hosts,
    saved,
    told,
    waivers_of_all,
)
from hardentui.features.fleet.merging import merged
from hardentui.features.reports.host_result import HostResult
from hardentui.features.reports.result import CheckResult
from hardentui.features.reports.saved_report import SavedReport
from hardentui.model.finding import Severity
from hardentui.visible import visible
from hardentui.words import plural

_OF_HOSTS = ("host", "group")
"""The words of a filter that choose files, before anything is read."""
NO_REPORT: Mapping[str, SavedReport] = {}


def check(options: Namespace, terminal: Terminal) -> int:
    """The report on `--facts`: of one host as if we were there, of several as a fleet."""
    since = options.since if os.path.isdir(options.since) else ""
    given = fleet_files(options.facts, since)
    if not given.is_fleet:
        if since:
            raise UsageError("--since FOLDER is about several hosts.")
        if options.since:
            only = Namespace(**{**vars(options), "facts": [given.files[0].path]})
            code: int = command_module("saved").since(only, terminal)
            return code
        return check_one(_of_file(given.files[0], options), terminal)
    earlier = earlier_hosts(read_saved(options.since)) if options.since and not since else {}
    result = fleet_result(
        given,
        options,
        terminal,
        earlier,
    )
    deliver(
        result,
        options,
        terminal,
        text_style(options),
    )
    return result.exit_code


def to_browse(
    options: Namespace,
    terminal: Terminal,
) -> tuple[CheckResult | None, str]:
    """The hosts for their list, None if it is one; and the facts of the worst that can be opened."""
    given = fleet_files(options.facts)
    if not given.is_fleet:
        return None, given.files[0].path
    result = fleet_result(given, options, terminal)
    worst = next(
        (host for host in result.hosts if not host.trouble),
        result.hosts[0],
    )
    return result, worst.source


def fleet_result(
    given: FleetFiles,
    options: Namespace,
    terminal: Terminal,
    earlier: Mapping[str, SavedReport] = NO_REPORT,
) -> CheckResult:
    """One report of all hosts. A file that cannot be used is a host that could not be checked.

    Args:
        earlier: hosts of an earlier report, by the place of their files; they count before files.

    Raises:
        UsageError: no host has what was requested.
        InputError: no file is valid.
    """
    chosen, rest = _chosen(given.files, options.filter)
    here = Namespace(**{**vars(options), "filter": rest})
    total = len(chosen)
    hosts: list[HostResult | None] = [None] * total
    try:
        for done, (at, host) in enumerate(judged(chosen, partial(_look, here, earlier)), 1):
            hosts[at] = host
            terminal.progress(done, total)
    finally:
        terminal.clear()
    pairs = [(file, host) for file, host in zip(chosen, hosts, strict=True) if host is not None]
    usable = [(file, host) for file, host in pairs if not host.refused]
    if all(host.unusable for _, host in usable):
        _refuse([host for _, host in pairs])
    whole = is_whole(here)
    return merged(
        usable,
        Severity.parse(options.fail_on),
        datetime.now(UTC),
        missing=_missing(given, earlier) if not options.filter else (),
        more=waivers_of_all(_checklist(options), (host for _, host in usable)) if whole else (),
    )


def _missing(given: FleetFiles, earlier: Mapping[str, SavedReport]) -> tuple[str, ...]:
    """Who is expected, or was there in the earlier report, and has no facts."""
    there = {file.place for file in given.files}
    gone = (place for place in earlier if place not in there)
    return tuple(dict.fromkeys((*given.missing, *(visible(place, 200) for place in gone))))


def _refuse(hosts: list[HostResult]) -> None:
    """Raises why there is nothing to report."""
    first = next((host for host in hosts if host.refused), hosts[0])
    raise (UsageError if first.refused else InputError)(first.unusable, first.hint)


def _checklist(options: Namespace) -> str:
    return str(getattr(options, "checklist", "") or "")


def _of_file(file: FactsFile, options: Namespace) -> Namespace:
    return Namespace(**{**vars(options), "facts": file.path, "since": ""})


def _look(
    options: Namespace,
    earlier: Mapping[str, SavedReport],
    file: FactsFile,
) -> HostResult:
    """Judge one host; whatever is wrong with its file is told in one line of the report."""
    if file.trouble:
        return HostResult(source=file.path, unusable=file.trouble)
    try:
        return _judge(file, options, earlier.get(file.place))
    except HardenError as error:
        said = error.title.removeprefix(visible(file.path, 200))
        return HostResult(
            source=file.path,
            unusable=error.title if said == error.title else f"it{said}",
            hint=str(error.hint or ""),
            refused=isinstance(error, UsageError),
        )
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
        MemoryError,
    ) as error:
        # a stranger's file: its shape was checked, and what it holds may still be no facts
        kind = type(error).__name__
        return HostResult(
            source=file.path, unusable=f"its facts are damaged: {kind} {visible(str(error), 100)}"
        )


def _judge(
    file: FactsFile,
    options: Namespace,
    before: SavedReport | None,
) -> HostResult:
    quiet = Terminal(io.StringIO(), io.StringIO(), quiet=True)  # the parent tells
    style = text_style(options)
    changes = None
    if not is_whole(options):
        before = None
    elif before is None and file.before:
        before = _judged_before(file, options, quiet)
    here = _of_file(file, options)
    with session.workbench(
        here, quiet, steps=options.step, checks=options.check, everything=True
    ) as bench:
        result, reports = look_at(bench, here, quiet, waivers=False)
        if before is not None:
            changes = changes_between(before, result, file.name)
        return told(
            file,
            bench,
            result,
            (report for report, _ in reports),
            changes,
            listed=options.format != "text" or style.blocks or bool(options.framework),
            with_rises=options.format == "json",
        )


def _judged_before(
    file: FactsFile,
    options: Namespace,
    terminal: Terminal,
) -> SavedReport | None:
    """The gathering before, judged as today; None if it cannot be used."""
    here = Namespace(
        **{
            **vars(options),
            "facts": file.before,
            "format": "text",
            "since": "",
        }
    )
    try:
        with session.workbench(here, terminal, everything=True) as bench:
            result, _ = look_at(
                bench,
                here,
                terminal,
                waivers=False,
            )
            return saved(result)
    except HardenError:
        return None


def _chosen(
    files: tuple[FactsFile, ...],
    text: str,
) -> tuple[tuple[FactsFile, ...], str]:
    """The files that the words `host:` and `group:` of a filter choose, and the other words.

    Raises:
        UsageError: none is chosen.
    """
    tests = [test for word in text.split() for test in _test_of(word)]
    rest = " ".join(word for word in text.split() if not any(_test_of(word)))
    chosen = tuple(file for file in files if all(test(file) for test in tests))
    if not chosen:
        raise UsageError(
            f"No host matches the filter {visible(text, 100)!r}.",
            f"There are {plural(len(files), 'host')}; host: is about the names of their files.",
        )
    return chosen, rest


def _test_of(word: str) -> Iterator[Callable[[FactsFile], bool]]:
    negated = word.startswith("!")
    for column in _OF_HOSTS:
        for sign in (":", "="):
            start = f"{column}{sign}"
            if word.removeprefix("!").startswith(start):
                value = word.removeprefix("!").removeprefix(start).lower()
                pattern = value if sign == "=" else f"*{value}*"
                yield partial(_matches, column, pattern, negated)


def _matches(
    column: str,
    pattern: str,
    negated: bool,
    file: FactsFile,
) -> bool:
    text = file.name if column == "host" else file.group
    return fnmatchcase(text.lower(), pattern) is not negated
