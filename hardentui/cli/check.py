"""hardentui check: findings of containers, host and engines."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from hardentui.cli import session
from hardentui.cli.command_modules import command_module
from hardentui.cli.names import are_files, together_option
from hardentui.cli.parser import GivenAgain, checklist_option, flag, given, repeated
from hardentui.cli.saved_text import save_text
from hardentui.cli.terminal import Terminal
from hardentui.errors import EngineError, UsageError
from hardentui.features.checklists.known_checks import know_checks
from hardentui.features.looking import containers
from hardentui.features.reports import FORMATS, render
from hardentui.features.reports.entries import AsideEntry, KeptEntry
from hardentui.features.reports.making import check_result, host_reports
from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.features.views import (
    KeptOriginal,
    Report,
    Row,
    reports_of,
    told_once,
    without_originals,
)
from hardentui.model.finding import Kind, Severity, Status, Subject
from hardentui.visible import command_word, visible
from hardentui.words import own_command, without_checklist

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


def next_steps(
    result: CheckResult,
    options: Namespace,
) -> Iterator[tuple[str, str]]:
    """(command, what it gives), the most useful one first."""
    if result.fleet is not None:
        yield from _next_of_fleet(result, options)
        return
    where = _options(result, options)
    failing = [subject for subject in result.subjects if subject.count(Status.FAIL)]
    containers = [subject.subject for subject in failing if subject.subject.kind is Kind.CONTAINER]
    names = [(container.name, container.id) for container in containers] or [
        (path.name, path.id) for path in result.paths
    ]
    if names:
        name, identity = names[0]
        name = command_word(name, identity[:12])
        if len(containers) == 1:
            yield (
                own_command(
                    where,
                    "check",
                    name,
                    "--details",
                ),
                "everything about it",
            )
        else:
            yield own_command(where, "check", name), "the findings of the worst container"
        if result.only_read:
            yield (
                own_command(
                    where,
                    "fix",
                    name,
                    "--to",
                    "quadlet",
                ),
                "the unit that Podman would run",
            )
        elif not getattr(options, "facts", ""):
            yield (
                own_command(where, "harden", name),
                "try all fixes on a twin, then apply what works",
            )
    worst = [path.checks[0] for path in result.paths] + [
        subject.having(Status.FAIL)[0].check for subject in failing
    ]
    if worst:
        checklist = tuple(_given(options, "checklist"))
        yield (
            own_command(checklist, "explain", worst[0]),
            "why it matters, and what its fix may break",
        )
    if any(subject.score.value is not None for subject in result.subjects):
        yield "hardentui explain score", "what the score means"


def _next_of_fleet(
    result: CheckResult,
    options: Namespace,
) -> Iterator[tuple[str, str]]:
    where = (
        *_given(options, "facts"),
        *_given(options, "checklist"),
    )
    worst = next((host for host in result.hosts if not host.trouble), None)
    if worst is not None:
        file = ("--facts", worst.source, *_given(options, "checklist"))
        yield own_command(file, "check"), "everything on the worst host"
    yield (
        own_command(
            where,
            "check",
            "--format",
            "html",
            "-o",
            "fleet.html",
        ),
        "all of it, to pass on",
    )


def _options(result: CheckResult, options: Namespace) -> tuple[str, ...]:
    """The options that lead to this host, and to this checklist."""
    return (
        *without_checklist(result.found_with),
        *_given(options, "facts"),
        *_given(options, "checklist"),
    )


def _given(options: Namespace, name: str) -> Iterator[str]:
    value = getattr(options, name, "") or ()
    for each in [value] if isinstance(value, str) else value:
        yield from (f"--{name}", each)


Judged: TypeAlias = "tuple[CheckResult, list[tuple[Report, str]]]"
_BY_CONTROL = ("text", "json", "markdown", "html", "oscal")


def is_whole(options: Namespace) -> bool:
    """Everything is checked: nothing was named or filtered out."""
    return not (options.names or options.step or options.check or options.filter)


SEVERITIES = ("low", "medium", "high", "critical")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names",
        metavar="NAME|PATH",
        nargs="*",
        help="containers (name or ID), host, images; files (./x, -): "
        "Quadlets, units, compose, run commands, Kubernetes YAML",
    )
    together_option(parser)
    parser.add_argument(
        "--step",
        metavar="N",
        type=int,
        action="append",
        default=[],
        choices=range(1, 11),
        help="only checks of this step (1-10); repeatable",
    )
    repeated(
        parser,
        "--check",
        "ID",
        "only this check; repeatable",
    )
    about = (
        "only containers that match every word, as in the list filter: 'state:running score<50 !db'"
    )
    given(
        parser,
        "--filter",
        "EXPR",
        f"{about}; hardentui explain filter lists all words",
    )
    parser.add_argument(
        "--facts",
        action=GivenAgain,
        metavar="FILE",
        default=[],
        help="check saved facts instead of this host; several files or a directory give one report",
    )
    flag(
        parser,
        "--watch",
        "of files: check again after each change, until Ctrl-C",
    )
    flag(
        parser,
        "--against-host",
        "of files: also compare them with what runs on this host",
    )
    parser.add_argument(
        "--against-release",
        metavar="DIR",
        default="",
        help="of files: what becomes of their drop-ins and findings with the units of a vendor's next "
        "release in DIR",
    )
    depth = parser.add_mutually_exclusive_group()
    flag(
        depth,
        "--details",
        "everything about each subject",
    )
    parser.add_argument(
        "--framework",
        choices=("cis", "nist", "bsi"),
        default="",
        help="the same by control of CIS Docker 1.6, NIST SP 800-190 or BSI SYS.1.6: shown, "
        "contradicted, or needs a person",
    )
    # what is told instead of the findings, and what is read besides
    flag(
        depth,
        "--rights",
        "what the kernel lets containers do, instead of findings",
    )
    given(
        depth,
        "--since",
        "FILE",
        "only what changed since a JSON report; of files: only new findings fail; of several hosts: what "
        "changed, also since a folder of the gathering before",
    )
    masked = "values named like passwords or keys are masked"
    given(
        depth,
        "--save",
        "FILE",
        f"save what checks read, for --facts; {masked}",
    )
    flag(
        parser,
        "--deep",
        "with host: also pending updates; takes seconds",
    )
    about = (
        "with host: first import a result of Lynis (lynis-report.dat) or OpenSCAP (--results-arf)"
    )
    given(
        parser,
        "--import",
        "FILE",
        about,
        dest="scan",
    )
    checklist_option(parser)
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="text",
        help="default: text",
    )
    given(
        parser,
        "-o",
        "FILE",
        "write the report to a file",
        dest="file",
    )
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        default="",
        help="lowest severity that sets exit code 1; default: high, for --since low",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if options.framework and options.format not in _BY_CONTROL:
        raise UsageError(
            f"--framework has no {options.format} report.",
            f"Choose --format {', '.join(_BY_CONTROL)}.",
        )
    know_checks(options.check, options.checklist)
    if options.rights:
        code: int = command_module("saved").show_rights(options, terminal)
        return code
    of_files = are_files(options, terminal)
    of_fleet = len(options.facts) > 1 or any(map(os.path.isdir, options.facts))
    if options.save or (options.since and not of_files and not of_fleet):
        saved = command_module("saved")
        work: Callable[[Namespace, Terminal], int] = saved.save if options.save else saved.since
        return work(options, terminal)
    options.fail_on = options.fail_on or "high"
    if of_files:
        at_rest: int = command_module("at_rest").check(options, terminal)
        return at_rest
    if options.against_host or options.against_release:
        name = "--against-host" if options.against_host else "--against-release"
        raise UsageError(
            f"{name} is about files.",
            "Name a file or folder, as in ./quadlets.",
        )
    if options.watch:
        raise UsageError(
            "--watch is about files.",
            "hardentui watch NAME watches a container.",
        )
    if options.names in (["host"], ["images"]):
        shared: CheckResult = command_module("saved").shared_result(options, terminal)
        deliver(shared, options, terminal)
        return shared.exit_code
    if options.deep or options.scan:
        raise UsageError("--deep and --import need the word host: hardentui check host")
    if options.facts:
        of_facts: int = command_module("fleet").check(options, terminal)
        return of_facts
    return check_one(options, terminal)


def check_one(options: Namespace, terminal: Terminal) -> int:
    """The report on this host, or on the only one of `--facts`."""
    with session.workbench(
        options, terminal, steps=options.step, checks=options.check, everything=True
    ) as bench:
        result, _ = look_at(bench, options, terminal)
    deliver(
        result,
        options,
        terminal,
        text_style(options),
    )
    return result.exit_code


def look_at(
    bench: Workbench,
    options: Namespace,
    terminal: Terminal,
    *,
    waivers: bool = True,
) -> tuple[CheckResult, list[tuple[Report, str]]]:
    """The result of the requested checks on one host, and the reports behind it.

    Args:
        waivers: also judge the waivers, if everything is checked.

    Raises:
        UsageError: an unknown name or check, or a filter that is invalid or matches nothing.
    """
    _all_there(options, bench)
    listed = bench.containers.rows()
    wanted = {row.key for row in session.named(listed, options.names)}
    some = bool(options.names or options.filter)
    shared = [] if some else [*host_reports(bench), *_lost_engines(bench, listed)]
    alone = bool(options.names) and not bench.judge.compares
    rows = session.scan(
        bench,
        terminal,
        listed,
        wanted if alone else None,
    )
    rows = tuple(row for row in rows if not options.names or row.key in wanted)
    if options.filter:
        rows = _filtered(options.filter, rows)
    if options.names and len(listed) > containers.MOST_IN_DETAIL:
        rows = session.in_detail(bench, rows)
    chosen = bool(options.check or options.step)  # a full check leaves images to `hardentui images`
    if chosen or not some:
        shared += session.of_images_and_networks(
            bench,
            rows if some else None,
            images=chosen,
        )
    of_containers = reports_of(rows, originals=bool(options.names))
    counted = rows if options.names else without_originals(rows)
    once = told_once(
        row.report for row in counted if row.report
    )  # also of containers without a finding of their own
    reports = [*shared, *of_containers, *once]
    _something(options, bench, reports)
    if waivers and is_whole(options):
        reports += session.of_waivers(bench, reports)
    result = check_result(
        bench,
        reports,
        Severity.parse(options.fail_on),
        fixes=options.format not in ("text", "json"),
        units=options.format != "text",
    )
    if not options.names:
        result = replace(
            result,
            kept=tuple(_kept(row, row.kept) for row in rows if row.kept is not None),
            aside=tuple(map(_aside, (row for row in rows if row.aside and row.kept is None))),
        )
    if options.format == "html":
        from hardentui.features.networks.map import whole_map

        result = replace(result, network_map=whole_map(bench, rows))
    return result, reports


def _lost_engines(
    bench: Workbench,
    rows: Iterable[Row],
) -> Iterator[tuple[Report, str]]:
    """Engines that do not list their containers while others do: these were not looked at."""
    listed = {row.engine.label for row in rows}
    for engine in bench.opened.engines:
        if engine.facts.label in listed:
            continue
        try:
            engine.listed()
        except EngineError as error:
            name = engine.facts.label
            subject = Subject(
                Kind.ENGINE,
                f"{name}/containers",
                f"containers of {name}",
                name,
            )
            yield bench.judge.nothing(subject, visible(error.title, 200)), "engine"


def _kept(row: Row, original: KeptOriginal) -> KeptEntry:
    return KeptEntry(
        id=row.id,
        name=row.name,
        engine=row.engine.label,
        of=original.of,
        entry=original.entry,
    )


def _aside(row: Row) -> AsideEntry:
    return AsideEntry(id=row.id, name=row.name, engine=row.engine.label, kind=row.aside)


def _filtered(text: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    """The containers that pass a filter.

    Raises:
        UsageError: a word is invalid, or no container matches. The list ignores such a word and
            says so; a script would take the rest for the answer.
    """
    from hardentui.features.looking.row_filter import parse_filter

    selection = parse_filter(text).select(rows)
    if selection.trouble:
        raise UsageError(
            visible(selection.trouble),
            "hardentui explain filter lists all words.",
        )
    if not selection.rows:
        raise UsageError(
            f"No container matches the filter {visible(text, 100)!r}.",
            "With --step and --check, no container has a score." if "score" in text else "",
        )
    return selection.rows


def text_style(options: Namespace) -> TextStyle:
    """One screen for a check of many, half of one for each that was named; --details tells
    everything."""
    brief = not (options.details or options.step or options.check)
    blocks = bool(options.details or options.names or not brief)
    return TextStyle(brief=brief, blocks=blocks)


def _all_there(options: Namespace, bench: Workbench) -> None:
    """Requested checks must run: one that is silently left out would look like a pass.

    Raises:
        UsageError: a check that is not in the checklist, or not in the requested steps.
    """
    chosen = {check.id for check in bench.judge.checks}
    missing = [check for check in options.check if check not in chosen]
    if missing or not chosen:
        where = f"the checklist {bench.judge.checklist.id}" + (
            " in these steps" if options.step else ""
        )
        without = bench.judge.checklist.without
        why = "\n".join(
            f"{check}: {visible(without[check])}" for check in missing if check in without
        )
        raise UsageError(
            f"{', '.join(missing) or 'Every check'} is not in {where}.",
            why,
        )


def _something(
    options: Namespace,
    bench: Workbench,
    reports: Iterable[tuple[Report, str]],
) -> None:
    """Requested checks must have had a subject: checking nothing is not a pass.

    Raises:
        UsageError: none of them ran, without a reason.
    """
    if not (options.check or options.step) or any(
        report.findings or report.trouble for report, _ in reports
    ):
        return
    kinds = sorted({check.kind.value for check in bench.judge.checks})
    about = " or ".join(kinds)
    if options.names or options.filter:
        raise UsageError(
            f"Nothing was checked: these checks are about the {about}.",
            "Omit the names and the filter.",
        )
    raise UsageError(f"Nothing was checked: there is no {about} here.")


def deliver(
    result: CheckResult,
    options: Namespace,
    terminal: Terminal,
    style: TextStyle | None = None,
) -> None:
    """The report where the options want it; with `style` only a summary, else in full."""
    steps = () if terminal.quiet else tuple(next_steps(result, options))
    if framework := getattr(options, "framework", ""):
        from hardentui.features.frameworks.judging import by_control

        result = replace(result, framework=by_control(framework, result.subjects))
    if options.file and options.file != "-":
        style = replace(style or TextStyle(), next_steps=steps)
        save_text(
            options.file,
            render(options.format, result, style),
            backup=False,
        )
        terminal.note(f"note: the report is in {options.file}")
    else:
        here = terminal.style
        seen = {
            "width": here.width,
            "color": here.color,
            "summary_last": here.summary_last,
        }
        style = replace(style or TextStyle(), next_steps=steps, **seen)
        terminal.write(render(options.format, result, style))
