"""`hardentui check PATH…`: the services of files, judged as a result for every report."""

from __future__ import annotations

import os
import re
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
from hardentui.features.reports.result import CheckResult, SubjectResult
from hardentui.features.vendors.loading import site_faults
from hardentui.features.vendors.telling import managed
from hardentui.features.waivers import NAME
from hardentui.features.waivers import load as load_waivers
from hardentui.harden.score import rises_once_passed, score
from hardentui.model.finding import Kind, Severity, Subject
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.waiver import Waiver
from hardentui.visible import visible

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
