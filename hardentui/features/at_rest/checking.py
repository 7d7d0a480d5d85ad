"""`hardentui check PATH…`: the services of files, judged as a result for every report."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from hardentui.checks import all_checks
from hardentui.errors import HardenError, InputError, UsageError
from hardentui.features.at_rest.against_host import Running
from hardentui.features.at_rest.commands import command_makers
from hardentui.features.at_rest.environment_files import with_given
from hardentui.features.at_rest.judging import Judged, Progress, facts_of, judge_services
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
from hardentui.features.looking.gather import peers_of
from hardentui.features.looking.judging import Judge
from hardentui.features.vendors.loading import site_faults
from hardentui.features.waivers import NAME
from hardentui.features.waivers import load as load_waivers
from hardentui.model.facts import ContainerFacts
from hardentui.model.peers import Peers
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
    """Judged services, and what could not be checked: of all files, or of those that are read
    together."""

    judge: Judge
    sources: Sources
    services: tuple[Judged, ...]
    refused: tuple[Refused, ...] = ()
    notes: tuple[str, ...] = ()  # comments that are no waiver although they look like one


class Looking:
    """Files that are read and judged a folder or project after the other, so that a large tree
    takes the memory of its largest part.

    Args:
        running: finds a running container by its name, to compare the file with it.
        progress: told now and then how many files with services are done, and of how many.

    Attributes:
        refused: the files that could not be used; complete once all parts were read.

    Raises:
        InputError: a path does not exist.
        UsageError: no such check in the checklist.
        WaiversError: the waivers file beside the files has faults.
    """

    def __init__(
        self,
        asked: AtRest,
        today: date,
        running: Running | None = None,
        progress: Progress | None = None,
    ) -> None:
        listed = load(asked.checklist)
        self._asked, self._today = asked, today
        self._running, self._progress = running, progress
        self._by_id = {check.id: check for check in (*all_checks(), *listed.own)}
        self.judge = Judge(
            listed,
            self._by_id,
            asked.steps,
            asked.checks,
        )
        missing = [check for check in asked.checks if self.judge.check(check) is None]
        if missing:
            raise UsageError(
                f"{', '.join(missing)} is not in the checklist {self.judge.checklist.id}."
            )
        sources = find((*asked.paths, *asked.together), asked.home)
        self.sources = replace(
            sources,
            version=asked.version or hinted(sources) or NEWEST_KNOWN,
            rootless=asked.rootless,
            together=tuple(map(os.path.abspath, asked.together)),
        )
        self._waivers = _waivers(self.sources, self._by_id)
        self.refused = [*self.sources.refused]

    def parts(self) -> Iterator[Looked]:
        """The services that may run beside each other, part by part.

        Raises:
            InputError: the files describe no service.
        """
        empty = True
        for group in read_services(self.sources):
            self.refused += group.refused
            judged = judge_services(
                group.services,
                self.judge,
                self._waivers,
                self._today,
                self._running,
                partial(_tell, self._progress, group) if self._progress is not None else None,
                group.peers,
            )
            empty = empty and not judged
            yield Looked(
                self.judge,
                self.sources,
                judged,
                group.refused,
            )
        beside = any(file.name.endswith(UNITS) for file in self.sources.files.values())
        if empty and not self.refused and not beside:
            paths = ", ".join(visible(path, 100) for path in self._asked.paths)
            raise InputError(
                f"There is no service in {paths}.",
                "Quadlets, units, compose files, podman run commands and Kubernetes YAML are checked.",
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """Comments that are no waiver although they look like one, and faults of the site's data."""
        faults = [
            note
            for file in self.sources.files.values()
            for note in faults_in(
                file,
                self._by_id,
            )
        ]
        return (*faults, *map(str, site_faults()))


def look(
    asked: AtRest,
    today: date,
    running: Running | None = None,
    progress: Progress | None = None,
) -> Looked:
    """Read and judge the services of the files, all at once. Raises as `Looking` does."""
    looking = Looking(
        asked,
        today,
        running,
        progress,
    )
    services = tuple(judged for part in looking.parts() for judged in part.services)
    return Looked(
        looking.judge,
        looking.sources,
        services,
        tuple(looking.refused),
        looking.notes,
    )


class ReadGroup(Struct, frozen=True):
    """The services that may run beside each other: of the units of a folder, a project, a file.

    Attributes:
        before, files, total: how many files were read before, are read here, and will be.
        peers: of a folder that is too large to be read at once, what runs in all of it.
    """

    services: tuple[Service, ...]
    refused: tuple[Refused, ...]
    before: int
    files: int
    total: int
    peers: Peers | None = None


def _tell(
    progress: Progress,
    group: ReadGroup,
    services: int,
    of_services: int,
) -> None:
    progress(group.before + services * group.files // of_services, group.total)


def read_services(sources: Sources) -> Iterator[ReadGroup]:
    """The services of all kinds of files, and the files that could not be used."""
    groups: dict[str, list[Maker]] = {}
    for file, make in _makers(sources):
        of_folder = file.name.endswith(WITH_DROP_INS)
        groups.setdefault(file.directory if of_folder else file.path, []).append((file, make))
    total = sum(map(len, groups.values()))
    before = 0
    for key in tuple(groups):
        group = groups.pop(key)  # what was read for it is let go with it
        starts = range(0, len(group), _MOST_AT_ONCE)
        pieces = [group[start : start + _MOST_AT_ONCE] for start in starts]
        peers = peers_of(partial(_facts_of, pieces, sources)) if len(pieces) > 1 else None
        for piece in pieces:
            services, refused = _made(piece, sources)
            yield ReadGroup(
                services,
                refused,
                before,
                len(piece),
                total,
                peers,
            )
            before += len(piece)


_MOST_AT_ONCE = 200
"""Units of one folder that are in memory; a folder with more is read again for what they share."""


def _facts_of(
    pieces: Iterable[Iterable[Maker]],
    sources: Sources,
) -> Iterator[ContainerFacts]:
    for piece in pieces:
        yield from map(facts_of, _made(piece, sources)[0])


def _makers(sources: Sources) -> Iterator[Maker]:
    yield from quadlet_makers(sources)
    if any(file.name.endswith((".yaml", ".yml", ".kube")) for file in sources.files.values()):
        from hardentui.features.at_rest.compose import compose_makers
        from hardentui.features.at_rest.kube import kube_makers
        from hardentui.features.at_rest.kube_units import kube_unit_makers, yaml_of_units

        yield from compose_makers(sources)
        yield from kube_unit_makers(sources)
        yield from kube_makers(sources, yaml_of_units(sources))
    yield from unit_makers(sources)
    yield from command_makers(sources)


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
