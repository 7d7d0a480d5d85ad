"""`hardentui check PATH…`: the services of files, judged as a result for every report."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from hardentui import __version__
from hardentui.checks import all_checks
from hardentui.errors import HardenError, InputError, UsageError
from hardentui.features.at_rest.against_host import Running
from hardentui.features.at_rest.commands import command_makers
from hardentui.features.at_rest.environment_files import with_given
from hardentui.features.at_rest.judging import Judged, Progress, judge_services
from hardentui.features.at_rest.kept import Kept
from hardentui.features.at_rest.quadlets import quadlet_makers
from hardentui.features.at_rest.services import Maker, Service, faults_in
from hardentui.features.at_rest.sources import (
    SOMEONES_HOME,
    UNITS,
    WITH_DROP_INS,
    Refused,
    Sources,
    find,
    refusal,
)
from hardentui.features.at_rest.units import unit_makers
from hardentui.features.checklists.loading import load
from hardentui.features.looking.judging import Judge
from hardentui.features.reports.result import FINDINGS, FINE, CheckResult, SubjectResult, TextStyle
from hardentui.features.reports.text_writer import COLORS, Writer
from hardentui.features.vendors.loading import site_faults
from hardentui.features.vendors.telling import managed, sentences
from hardentui.features.waivers import NAME
from hardentui.features.waivers import load as load_waivers
from hardentui.harden.score import most_severe_first, rises_once_passed, score
from hardentui.model.finding import Finding, Kind, Place, Severity, Status, Subject
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.waiver import Waiver
from hardentui.visible import visible
from hardentui.words import plural

_HINT = re.compile(
    r"^[ \t]*[#;]+[ \t]*hardentui:[ \t]*podman[ \t]+(\d+\.\d+(?:\.\d+)?)[ \t]*$", re.MULTILINE
)


class AtRest(Struct, frozen=True):
    """What to look at, and how."""

    paths: tuple[str, ...]
    checklist: str = ""
    steps: tuple[int, ...] = ()
    checks: tuple[str, ...] = ()
    # the Podman that reads the files; None = as a comment `# hardentui: podman 4.9` says, else the
    # newest
    version: Version | None = None
    rootless: bool | None = None  # whether a rootless engine runs them; None = as the folders say
    home: str = SOMEONES_HOME  # of the account whose rootless engine runs them
    together: tuple[str, ...] = ()  # compose files that are one project, as `-f` of compose says


class Looked(Struct, frozen=True):
    """Judged services, and what could not be checked."""

    judge: Judge
    sources: Sources
    services: tuple[Judged, ...]
    refused: tuple[Refused, ...]
    notes: tuple[str, ...]  # comments that are no waiver although they look like one


def look(
    asked: AtRest,
    today: date,
    running: Running | None = None,
    progress: Progress | None = None,
    *,
    for_report: bool = False,
) -> Looked:
    """Read and judge the services of the files, a folder or project after the other.

    Args:
        running: finds a running container by its name, to compare the file with it.
        progress: told now and then how many files with services are done, and of how many.
        for_report: nothing is fixed, so only what a report needs is kept.

    Raises:
        InputError: a path does not exist, or describes no service.
        UsageError: no such check in the checklist.
        WaiversError: the waivers file beside the files has faults.
    """
    listed = load(asked.checklist)
    by_id = {check.id: check for check in (*all_checks(), *listed.own)}
    judge = Judge(
        listed,
        by_id,
        asked.steps,
        asked.checks,
    )
    missing = [check for check in asked.checks if judge.check(check) is None]
    if missing:
        raise UsageError(f"{', '.join(missing)} is not in the checklist {judge.checklist.id}.")
    sources = find((*asked.paths, *asked.together), asked.home)
    version = asked.version or hinted(sources) or NEWEST_KNOWN
    sources = replace(
        sources,
        version=version,
        rootless=asked.rootless,
        together=tuple(map(os.path.abspath, asked.together)),
    )
    waivers = _waivers(sources, by_id)
    judged: list[Judged] = []
    refused = [*sources.refused]
    kept = Kept()
    for group in read_services(sources):
        refused += group.refused
        here = partial(_tell, progress, group) if progress is not None else None
        these = judge_services(group.services, judge, waivers, today, running, here)
        judged += map(kept.of, these) if for_report else these
    beside = any(file.name.endswith(UNITS) for file in sources.files.values())
    if not judged and not refused and not beside:
        raise InputError(
            f"There is no service in {', '.join(visible(path, 100) for path in asked.paths)}.",
            "Quadlets, units, compose files, podman run commands and Kubernetes YAML are checked.",
        )
    notes = [note for file in sources.files.values() for note in faults_in(file, by_id)]
    return Looked(
        judge,
        sources,
        tuple(judged),
        tuple(refused),
        (*notes, *map(str, site_faults())),
    )


class ReadGroup(Struct, frozen=True):
    """The services that may run beside each other: of the units of a folder, a project, a file.

    Attributes:
        before, files, total: how many files were read before, are read here, and will be.
    """

    services: tuple[Service, ...]
    refused: tuple[Refused, ...]
    before: int
    files: int
    total: int


def _tell(
    progress: Progress,
    group: ReadGroup,
    services: int,
    of_services: int,
) -> None:
    progress(group.before + services * group.files // of_services, group.total)


def read_services(sources: Sources) -> Iterator[ReadGroup]:
    """The services of all kinds of files, and the files that could not be used."""
    makers = [*quadlet_makers(sources)]
    if any(file.name.endswith((".yaml", ".yml", ".kube")) for file in sources.files.values()):
        from hardentui.features.at_rest.compose import compose_makers
        from hardentui.features.at_rest.kube import kube_makers
        from hardentui.features.at_rest.kube_units import kube_unit_makers, yaml_of_units

        makers += [
            *compose_makers(sources),
            *kube_unit_makers(sources),
            *kube_makers(sources, yaml_of_units(sources)),
        ]
    makers += [*unit_makers(sources), *command_makers(sources)]
    groups: dict[str, list[Maker]] = {}
    for file, make in makers:
        of_folder = file.name.endswith(WITH_DROP_INS)
        groups.setdefault(file.directory if of_folder else file.path, []).append((file, make))
    before = 0
    for group in groups.values():
        services, refused = _made(group, sources)
        yield ReadGroup(services, refused, before, len(group), len(makers))
        before += len(group)


def _made(
    makers: Iterable[Maker],
    sources: Sources,
) -> tuple[tuple[Service, ...], tuple[Refused, ...]]:
    services: list[Service] = []
    refused: list[Refused] = []
    for file, make in makers:
        try:
            made = [*make()]  # of a refused file none
            services += [with_given(service, sources) for service in made]
        except HardenError as error:
            refused.append(refusal(file.shown, error))
    return tuple(services), tuple(refused)


def hinted(sources: Sources) -> Version | None:
    """The oldest Podman that comments of the files name."""
    versions = [
        Version.parse(match[1])
        for file in sources.files.values()
        for match in _HINT.finditer(file.text)
    ]
    return min(versions, default=None)


def _waivers(
    sources: Sources,
    checks: Mapping[str, object],
) -> tuple[Waiver, ...]:
    """Of the waivers.toml in each given folder."""
    paths = [os.path.join(root, NAME) for root in sources.roots]
    return load_waivers(
        [path for path in dict.fromkeys(paths) if os.path.isfile(path)],
        checks,
    )


def result_of(looked: Looked, fail_on: Severity) -> CheckResult:
    """The services as a result for reports; a file that could not be checked is one with trouble."""
    subjects = [_subject(judged) for judged in looked.services]
    subjects += [
        SubjectResult(
            Subject(Kind.SERVICE, refused.shown, refused.shown),
            score(()),
            (),
            "file",
            refused.why,
            file=refused.shown,
        )
        for refused in looked.refused
    ]
    return CheckResult(
        engines=(),
        subjects=tuple(subjects),
        checklist=looked.judge.checklist.id,
        fail_on=fail_on,
        version=__version__,
        place=" ".join(looked.sources.shown),
        managed=managed(judged.facts for judged in looked.services),
    )


def _subject(judged: Judged) -> SubjectResult:
    service = judged.service
    header = service.header.file.place(service.header.start, service.header.end)
    own = [finding for finding in judged.findings if finding.scope is Kind.CONTAINER]
    return SubjectResult(
        Subject(Kind.SERVICE, f"{service.file.shown}:{service.name}", service.name),
        score(own),
        judged.findings,
        f"{service.format.value}  {service.file.shown}",
        can_fix=lambda: judged.fixable,
        can_rise=lambda: rises_once_passed(own),
        file=header.file,
        line=header.line,
    )


# The report for people and editors: `FILE:LINE:COLUMN: SEVERITY CHECK: what is wrong`.


def render(
    looked: Looked,
    result: CheckResult,
    style: TextStyle,
    *,
    details: bool = False,
) -> str:
    """The findings in the order of the files, then what they mean. `details`: also low findings,
    and each check that the files do not decide.
    """
    write = Writer(style)
    lines = [*_findings(looked, write, details=details)]
    for refused in looked.refused:
        lines.append(f"{visible(refused.shown, 200)}: not checked: {visible(refused.why, 300)}")
    if lines:
        lines.append("")
    lines += _summary(
        looked,
        result,
        write,
        details=details,
    )
    return "\n".join(lines) + "\n"


_ALWAYS_TOLD = ("mutable-image-tag",)
"""Low findings that a reader of files cannot see there: what the next pull brings."""


def _findings(
    looked: Looked,
    write: Writer,
    *,
    details: bool,
) -> Iterator[str]:
    placed: list[tuple[Place, Finding, str]] = []
    for judged in looked.services:
        for finding in judged.findings:
            always = finding.severity > Severity.LOW or finding.check in _ALWAYS_TOLD
            shown = finding.failing and (details or always)
            if finding.place is not None and (
                shown or (details and finding.status is Status.WAIVED)
            ):
                placed.append((finding.place, finding, judged.service.name))
    placed.sort(
        key=lambda each: (
            each[0].file,
            each[0].line,
            most_severe_first(each[1]),
        )
    )
    shared = set() if details else _of_most(placed, len(looked.services))
    for place, finding, name in placed:
        if _sentence(finding) in shared:
            continue
        word = finding.severity.word if finding.failing else "accepted"
        where = f"{visible(place.file, 200)}:{place.line}:{place.column}"
        what = visible(finding.verdict.reason or finding.title, 300)
        named = "" if place.file.endswith(f"{name}.container") else f"{visible(name, 60)}: "
        yield f"{where}: {write.paint(word, COLORS[finding.severity])} {finding.check}: {named}{what}"
    for severity, check, what in sorted(shared, reverse=True):
        count = sum(_sentence(finding) == (severity, check, what) for _, finding, _ in placed)
        word = write.paint(severity.word, COLORS[severity])
        yield (
            f"{count} of {len(looked.services)} services: {word} {check}: {visible(what, 300)} "
            "(--details lists them)"
        )


_MOST_PLACES = 5
"""Services of which each is told; the same of more, and of most, is told once."""


def _of_most(
    placed: Iterable[tuple[Place, Finding, str]],
    services: int,
) -> set[tuple[Severity, str, str]]:
    """What most services have alike, below high: a decision for the repository, not for a line."""
    counts = Counter(
        _sentence(finding)
        for _, finding, _ in placed
        if finding.failing and finding.severity < Severity.HIGH
    )
    return {each for each, count in counts.items() if count > _MOST_PLACES and 2 * count > services}


def _sentence(finding: Finding) -> tuple[Severity, str, str]:
    return finding.severity, finding.check, finding.verdict.reason or finding.title


def _summary(
    looked: Looked,
    result: CheckResult,
    write: Writer,
    *,
    details: bool,
) -> Iterator[str]:
    counts: Counter[Severity] = Counter()
    undecided: dict[str, str] = {}
    decided: set[str] = set()
    for judged in looked.services:
        for finding in judged.findings:
            if finding.failing:
                counts[finding.severity] += 1
            if finding.status is Status.UNKNOWN:
                undecided.setdefault(finding.check, finding.verdict.reason)
            else:
                decided.add(finding.check)
    files = len({judged.service.file.shown for judged in looked.services})
    failing = ", ".join(
        f"{counts[each]} {each.word}" for each in reversed(Severity) if counts[each]
    )
    yield from write.wrapped(
        f"{plural(len(looked.services), 'service')} in {plural(files, 'file')}, no engine asked. "
        f"Failing: {failing or 'nothing'}.",
        "",
    )
    if undecided:
        never = len(set(undecided) - decided)
        some = len(undecided) - never
        text = f"Only the image, the host or a running container can tell {plural(never, 'check')}"
        text += f", and {some} more of some services" if some else ""
        yield from write.wrapped(
            f"{text}." if details else f"{text} (--details lists them).",
            "",
        )
        if details:
            for line in _grouped(undecided):
                yield from write.wrapped(line, "    ", "  ")
    for note in looked.notes:
        yield f"note: {visible(note, 300)}"
    for group in result.managed:
        told = ". ".join(sentences(group, result.checklist))
        yield from write.wrapped(f"{told}.", "    ", "  ")
    yield from write.wrapped(f"Exit code {result.exit_code}: {_why(result)}", "")


_MOST_LINES = 3
"""Lines of a list about what is not decided: more hide the findings above them."""


def _grouped(undecided: Mapping[str, str]) -> list[str]:
    """`REASON: CHECK, CHECK`, the reason that most checks share first.

    Args:
        undecided: check -> reason. Each check is named once.
    """
    checks: dict[str, list[str]] = {}
    for check, reason in sorted(undecided.items()):
        checks.setdefault(reason, []).append(check)
    shared = sorted(checks, key=lambda reason: -len(checks[reason]))
    groups = [f"{visible(reason, 120)}: {', '.join(checks[reason])}" for reason in shared]
    first, rest = groups[: _MOST_LINES - 1], groups[_MOST_LINES - 1 :]
    return [*first, "; ".join(rest)] if rest else first


def _why(result: CheckResult) -> str:
    level = f"{result.fail_on.word}{'' if result.fail_on is Severity.CRITICAL else ' or above'}"
    if result.exit_code == FINDINGS:
        return f"a finding at {level} fails (--fail-on)."
    if result.exit_code == FINE:
        return f"no finding at {level} fails (--fail-on)."
    return "a file could not be checked."
