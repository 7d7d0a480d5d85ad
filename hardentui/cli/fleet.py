"""Saved facts of several hosts, checked as one fleet."""

from __future__ import annotations

import hashlib
import os
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from hardentui import __version__
from hardentui.cli import session
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError, InputError, UsageError
from hardentui.harden.score import score
from hardentui.model.finding import Kind, Severity, Subject
from hardentui.reports.comparing import merged
from hardentui.reports.result import CheckResult, SubjectResult
from hardentui.visible import visible
from hardentui.workbench.results import check_result

if TYPE_CHECKING:
    from hardentui.workbench.views import Report
    from hardentui.workbench.workbench import Workbench

Judged: TypeAlias = "tuple[CheckResult, list[tuple[Report, str]]]"
_MOST_FILES = 1000


def is_whole(options: Namespace) -> bool:
    """Everything is checked: nothing was named or filtered out."""
    return not (options.names or options.step or options.check or options.filter)


def facts_files(given: str | Sequence[str]) -> tuple[str, ...]:
    """The files of `--facts`, each content once; for a directory, all that end in `.json` or `.json.gz`.

    Raises:
        InputError: a directory without any, or with an implausible number.
    """
    files: list[str] = []
    for path in [given] if isinstance(given, str) else given:
        if not os.path.isdir(path):
            files += [path] if path else []
            continue
        names = sorted(name for name in os.listdir(path) if name.endswith((".json", ".json.gz")))
        if not names:
            raise InputError(
                f"There are no facts in {visible(path, 200)}: no file ends in .json or .json.gz."
            )
        files += [os.path.join(path, name) for name in names]
    if len(files) > _MOST_FILES:
        raise InputError(f"More than {_MOST_FILES} files of facts at once.")
    by_content: dict[str, str] = {}
    for path in files:
        by_content.setdefault(_content_of(path), path)
    return tuple(by_content.values())


def _content_of(path: str) -> str:
    """What tells files of the same content, a file named twice or copied, from others."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return path  # the check says why it cannot be read


def of_fleet(
    files: Iterable[str],
    options: Namespace,
    terminal: Terminal,
    look_at: Callable[[Workbench, Namespace, Terminal], Judged],
) -> CheckResult:
    """One report of all hosts. An invalid file counts as a host that could not be checked.

    Raises:
        UsageError: no host has what was requested.
        InputError: no file is valid.
    """
    results: list[tuple[str, CheckResult]] = []
    reports: list[tuple[Report, str]] = []
    last: Workbench | None = None
    refused: list[UsageError] = []
    unread: list[InputError] = []
    for file in files:
        terminal.activity(f"checking {visible(file, 60)}")
        here = Namespace(**{**vars(options), "facts": file})
        try:
            with session.workbench(
                here, terminal, steps=options.step, checks=options.check, everything=True
            ) as bench:
                result, judged = look_at(bench, here, terminal)
                results.append((file, result))
                if is_whole(options) and bench.judge.waivers:
                    reports += judged
                    last = bench
        except UsageError as error:
            refused.append(error)
        except InputError as error:
            unread.append(error)
            results.append((file, _unread(file, error, options)))
    if len(unread) == len(results):
        raise (refused or unread)[0]
    terminal.clear()
    # a waiver of one host is not unused because another does not need it
    return merged(results, _waivers(last, reports, options) if last is not None else ())


def _waivers(
    bench: Workbench, reports: Iterable[tuple[Report, str]], options: Namespace
) -> tuple[SubjectResult, ...]:
    judged = session.of_waivers(bench, reports)
    return check_result(bench, judged, Severity.parse(options.fail_on), fixes=False).subjects


def _unread(file: str, error: HardenError, options: Namespace) -> CheckResult:
    """The report of a host whose facts cannot be used."""
    name = os.path.basename(file).removesuffix(".gz").removesuffix(".json")
    subject = SubjectResult(Subject(Kind.HOST, file, name), score(()), (), "host", error.title)
    return CheckResult((), (subject,), "", Severity.parse(options.fail_on), __version__, place=name)
